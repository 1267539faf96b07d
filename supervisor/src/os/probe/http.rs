//! A check that asks by HTTP: it is good when the status of the answer is.
//!
//! One request of HTTP/1.1 on a connection of its own; only the head of the answer is looked at,
//! and only up to [`LIMIT`]. Redirects are not followed: where they lead to is another question.

use std::collections::BTreeMap;

use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;

use super::tcp;

/// How much of an answer is read, in bytes: interim answers, and the first line of the final one.
const LIMIT: usize = 8 * 1024;

/// A request that can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    host: String,
    port: u16,
    text: Vec<u8>,
    /// The one good status; `None` is any from 200 to 299.
    status: Option<u16>,
}

/// What the beginning of an answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    /// The status of the final answer.
    Status(u16),
    /// Nothing yet.
    More,
    /// It is not HTTP.
    Malformed,
}

impl Request {
    /// Of what a plan says, which has no character that would end a line early.
    pub fn new(
        host: &str,
        port: u16,
        path: &str,
        headers: &BTreeMap<String, String>,
        status: Option<u16>,
    ) -> Self {
        // RFC 9110, section 7.2, and RFC 3986, section 3.2.2: an IPv6 address stands in brackets.
        let named = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        let agent = concat!("devenv-init/", env!("CARGO_PKG_VERSION"));
        let own = [
            ("Host", named.as_str()),
            ("User-Agent", agent),
            ("Accept", "*/*"),
            ("Connection", "close"),
        ];
        let replaced = |name: &str| headers.keys().any(|given| given.eq_ignore_ascii_case(name));
        let own = own.into_iter().filter(|(name, _)| !replaced(name));
        let given = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut text = format!("GET {path} HTTP/1.1\r\n");
        for (name, value) in own.chain(given) {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        Self { host: host.to_owned(), port, text: text.into_bytes(), status }
    }

    fn accepts(&self, status: u16) -> bool {
        self.status.map_or((200..300).contains(&status), |good| good == status)
    }
}

/// Makes the request.
///
/// # Errors
/// It could not be made, or the answer is not the one hoped for.
pub(super) async fn get(request: Request) -> Result<(), String> {
    let mut stream = tcp::connect(&request.host, request.port).await?;
    let unsent = |error: std::io::Error| format!("cannot send a request: {}", tcp::cause(&error));
    stream.write_all(&request.text).await.map_err(unsent)?;
    let mut answer = Vec::new();
    while answer.len() < LIMIT {
        let mut chunk = [0; 1024];
        let count = stream
            .read(&mut chunk)
            .await
            .map_err(|error| format!("cannot read the answer: {}", tcp::cause(&error)))?;
        answer.extend_from_slice(chunk.get(..count).unwrap_or_default());
        match head(&answer) {
            Head::Status(status) if request.accepts(status) => return Ok(()),
            Head::Status(status) => return Err(format!("HTTP status {status}")),
            Head::Malformed => return Err("the answer is not HTTP".to_owned()),
            Head::More if count == 0 => {
                return Err("the connection was closed without an answer".to_owned());
            }
            Head::More => {}
        }
    }
    Err(format!("no status within {LIMIT} bytes of the answer"))
}

/// Reads the status, skipping interim answers (RFC 9110, section 15.2).
fn head(mut answer: &[u8]) -> Head {
    loop {
        let Some(end) = answer.iter().position(|byte| *byte == b'\n') else {
            return if begins_like_http(answer) { Head::More } else { Head::Malformed };
        };
        let (line, rest) = answer.split_at(end + 1);
        match status(line) {
            // 101 would change the protocol, which nobody asked for.
            Some(100 | 102..=199) => {}
            Some(status) => return Head::Status(status),
            None => return Head::Malformed,
        }
        let Some(next) = after_head(rest) else { return Head::More };
        answer = next;
    }
}

const VERSION: &[u8] = b"HTTP/1.";

/// `HTTP/1.1 200 OK`, with or without the words behind the number (RFC 9112, section 4).
fn status(line: &[u8]) -> Option<u16> {
    match line.strip_prefix(VERSION)? {
        [minor, b' ', a, b, c, b' ' | b'\r' | b'\n', ..] if minor.is_ascii_digit() => {
            let text = [*a, *b, *c];
            let all_digits = text.iter().all(u8::is_ascii_digit) && *a != b'0';
            all_digits.then(|| std::str::from_utf8(&text).ok()?.parse().ok())?
        }
        _ => None,
    }
}

fn begins_like_http(bytes: &[u8]) -> bool {
    let length = bytes.len().min(VERSION.len());
    bytes.get(..length) == VERSION.get(..length)
}

/// What stands behind the empty line that ends a head, `None` while it is not there.
fn after_head(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, next) = rest.split_at(end + 1);
        rest = next;
        if matches!(line, b"\r\n" | b"\n") {
            return Some(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_as_it_is_sent() {
        let headers = BTreeMap::from([
            ("host".to_owned(), "web.example".to_owned()),
            ("X-Check".to_owned(), "1".to_owned()),
        ]);
        let text = |host, headers| {
            let text = Request::new(host, 80, "/live?a=b", headers, None).text;
            String::from_utf8(text).expect("of text made of text")
        };
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            text("127.0.0.1", &headers),
            format!(
                "GET /live?a=b HTTP/1.1\r\nUser-Agent: devenv-init/{version}\r\nAccept: */*\r\n\
                 Connection: close\r\nX-Check: 1\r\nhost: web.example\r\n\r\n"
            )
        );
        assert!(text("::1", &BTreeMap::new()).contains("\r\nHost: [::1]:80\r\n"));
    }

    #[test]
    fn which_answers_are_good() {
        for (wanted, status, good) in [
            (None, 200, true),
            (None, 204, true),
            (None, 299, true),
            (None, 301, false),
            (None, 503, false),
            (Some(401), 401, true),
            (Some(401), 200, false),
        ] {
            let request = Request::new("localhost", 1, "/", &BTreeMap::new(), wanted);
            assert_eq!(request.accepts(status), good, "{wanted:?} {status}");
        }
    }

    #[test]
    fn heads_of_answers() {
        for (answer, want) in [
            (&b"HTTP/1.1 200 OK\r\n"[..], Head::Status(200)),
            (b"HTTP/1.0 404\r\n", Head::Status(404)),
            (b"HTTP/1.1 503 Service Unavailable\nbody", Head::Status(503)),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 \r\n", Head::Status(204)),
            (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n", Head::Status(200)),
            (b"HTTP/1.1 101 Switching Protocols\r\n", Head::Status(101)),
            (b"", Head::More),
            (b"HT", Head::More),
            (b"HTTP/1.1 20", Head::More),
            (b"HTTP/1.1 100 Continue\r\nX: y\r\n", Head::More),
            (b"SSH-2.0-", Head::Malformed),
            (b"HTTP/2 200\r\n", Head::Malformed),
            (b"HTTP/1.1 2000\r\n", Head::Malformed),
            (b"HTTP/1.1 +20 OK\r\n", Head::Malformed),
            (b"HTTP/1.1 099 OK\r\n", Head::Malformed),
            (b"\n", Head::Malformed),
        ] {
            assert_eq!(head(answer), want, "{}", answer.escape_ascii());
        }
    }

    proptest! {
        /// Garbage is survived, and a verdict never changes when more of the answer comes.
        #[test]
        fn a_verdict_is_final(
            bytes in prop::collection::vec(prop_oneof![
                Just(b'\n'), Just(b' '), Just(b'1'), any::<u8>()], 0..60),
            whole in any::<bool>(),
        ) {
            let start: &[u8] = if whole { b"HTTP/1.1 1" } else { b"" };
            let bytes = [start, &bytes].concat();
            let mut verdict = Head::More;
            for end in 0..=bytes.len() {
                let seen = head(&bytes[..end]);
                prop_assert!(verdict == Head::More || seen == verdict);
                verdict = seen;
            }
        }
    }
}
