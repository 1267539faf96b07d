//! What a container gets of the files that are open here: its input and its outputs, and nothing else.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt as _;

use nix::libc;
use nix::sys::stat::{SFlag, fstat};
use nix::sys::statfs::{FsType, fstatfs};
use nix::unistd::{Gid, Uid, fchown, isatty};

use super::idmap::IdMap;
use super::user::User;
use crate::error::{Context as _, Kind, Result};

/// The first descriptor that is neither input nor output.
const FIRST: RawFd = 3;

/// The file system of pipes without a name (`linux/magic.h`).
const PIPES: FsType = FsType(0x5049_5045);

/// Has everything closed but input and outputs once this process becomes another program. Whoever
/// started this program may have left files of the host open, which no mount keeps out of reach.
///
/// # Errors
/// When they cannot be closed: a program must not run with them then.
pub fn close_others() -> Result<()> {
    // SAFETY: the call takes numbers only, and closes nothing yet.
    let closed = unsafe {
        libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC)
    };
    if closed == 0 {
        return Ok(());
    }
    // Before Linux 5.11.
    one_by_one().or_fail(Kind::System, || "cannot close what the container is not to have")
}

fn one_by_one() -> io::Result<()> {
    for entry in fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<RawFd>().ok()) else {
            continue;
        };
        // SAFETY: the call takes numbers only. The one of the listing itself may be gone.
        if number >= FIRST && unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
            let error = io::Error::last_os_error();
            if error.raw_os_error() != Some(libc::EBADF) {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Terminals that belong to the container's user meanwhile; given back when dropped.
#[derive(Debug)]
pub struct Given {
    terminals: Vec<(OwnedFd, Uid, Uid)>,
}

/// Gives input and outputs to the container's user, as other engines do: `/dev/stdout` opens the file
/// again, which takes more than having it. Only pipes without a name and terminals are given, never files
/// and pipes of the host that something was redirected to.
pub fn give(map: &IdMap, user: &User) -> Given {
    let mut terminals = Vec::new();
    let wanted = Uid::from_raw(user.uid);
    // With a single user, they are that user's already. Root needs no permission.
    if *map == IdMap::Identity && !wanted.is_root() {
        let (input, output, errors) = (io::stdin(), io::stdout(), io::stderr());
        for descriptor in [input.as_fd(), output.as_fd(), errors.as_fd()] {
            let Ok(about) = fstat(descriptor) else { continue };
            let owner = Uid::from_raw(about.st_uid);
            if owner == wanted {
                continue;
            }
            let is_terminal = isatty(descriptor).unwrap_or(false);
            if !is_terminal && !is_nameless_pipe(descriptor, about.st_mode) {
                continue;
            }
            // Where it cannot be given away, only opening it again fails.
            let is_given = fchown(descriptor, Some(wanted), None::<Gid>).is_ok();
            if is_given
                && is_terminal
                && let Ok(copy) = descriptor.try_clone_to_owned()
            {
                terminals.push((copy, owner, wanted));
            }
        }
    }
    Given { terminals }
}

impl Drop for Given {
    fn drop(&mut self) {
        for (terminal, owner, given) in self.terminals.drain(..) {
            let terminal = File::from(terminal);
            // Somebody else may have got it since.
            if terminal.metadata().is_ok_and(|about| about.uid() == given.as_raw()) {
                let _ = fchown(terminal.as_fd(), Some(owner), None::<Gid>);
            }
        }
    }
}

fn is_nameless_pipe(descriptor: BorrowedFd<'_>, mode: libc::mode_t) -> bool {
    mode & SFlag::S_IFMT.bits() == SFlag::S_IFIFO.bits()
        && fstatfs(descriptor).is_ok_and(|about| about.filesystem_type() == PIPES)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn a_pipe_of_the_file_system_is_somebodys() {
        let (nameless, _writer) = io::pipe().unwrap();
        let mode = fstat(nameless.as_fd()).unwrap().st_mode;
        assert!(is_nameless_pipe(nameless.as_fd(), mode));
        let world = tempfile::tempdir().unwrap();
        let path = world.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let named = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mode = fstat(named.as_fd()).unwrap().st_mode;
        assert!(!is_nameless_pipe(named.as_fd(), mode));
        let file = File::create(world.path().join("file")).unwrap();
        assert!(!is_nameless_pipe(file.as_fd(), fstat(file.as_fd()).unwrap().st_mode));
    }

    #[test]
    fn without_the_call_every_descriptor_is_found() {
        // One that a program would keep: nobody else in this process closes or looks at it.
        // SAFETY: duplicating a descriptor changes none that is there.
        let kept = unsafe { libc::dup(io::stdin().as_raw_fd()) };
        assert!(kept >= FIRST);
        let flags = |number| {
            // SAFETY: the call takes numbers only.
            unsafe { libc::fcntl(number, libc::F_GETFD) }
        };
        assert_eq!(flags(kept), 0);
        one_by_one().unwrap();
        assert_eq!(flags(kept), libc::FD_CLOEXEC);
    }
}
