//! Where the Docker Engine listens.

use std::env;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Failure, Kind, Result};

/// How long a TCP connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// An address of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket.
    Unix(PathBuf),
    /// Host and port, in clear text.
    Tcp(String),
}

/// A connection.
pub trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Endpoint {
    /// By `DOCKER_HOST`, or where engines listen by default: the system's, then the user's own.
    ///
    /// # Errors
    /// When `DOCKER_HOST` says something that cannot be spoken to from here.
    pub fn from_environment() -> Result<Self> {
        if let Some(host) = env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty()) {
            return Self::parse(&host);
        }
        let system = PathBuf::from("/var/run/docker.sock");
        let rootless = env::var_os("XDG_RUNTIME_DIR")
            .map(|directory| PathBuf::from(directory).join("docker.sock"))
            .filter(|socket| !system.exists() && socket.exists());
        Ok(Self::Unix(rootless.unwrap_or(system)))
    }

    /// Reads the value of `DOCKER_HOST`.
    pub fn parse(host: &str) -> Result<Self> {
        match host.split_once("://") {
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(PathBuf::from(path))),
            Some(("tcp" | "http", address)) if !address.is_empty() => {
                let address = address.trim_end_matches('/');
                let bare = address.rsplit(']').next().unwrap_or(address);
                let has_port = bare.contains(':');
                Ok(Self::Tcp(if has_port { address.to_owned() } else { format!("{address}:2375") }))
            }
            _ => Err(Failure::new(
                Kind::Unavailable,
                format!("cannot reach Docker at DOCKER_HOST={host}"),
            )
            .hint("use unix:///PATH or tcp://HOST:PORT; for ssh, forward the socket first")),
        }
    }

    /// Opens a connection.
    pub fn connect(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Unix(path) => Ok(Box::new(UnixStream::connect(path)?)),
            Self::Tcp(address) => {
                let mut last = io::Error::from(io::ErrorKind::NotFound);
                for address in address.to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, CONNECT) {
                        Ok(stream) => return Ok(Box::new(stream)),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
        }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_sockets_or_addresses() {
        for (host, endpoint) in [
            ("unix:///run/d.sock", Endpoint::Unix("/run/d.sock".into())),
            ("tcp://127.0.0.1:2375", Endpoint::Tcp("127.0.0.1:2375".into())),
            ("tcp://docker", Endpoint::Tcp("docker:2375".into())),
            ("tcp://[::1]", Endpoint::Tcp("[::1]:2375".into())),
        ] {
            assert_eq!(Endpoint::parse(host).unwrap(), endpoint, "{host}");
        }
        assert!(Endpoint::parse("ssh://me@there").is_err());
        assert!(Endpoint::parse("unix://").is_err());
    }
}
