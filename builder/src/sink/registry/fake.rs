//! A registry in memory that misbehaves on demand.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use crate::digest::Digest;

/// What to do in place of answering a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answer with this status and header lines.
    Status(u16, &'static str),
    /// Read a few bytes of the body and close the connection.
    HangUp,
    /// Answer well, but name another digest.
    WrongDigest,
}

/// Who may push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everyone.
    Open,
    /// Who knows `me` and `secret`.
    Basic,
    /// Who has fetched a token with them.
    Bearer,
}

/// Everything the registry has and has seen.
#[derive(Debug, Default)]
pub struct State {
    /// By digest.
    pub blobs: BTreeMap<String, Vec<u8>>,
    /// By tag.
    pub manifests: BTreeMap<String, Vec<u8>>,
    /// `METHOD path`, digests shortened to `<digest>`.
    pub requests: Vec<String>,
    /// The first whose method and part of the path fit a request applies, once.
    pub faults: VecDeque<(&'static str, &'static str, Fault)>,
}

/// A running registry.
#[derive(Clone, Debug)]
pub struct FakeRegistry {
    state: Arc<Mutex<State>>,
    address: String,
}

struct Request {
    method: String,
    target: String,
    authorization: Option<String>,
    length: usize,
}

impl FakeRegistry {
    /// Starts one; it ends with the test.
    pub fn start(access: Access) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let registry = Self { state: Arc::default(), address };
        let serving = registry.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let registry = serving.clone();
                // A connection that speaks something else (TLS) is simply closed.
                thread::spawn(move || registry.serve(stream, access));
            }
        });
        registry
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it has and has seen.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Misbehaves at the next such request.
    pub fn fault(&self, method: &'static str, part: &'static str, fault: Fault) {
        self.state().faults.push_back((method, part, fault));
    }

    fn serve(&self, stream: TcpStream, access: Access) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        while let Some(request) = read_head(&mut reader)? {
            let fault = self.note(&request);
            if let Some(Fault::HangUp) = fault {
                let mut some = vec![0; request.length.min(10)];
                reader.read_exact(&mut some)?;
                return Ok(());
            }
            let mut body = vec![0; request.length];
            reader.read_exact(&mut body)?;
            let (status, headers, body) = match fault {
                Some(Fault::Status(status, headers)) => (status, headers.to_owned(), Vec::new()),
                fault => self.answer(&request, body, access, fault.is_some()),
            };
            let length = format!("Content-Length: {}\r\n", body.len());
            write!(stream, "HTTP/1.1 {status} x\r\n{headers}{length}\r\n")?;
            if request.method != "HEAD" {
                stream.write_all(&body)?;
            }
        }
        Ok(())
    }

    fn note(&self, request: &Request) -> Option<Fault> {
        let mut state = self.state();
        let plain = regex::Regex::new("sha256:[0-9a-f]+").unwrap();
        let target = plain.replace_all(&request.target, "<digest>");
        state.requests.push(format!("{} {target}", request.method));
        let at = state.faults.iter().position(|(method, part, _)| {
            *method == request.method && request.target.contains(part)
        })?;
        state.faults.remove(at).map(|(_, _, fault)| fault)
    }

    fn answer(
        &self,
        request: &Request,
        body: Vec<u8>,
        access: Access,
        lie: bool,
    ) -> (u16, String, Vec<u8>) {
        let none = |status| (status, String::new(), Vec::new());
        // What RFC 7617 makes of `me:secret`.
        let basic = request.authorization.as_deref() == Some("Basic bWU6c2VjcmV0");
        if request.target.starts_with("/token") {
            let scoped =
                request.target.contains("pull%2Cpush") || request.target.contains("pull,push");
            return if basic && scoped {
                (200, String::new(), br#"{"token": "t"}"#.to_vec())
            } else {
                none(401)
            };
        }
        let bearer = request.authorization.as_deref() == Some("Bearer t");
        match access {
            Access::Basic if !basic => {
                return (401, "WWW-Authenticate: Basic realm=\"x\"\r\n".into(), Vec::new());
            }
            Access::Bearer if !bearer => {
                let realm = format!("http://{}/token", self.address);
                let header = format!(
                    "WWW-Authenticate: Bearer realm=\"{realm}\",service=\"s\",\
                     scope=\"repository:app:pull\"\r\n"
                );
                return (401, header, Vec::new());
            }
            _ => {}
        }
        let mut state = self.state();
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let last = path.rsplit('/').next().unwrap_or_default();
        match request.method.as_str() {
            "HEAD" if path.contains("/blobs/") => {
                none(if state.blobs.contains_key(last) { 200 } else { 404 })
            }
            "HEAD" => match state.manifests.get(last) {
                Some(manifest) => {
                    let digest = Digest::of(manifest);
                    (200, format!("Docker-Content-Digest: {digest}\r\n"), Vec::new())
                }
                None => none(404),
            },
            "POST" => (202, "Location: /v2/app/blobs/uploads/1?state=a\r\n".into(), Vec::new()),
            "PUT" if path.contains("/uploads/") => {
                let digest = query.split("digest=").nth(1).unwrap_or_default().to_owned();
                if Digest::of(&body).to_string() == digest {
                    state.blobs.insert(digest, body);
                    none(201)
                } else {
                    (400, String::new(), br#"{"errors":[{"message":"digest invalid"}]}"#.to_vec())
                }
            }
            "PUT" => {
                let digest = if lie { Digest::of(b"lie") } else { Digest::of(&body) };
                state.manifests.insert(last.to_owned(), body);
                (201, format!("Docker-Content-Digest: {digest}\r\n"), Vec::new())
            }
            _ => none(404),
        }
    }
}

fn read_head(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Ok(None);
        }
        // The first byte of a TLS handshake.
        if head.first() == Some(&0x16) {
            return Ok(None);
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Request::new(&mut headers);
    parsed.parse(&head).map_err(io::Error::other)?;
    let find = |name: &str| {
        parsed
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| String::from_utf8_lossy(header.value).into_owned())
    };
    Ok(Some(Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        authorization: find("authorization"),
        length: find("content-length").and_then(|text| text.parse().ok()).unwrap_or(0),
    }))
}
