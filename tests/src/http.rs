//! A client of HTTP that says what it is told to, and hides nothing of the answer.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::wait;

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The code of the first line.
    pub status: u16,
    /// The lines between the first and the empty one.
    pub head: Vec<String>,
    /// All behind the empty line.
    pub body: String,
}

impl Reply {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A port of 127.0.0.1 that nobody listens at just now.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A connection to a port of 127.0.0.1 that waits no longer than anything may take.
///
/// # Panics
/// When nobody listens there.
#[must_use]
#[track_caller]
pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
    stream.set_read_timeout(Some(wait::SOON)).expect("a time");
    stream
}

/// Says something and reads until the other side hangs up.
///
/// # Panics
/// When nobody listens there.
#[must_use]
#[track_caller]
pub fn say(port: u16, words: &[u8]) -> Vec<u8> {
    let mut stream = connect(port);
    // It may answer, and close, before it has heard everything.
    let _ = stream.write_all(words);
    rest(&mut stream)
}

/// All that still comes on a connection.
#[must_use]
pub fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    said
}

/// Reads an answer.
///
/// # Panics
/// When it is none, or its length is not the one it names.
#[must_use]
#[track_caller]
pub fn reply(bytes: &[u8]) -> Reply {
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text:?}"));
    let mut lines = head.split("\r\n").map(str::to_owned);
    let first = lines.next().expect("a first line");
    let code = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status = code.unwrap_or_else(|| panic!("no status: {first:?}"));
    Reply { status, head: lines.collect(), body: body.to_owned() }
}

/// Asks for a page as any client does.
///
/// # Panics
/// When no answer comes, or one whose length is not what it says.
#[must_use]
#[track_caller]
pub fn get(port: u16, path: &str) -> Reply {
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n");
    let reply = reply(&say(port, request.as_bytes()));
    assert_eq!(reply.header("Content-Length"), Some(reply.body.len().to_string().as_str()));
    reply
}
