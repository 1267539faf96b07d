//! This process while a container runs: passes signals in and the exit code out, lends the
//! terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, clone};
use nix::sys::signal::{self, SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, close, getpgrp, isatty, pipe2, setpgid, tcgetpgrp, tcsetpgrp};

use super::child;
use super::idmap::IdMap;
use super::plan::Plan;
use crate::error::{Context as _, Failure, Kind, Result};

/// The child's stack until it becomes another program; only what is touched takes memory.
const STACK: usize = 8 * 1024 * 1024;

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
    let (ready_read, ready_write) = pipe()?;
    let (error_read, error_write) = pipe()?;
    let child = start(plan, &map, &ready_read, &ready_write, &error_read, &error_write)?;
    drop(ready_read);
    drop(error_write);

    let started = map.write(child).and_then(|()| {
        let terminal = Terminal::lend(child);
        File::from(ready_write)
            .write_all(b"\n")
            .or_fail(Kind::System, || "cannot start the container")?;
        Ok(terminal)
    });
    let mut terminal = match started {
        Ok(terminal) => terminal,
        Err(failure) => {
            // The child finds the pipe closed and ends by itself, with a message nobody reads.
            let _ = waitpid(child, None);
            return Err(failure);
        }
    };
    let failed = receive(error_read);
    let code = wait(child, &signals, &mut terminal);
    terminal.take_back();
    match failed {
        Some(failure) => Err(failure),
        None => code,
    }
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

fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    pipe2(OFlag::O_CLOEXEC).or_fail(Kind::System, || "cannot make a pipe")
}

fn start(
    plan: &Plan,
    map: &IdMap,
    ready_read: &OwnedFd,
    ready_write: &OwnedFd,
    error_read: &OwnedFd,
    error_write: &OwnedFd,
) -> Result<Pid> {
    let flags = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC;
    let mut stack = vec![0; STACK];
    let in_child = Box::new(|| -> isize {
        // The child has copies of all four ends; the parent's must go, or neither side would
        // ever see the other one's end.
        let _ = close(ready_write.as_raw_fd());
        let _ = close(error_read.as_raw_fd());
        let ready = match ready_read.try_clone() {
            Ok(ready) => File::from(ready),
            Err(_) => return 1,
        };
        let Err(failure) = child::become_program(plan, map, ready);
        send(error_write, &failure);
        1
    });
    // SAFETY: this process has one thread, so the child may allocate and lock as it likes; it
    // shares no memory with the parent (no CLONE_VM), and its stack outlives the call.
    let child = unsafe { clone(in_child, &mut stack, flags, Some(Signal::SIGCHLD as i32)) };
    child.map_err(|error| {
        let failure = Failure::new(Kind::System, format!("cannot make namespaces: {error}"));
        match error {
            Errno::EPERM | Errno::EACCES => failure.hint(
                "the system forbids user namespaces to you; see the sysctls \
                 kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns, \
                 or use --engine docker",
            ),
            Errno::ENOSPC | Errno::EUSERS => {
                failure.hint("too many namespaces: raise the sysctl user.max_user_namespaces")
            }
            _ => failure,
        }
    })
}

/// Tells the parent why the program was not started: exit code, message and hint.
fn send(pipe: &OwnedFd, failure: &Failure) {
    let report = serde_json::json!([failure.code(), failure.message(), failure.way_out()]);
    if let Ok(pipe) = pipe.try_clone() {
        let _ = File::from(pipe).write_all(report.to_string().as_bytes());
    }
}

/// Waits until the child has become another program, or has said why not.
fn receive(pipe: OwnedFd) -> Option<Failure> {
    let mut report = String::new();
    File::from(pipe).read_to_string(&mut report).ok()?;
    let (code, message, hint): (u8, String, Option<String>) = serde_json::from_str(&report).ok()?;
    let failure = Failure::new(Kind::from_code(code), message);
    Some(match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    })
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
