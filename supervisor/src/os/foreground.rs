//! The plain init of one command: passes signals on, reaps orphans, and lends it the terminal.

use std::os::fd::{AsFd, BorrowedFd, RawFd};

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{self, getpgrp, getsid, tcgetpgrp, tcsetpgrp};

use super::init::Surroundings;
use super::kill::{self, Pid};
use super::reap::{self, Next};
use super::signal::{self, Signals};
use super::spawn::{self, Launch, Place, SpawnError};
use super::strays;
use crate::machine::RunEnd;
use crate::spec::Signal;

/// What SIGTERM means to the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTerminate {
    /// It gets it as it is.
    PassOn,
    /// It gets SIGHUP: an interactive shell ignores SIGTERM, and ends itself and its jobs when its
    /// terminal hangs up, which is what the end of a container is to it.
    HangUp,
}

/// Why the command could not be run.
#[derive(Debug)]
pub enum Failure {
    /// The kernel refused what we need ourselves.
    Own(std::io::Error),
    /// The command could not be started.
    Spawn(SpawnError),
}

/// Runs a command to its end and tells how it ended. The launch's place is chosen here: a group of
/// its own, which the terminal is lent to when we have it.
///
/// As PID 1 the processes it left behind are ended before this returns, see [`strays`]; otherwise
/// they are left alone, as a shell leaves alone what was put into the background.
///
/// # Errors
/// The command was not started.
pub fn run(
    launch: &Launch<'_>,
    on_terminate: OnTerminate,
    surroundings: &Surroundings,
) -> Result<RunEnd, Failure> {
    let mut signals = Signals::catch(&signal::not_personal()).map_err(Failure::Own)?;
    let terminal = controlling_terminal();
    let place = match terminal {
        Some(terminal) if foreground_of(terminal) == Some(getpgrp().as_raw()) => {
            Place::Foreground { terminal }
        }
        _ => Place::Group,
    };
    let pid = spawn::spawn(&Launch { place, ..*launch }).map_err(Failure::Spawn)?;
    let lent = Lent { terminal, pid };
    let end = attend(pid, on_terminate, &lent, surroundings, &mut signals);
    lent.take_back();
    if surroundings.is_init {
        strays::sweep(surroundings, &mut signals);
    }
    Ok(end)
}

fn attend(
    pid: Pid,
    on_terminate: OnTerminate,
    lent: &Lent,
    surroundings: &Surroundings,
    signals: &mut Signals,
) -> RunEnd {
    loop {
        // Taken before reaping, so that a child that ends after the last look wakes the poll.
        for signal in signals.take() {
            // A shell may have brought us from the background, with the terminal.
            if signal.number() == libc::SIGCONT {
                lent.lend();
            }
            pass_on(pid, signal, on_terminate);
        }
        loop {
            match reap::next() {
                Next::Reaped(child) if child.pid == pid => return child.end,
                Next::Reaped(_) => {}
                Next::NoneEnded | Next::NoChildren => break,
            }
        }
        while let Some((stopped, _)) = reap::next_stopped() {
            if stopped == pid {
                lent.stop_with_it(surroundings);
            }
        }
        // An interrupted wait is a signal, which is looked at next.
        let _ = poll(&mut [PollFd::new(signals.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE);
    }
}

fn pass_on(pid: Pid, signal: Signal, on_terminate: OnTerminate) {
    match (signal, on_terminate) {
        (Signal::TERM, OnTerminate::HangUp) => {
            if let Some(hang_up) = Signal::from_number(libc::SIGHUP) {
                kill::process(pid, hang_up);
            }
            // The shell may be stopped, waiting to be brought to the foreground.
            kill::wake(pid);
        }
        _ => kill::process(pid, signal),
    }
}

/// The controlling terminal, which the command's process group borrows while it is ours.
struct Lent {
    terminal: Option<RawFd>,
    pid: Pid,
}

impl Lent {
    /// The command was stopped by job control. Where a shell waits for us, we stop as well, so
    /// that it takes the job for stopped, and go on when it continues us. Where nobody could ever
    /// bring the command back, as in a container, it goes on at once.
    fn stop_with_it(&self, surroundings: &Surroundings) {
        let Some(terminal) = self.terminal else { return };
        let nobody_waits = surroundings.is_init || getsid(None) == Ok(unistd::getpid());
        if nobody_waits {
            self.lend();
            // In the background it would use the terminal and be stopped again, without end.
            if foreground_of(terminal) != Some(self.pid.number()) {
                return;
            }
        } else {
            self.take_back();
            // SAFETY: the call takes numbers only. Our whole group stops, as it would have if the
            // terminal had been ours; the call returns when we are continued.
            unsafe { libc::kill(0, libc::SIGSTOP) };
            self.lend();
        }
        if let Some(signal) = Signal::from_number(libc::SIGCONT) {
            kill::group(self.pid, signal);
        }
    }

    fn take_back(&self) {
        self.hand_over(self.pid.number(), getpgrp().as_raw());
    }

    fn lend(&self) {
        self.hand_over(getpgrp().as_raw(), self.pid.number());
    }

    /// Changes the terminal's foreground group, unless somebody else has got it meanwhile.
    fn hand_over(&self, from: i32, to: i32) {
        let Some(terminal) = self.terminal else { return };
        if foreground_of(terminal) == Some(from) {
            // A terminal that has hung up cannot be handed over, and need not.
            let _ = tcsetpgrp(standard(terminal), nix::unistd::Pid::from_raw(to));
        }
    }
}

/// The controlling terminal, when one of our standard descriptors is open on it.
fn controlling_terminal() -> Option<RawFd> {
    [0, 1, 2].into_iter().find(|number| foreground_of(*number).is_some())
}

/// The group in the foreground of a terminal; `None` when it is not our controlling terminal.
fn foreground_of(number: RawFd) -> Option<i32> {
    tcgetpgrp(standard(number)).ok().map(nix::unistd::Pid::as_raw)
}

/// One of the descriptors 0 to 2.
fn standard(number: RawFd) -> BorrowedFd<'static> {
    // SAFETY: descriptors 0 to 2 stay open for the life of the program.
    unsafe { BorrowedFd::borrow_raw(number) }
}
