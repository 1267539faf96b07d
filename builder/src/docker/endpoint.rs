//! Where the Docker Engine listens, and a connection to it.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use super::ssh::{self, Remote};
use super::tls::{self, Identity};
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
    /// Host and port, encrypted, with who we are and whom we believe.
    Tls(String, Identity),
    /// Another machine's engine, through its client there.
    Ssh(Remote),
}

/// A connection.
pub trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Endpoint {
    /// Reads the value of `DOCKER_HOST` or of a context; `identity` is for a TCP address that is to
    /// be encrypted.
    ///
    /// # Errors
    /// When it says something that cannot be spoken to from here.
    pub fn parse(host: &str, identity: Option<Identity>) -> Result<Self> {
        let wrong = || {
            Failure::new(Kind::Unavailable, format!("cannot reach Docker at {host}"))
                .hint("use unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST")
        };
        match host.split_once("://") {
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(PathBuf::from(path))),
            Some(("tcp" | "http" | "https", address)) if !address.is_empty() => {
                let address = address.trim_end_matches('/');
                let bare = address.rsplit(']').next().unwrap_or(address);
                let port = if identity.is_some() { 2376 } else { 2375 };
                let address = if bare.contains(':') {
                    address.to_owned()
                } else {
                    format!("{address}:{port}")
                };
                Ok(match identity {
                    Some(identity) => Self::Tls(address, identity),
                    None => Self::Tcp(address),
                })
            }
            Some(("ssh", remote)) => Remote::parse(remote).map(Self::Ssh).ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }

    /// Whether each connection takes time worth speaking of.
    pub fn is_costly(&self) -> bool {
        matches!(self, Self::Ssh(_))
    }

    /// Opens a connection. What is read or written on it fails after `silence`; what goes through ssh
    /// does when ssh says so.
    pub fn connect(&self, silence: Duration) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(silence))?;
                stream.set_write_timeout(Some(silence))?;
                Ok(Box::new(stream))
            }
            Self::Tcp(address) => Ok(Box::new(dial(address, silence)?)),
            Self::Tls(address, identity) => {
                Ok(Box::new(tls::connect(address, identity, dial(address, silence)?)?))
            }
            Self::Ssh(remote) => Ok(Box::new(ssh::connect(remote)?)),
        }
    }
}

fn dial(address: &str, silence: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(silence))?;
                stream.set_write_timeout(Some(silence))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) | Self::Tls(address, _) => write!(f, "tcp://{address}"),
            Self::Ssh(remote) => write!(f, "ssh://{}", remote.host),
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
            assert_eq!(Endpoint::parse(host, None).unwrap(), endpoint, "{host}");
        }
        for host in ["unix://", "ssh://", "npipe:////./pipe/docker", "docker"] {
            assert_eq!(Endpoint::parse(host, None).unwrap_err().kind(), Kind::Unavailable);
        }
    }

    #[test]
    fn an_encrypted_engine_has_another_port() {
        let identity = Identity::of_directory("/certs".into());
        let endpoint = Endpoint::parse("tcp://docker", Some(identity.clone())).unwrap();
        assert_eq!(endpoint, Endpoint::Tls("docker:2376".to_owned(), identity));
    }
}
