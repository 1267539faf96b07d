//! Requests off the wire, and answers onto it.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use super::{Answer, Request};

pub(super) fn respond(
    stream: &mut TcpStream,
    request: &Request,
    answer: &Answer,
) -> io::Result<()> {
    let (status, headers, body) = answer;
    let length = match status {
        204 => String::new(),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    let mut bytes = format!("HTTP/1.1 {status} x\r\n{headers}{length}\r\n").into_bytes();
    if request.method != "HEAD" {
        bytes.extend_from_slice(body);
    }
    // At once, as servers do.
    stream.write_all(&bytes)
}

/// The head of an answer, and the first byte of a body of a hundred.
pub(super) fn begin_to_respond(stream: &mut TcpStream, status: u16) -> io::Result<()> {
    write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: 100\r\n\r\n{{")
}

/// Keeps a connection open, and does nothing with it for as long as the test takes.
pub(super) fn say_nothing() -> ! {
    loop {
        std::thread::park();
    }
}

pub(super) fn read_head(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
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
        range: find("content-range").and_then(|text| text.split('-').next()?.parse().ok()),
        asks_first: find("expect").is_some(),
    }))
}
