//! A network of one's own, which leads nowhere.

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use nix::libc;

use crate::error::{Context as _, Kind, Result};

/// Brings up the only interface of a new network namespace, so that a program reaches itself under
/// `127.0.0.1`, as in containers without a network elsewhere.
pub fn bring_up() -> Result<()> {
    loopback().or_fail(Kind::System, || "cannot bring up the container's own network")
}

fn loopback() -> io::Result<()> {
    // SAFETY: the call takes numbers; what it returns is looked at before it is used.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it has just been opened, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    // SAFETY: zeros are a request without name and flags.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
        *slot = libc::c_char::from_ne_bytes([*byte]);
    }
    // Both flags fit into the sixteen bits there are.
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request is of the kind this call reads, and outlives it.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
