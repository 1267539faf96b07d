//! What a program costs: time, processor and memory.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What a run of a program took, with all it waited for.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// From start to end.
    pub took: Duration,
    /// Of all cores, for the program and the kernel on its behalf.
    pub processor: Duration,
    /// The most memory it had, in kB.
    pub memory_kb: i64,
}

/// The most memory that work on an image may take, whatever the image's size.
pub const MEMORY_KB: i64 = 128 * 1024;

/// The run that took neither longest nor shortest.
pub fn median(runs: &[Usage]) -> Usage {
    let mut runs = runs.to_vec();
    runs.sort_unstable_by_key(|run| run.took);
    runs[runs.len() / 2]
}

/// Waits until all that was written before is on the disk, so that nobody pays for it who comes after.
pub fn settle() {
    nix::unistd::sync();
}

/// Runs a program, its output unseen.
pub fn of(command: &mut Command) -> Usage {
    let began = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let pid = i32::try_from(child.expect("the program runs").id()).expect("a pid is small");
    let mut status = 0;
    // SAFETY: a structure of numbers, for which all bits zero are a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to values of ours that outlive the call; nobody else waits for it.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    let took = began.elapsed();
    assert!(waited == pid && ExitStatus::from_raw(status).success(), "{command:?} failed");
    let processor = duration(usage.ru_utime) + duration(usage.ru_stime);
    Usage { took, processor, memory_kb: usage.ru_maxrss }
}

fn duration(time: libc::timeval) -> Duration {
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec)) + Duration::from_micros(part(time.tv_usec))
}
