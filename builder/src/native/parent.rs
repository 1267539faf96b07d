//! This process while a container runs: passes signals in and the exit code out, lends the
//! terminal.

use std::fs;
use std::os::fd::AsFd as _;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{self, SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::idmap::IdMap;
use super::namespaces::{self, Started};
use super::plan::Plan;
use super::terminal::Terminal;
use super::{child, descriptors};
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

/// Those of them that end a program.
pub const ENDING: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// How often it is looked whether a shell has given this program the terminal. It tells nobody.
const LOOKS: u16 = 200;

/// Starts the container and stays until it ends.
pub fn run(plan: &Plan) -> Result<u8> {
    let signals = take_signals()?;
    let map = IdMap::choose(&plan.user);
    let _given = descriptors::give(&map, &plan.user);
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
    let told = started.go().and_then(|()| told_to_end(&started, &signals));
    if let Ok(Some(_)) = told {
        // There is no program yet that could heed a signal, and nothing that it would have to put in order.
        let _ = signal::kill(child, Signal::SIGKILL);
    }
    let told = told.and_then(|told| started.answer().map(|_| told));
    let code = wait(child, &signals, &mut terminal);
    terminal.take_back();
    match told? {
        Some(signal) => Ok(code_of(signal)),
        // No answer is the best one: the child has become another program.
        None => code,
    }
}

/// Waits until the child has become the container's program, or cannot. The signal by which this program is
/// told to end before: what is passed on to the first process of a namespace that does not expect it is lost.
fn told_to_end(started: &Started, signals: &SignalFd) -> Result<Option<Signal>> {
    let doing = || "cannot wait for the start of the container";
    let Some(answering) = started.answering() else { return Ok(None) };
    loop {
        let watched = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
        let mut watched = [watched(answering), watched(signals.as_fd())];
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(error) => return Err(error).or_fail(Kind::System, doing),
        }
        let [answer, told] = watched.map(|watched| watched.any() == Some(true));
        if answer {
            return Ok(None);
        }
        if told
            && let Some(info) = signals.read_signal().or_fail(Kind::System, doing)?
            && let Some(signal) = told_by(&info).filter(|signal| ENDING.contains(signal))
        {
            return Ok(Some(signal));
        }
    }
}

/// The signal that has come; `None` for one without a name.
fn told_by(info: &siginfo) -> Option<Signal> {
    i32::try_from(info.ssi_signo).ok()?.try_into().ok()
}

/// The exit code of what a signal has ended.
fn code_of(signal: Signal) -> u8 {
    128_u8.wrapping_add(signal as u8)
}

/// Blocks the signals that concern the container and has them delivered through a descriptor.
fn take_signals() -> Result<SignalFd> {
    let doing = || "cannot take over signals";
    let mut set = SigSet::empty();
    for signal in FORWARDED.into_iter().chain([Signal::SIGCHLD]) {
        // What is blocked comes even when it is ignored, and below `nohup` nobody is to hear of it.
        if signal != Signal::SIGHUP || !is_ignored(signal) {
            set.add(signal);
        }
    }
    // Taking the terminal back from the background would stop this process otherwise.
    let mut blocked = set;
    blocked.add(Signal::SIGTTOU);
    signal::sigprocmask(SigmaskHow::SIG_BLOCK, Some(&blocked), None)
        .or_fail(Kind::System, doing)?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC).or_fail(Kind::System, doing)
}

/// Whether this program was started with a signal ignored, as by `nohup`.
pub fn is_ignored(signal: Signal) -> bool {
    // SAFETY: zeros are an action; the call changes nothing, and writes one to where there is room.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal as libc::c_int, std::ptr::null(), &raw mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    }
}

/// Passes signals on until the container has ended.
fn wait(child: Pid, signals: &SignalFd, terminal: &mut Terminal) -> Result<u8> {
    let doing = || "cannot wait for the container";
    let mut last: Option<(u32, u32, Instant)> = None;
    let mut hung_up = false;
    let began = Instant::now();
    loop {
        // SIGCHLD merges: everything that has happened is asked for each time.
        loop {
            match waitpid(child, Some(WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED)) {
                Ok(WaitStatus::Exited(_, code)) => return Ok(u8::try_from(code).unwrap_or(1)),
                Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(code_of(signal)),
                Ok(WaitStatus::Stopped(..)) => terminal.suspend(child),
                Ok(_) => break,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error).or_fail(Kind::System, doing),
            }
        }
        if terminal.is_awaited() {
            let watched = PollFd::new(signals.as_fd(), PollFlags::POLLIN);
            if poll(&mut [watched], PollTimeout::from(LOOKS)).is_ok_and(|ready| ready == 0) {
                terminal.look(child);
                continue;
            }
        }
        match signals.read_signal() {
            Ok(Some(info)) => {
                let said = (info.ssi_signo, info.ssi_pid, Instant::now());
                let signal = told_by(&info);
                // Of others each counts: after the last SIGWINCH the window has its size.
                if signal.is_some_and(|signal| ENDING.contains(&signal)) {
                    if last.is_some_and(|before| is_echo(before, said)) {
                        continue;
                    }
                    last = Some(said);
                }
                match signal {
                    Some(Signal::SIGCHLD) | None => {}
                    Some(Signal::SIGCONT) => terminal.resume(child),
                    // The terminal is gone, or the session is over. Both this program and the container
                    // may be told, and by several: to the container a second time means to kill.
                    Some(Signal::SIGHUP) if hung_up => {}
                    Some(Signal::SIGHUP) => {
                        hung_up = true;
                        pass_on(child, Signal::SIGTERM, began);
                    }
                    // What was typed reaches the container as well.
                    Some(_) if terminal.is_shared() && info.ssi_code == libc::SI_KERNEL => {}
                    Some(signal) => pass_on(child, signal, began),
                }
            }
            Ok(None) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).or_fail(Kind::System, doing),
        }
    }
}

/// Passes a signal on to the container's program, which has existed since `began`.
///
/// For the first process of a namespace the kernel drops what that has no handler for
/// (pid_namespaces(7)). In its first moments a program has none yet, so one that ends it waits until there
/// is one. A program that never has one is as deaf as in any other container.
fn pass_on(child: Pid, signal: Signal, began: Instant) {
    const FIRST: Duration = Duration::from_secs(1);
    const BETWEEN: Duration = Duration::from_millis(1);
    while ENDING.contains(&signal) && began.elapsed() < FIRST && is_deaf(child, signal) {
        thread::sleep(BETWEEN);
    }
    // It may have ended in this moment.
    let _ = signal::kill(child, signal);
}

/// Whether a process lives and has no handler for a signal (proc_pid_status(5)). Where that cannot be
/// told, it has one.
fn is_deaf(process: Pid, signal: Signal) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) else { return false };
    lacks_handler(&status, signal)
}

fn lacks_handler(status: &str, signal: Signal) -> bool {
    let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let caught = value("SigCgt:").and_then(|set| u64::from_str_radix(set, 16).ok());
    let has_ended = value("State:").is_some_and(|state| state.starts_with('Z'));
    !has_ended && caught.is_some_and(|set| set & 1 << (signal as u32 - 1) == 0)
}

/// Whether a signal is the one before it said twice. `timeout` and many runners of jobs signal a
/// process and in the same breath its group; to the container a second signal means to kill.
fn is_echo(before: (u32, u32, Instant), said: (u32, u32, Instant)) -> bool {
    const BREATH: Duration = Duration::from_millis(20);
    (before.0, before.1) == (said.0, said.1) && said.2 - before.2 < BREATH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_deaf_as_long_as_it_lives_without_a_handler() {
        let status = |state: &str, caught: &str| format!("State:\t{state}\nSigCgt:\t{caught}\n");
        let none = status("S (sleeping)", "0000000000000000");
        let terminate = status("S (sleeping)", "0000000000004000");
        for (status, signal, expected) in [
            (none.as_str(), Signal::SIGTERM, true),
            (terminate.as_str(), Signal::SIGTERM, false),
            (terminate.as_str(), Signal::SIGINT, true),
            (status("Z (zombie)", "0000000000000000").as_str(), Signal::SIGTERM, false),
            ("", Signal::SIGTERM, false),
        ] {
            assert_eq!(lacks_handler(status, signal), expected, "{status} {signal}");
        }
    }
}
