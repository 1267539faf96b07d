//! How long to wait for an engine that says nothing: as long as it is there.
//!
//! Loading an image may take an engine minutes in which it has nothing to say, so silence alone proves
//! nothing, and no time would be right for every image. Whoever hears nothing for a while therefore asks
//! on another connection whether anybody is there; only who does not answer that is given up.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use super::endpoint::Stream;

/// How long an engine may say nothing until it is asked whether it is there, and how long it may take to
/// answer that.
pub const SILENCE: Duration = Duration::from_secs(60);

/// A connection that is not given up while the engine is there. Its reads and writes must end with an
/// error of the socket's own time limit after the silence.
pub struct Patient<'a> {
    inner: Box<dyn Stream>,
    /// Asks whether the engine is there.
    ask: &'a dyn Fn() -> io::Result<()>,
}

impl<'a> Patient<'a> {
    /// Waits on `inner` as long as `ask` finds somebody.
    pub fn new(inner: Box<dyn Stream>, ask: &'a dyn Fn() -> io::Result<()>) -> Self {
        Self { inner, ask }
    }

    fn persist<T>(
        &mut self,
        mut attempt: impl FnMut(&mut dyn Stream) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            match attempt(&mut *self.inner) {
                Err(error) if is_silence(&error) => (self.ask)()?,
                result => return result,
            }
        }
    }
}

impl Read for Patient<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.persist(|stream| stream.read(out))
    }
}

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.persist(|stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.persist(|stream| stream.flush())
    }
}

/// Whether a socket's time limit has passed; which of the two it says depends on the system (`socket(7)`,
/// `SO_RCVTIMEO`).
fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The error in words, where it is that of a time limit.
pub fn in_words(error: io::Error, limit: Duration) -> io::Error {
    if !is_silence(&error) {
        return error;
    }
    let message = format!("it is there and has not answered for {} s", limit.as_secs_f64());
    io::Error::new(ErrorKind::TimedOut, message)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Instant;

    use super::*;
    use crate::docker::tls::Identity;
    use crate::docker::{Endpoint, Engine};
    use crate::error::Kind;

    const SHORT: Duration = Duration::from_millis(50);
    const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----\n\
        MIIBdjCCAR2gAwIBAgIUaTYadYpC0mRojs9mcHLqkZIQgY0wCgYIKoZIzj0EAwIw\n\
        EDEOMAwGA1UEAwwFdGVzdHMwIBcNMjYxMTIzMDI0MDAzWhgPMjEyNjEwMzAwMjQw\n\
        MDNaMBAxDjAMBgNVBAMMBXRlc3RzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n\
        qdXy4zoVQJFAXQk/nXY4puwlCJsd3h33PmxCZB3IPoRYd7IBGMiTaSkiJLIo3zmo\n\
        iPHABEAhvIkUNqPEt4PoTqNTMFEwHQYDVR0OBBYEFOFCIoMjO1Aeg7eWAXOKMOh7\n\
        KmDSMB8GA1UdIwQYMBaAFOFCIoMjO1Aeg7eWAXOKMOh7KmDSMA8GA1UdEwEB/wQF\n\
        MAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgK4amSmaKfa+IhUyTZbQk2QKdQOQIOoxz\n\
        FD8hHop32R8CIARpp3hfQ9xRS/MA1ohFlsWYdz+nqMhsJprTPMsPEZAa\n\
        -----END CERTIFICATE-----\n";

    /// An engine that answers so many questions whether it is there, and anything else when `ready` says
    /// so, told how often it has been asked.
    fn engine(pings: usize, ready: fn(usize) -> bool) -> (Endpoint, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = Endpoint::Tcp(listener.local_addr().unwrap().to_string());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                thread::spawn(move || answer(&stream, &count, pings, ready));
            }
        });
        (endpoint, asked)
    }

    fn answer(stream: &TcpStream, asked: &AtomicUsize, pings: usize, ready: fn(usize) -> bool) {
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        let is_ping = lines.next().is_some_and(|line| line.starts_with("GET /_ping "));
        if is_ping && asked.fetch_add(1, Ordering::SeqCst) < pings {
            let _ = { stream }.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
            return;
        }
        // Silent, and still connected, until it is time.
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end && (is_ping || !ready(asked.load(Ordering::SeqCst))) {
            thread::sleep(Duration::from_millis(2));
        }
        let _ = { stream }.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    }

    fn load(engine: &Engine) -> crate::error::Result<()> {
        engine.load(&mut |out| {
            let written = out.write_all(&[7; 100_000]);
            crate::error::Context::or_fail(written, Kind::Io, || "cannot write")
        })
    }

    #[test]
    fn work_takes_as_long_as_it_takes_while_somebody_is_there() {
        let (endpoint, asked) = engine(usize::MAX, |asked| asked >= 4);
        load(&Engine::connect_within(endpoint, SHORT).unwrap()).unwrap();
        assert!(asked.load(Ordering::SeqCst) >= 4);
    }

    #[test]
    fn an_engine_that_falls_silent_altogether_is_given_up() {
        let (endpoint, asked) = engine(2, |_| false);
        let engine = Engine::connect_within(endpoint, SHORT).unwrap();
        for failure in [load(&engine).unwrap_err(), engine.image_id("a").unwrap_err()] {
            assert_eq!(failure.kind(), Kind::Io);
            assert!(failure.message().ends_with("has not answered for 0.05 s"), "{failure}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 4);
    }

    #[test]
    fn who_never_says_anything_is_not_available_encrypted_or_not() {
        // Connections come about without anybody there to take them.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let certificates = tempfile::tempdir().unwrap();
        std::fs::write(certificates.path().join("ca.pem"), AUTHORITY).unwrap();
        let identity = Identity::of_directory(certificates.path().to_owned());
        for endpoint in [Endpoint::Tcp(address.clone()), Endpoint::Tls(address, identity)] {
            let failure = Engine::connect_within(endpoint, SHORT).unwrap_err();
            assert_eq!(failure.kind(), Kind::Unavailable);
            assert!(failure.message().ends_with("has not answered for 0.05 s"), "{failure}");
        }
    }
}
