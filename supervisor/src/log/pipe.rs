//! The reading end of a process's output: a pipe, a socket or the master of a pseudo-terminal.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::read;

use super::dress::Heading;
use super::lines::Lines;
use super::options::SourceId;

/// What a busy pipe is enlarged to: the most Linux grants without privilege by default
/// (`/proc/sys/fs/pipe-max-size`).
const LARGE: usize = 1024 * 1024;

/// A pipe that is being read and what is known of its unfinished line.
pub(super) struct Pipe {
    fd: Arc<OwnedFd>,
    /// Whose output it is.
    pub source: SourceId,
    /// What stands in front of its lines.
    pub heading: Heading,
    /// Its unfinished line.
    pub lines: Lines,
    /// How much of the growth budget it holds, in bytes.
    pub growth: usize,
    /// Growing was tried: it is not tried again.
    tried: bool,
}

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// Every writer has closed it.
    End,
}

impl Pipe {
    /// Prepares `fd` for reading. Its open file description is ours alone, so it may be switched to
    /// non-blocking; the writing end has a description of its own and stays as it is.
    ///
    /// # Errors
    /// The kernel refused; then `fd` is not a descriptor that can be read without blocking.
    pub fn new(fd: Arc<OwnedFd>, source: SourceId, heading: Heading) -> nix::Result<Self> {
        let flags = OFlag::from_bits_retain(fcntl(&fd, FcntlArg::F_GETFL)?);
        fcntl(&fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        Ok(Self { fd, source, heading, lines: Lines::default(), growth: 0, tried: false })
    }

    /// Reads once, without waiting.
    pub fn read(&self, buffer: &mut [u8]) -> Read {
        match read(&self.fd, buffer) {
            Ok(0) => Read::End,
            Ok(count) => Read::Bytes(count),
            Err(Errno::EAGAIN | Errno::EINTR) => Read::Nothing,
            // A pseudo-terminal says EIO once its last user is gone. No other error is temporary.
            Err(_) => Read::End,
        }
    }

    /// How many bytes can be read now.
    pub fn pending(&self) -> usize {
        pending(self.fd.as_fd())
    }

    /// Enlarges a busy pipe, so that its writer and we take turns less often. Returns the bytes
    /// granted beyond the usual size, 0 when that was refused or tried before.
    ///
    /// Idle pipes keep their size, because the kernel counts the sum for each user and gives
    /// others smaller pipes once it is used up (`/proc/sys/fs/pipe-user-pages-soft`).
    pub fn grow(&mut self, budget: usize) -> usize {
        if std::mem::replace(&mut self.tried, true) || budget < LARGE {
            return 0;
        }
        let large = libc_int(LARGE);
        self.growth =
            if fcntl(&self.fd, FcntlArg::F_SETPIPE_SZ(large)).is_ok() { LARGE } else { 0 };
        self.growth
    }
}

impl AsFd for Pipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// How many bytes can be read from `fd` now; 0 when the kernel does not say.
pub(super) fn pending(fd: BorrowedFd<'_>) -> usize {
    let mut count = 0;
    // SAFETY: FIONREAD writes one int, which `count` has room for, and the descriptor is borrowed.
    match unsafe { fionread(fd.as_raw_fd(), &raw mut count) } {
        Ok(_) => usize::try_from(count).unwrap_or(0),
        Err(_) => 0,
    }
}

fn libc_int(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

mod request {
    //! The one ioctl used here, in a module of its own because the macro writes no documentation.
    nix::ioctl_read_bad!(fionread, nix::libc::FIONREAD, nix::libc::c_int);
}
use request::fionread;
