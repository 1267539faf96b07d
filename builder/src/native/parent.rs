//! This process while a container runs: passes signals in and the exit code out, lends the
//! terminal.

use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{self, SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgrp, isatty, setpgid, tcgetpgrp, tcsetpgrp};

use super::idmap::IdMap;
use super::plan::Plan;
use super::{child, namespaces};
use crate::error::{Context as _, Kind, Result};

/// Signals that are passed on to the container.
const FORWARDED: [Signal; 8] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
    Signal::SIGCONT,
];

/// Starts the container and stays until it ends.
pub fn run(plan: &Plan) -> Result<u8> {
    let signals = take_signals()?;
    let map = IdMap::choose(&plan.user);
    let mut started = namespaces::start(plan.isolated, &|ready| {
        let Err(failure) = child::become_program(plan, &map, ready);
        Err(failure)
    })?;
    let child = started.child;
    let mut terminal = match map.write(child) {
        Ok(()) => Terminal::lend(child),
        Err(failure) => {
            started.abandon();
            return Err(failure);
        }
    };
    let failed = started.go().and_then(|()| started.answer());
    let code = wait(child, &signals, &mut terminal);
    terminal.take_back();
    // No answer is the best one: the child has become another program.
    failed.and(code)
}

/// Blocks the signals that concern the container and has them delivered through a descriptor.
fn take_signals() -> Result<SignalFd> {
    let doing = || "cannot take over signals";
    let mut set = SigSet::empty();
    for signal in FORWARDED.into_iter().chain([Signal::SIGCHLD]) {
        set.add(signal);
    }
    // Taking the terminal back from the background would stop this process otherwise.
    let mut blocked = set;
    blocked.add(Signal::SIGTTOU);
    signal::sigprocmask(SigmaskHow::SIG_BLOCK, Some(&blocked), None)
        .or_fail(Kind::System, doing)?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC).or_fail(Kind::System, doing)
}

/// Passes signals on until the container has ended.
fn wait(child: Pid, signals: &SignalFd, terminal: &mut Terminal) -> Result<u8> {
    let doing = || "cannot wait for the container";
    let mut last: Option<(u32, u32, Instant)> = None;
    loop {
        // SIGCHLD merges: everything that has happened is asked for each time.
        loop {
            match waitpid(child, Some(WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED)) {
                Ok(WaitStatus::Exited(_, code)) => return Ok(u8::try_from(code).unwrap_or(1)),
                Ok(WaitStatus::Signaled(_, signal, _)) => {
                    return Ok(128_u8.wrapping_add(signal as u8));
                }
                Ok(WaitStatus::Stopped(..)) => terminal.suspend(child),
                Ok(_) => break,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error).or_fail(Kind::System, doing),
            }
        }
        match signals.read_signal() {
            Ok(Some(info)) => {
                let said = (info.ssi_signo, info.ssi_pid, Instant::now());
                if last.is_some_and(|before| is_echo(before, said)) {
                    continue;
                }
                if said.0 != Signal::SIGCHLD as u32 {
                    last = Some(said);
                }
                let signal = i32::try_from(info.ssi_signo).ok().and_then(|n| n.try_into().ok());
                match signal {
                    Some(Signal::SIGCHLD) | None => {}
                    Some(Signal::SIGCONT) => terminal.resume(child),
                    // It may have ended in this moment.
                    Some(signal) => {
                        let _ = signal::kill(child, signal);
                    }
                }
            }
            Ok(None) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).or_fail(Kind::System, doing),
        }
    }
}

/// Whether a signal is the one before it said twice. `timeout` and many runners of jobs signal a
/// process and in the same breath its group; to the container a second signal means to kill.
fn is_echo(before: (u32, u32, Instant), said: (u32, u32, Instant)) -> bool {
    const BREATH: Duration = Duration::from_millis(20);
    (before.0, before.1) == (said.0, said.1) && said.2 - before.2 < BREATH
}

/// The terminal this process was started from, when it is in its foreground.
struct Terminal {
    lent: bool,
}

impl Terminal {
    /// Makes the child a process group of its own and, when this process has the terminal, the
    /// terminal's foreground: what is typed then reaches the container and nothing else.
    fn lend(child: Pid) -> Self {
        let _ = setpgid(child, child);
        let stdin = std::io::stdin();
        let ours = isatty(stdin.as_fd()).unwrap_or(false)
            && tcgetpgrp(stdin.as_fd()).is_ok_and(|group| group == getpgrp());
        Self { lent: ours && tcsetpgrp(stdin.as_fd(), child).is_ok() }
    }

    fn take_back(&self) {
        if self.lent {
            let _ = tcsetpgrp(std::io::stdin().as_fd(), getpgrp());
        }
    }

    /// The container was stopped (Ctrl-Z): stop, too, so that the user's shell takes over.
    fn suspend(&self, child: Pid) {
        self.take_back();
        let _ = signal::raise(Signal::SIGSTOP);
        self.resume(child);
    }

    /// The user's shell has brought this process back (`fg`).
    fn resume(&self, child: Pid) {
        let stdin = std::io::stdin();
        if self.lent && tcgetpgrp(stdin.as_fd()).is_ok_and(|group| group == getpgrp()) {
            let _ = tcsetpgrp(stdin.as_fd(), child);
        }
        let _ = signal::killpg(child, Signal::SIGCONT);
    }
}
