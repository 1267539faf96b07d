//! As much of HTTP/1.1 (RFC 9112) as the Docker Engine needs: one request a connection.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use super::endpoint::Stream;

/// The most bytes the head of a response may have.
const MAX_HEAD: usize = 64 * 1024;
/// The most bytes of a response body that are kept.
const MAX_BODY: u64 = 64 * 1024 * 1024;

/// A response, read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 200 and so on.
    pub status: u16,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Writes what belongs into a request's body.
pub type Body<'a> = &'a mut dyn FnMut(&mut dyn Write) -> crate::error::Result<()>;

/// What went wrong with a request.
#[derive(Debug)]
pub enum Error {
    /// The connection failed.
    Connection(io::Error),
    /// The body could not be made.
    Body(crate::error::Failure),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Connection(error)
    }
}

/// Sends a request and reads the response. A body is sent in chunks, its length need not be known.
///
/// A server that has seen enough may answer before it has read all of the body; that answer is
/// then the response, and not the broken pipe.
pub fn request(
    stream: impl Stream,
    method: &str,
    target: &str,
    body: Option<Body<'_>>,
) -> Result<Response, Error> {
    let mut stream = BufWriter::with_capacity(128 * 1024, stream);
    write!(stream, "{method} {target} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n")?;
    let sent = match body {
        None => {
            let length = if method == "GET" { "" } else { "Content-Length: 0\r\n" };
            write!(stream, "{length}\r\n")?;
            Ok(())
        }
        Some(write_body) => {
            stream.write_all(
                b"Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n",
            )?;
            let mut chunks = Chunks { inner: &mut stream, error: None };
            let written = write_body(&mut chunks);
            match (chunks.error.take(), written) {
                (Some(error), _) => Err(Error::Connection(error)),
                (None, Err(failure)) => return Err(Error::Body(failure)),
                (None, Ok(())) => chunks.finish().map_err(Error::Connection),
            }
        }
    };
    let sent = sent.and_then(|()| stream.flush().map_err(Error::Connection));
    // What is left in the buffer would be written on drop, to a connection that is broken.
    let (inner, _unsent) = stream.into_parts();
    match (read(inner), sent) {
        (Ok(response), _) => Ok(response),
        (Err(_), Err(error)) => Err(error),
        (Err(error), Ok(())) => Err(Error::Connection(error)),
    }
}

/// Splits what is written into chunks. The first error of the connection is kept, since it would
/// otherwise be told as a failure of whoever makes the body.
struct Chunks<'a> {
    inner: &'a mut dyn Write,
    error: Option<io::Error>,
}

impl Chunks<'_> {
    fn finish(self) -> io::Result<()> {
        self.inner.write_all(b"0\r\n\r\n")
    }
}

impl Write for Chunks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let result = write!(self.inner, "{:x}\r\n", bytes.len())
            .and_then(|()| self.inner.write_all(bytes))
            .and_then(|()| self.inner.write_all(b"\r\n"));
        match result {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                let kind = error.kind();
                self.error = Some(error);
                Err(kind.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Known(u64),
    Chunked,
    UntilClosed,
}

/// The status of a response and how long its body is.
struct Head {
    status: u16,
    length: Length,
}

fn read(stream: impl Read) -> io::Result<Response> {
    let mut reader = BufReader::new(stream);
    let mut head = read_head(&mut reader)?;
    while (100..200).contains(&head.status) {
        head = read_head(&mut reader)?;
    }
    let mut body = Vec::new();
    match head.length {
        _ if head.status == 204 || head.status == 304 => {}
        Length::Known(bytes) => {
            reader.by_ref().take(bytes.min(MAX_BODY)).read_to_end(&mut body)?;
            if (body.len() as u64) < bytes {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Length::Chunked => read_chunks(&mut reader, &mut body)?,
        Length::UntilClosed => {
            reader.by_ref().take(MAX_BODY).read_to_end(&mut body)?;
        }
    }
    Ok(Response { status: head.status, body })
}

fn read_head(reader: &mut impl BufRead) -> io::Result<Head> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let before = head.len();
        reader.read_until(b'\n', &mut head)?;
        if head.len() == before {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if head.len() > MAX_HEAD {
            return Err(invalid("the head of the response is too long"));
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Response::new(&mut headers);
    parsed.parse(&head).map_err(|error| invalid(&format!("not a response: {error}")))?;
    let status = parsed.code.ok_or_else(|| invalid("a response without status"))?;
    let mut length = Length::UntilClosed;
    for header in parsed.headers.iter() {
        let value = String::from_utf8_lossy(header.value);
        if header.name.eq_ignore_ascii_case("transfer-encoding")
            && value.trim().eq_ignore_ascii_case("chunked")
        {
            length = Length::Chunked;
        } else if header.name.eq_ignore_ascii_case("content-length") && length != Length::Chunked {
            let bytes = value.trim().parse().map_err(|_| invalid("a wrong content length"))?;
            length = Length::Known(bytes);
        }
    }
    Ok(Head { status, length })
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = line.trim().split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size, 16).map_err(|_| invalid("a wrong chunk size"))?;
        if size == 0 {
            // Trailers, up to an empty line.
            while reader.read_line(&mut line)? > 2 {
                line.clear();
            }
            return Ok(());
        }
        if body.len() as u64 + size > MAX_BODY {
            return Err(invalid("the response is too long"));
        }
        let before = body.len() as u64;
        reader.by_ref().take(size).read_to_end(body)?;
        if body.len() as u64 - before < size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut end = [0; 2];
        reader.read_exact(&mut end)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(response: &str) -> io::Result<(u16, String)> {
        read(response.as_bytes())
            .map(|response| (response.status, String::from_utf8(response.body).unwrap()))
    }

    #[test]
    fn bodies_end_where_their_head_says() {
        for (response, expected) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore", (200, "ok")),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3;x=y\r\n, a\r\n0\r\n\r\n",
                (200, "ok, a"),
            ),
            ("HTTP/1.1 404 Not Found\r\n\r\nuntil closed", (404, "until closed")),
            ("HTTP/1.1 204 No Content\r\n\r\n", (204, "")),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                (200, ""),
            ),
        ] {
            assert_eq!(body(response).unwrap(), (expected.0, expected.1.to_owned()));
        }
    }

    #[test]
    fn a_body_cut_short_is_an_error() {
        for response in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ] {
            assert!(body(response).is_err(), "{response}");
        }
    }
}
