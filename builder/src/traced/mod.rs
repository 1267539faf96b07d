//! Runs a program and learns which files it looked at.
//!
//! The kernel asks us before each system call of the program, and of all it starts, that looks up a
//! name (seccomp user notification, Linux 5.8); we note the name and let the call go on. Nothing is
//! changed, delayed by more than microseconds, or forbidden.
//!
//! ```text
//! this process                              /proc/self/exe nix-traced PROGRAM …
//!   makes a socket, the child's input ─────▶  installs the filter, sends its descriptor back
//!   listens: `listen`                         executes PROGRAM, its input being empty
//!     call ◀────────────────────────────────  openat(…, "/a/b", …)
//!     notes `/a/b`: `looked`, answers ─────▶  goes on
//! ```
//!
//! Where there is none of this (an older kernel, another filter of the same kind around us), the
//! program runs all the same, and nothing is known of it.

mod call;
mod filter;
mod install;
mod listen;
mod looked;

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

pub use install::become_traced;
pub use listen::Listener;
pub use looked::{Looked, Places};

/// The verb of this program that [`become_traced`].
pub const VERB: &str = "nix-traced";

/// This program about to become `program` under observation; for [`spawn`].
pub fn command(program: &Path) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg(VERB).arg(program);
    command
}

/// Starts what [`command`] made. `places` says which names are of no interest.
///
/// # Errors
/// When it cannot be started. That nothing can be observed is none: there is no listener then.
pub fn spawn(command: &mut Command, places: Places) -> std::io::Result<(Child, Option<Listener>)> {
    let (ours, theirs) = UnixStream::pair()?;
    let child = command.stdin(Stdio::from(OwnedFd::from(theirs))).spawn()?;
    // The command holds the other end of the socket as well; without it, what is no more is told.
    command.stdin(Stdio::null());
    let listener = receive(&ours).and_then(|notifications| Listener::start(notifications, places));
    Ok((child, listener))
}

/// The descriptor the child sends; `None` when it has none to send.
fn receive(socket: &UnixStream) -> Option<OwnedFd> {
    let mut byte = [0];
    let mut room = nix::cmsg_space!(std::os::fd::RawFd);
    let mut data = [IoSliceMut::new(&mut byte)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut data, Some(&mut room), flags).ok()?;
    let received = message.cmsgs().ok()?.find_map(|control| match control {
        ControlMessageOwned::ScmRights(descriptors) => descriptors.first().copied(),
        _ => None,
    })?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else has it.
    Some(unsafe { OwnedFd::from_raw_fd(received) })
}
