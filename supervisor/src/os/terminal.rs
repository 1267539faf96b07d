//! A terminal for a process whose output is read by us: colours and progress for programs that show
//! them only to a terminal.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::Mode;
use nix::sys::termios::{LocalFlags, OutputFlags, SetArg, tcgetattr, tcsetattr};

/// What it says of its size where we have no terminal ourselves.
const SIZE: libc::winsize = libc::winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };

/// The size of the terminal we write to, or are started from; `None` where there is none, or it says
/// nothing of its size, as one that nobody has attached to yet.
fn our_size() -> Option<libc::winsize> {
    let sizes = [1, 2, 0].into_iter().filter_map(size_of);
    sizes.into_iter().find(|size| size.ws_row > 0 && size.ws_col > 0)
}

fn size_of(terminal: RawFd) -> Option<libc::winsize> {
    let mut size = SIZE;
    // SAFETY: the kernel writes one size to where the pointer says.
    let asked = unsafe { libc::ioctl(terminal, libc::TIOCGWINSZ, &raw mut size) };
    (asked == 0).then_some(size)
}

/// Gives a terminal of ours the size of the one we are on, and says whether it had another one: then
/// the kernel has sent WINCH to whoever has it in the foreground.
pub fn follow(ours: &OwnedFd) -> bool {
    let (Some(new), Some(old)) = (our_size(), size_of(ours.as_raw_fd())) else { return false };
    // SAFETY: the kernel reads one size from where the pointer says.
    let set = unsafe { libc::ioctl(ours.as_raw_fd(), libc::TIOCSWINSZ, &raw const new) };
    let of = |size: &libc::winsize| [size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel];
    set == 0 && of(&new) != of(&old)
}

/// Makes a pseudo-terminal: our end, and the process's end.
///
/// Lines come out of it as they are written, without a carriage return in front of each end, and
/// nothing is echoed: nobody types.
///
/// # Errors
/// There is no `/dev/ptmx`, or no terminal or descriptor is left.
pub fn open_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let ours =
        open("/dev/ptmx", OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC, Mode::empty())?;
    let unlocked: libc::c_int = 0;
    let size = our_size().unwrap_or(SIZE);
    // SAFETY: the kernel reads one number, and one size, from where the pointers say.
    unsafe {
        done(libc::ioctl(ours.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked))?;
        done(libc::ioctl(ours.as_raw_fd(), libc::TIOCSWINSZ, &raw const size))?;
    }
    // Opened through our end and not by its name, which may stand in another mount namespace.
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: the call takes numbers and returns a descriptor that nobody else knows.
    let theirs = unsafe {
        let number = libc::ioctl(ours.as_raw_fd(), libc::TIOCGPTPEER, flags);
        OwnedFd::from_raw_fd(done(number)?)
    };
    let mut modes = tcgetattr(&theirs)?;
    modes.output_flags.remove(OutputFlags::ONLCR);
    modes.local_flags.remove(LocalFlags::ECHO);
    tcsetattr(&theirs, SetArg::TCSANOW, &modes)?;
    Ok((ours, theirs))
}

fn done(result: RawFd) -> io::Result<RawFd> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn what_goes_in_comes_out_as_it_is() {
        let (ours, theirs) = open_pair().expect("a terminal");
        assert!(nix::unistd::isatty(&theirs).expect("it can be asked"));
        // The tests may run on a terminal or on none.
        let want = our_size().unwrap_or(SIZE);
        let size = size_of(theirs.as_raw_fd()).expect("it has one");
        assert_eq!((size.ws_row, size.ws_col), (want.ws_row, want.ws_col));
        assert!(!follow(&ours), "it has that size already");
        File::from(theirs).write_all(b"one\ntwo\r\n").expect("room");
        let mut read = [0; 64];
        let count = File::from(ours).read(&mut read).expect("something to read");
        assert_eq!(read.get(..count), Some(b"one\ntwo\r\n".as_slice()));
    }
}
