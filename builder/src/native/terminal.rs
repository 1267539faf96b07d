//! The terminal this program is used at, and whose it is while a container runs.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};

use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use nix::unistd::{Pid, getpgrp, isatty, setpgid, tcgetpgrp, tcsetpgrp};

/// The terminal, as far as it concerns a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// There is none, or others use it: this program was started in the background.
    Elsewhere,
    /// Input is the terminal and output is not: somebody behind a pipe may use it as well. The container
    /// is in the process group of the pipe's programs, so that all get what is typed.
    Shared,
    /// Input and output are the terminal, and the container gets it whenever this program has it.
    Ours {
        /// Whether the container has it.
        lent: bool,
    },
}

impl Terminal {
    /// Makes the child a process group of its own unless it shares the terminal, and when this process
    /// has the terminal, the terminal's foreground: what is typed then reaches the container and
    /// nothing else.
    pub fn lend(child: Pid) -> Self {
        let input = io::stdin();
        let is_terminal = |descriptor: BorrowedFd<'_>| isatty(descriptor).unwrap_or(false);
        let mut terminal = match (is_terminal(input.as_fd()), is_terminal(io::stdout().as_fd())) {
            (true, true) => Self::Ours { lent: false },
            (true, false) if is_here() => Self::Shared,
            _ => Self::Elsewhere,
        };
        if terminal != Self::Shared {
            let _ = setpgid(child, child);
        }
        terminal.lend_now(child);
        terminal
    }

    /// Lends the terminal when it may be and this process has it; whether it did.
    fn lend_now(&mut self, child: Pid) -> bool {
        let Self::Ours { lent } = self else { return false };
        let lends = is_here() && tcsetpgrp(io::stdin(), child).is_ok();
        *lent |= lends;
        lends
    }

    /// Whether this process may get the terminal without being told: a shell that brings a job to the
    /// foreground wakes it only when it was stopped.
    pub fn is_awaited(self) -> bool {
        self == Self::Ours { lent: false }
    }

    /// Lends a terminal that has been waited for.
    pub fn look(&mut self, child: Pid) {
        if self.is_awaited() && self.lend_now(child) {
            wake(child);
        }
    }

    /// Whether the terminal itself sends the container what is typed, as it does this process.
    pub fn is_shared(self) -> bool {
        self == Self::Shared
    }

    /// Has the terminal back when the container has ended, unless somebody uses it meanwhile: it may have
    /// gone on in the background of a shell.
    pub fn take_back(self) {
        let input = io::stdin();
        let is_left = tcgetpgrp(&input).is_ok_and(|group| {
            signal::killpg(group, None).is_err_and(|error| error == Errno::ESRCH)
        });
        if self != Self::Elsewhere && is_left {
            let _ = tcsetpgrp(&input, getpgrp());
        }
    }

    /// The container was stopped (Ctrl-Z): stop, too, so that the user's shell takes over.
    pub fn suspend(&mut self, child: Pid) {
        if let Self::Ours { lent: lent @ true } = self {
            let _ = tcsetpgrp(io::stdin(), getpgrp());
            *lent = false;
        }
        let _ = signal::raise(Signal::SIGSTOP);
        self.resume(child);
    }

    /// The user's shell has brought this process back (`fg`, `bg`).
    pub fn resume(&mut self, child: Pid) {
        self.lend_now(child);
        wake(child);
    }
}

/// Lets the container go on: its first process, and what is in its group where it has one.
fn wake(child: Pid) {
    if signal::killpg(child, Signal::SIGCONT).is_err() {
        let _ = signal::kill(child, Signal::SIGCONT);
    }
}

/// Whether this process has the terminal that its input is.
fn is_here() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
}
