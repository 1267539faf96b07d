//! A registry in memory that misbehaves on demand.

mod habits;
mod wire;

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};

pub use self::habits::{Access, Fault, Habits, State};
use crate::digest::Digest;

/// What is shortened in the list of requests. Made once: it takes long enough for impatient clients.
static DIGESTS: LazyLock<regex::Regex> =
    LazyLock::new(|| regex::Regex::new("sha256:[0-9a-f]+|uploads/[0-9]+").unwrap());

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
    range: Option<usize>,
    asks_first: bool,
}

/// Status, header lines and body.
type Answer = (u16, String, Vec<u8>);

impl FakeRegistry {
    /// Starts one; it ends with the test.
    pub fn start(access: Access) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // What the client believes to be sent is soon more than what is on the way.
        setsockopt(&listener, sockopt::RcvBuf, &(256 * 1024)).unwrap();
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
        while let Some(request) = wire::read_head(&mut reader)? {
            let fault = self.note(&request);
            let early = match &fault {
                Some(Fault::Status(status, headers)) => {
                    Some((*status, (*headers).to_owned(), Vec::new()))
                }
                Some(Fault::Say(status, body)) => {
                    Some((*status, String::new(), body.as_bytes().to_vec()))
                }
                Some(Fault::Redirect(status, address)) => {
                    Some((*status, format!("Location: {address}\r\n"), Vec::new()))
                }
                Some(_) => None,
                None => self.refuse(&request, access),
            };
            // Who asks first is told before the body, and hangs up; whoever has no patience sends
            // it all the same, and nobody would know where the next request begins.
            if let Some(answer) = early.clone().filter(|_| request.asks_first) {
                wire::respond(&mut stream, &request, &answer)?;
                let unasked = io::copy(&mut reader, &mut io::sink())?;
                self.state().received += usize::try_from(unasked).unwrap_or(usize::MAX);
                return Ok(());
            }
            if request.asks_first {
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            if let Some(Fault::HangUp | Fault::Stall) = fault {
                let mut some = vec![0; request.length.min(10)];
                reader.read_exact(&mut some)?;
                self.forget(&request);
                if let Some(Fault::Stall) = fault {
                    wire::say_nothing();
                }
                return Ok(());
            }
            let mut body = vec![0; request.length];
            reader.read_exact(&mut body)?;
            self.state().received += body.len();
            if matches!(fault, Some(Fault::Status(500.., _))) {
                self.forget(&request);
            }
            if let Some(Fault::HalfAnswer(status)) = fault {
                wire::begin_to_respond(&mut stream, status)?;
                wire::say_nothing();
            }
            let mut answer = early.unwrap_or_else(|| self.answer(&request, body, fault.as_ref()));
            if let Some(Fault::AnswerAs(status)) = fault {
                answer.0 = status;
            }
            if let Some(Fault::LoseAnswer) = fault {
                return Ok(());
            }
            wire::respond(&mut stream, &request, &answer)?;
        }
        Ok(())
    }

    fn note(&self, request: &Request) -> Option<Fault> {
        let mut state = self.state();
        state.authorized += usize::from(request.authorization.is_some());
        let target = DIGESTS.replace_all(&request.target, |found: &regex::Captures<'_>| {
            if found[0].starts_with("sha256") { "<digest>" } else { "uploads/<id>" }
        });
        state.requests.push(format!("{} {target}", request.method));
        let at = state.faults.iter().position(|(method, part, _)| {
            *method == request.method && request.target.contains(part)
        })?;
        state.faults.remove(at).map(|(_, _, fault)| fault)
    }

    /// An upload that failed is over: whoever tries again has to begin anew.
    fn forget(&self, request: &Request) {
        if request.method == "PUT" {
            self.state().uploads.remove(&upload_number(&request.target));
        }
    }

    /// What is answered without a look at the body.
    fn refuse(&self, request: &Request, access: Access) -> Option<Answer> {
        if self.is_too_many() {
            return Some((429, "Retry-After: 1\r\n".to_owned(), Vec::new()));
        }
        if request.asks_first && self.state().habits.no_expectations {
            return Some((417, String::new(), Vec::new()));
        }
        // What RFC 7617 makes of `me:secret`.
        let basic = request.authorization.as_deref() == Some("Basic bWU6c2VjcmV0");
        if request.target.starts_with("/token") {
            if !basic {
                return Some((401, String::new(), Vec::new()));
            }
            let scopes = request.target.replace("%2C", ",").replace("%3A", ":");
            let token = match (scopes.contains("app:pull,push"), scopes.contains("base:pull")) {
                (true, true) => "both",
                (true, false) => "app",
                (false, true) => "base",
                _ if scopes.contains("app:pull") => "read",
                _ => return Some((401, String::new(), Vec::new())),
            };
            let token = self.issue(token);
            return Some((200, String::new(), format!(r#"{{"token": "{token}"}}"#).into_bytes()));
        }
        let bearer = request.authorization.as_deref().and_then(|h| h.strip_prefix("Bearer "));
        let bearer = bearer.and_then(|token| self.use_up(token));
        let also = self.state().habits.also_asks;
        let reads = matches!(request.method.as_str(), "GET" | "HEAD");
        let wants = match (request.target.contains("base"), reads) {
            (true, true) => &["both", "base"][..],
            (true, false) => &["both"],
            (false, true) => &["both", "app", "read"],
            (false, false) => &["both", "app"],
        };
        match access {
            Access::Basic if !basic => {
                let header = format!("{also}WWW-Authenticate: Basic realm=\"x\"\r\n");
                return Some((401, header, Vec::new()));
            }
            Access::Bearer if !bearer.is_some_and(|token| wants.contains(&token)) => {
                let realm = format!("http://{}/token", self.address);
                let of = if reads && request.target.contains("/base/") { "base" } else { "app" };
                let header = format!(
                    "{also}WWW-Authenticate: Bearer realm=\"{realm}\",service=\"s\",\
                     scope=\"repository:{of}:pull\"\r\n"
                );
                return Some((401, header, Vec::new()));
            }
            _ => {}
        }
        let largest = self.state().habits.largest_body?;
        (request.length > largest).then(|| (413, String::new(), Vec::new()))
    }

    /// Whether this request is one more than a second allows.
    fn is_too_many(&self) -> bool {
        let mut state = self.state();
        let Some(allowed) = state.habits.per_second else { return false };
        let (began, count) = match state.second {
            Some((began, count)) if began.elapsed() < Duration::from_secs(1) => (began, count + 1),
            _ => (Instant::now(), 1),
        };
        state.second = Some((began, count));
        state.refused += usize::from(count > allowed);
        count > allowed
    }

    /// A token as it is given: one of its own each time where tokens do not last.
    fn issue(&self, token: &str) -> String {
        let mut state = self.state();
        let Some(uses) = state.habits.token_lasts else { return token.to_owned() };
        let number = state.tokens.len();
        state.tokens.insert(number, uses);
        format!("{token}.{number}")
    }

    /// What a token is for, as long as it is good.
    fn use_up<'a>(&self, token: &'a str) -> Option<&'a str> {
        let Some((kind, number)) = token.split_once('.') else { return Some(token) };
        let mut state = self.state();
        let left = state.tokens.get_mut(&number.parse().ok()?)?;
        *left = left.checked_sub(1)?;
        Some(kind)
    }

    fn answer(&self, request: &Request, body: Vec<u8>, fault: Option<&Fault>) -> Answer {
        let none = |status| (status, String::new(), Vec::new());
        let mut state = self.state();
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let last = path.rsplit('/').next().unwrap_or_default();
        let repository = path.split('/').nth(2).unwrap_or_default().to_owned();
        let parameter = |name: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let lie = matches!(fault, Some(Fault::WrongDigest));
        let named = |digest: &str| {
            if matches!(fault, Some(Fault::NoDigest)) {
                return String::new();
            }
            let digest = if lie { Digest::of(b"lie").to_string() } else { digest.to_owned() };
            format!("Docker-Content-Digest: {digest}\r\n")
        };
        match request.method.as_str() {
            "HEAD" if path.contains("/blobs/") => {
                match state.blobs.get(&(repository, last.to_owned())) {
                    Some(blob) => (200, String::new(), blob.clone()),
                    None => none(404),
                }
            }
            "GET" if path.contains("/uploads/") => match state.uploads.get(&upload_number(path)) {
                Some(bytes) => (204, place(path, bytes.len()), Vec::new()),
                None => none(404),
            },
            "GET" if path.contains("/blobs/") => {
                match state.blobs.get(&(repository, last.to_owned())) {
                    Some(blob) => (200, String::new(), blob.clone()),
                    None => none(404),
                }
            }
            "HEAD" | "GET" => match state.manifests.get(last) {
                Some(manifest) => (200, named(&Digest::of(manifest).to_string()), manifest.clone()),
                None => none(404),
            },
            "POST" => {
                if let Some(digest) = parameter("mount") {
                    // As Quay has it.
                    let Some(from) = parameter("from") else { return none(400) };
                    let there = state.blobs.get(&(from.to_owned(), digest.to_owned())).cloned();
                    if let Some(blob) = there.filter(|_| !state.habits.never_mounts) {
                        state.blobs.insert((repository, digest.to_owned()), blob);
                        return none(201);
                    }
                }
                state.last += 1;
                let number = state.last;
                state.uploads.insert(number, Vec::new());
                let folder = match state.habits.relative {
                    true => String::new(),
                    false => format!("/v2/{repository}/blobs/uploads/"),
                };
                let least = state.habits.least_piece;
                let least = format!("OCI-Chunk-Min-Length: {least}\r\n");
                (202, format!("Location: {folder}{number}?state=a\r\n{least}"), Vec::new())
            }
            "PATCH" => {
                let Habits { ignores_pieces: ignores, ends_early, least_piece, .. } = state.habits;
                let Some(bytes) = state.uploads.get_mut(&upload_number(path)) else {
                    return none(404);
                };
                if ignores && !bytes.is_empty() {
                    let claimed = request.range.unwrap_or(0) + body.len();
                    return (202, place(path, claimed), Vec::new());
                }
                if ends_early && !bytes.is_empty() {
                    return none(201);
                }
                let small = body.len() < least_piece;
                if std::mem::replace(&mut state.small, small) {
                    // It was not the last one.
                    return none(400);
                }
                let Some(bytes) = state.uploads.get_mut(&upload_number(path)) else {
                    return none(404);
                };
                if request.range != Some(bytes.len()) {
                    return (416, place(path, bytes.len()), Vec::new());
                }
                let kept = match fault {
                    Some(Fault::Keep(count)) => *count,
                    _ => body.len(),
                };
                bytes.extend_from_slice(&body[..kept]);
                (202, place(path, bytes.len()), Vec::new())
            }
            "PUT" if path.contains("/uploads/") => {
                let Some(mut bytes) = state.uploads.remove(&upload_number(path)) else {
                    return none(404);
                };
                bytes.extend_from_slice(&body);
                let digest = parameter("digest").unwrap_or_default().to_owned();
                if Digest::of(&bytes).to_string() == digest || state.habits.ignores_pieces {
                    state.blobs.insert((repository, digest.clone()), bytes);
                    (201, named(&digest), Vec::new())
                } else {
                    (400, String::new(), br#"{"errors":[{"message":"digest invalid"}]}"#.to_vec())
                }
            }
            "PUT" => {
                let digest = Digest::of(&body).to_string();
                state.manifests.insert(last.to_owned(), body);
                (201, named(&digest), Vec::new())
            }
            _ => none(404),
        }
    }
}

/// Where an upload goes on, and how many bytes it has.
fn place(path: &str, length: usize) -> String {
    format!("Location: {path}?state=b\r\nRange: 0-{}\r\n", length.saturating_sub(1))
}

fn upload_number(target: &str) -> u32 {
    let number = target.split("/uploads/").nth(1).unwrap_or_default();
    number.split('?').next().unwrap_or_default().parse().unwrap_or(0)
}
