//! The reading end of a process's output: a pipe, a socket or the master of a pseudo-terminal.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::unistd::read;

use super::dress::Heading;
use super::files::Side;
use super::lines::Lines;
use super::options::SourceId;
use super::watch::Watch;

/// What a busy pipe is enlarged to, in bytes. More than this no longer fits the caches and is not
/// faster.
const LARGE: libc::c_int = 256 * 1024;

/// A pipe that is being read and what is known of its unfinished line.
pub(super) struct Pipe {
    fd: Arc<OwnedFd>,
    /// Whose output it is.
    pub source: SourceId,
    /// What stands in front of its lines.
    pub heading: Heading,
    /// Its unfinished line.
    pub lines: Lines,
    /// What its own file needs, where it has one.
    pub side: Option<Box<Side>>,
    /// What is looked for in it, until it is found.
    pub watch: Option<Box<Watch>>,
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
    /// Prepares `fd` for reading.
    ///
    /// # Errors
    /// Those of [`set_non_blocking`].
    pub fn new(
        fd: Arc<OwnedFd>,
        source: SourceId,
        heading: Heading,
        side: Option<Box<Side>>,
        watch: Option<Box<Watch>>,
    ) -> nix::Result<Self> {
        set_non_blocking(&fd)?;
        let lines = Lines::default();
        Ok(Self { fd, source, heading, lines, side, watch, growth: 0, tried: false })
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

    /// Enlarges a busy pipe within `budget`, so that its writer and we take turns less often.
    /// Returns the bytes granted, 0 when that was refused or tried before.
    ///
    /// Idle pipes keep their size, because the kernel counts the sum for each user and gives
    /// others smaller pipes once it is used up (`/proc/sys/fs/pipe-user-pages-soft`).
    pub fn grow(&mut self, budget: usize) -> usize {
        let large = usize::try_from(LARGE).unwrap_or(usize::MAX);
        if std::mem::replace(&mut self.tried, true) || budget < large {
            return 0;
        }
        self.growth = if enlarge(self.fd.as_fd()) { large } else { 0 };
        self.growth
    }
}

/// Gives a pipe room for 256 KiB. False when it has that already, or is none, or when the
/// kernel refuses because the user's share is used up: each is as good as before.
pub(super) fn enlarge(fd: BorrowedFd<'_>) -> bool {
    fcntl(fd, FcntlArg::F_GETPIPE_SZ).is_ok_and(|size| size < LARGE)
        && fcntl(fd, FcntlArg::F_SETPIPE_SZ(LARGE)).is_ok()
}

impl AsFd for Pipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Makes reads of `fd` return at once. Its open file description is ours alone; the writing end of
/// a pipe or pseudo-terminal has a description of its own and stays as it is.
///
/// # Errors
/// The kernel refused; then `fd` cannot be read without blocking.
pub(super) fn set_non_blocking(fd: &OwnedFd) -> nix::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).map(drop)
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

mod request {
    //! The one ioctl used here, in a module of its own because the macro writes no documentation.
    nix::ioctl_read_bad!(fionread, nix::libc::FIONREAD, nix::libc::c_int);
}
use request::fionread;
