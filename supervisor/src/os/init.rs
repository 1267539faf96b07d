//! What an init owes the system before its first child, and what it found there.
//!
//! Descriptors 0, 1 and 2 are always open from here on: the standard library opens `/dev/null` in
//! the place of missing ones before `main`.

use std::fs::File;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, pthread_sigmask, signal};
use nix::unistd::pipe2;

use super::proc::ProcFs;

/// What was found, and what had to be done without.
#[derive(Debug)]
pub struct Surroundings {
    /// Whether we are the init of a PID namespace.
    pub is_init: bool,
    /// Whether orphans among our descendants become our children.
    pub adopts: bool,
    /// The process table, when there is one to be believed.
    pub proc: Option<ProcFs>,
    /// The limit of open descriptors we were started with, when it has been raised for us.
    pub descriptors: Option<libc::rlimit>,
    /// Sentences for people about what is missing and what that means.
    pub missing: Vec<String>,
}

/// Does an init's duties; to be called once, before any thread or child exists.
///
/// None of them is worth refusing to start: what cannot be had is told in
/// [`Surroundings::missing`].
#[must_use]
pub fn set_up() -> Surroundings {
    accept_signals();
    let is_init = std::process::id() == 1;
    let mut missing = Vec::new();
    let adopts = is_init || adopt_orphans(&mut missing);
    let proc = ProcFs::open()
        .map_err(|why| {
            missing.push(format!(
                "cannot use /proc: {why}; processes that leave their session are not followed"
            ));
        })
        .ok();
    Surroundings { is_init, adopts, proc, descriptors: None, missing }
}

/// Makes sure no child inherits a descriptor by accident. Not for the init of one command, which
/// may have been given descriptors to hand on.
pub fn keep_descriptors_to_ourselves() {
    const CLOSE_ON_EXEC: libc::c_uint = 4;
    // SAFETY: the calls take numbers only and change a flag of descriptors; none is closed, and one
    // that is closed meanwhile is refused.
    unsafe {
        from(3, CLOSE_ON_EXEC, |number| {
            libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC);
        });
    }
}

/// Closes every descriptor from this number on.
///
/// # Safety
/// Nobody in this process uses any of them ever again.
pub unsafe fn close_from(first: libc::c_uint) {
    // SAFETY: forwarded from the caller. One that is not open is refused.
    unsafe {
        from(first, 0, |number| {
            libc::close(number);
        });
    }
}

/// Does something to all descriptors from a number on: at once, or one by one in Linux before 5.11 and
/// in sandboxes that do not know the call.
///
/// # Safety
/// As what is done.
unsafe fn from(first: libc::c_uint, flags: libc::c_uint, one: impl FnMut(i32)) {
    // SAFETY: the call takes numbers only.
    if unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, flags) } == 0 {
        return;
    }
    let Ok(directory) = std::fs::read_dir("/proc/self/fd") else { return };
    let number = |name: std::ffi::OsString| name.to_str()?.parse::<u32>().ok();
    let numbers = directory.filter_map(|entry| number(entry.ok()?.file_name()));
    let numbers: Vec<u32> = numbers.filter(|number| *number >= first).collect();
    numbers.into_iter().filter_map(|number| i32::try_from(number).ok()).for_each(one);
}

/// Raises the limit of open descriptors as far as allowed, because each process costs one of ours,
/// and returns what it was. Children are given that back: with a high limit programs that close
/// every descriptor there could be take forever, and those that use `select` break.
#[must_use]
pub fn raise_descriptor_limit() -> Option<libc::rlimit> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).ok()?;
    Some(libc::rlimit { rlim_cur: soft, rlim_max: hard })
}

/// Something to read from that is at its end: the standard input of every process.
///
/// # Errors
/// No descriptor is left.
pub fn empty_input() -> Result<OwnedFd, Errno> {
    match File::open("/dev/null") {
        Ok(null) => Ok(null.into()),
        // A root without `/dev`: a pipe that nobody can write to is at its end as well.
        Err(_) => pipe2(OFlag::O_CLOEXEC).map(|(reader, _)| reader),
    }
}

/// Undoes what the parent may have blocked, and ignores what would only stop or end us: writing to
/// a reader that is gone or to a file that may not grow, and using the terminal from the background.
fn accept_signals() {
    // None of these can fail with constant arguments.
    let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
    for number in [Signal::SIGPIPE, Signal::SIGXFSZ, Signal::SIGTTIN, Signal::SIGTTOU] {
        // SAFETY: ignoring a signal installs no handler, so there is none that could be unsafe.
        let _ = unsafe { signal(number, SigHandler::SigIgn) };
    }
}

fn adopt_orphans(missing: &mut Vec<String>) -> bool {
    let answer = prctl::set_child_subreaper(true);
    if let Err(errno) = answer {
        missing.push(format!(
            "cannot become a child subreaper: {}; orphans are left to another process",
            errno.desc()
        ));
    }
    answer.is_ok()
}
