//! The requests this program makes of the engine.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use serde_json::Value;

use super::endpoint::Endpoint;
use super::http::{self, Error, Response};
use super::patience::{self, Patient};
use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};

/// An engine that answered.
#[derive(Debug)]
pub struct Engine {
    endpoint: Endpoint,
    /// How long it may be silent until it is asked whether it is there.
    silence: Duration,
}

impl Engine {
    /// Connects to the engine and asks whether it is there.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] when nobody answers or one side does not believe the other,
    /// [`Kind::Permission`] when the socket may not be opened.
    pub fn connect(endpoint: Endpoint) -> Result<Self> {
        Self::connect_within(endpoint, patience::SILENCE)
    }

    /// As [`Engine::connect`], with another patience.
    pub fn connect_within(endpoint: Endpoint, silence: Duration) -> Result<Self> {
        let engine = Self { endpoint, silence };
        let answer = engine.ping().map_err(|error| match error {
            Error::Connection(error) => engine.unreachable(&error),
            Error::Body(failure) => failure,
        })?;
        if answer.status == 200 { Ok(engine) } else { Err(engine.refused("ping", &answer)) }
    }

    /// Asks whether it is there.
    fn ping(&self) -> std::result::Result<Response, Error> {
        let stream = self.endpoint.connect(self.silence)?;
        http::request(stream, "GET", "/_ping", None).map_err(|error| match error {
            Error::Connection(error) => Error::Connection(patience::in_words(error, self.silence)),
            error => error,
        })
    }

    /// Whether each question takes time worth speaking of.
    pub fn is_costly(&self) -> bool {
        self.endpoint.is_costly()
    }

    /// The id of the image a name stands for, when there is one.
    pub fn image_id(&self, name: &str) -> Result<Option<String>> {
        let answer = self.request("GET", &format!("/images/{}/json", escape(name)), None)?;
        match answer.status {
            200 => Ok(text_at(&self.json(&answer)?, "Id")),
            404 => Ok(None),
            _ => Err(self.refused("look for the image", &answer)),
        }
    }

    /// Gives the image `id` another name.
    pub fn tag(&self, id: &str, repository: &str, tag: &str) -> Result<()> {
        let target =
            format!("/images/{}/tag?repo={}&tag={}", escape(id), escape(repository), escape(tag));
        let answer = self.request("POST", &target, None)?;
        match answer.status {
            201 => Ok(()),
            _ => Err(self.refused("name the image", &answer)),
        }
    }

    /// The layers of at most `limit` images, the youngest first, each from the lowest up.
    pub fn layer_stacks(&self, limit: usize) -> Result<Vec<Vec<Digest>>> {
        let answer = self.request("GET", "/images/json", None)?;
        if answer.status != 200 {
            return Err(self.refused("list images", &answer));
        }
        let images = self.json(&answer)?;
        let mut images: Vec<&Value> = images.as_array().into_iter().flatten().collect();
        images.sort_by_key(|image| {
            std::cmp::Reverse(image.get("Created").and_then(Value::as_i64).unwrap_or_default())
        });
        let mut stacks = Vec::new();
        for id in images.iter().filter_map(|image| text_at(image, "Id")).take(limit) {
            let answer = self.request("GET", &format!("/images/{}/json", escape(&id)), None)?;
            // Someone may have removed it since.
            if answer.status != 200 {
                continue;
            }
            let image = self.json(&answer)?;
            let layers = image.pointer("/RootFS/Layers").and_then(Value::as_array);
            stacks.push(
                layers
                    .into_iter()
                    .flatten()
                    .map_while(|layer| Digest::parse(layer.as_str()?).ok())
                    .collect(),
            );
        }
        Ok(stacks)
    }

    /// Has the engine load the archive that `write` writes.
    pub fn load(&self, write: &mut dyn FnMut(&mut dyn Write) -> Result<()>) -> Result<()> {
        let answer = self.request("POST", "/images/load?quiet=1", Some(write))?;
        if answer.status != 200 {
            return Err(self.refused("load the image", &answer));
        }
        // The engine answers 200 before it reads the archive; what went wrong is in the messages.
        for line in answer.body.split(|byte| *byte == b'\n') {
            let message: Value = serde_json::from_slice(line).unwrap_or_default();
            if let Some(error) = text_at(&message, "error") {
                return Err(Failure::new(
                    Kind::Protocol,
                    format!("Docker cannot load the image: {error}"),
                ));
            }
        }
        Ok(())
    }

    fn request(
        &self,
        method: &str,
        target: &str,
        body: Option<http::Body<'_>>,
    ) -> Result<Response> {
        let ask = || match self.ping() {
            Ok(_) => Ok(()),
            Err(Error::Connection(error)) => Err(error),
            Err(Error::Body(failure)) => Err(std::io::Error::other(failure)),
        };
        let stream =
            self.endpoint.connect(self.silence).map_err(|error| self.unreachable(&error))?;
        http::request(Patient::new(stream, &ask), method, target, body).map_err(|error| match error
        {
            Error::Connection(error) => Failure::new(
                Kind::Io,
                format!("connection to Docker at {}: {error}", self.endpoint),
            ),
            Error::Body(failure) => failure,
        })
    }

    fn unreachable(&self, error: &std::io::Error) -> Failure {
        let message = format!("cannot reach Docker at {}: {error}", self.endpoint);
        match error.kind() {
            kind if matches!(self.endpoint, Endpoint::Tls(..)) && is_of_tls(kind) => {
                Failure::new(Kind::Unavailable, message).hint(
                    "both sides must believe each other: see ca.pem, cert.pem and key.pem in \
                     DOCKER_CERT_PATH, or those of the context",
                )
            }
            ErrorKind::PermissionDenied => Failure::new(Kind::Permission, message)
                .hint("join the group docker, or run without Docker: --engine native"),
            _ => Failure::new(Kind::Unavailable, message)
                .hint("start Docker, set DOCKER_HOST, or run without Docker: --engine native"),
        }
    }

    fn refused(&self, what: &str, answer: &Response) -> Failure {
        let said = serde_json::from_slice(&answer.body)
            .ok()
            .and_then(|body: Value| text_at(&body, "message"))
            .unwrap_or_else(|| String::from_utf8_lossy(&answer.body).trim().to_owned());
        Failure::new(
            Kind::Protocol,
            format!("Docker at {} cannot {what}: {said} (status {})", self.endpoint, answer.status),
        )
    }

    fn json(&self, answer: &Response) -> Result<Value> {
        serde_json::from_slice(&answer.body)
            .or_fail(Kind::Protocol, || format!("cannot read the answer of {}", self.endpoint))
    }
}

/// Whether such an error may come from encryption. Besides what is found wrong in certificates and
/// messages these are the ways in which a connection ends that had come about: who does not believe
/// us may hang up before we have read why.
fn is_of_tls(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::InvalidData
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
    )
}

fn text_at(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

/// Escapes what must not stand in a path segment or query; slashes of names stay, as the engine
/// wants them.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:@".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::docker::tls::Identity;

    #[test]
    fn certificates_are_hinted_at_only_where_they_may_be_the_cause() {
        let identity = |directory: &std::path::Path| Identity::of_directory(directory.to_owned());
        let hint = |address: &str, directory: &std::path::Path| {
            let endpoint = Endpoint::Tls(address.to_owned(), identity(directory));
            let failure = Engine::connect(endpoint).unwrap_err();
            assert_eq!(failure.kind(), Kind::Unavailable);
            failure.way_out().unwrap_or_default().to_owned()
        };
        let certificates = tempfile::tempdir().unwrap();
        // A port nobody listens at, and a name no server may know (RFC 6761).
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        for address in [&free, "docker.invalid:2376"] {
            let said = hint(address, certificates.path());
            assert!(said.starts_with("start Docker"), "{address}: {said}");
        }
        // Someone is there, and our own files are missing or hold nothing.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let missing = hint(&address, certificates.path());
        std::fs::write(certificates.path().join("ca.pem"), "nothing").unwrap();
        for said in [missing, hint(&address, certificates.path())] {
            assert!(said.starts_with("both sides must believe each other"), "{said}");
        }
    }

    #[test]
    fn names_go_into_paths_as_they_are_and_nothing_else_does() {
        assert_eq!(escape("host:5000/a/b:1"), "host:5000/a/b:1");
        assert_eq!(escape("a?b c#"), "a%3Fb%20c%23");
    }
}
