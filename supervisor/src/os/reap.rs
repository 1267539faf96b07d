//! The one reaper: no other code of this program waits for a child.
//!
//! SIGCHLD says only that something ended; signals of one kind merge, so nothing is counted from
//! it. Whoever is woken by it asks here until nobody is left to be reaped.

use nix::libc;

use super::kill::Pid;
use crate::machine::RunEnd;

/// A child that has ended and is now gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reaped {
    /// Its process id, free to be used again from now on.
    pub pid: Pid,
    /// How it ended.
    pub end: RunEnd,
}

/// What there is to reap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// This child, now reaped.
    Reaped(Reaped),
    /// Children live, none has ended.
    NoneEnded,
    /// No child is left.
    NoChildren,
}

/// Reaps one child that has ended, be it one of ours or an orphan the kernel gave to us.
///
/// Never blocks.
pub fn next() -> Next {
    loop {
        match wait(libc::P_ALL, 0, libc::WEXITED | libc::WNOHANG) {
            Ok(Some(Change { pid, what: What::Ended(end) })) => {
                return Next::Reaped(Reaped { pid, end });
            }
            Ok(Some(Change { what: What::Stopped(_), .. })) => {}
            Ok(None) => return Next::NoneEnded,
            Err(libc::EINTR) => {}
            Err(_) => return Next::NoChildren,
        }
    }
}

/// Reaps every child that has ended, in the order the kernel gives them.
#[must_use]
pub fn all() -> Vec<Reaped> {
    let mut ended = Vec::new();
    while let Next::Reaped(reaped) = next() {
        ended.push(reaped);
    }
    ended
}

/// Tells of one child that was stopped by job control since the last call.
///
/// Returns the process and the number of the signal that stopped it. Never blocks.
#[must_use]
pub fn next_stopped() -> Option<(Pid, i32)> {
    loop {
        match wait(libc::P_ALL, 0, libc::WSTOPPED | libc::WNOHANG) {
            Ok(Some(Change { pid, what: What::Stopped(signal) })) => return Some((pid, signal)),
            Ok(Some(_)) | Err(libc::EINTR) => {}
            Ok(None) | Err(_) => return None,
        }
    }
}

/// Waits for one child and tells how it ended; `None`: it is not ours to wait for. As it blocks, it is
/// for one that is known to end within no time, as it failed before `exec`, or for a process that has
/// nothing else to do.
pub fn end_of(pid: Pid) -> Option<RunEnd> {
    let id = libc::id_t::try_from(pid.number()).ok()?;
    loop {
        match wait(libc::P_PID, id, libc::WEXITED) {
            Ok(Some(Change { what: What::Ended(end), .. })) => return Some(end),
            Ok(_) | Err(libc::EINTR) => {}
            Err(_) => return None,
        }
    }
}

struct Change {
    pid: Pid,
    what: What,
}

enum What {
    Ended(RunEnd),
    Stopped(i32),
}

/// `waitid(2)` by hand: the wrapper of the `nix` crate refuses, after the child is already reaped,
/// a death by a real-time signal, whose number it does not know.
fn wait(
    whom: libc::idtype_t,
    id: libc::id_t,
    flags: libc::c_int,
) -> Result<Option<Change>, libc::c_int> {
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: `info` has room for one `siginfo_t`, which the kernel fills in.
    let result = unsafe { libc::waitid(whom, id, info.as_mut_ptr(), flags) };
    if result != 0 {
        return Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::ECHILD));
    }
    // SAFETY: all zeroes is a valid `siginfo_t`, and the kernel may have filled in more.
    let info = unsafe { info.assume_init() };
    // SAFETY: `waitid` either left these fields zero or filled them in.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    let Some(pid) = Pid::new(pid) else { return Ok(None) };
    let number = u8::try_from(status & 0xff).unwrap_or(u8::MAX);
    let what = match info.si_code {
        libc::CLD_EXITED => What::Ended(RunEnd::Code(number)),
        libc::CLD_STOPPED | libc::CLD_TRAPPED => What::Stopped(status),
        _ => What::Ended(RunEnd::Signal(number)),
    };
    Ok(Some(Change { pid, what }))
}
