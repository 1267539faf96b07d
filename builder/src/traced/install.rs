//! The child's part: installs the filter, sends its descriptor to the parent, becomes the program.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use nix::libc;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

use super::filter;
use crate::error::{Failure, Kind, Result};

/// The socket to the parent, which is this process's input.
const PARENT: RawFd = 0;

/// Becomes `program`, observed by the parent where that is possible. Returns only when it could not.
///
/// # Errors
/// When the program cannot be executed.
pub fn become_traced(
    program: &PathBuf,
    arguments: &[OsString],
) -> Result<std::convert::Infallible> {
    let _ = tell(install().ok());
    let failed = |error: io::Error| {
        let kind = if error.kind() == io::ErrorKind::NotFound {
            Kind::NotFound
        } else {
            Kind::NotExecutable
        };
        Failure::new(kind, format!("cannot run {}: {error}", program.display()))
    };
    let nothing = File::open("/dev/null").map_err(failed)?;
    Err(failed(Command::new(program).args(arguments).stdin(nothing).exec()))
}

/// The descriptor by which calls of this process, and of all it starts, can be asked about.
fn install() -> io::Result<OwnedFd> {
    // Without it only root could install a filter: a program with more rights than its caller, who
    // may lie to it about what its calls came to, would be a way to these rights.
    nix::sys::prctl::set_no_new_privs()?;
    let mut program = filter::program();
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the program outlives the call, which copies it, and its length is its own.
    let descriptor = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const filter,
        )
    };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    let descriptor = RawFd::try_from(descriptor).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Sends the descriptor, or that there is none.
fn tell(listener: Option<OwnedFd>) -> nix::Result<usize> {
    let descriptors: Vec<RawFd> = listener.iter().map(|one| one.as_raw_fd()).collect();
    let control = [ControlMessage::ScmRights(&descriptors)];
    let control = if descriptors.is_empty() { &[][..] } else { &control[..] };
    sendmsg::<()>(PARENT, &[IoSlice::new(b".")], control, MsgFlags::empty(), None)
}
