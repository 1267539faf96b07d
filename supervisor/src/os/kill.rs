//! Sending signals: to one process, or to a whole process group.
//!
//! A target that is gone is not an error here: it may end at any moment, and that it did is learnt
//! from the reaper. What else can go wrong (no permission, after a child changed its user) cannot
//! be helped and shows in the process living on, which the machine has deadlines for.

use nix::libc;

use crate::spec::Signal;

/// A process id that stands for exactly one process: greater than 1.
///
/// 0, -1 and 1 mean "my group", "everybody" and "the init process" to `kill(2)`; a number that
/// went wrong must never get there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pid(i32);

impl Pid {
    /// From what the kernel returned; `None` for numbers with a special meaning.
    #[must_use]
    pub fn new(number: i32) -> Option<Self> {
        (number > 1).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0
    }
}

impl std::fmt::Display for Pid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Sends a signal to one process.
pub fn process(pid: Pid, signal: Signal) {
    send(pid.0, signal.number());
}

/// Sends a signal to every process of the group this process leads or led.
pub fn group(leader: Pid, signal: Signal) {
    send(-leader.0, signal.number());
}

/// Lets a process go on that job control had stopped.
pub fn wake(pid: Pid) {
    send(pid.0, libc::SIGCONT);
}

/// Whether any process of the group is left; a zombie that nobody has reaped counts.
#[must_use]
pub fn group_exists(leader: Pid) -> bool {
    // Signal 0 only looks. EPERM says that somebody is there who may not be signalled.
    send(-leader.0, 0) || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

/// Sends a signal to every process of the PID namespace except its init, which the caller must be.
///
/// For the init of a container that has no `/proc` to find its processes in.
pub fn everybody_else(signal: Signal) {
    if std::process::id() == 1 {
        send(-1, signal.number());
    }
}

fn send(target: i32, number: i32) -> bool {
    // SAFETY: `kill` takes two numbers and touches no memory of ours.
    unsafe { libc::kill(target, number) == 0 }
}
