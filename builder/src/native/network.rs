//! The network of a container: one of its own, which leads nowhere, or the host's.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use nix::libc;

use crate::error::{Context as _, Kind, Result};

/// The first port that anybody may listen at, of the network that whoever looks is in.
const FIRST_PORT: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/// The first port of the host that a container may listen at. The lower ones are for those who have a
/// capability in the namespace the network belongs to, which is the host's, and a container has its own:
/// not even its root gets them, whoever started it.
pub fn unprivileged_ports() -> u16 {
    // As it is where the kernel cannot be asked.
    const USUAL: u16 = 1024;
    let text = fs::read_to_string(FIRST_PORT).unwrap_or_default();
    text.trim().parse().unwrap_or(USUAL)
}

/// Brings up the only interface of a new network namespace, so that a program reaches itself under
/// `127.0.0.1`, as in containers without a network elsewhere. All its ports are for anybody, as there.
pub fn bring_up() -> Result<()> {
    // Only before Linux 4.11 there is no such setting.
    let _ = fs::write(FIRST_PORT, "0");
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
