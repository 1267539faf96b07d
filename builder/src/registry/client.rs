//! Requests to one repository of a registry: with credentials when asked for them, repeated when
//! the registry or the way to it has a bad moment.

use std::io::Read;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use ureq::http::{Request, Response};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, SendBody};

use super::auth::Challenge;
use super::credentials::{self, Credentials};
use super::reference::Reference;
use crate::error::{Context as _, Failure, Kind, Result};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(20);
/// How long a registry may take to answer once it has everything.
const ANSWER: Duration = Duration::from_secs(300);
/// The longest pause, also when a registry asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How to talk to a registry.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who is pushing.
    pub credentials: Credentials,
    /// Whether to insist on encryption and a valid certificate. On this machine encryption is
    /// optional in any case.
    pub verify_tls: bool,
    /// A directory with further certificate authorities (`*.crt`).
    pub certificates: Option<PathBuf>,
    /// How often a failed request is repeated.
    pub retries: u32,
    /// The pause before the first repetition; each further one is twice as long.
    pub pause: Duration,
}

/// A repository.
pub struct Client {
    agent: Agent,
    base: String,
    reference: Reference,
    options: Options,
    /// The value of the authorization header that worked last.
    authorization: Mutex<Option<String>>,
}

/// Makes a request's body, anew each time it is sent.
pub type MakeBody<'a> = &'a dyn Fn() -> Result<Box<dyn Read>>;

/// What is sent along with a request.
#[derive(Clone, Copy)]
pub struct Content<'a> {
    /// Its media type.
    pub media_type: &'a str,
    /// Its length in bytes.
    pub length: u64,
    /// Its bytes.
    pub make: MakeBody<'a>,
}

impl Client {
    /// Prepares to talk about `reference`; finds out whether an unencrypted registry is meant.
    pub fn new(reference: Reference, options: Options) -> Result<Self> {
        let roots = match roots(&options)? {
            certificates if certificates.is_empty() => RootCerts::WebPki,
            certificates => RootCerts::new_with_certs(&certificates),
        };
        let tls = TlsConfig::builder()
            .root_certs(roots)
            .disable_verification(!options.verify_tls)
            .build();
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .tls_config(tls)
            .user_agent(concat!("devenv-container/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER))
            .build()
            .into();
        let secure = format!("https://{}", reference.host);
        let plain = format!("http://{}", reference.host);
        let optional = reference.is_local() || !options.verify_tls;
        let base = if optional && agent.get(format!("{secure}/v2/")).call().is_err() {
            plain
        } else {
            secure
        };
        Ok(Self { agent, base, reference, options, authorization: Mutex::default() })
    }

    /// What this client talks about.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// The address of something of the repository.
    pub fn url(&self, rest: &str) -> String {
        format!("{}/v2/{}/{rest}", self.base, self.reference.repository)
    }

    /// Resolves the `Location` of a response.
    pub fn resolve(&self, location: &str) -> String {
        if location.starts_with('/') { format!("{}{location}", self.base) } else { location.into() }
    }

    /// Sends a request until it is answered by something that repeating would not change.
    ///
    /// # Errors
    /// When the registry cannot be reached or keeps failing. Other answers, also refusals, are
    /// the caller's to judge.
    pub fn send(
        &self,
        method: &str,
        url: &str,
        accept: Option<&str>,
        content: Option<Content<'_>>,
    ) -> Result<Response<Body>> {
        let mut pause = self.options.pause;
        let mut left = self.options.retries;
        loop {
            let answer = self.send_with_credentials(method, url, accept, content);
            let asked_for = match &answer {
                Ok(answer) if is_temporary(answer.status().as_u16()) => {
                    header(answer, "retry-after")
                        .and_then(|seconds| seconds.parse().ok())
                        .map(Duration::from_secs)
                }
                Err(failure) if failure.kind() == Kind::Io => None,
                _ => return answer,
            };
            if left == 0 {
                return answer.and_then(|answer| Err(self.refused(method, answer)));
            }
            left -= 1;
            thread::sleep(asked_for.unwrap_or(pause).min(LONGEST_PAUSE));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The failure a refusal means, with what the registry says about it.
    pub fn refused(&self, doing: &str, mut answer: Response<Body>) -> Failure {
        let status = answer.status().as_u16();
        let text = answer.body_mut().read_to_string().unwrap_or_default();
        let said = serde_json::from_str::<Value>(&text)
            .ok()
            .and_then(|body| Some(body.pointer("/errors/0/message")?.as_str()?.to_owned()))
            .filter(|said| !said.is_empty())
            .or_else(|| answer.status().canonical_reason().map(str::to_owned))
            .unwrap_or_default();
        let message = format!("{} refuses {doing}: {said} (status {status})", self.reference.host);
        match status {
            401 | 403 => Failure::new(Kind::Permission, message).hint(
                "log in with docker or podman, or give --copy-args '--dest-creds USER:PASSWORD'",
            ),
            _ => Failure::new(Kind::Protocol, message),
        }
    }

    fn send_with_credentials(
        &self,
        method: &str,
        url: &str,
        accept: Option<&str>,
        content: Option<Content<'_>>,
    ) -> Result<Response<Body>> {
        // Uploads may go to another host, which has no business with our credentials.
        let ours = url.starts_with(&format!("{}/", self.base));
        let known = self.authorization().clone().filter(|_| ours);
        let answer = self.send_once(method, url, accept, content, known.as_deref())?;
        if answer.status().as_u16() != 401 || !ours {
            return Ok(answer);
        }
        let challenge = header(&answer, "www-authenticate").and_then(|h| Challenge::parse(&h));
        let Some(authorization) = self.answer_challenge(challenge)? else { return Ok(answer) };
        if known.as_deref() == Some(authorization.as_str()) {
            return Ok(answer);
        }
        *self.authorization() = Some(authorization.clone());
        self.send_once(method, url, accept, content, Some(&authorization))
    }

    fn authorization(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.authorization.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send_once(
        &self,
        method: &str,
        url: &str,
        accept: Option<&str>,
        content: Option<Content<'_>>,
        authorization: Option<&str>,
    ) -> Result<Response<Body>> {
        let mut request = Request::builder().method(method).uri(url);
        if let Some(accept) = accept {
            request = request.header("Accept", accept);
        }
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        let doing = || format!("cannot talk to {}", self.reference.host);
        let broken = |error: ureq::http::Error| {
            Failure::new(Kind::Protocol, format!("{}: {error}", doing()))
        };
        let answer = match content {
            None => match method {
                "POST" | "PUT" => {
                    let request = request.header("Content-Length", "0").body(SendBody::none());
                    self.agent.run(request.map_err(broken)?)
                }
                _ => self.agent.run(request.body(()).map_err(broken)?),
            },
            Some(content) => {
                let request = request
                    .header("Content-Type", content.media_type)
                    .header("Content-Length", content.length.to_string())
                    .body(SendBody::from_owned_reader((content.make)()?));
                self.agent.run(request.map_err(broken)?)
            }
        };
        answer.or_fail(Kind::Io, doing).map_err(|failure| {
            failure.hint("check the registry's name and the network; nothing has been published")
        })
    }

    /// The authorization header that answers a challenge; `None` when there is none to give.
    fn answer_challenge(&self, challenge: Option<Challenge>) -> Result<Option<String>> {
        match (challenge, &self.options.credentials) {
            (Some(Challenge::Basic), Credentials::Password { user, password }) => {
                Ok(Some(credentials::basic(user, password)))
            }
            (Some(Challenge::Bearer { realm, service, scope }), credentials) => {
                // The scope of the challenge may be that of a mere look; a push needs both.
                let scope = scope.filter(|scope| scope.contains("push")).unwrap_or_else(|| {
                    format!("repository:{}:pull,push", self.reference.repository)
                });
                self.fetch_token(&realm, service.as_deref(), &scope, credentials).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn fetch_token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: &str,
        credentials: &Credentials,
    ) -> Result<String> {
        let doing = || format!("cannot get a token from {realm}");
        let mut fields = vec![("scope", scope)];
        fields.extend(service.map(|service| ("service", service)));
        let answer = match credentials {
            Credentials::Identity(token) => {
                fields.extend([
                    ("grant_type", "refresh_token"),
                    ("refresh_token", token),
                    ("client_id", "devenv-container"),
                ]);
                self.agent.post(realm).send_form(fields)
            }
            Credentials::Password { user, password } => self
                .agent
                .get(realm)
                .query_pairs(fields)
                .header("Authorization", credentials::basic(user, password))
                .call(),
            Credentials::Anonymous => self.agent.get(realm).query_pairs(fields).call(),
        };
        let mut answer = answer.or_fail(Kind::Io, doing)?;
        if !answer.status().is_success() {
            return Err(self.refused("to log in", answer));
        }
        let text = answer.body_mut().read_to_string().or_fail(Kind::Io, doing)?;
        let body: Value = serde_json::from_str(&text).or_fail(Kind::Protocol, doing)?;
        ["token", "access_token"]
            .iter()
            .find_map(|name| body.get(name)?.as_str())
            .map(|token| format!("Bearer {token}"))
            .ok_or_else(|| Failure::new(Kind::Protocol, format!("{}: there is none", doing())))
    }
}

/// A header's value, when it is text.
pub fn header(answer: &Response<Body>, name: &str) -> Option<String> {
    answer.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// Whether the same request may well succeed a moment later.
fn is_temporary(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// The certificate authorities of this machine and those of `options`.
fn roots(options: &Options) -> Result<Vec<ureq::tls::Certificate<'static>>> {
    const BUNDLES: [&str; 4] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    let mut files: Vec<PathBuf> = Vec::new();
    match std::env::var_os("SSL_CERT_FILE").or_else(|| std::env::var_os("NIX_SSL_CERT_FILE")) {
        Some(file) => files.push(PathBuf::from(file)),
        None => files.extend(BUNDLES.map(PathBuf::from).into_iter().find(|file| file.is_file())),
    }
    if let Some(directory) = &options.certificates {
        let doing = || format!("cannot read certificates from {}", directory.display());
        for entry in std::fs::read_dir(directory).or_fail(Kind::NoInput, doing)? {
            let path = entry.or_fail(Kind::Io, doing)?.path();
            if path.extension().is_some_and(|extension| extension == "crt") {
                files.push(path);
            }
        }
    }
    let mut certificates = Vec::new();
    for file in files {
        let Ok(pem) = std::fs::read(&file) else { continue };
        certificates.extend(parse_pem(&pem).filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        }));
    }
    Ok(certificates)
}
