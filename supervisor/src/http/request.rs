//! Finds the one request of a connection in what a client sends, however it is cut, within bounds.
//!
//! Strict where RFC 9112 lets two readers disagree about the same bytes: white space before a colon,
//! folded lines, a lone CR and a second `Host` are refused. A body is never read.

use super::answer::Status;

/// The longest head of a request, in bytes. Browsers with their cookies send about half of it.
pub const LIMIT: usize = 8 * 1024;

/// A request that may be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Only the head of the answer is wanted.
    pub head_only: bool,
    /// The path, decoded. Begins with `/`.
    pub path: String,
    /// What stands behind the `?`, as it is.
    pub query: String,
}

/// What has been received of a request.
#[derive(Debug, Default)]
pub struct Received {
    bytes: Vec<u8>,
}

impl Received {
    /// Takes in more bytes and returns the request once its head is complete. What follows is
    /// dropped.
    ///
    /// # Errors
    /// What refuses it. Nothing beyond [`LIMIT`] is kept.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Option<Request>, Status> {
        // An empty line in front is skipped (RFC 9112, section 2.2).
        let skipped = |byte: &&u8| self.bytes.is_empty() && matches!(byte, b'\r' | b'\n');
        let chunk = chunk.get(chunk.iter().take_while(skipped).count()..).unwrap_or_default();
        let room = LIMIT.saturating_sub(self.bytes.len());
        // The end of the head may lie across the cut.
        let from = self.bytes.len().saturating_sub(3);
        self.bytes.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
        let new = self.bytes.get(from..).unwrap_or_default();
        match head_end(new) {
            Some(end) => parse(self.bytes.get(..from + end).unwrap_or_default()).map(Some),
            None if chunk.len() > room => Err(Status::TooLarge),
            None => Ok(None),
        }
    }

    /// Whether nothing has come so far that could be a request.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Where the last line before the empty one ends. A lone LF ends a line as well (RFC 9112,
/// section 2.2).
fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut ends = bytes.iter().zip(1..).filter(|(byte, _)| **byte == b'\n').map(|(_, end)| end);
    ends.find(|end| matches!(bytes.get(*end..), Some([b'\n', ..] | [b'\r', b'\n', ..])))
}

/// Reads a head, whose last line ends in its newline.
fn parse(head: &[u8]) -> Result<Request, Status> {
    let mut lines = head.split(|byte| *byte == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l));
    let first = lines.next().and_then(|line| std::str::from_utf8(line).ok());
    let mut words = first.ok_or(Status::BadRequest)?.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Status::BadRequest);
    };
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let minor = match version.as_bytes().strip_prefix(b"HTTP/") {
        Some([b'1', b'.', minor]) if minor.is_ascii_digit() => *minor,
        Some([major, b'.', minor]) if is_digit(Some(major)) && is_digit(Some(minor)) => {
            return Err(Status::VersionNotSupported);
        }
        _ => return Err(Status::BadRequest),
    };
    if !is_token(method.as_bytes()) || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Status::BadRequest);
    }
    let mut hosts = 0;
    // Behind the last newline there is nothing.
    for line in lines.filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':').ok_or(Status::BadRequest)?;
        let (name, value) = line.split_at(colon);
        let control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
        if !is_token(name) || value.iter().any(control) {
            return Err(Status::BadRequest);
        }
        hosts += usize::from(name.eq_ignore_ascii_case(b"host"));
    }
    // RFC 9112, section 3.2.
    if hosts > 1 || (hosts == 0 && minor != b'0') {
        return Err(Status::BadRequest);
    }
    let head_only = match method {
        "GET" => false,
        "HEAD" => true,
        _ => return Err(Status::MethodNotAllowed),
    };
    let target = origin(target).ok_or(Status::BadRequest)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = decode(path).ok_or(Status::BadRequest)?;
    let path = if path.is_empty() { "/".to_owned() } else { path };
    Ok(Request { head_only, path, query: query.to_owned() })
}

/// Path and query of a target, which a proxy may have written as a whole address (RFC 9112,
/// section 3.2.2).
fn origin(target: &str) -> Option<&str> {
    if target.starts_with('/') {
        return Some(target);
    }
    let (scheme, rest) = target.split_once("://")?;
    let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let path = rest.find(['/', '?']).unwrap_or(rest.len());
    if known && path > 0 { rest.get(path..) } else { None }
}

/// Resolves `%3A` and the like (RFC 3986, section 2.1).
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// RFC 9110, section 5.6.2.
fn is_token(bytes: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(allowed)
}
