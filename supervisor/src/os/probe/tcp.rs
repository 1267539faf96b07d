//! A check that connects: it is good when the connection is accepted.

use std::io;
use std::net::SocketAddr;

use nix::errno::Errno;
use tokio::net::TcpStream;

use super::host;

/// Connects to the first address of a host that accepts.
///
/// # Errors
/// None does; the text tells of the first one, which is the one people mean.
pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    let mut refused = None;
    for address in host::resolve(host)? {
        let address = SocketAddr::new(address, port);
        match open(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                let text = format!("cannot connect to {address}: {}", cause(&error));
                refused.get_or_insert(text);
            }
        }
    }
    Err(refused.unwrap_or_else(|| format!("{host} has no address")))
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // Where nobody listens, a connection may be given the very port it goes to and be connected to
    // itself (simultaneous open, RFC 9293, section 3.5).
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

/// What the kernel said, without the number.
pub(super) fn cause(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), |n| Errno::from_raw(n).desc().to_owned())
}
