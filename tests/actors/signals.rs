//! Ways to meet signals.

use std::str::FromStr as _;

use nix::sys::signal::{SigHandler, SigSet, Signal, raise, signal};
use nix::unistd::pause;

/// Says that everything is prepared, then waits for whatever comes.
pub fn wait() {
    println!("ready");
    loop {
        pause();
    }
}

/// Ignores every signal the kernel lets a process ignore, and waits.
pub fn deaf() {
    ignore_all();
    wait();
}

/// Ignores every signal the kernel lets a process ignore; programs started from here do too.
pub fn ignore_all() {
    for one in Signal::iterator() {
        // SAFETY: ignoring runs no code. KILL and STOP are refused, as they should be.
        let _ = unsafe { signal(one, SigHandler::SigIgn) };
    }
}

/// Names each signal that comes; ends after TERM.
pub fn tell() {
    let watched = [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGWINCH,
    ];
    let mut set = SigSet::empty();
    watched.into_iter().for_each(|one| set.add(one));
    if set.thread_block().is_err() {
        return;
    }
    println!("ready");
    while let Ok(one) = set.wait() {
        println!("got {one}");
        if one == Signal::SIGTERM {
            return;
        }
    }
}

/// Stops itself, so that only CONT and KILL reach it.
pub fn freeze() {
    println!("ready");
    let _ = raise(Signal::SIGSTOP);
    wait();
}

/// Dies of a signal.
pub fn end_by(name: &str) {
    if let Ok(one) = Signal::from_str(name) {
        // The language's own runtime catches some and ignores one.
        // SAFETY: the default action runs no code of ours; KILL has no other one and is refused.
        let _ = unsafe { signal(one, SigHandler::SigDfl) };
        let _ = raise(one);
    }
}
