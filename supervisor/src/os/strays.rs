//! The very end: descendants that belong to no run are asked to end and then killed.
//!
//! They are what processes left behind without a trace that could be followed. When we are PID 1
//! the kernel kills everybody as we go, so this is for their sake: they get a moment to end well.

use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::clock;
use super::descendants::{self, Known, Owner};
use super::init::Surroundings;
use super::kill::{self, Pid};
use super::reap::{self, Next};
use super::signal::Signals;
use crate::machine::Moment;
use crate::spec::Signal;

/// Milliseconds they have after SIGTERM.
pub const GRACE_MS: u64 = 500;

/// Milliseconds they have after SIGKILL, which only one stuck in the kernel needs.
pub const KILL_MS: u64 = 200;

/// Ends every descendant there is and reaps those that become ours. Returns at the latest after
/// [`GRACE_MS`] and [`KILL_MS`]; at once when we have no child.
pub fn sweep(surroundings: &Surroundings, signals: &mut Signals) {
    for (signal, limit) in [(Signal::TERM, GRACE_MS), (Signal::KILL, KILL_MS)] {
        if matches!(reap::next(), Next::NoChildren) {
            return;
        }
        send(surroundings, signal);
        if reap_until(clock::now().plus(limit), signals) {
            return;
        }
    }
}

fn send(surroundings: &Surroundings, signal: Signal) {
    match surroundings.proc {
        Some(proc) => {
            let table = proc.all();
            let nothing = (std::collections::HashMap::new(), std::collections::HashMap::new());
            let known = Known { me: proc.me(), leaders: &nothing.0, seen: &nothing.1 };
            let owners = descendants::owners(&table, &known, &mut |_| None);
            let ours = table.iter().zip(owners).filter(|(_, owner)| *owner == Owner::Stray);
            let alive: Vec<Pid> =
                ours.filter(|(entry, _)| entry.is_alive()).map(|(entry, _)| entry.pid).collect();
            alive.iter().for_each(|pid| kill::process(*pid, signal));
            alive.iter().for_each(|pid| kill::wake(*pid));
        }
        None if surroundings.is_init => kill::everybody_else(signal),
        None => {}
    }
}

/// Reaps until no child is left (`true`) or the time is over.
fn reap_until(limit: Moment, signals: &mut Signals) -> bool {
    loop {
        // Emptied before reaping: a child that ends after the last look wakes the poll below.
        signals.take();
        loop {
            match reap::next() {
                Next::Reaped(_) => {}
                Next::NoneEnded => break,
                Next::NoChildren => return true,
            }
        }
        let left = limit.since(clock::now());
        if left == 0 {
            return false;
        }
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        // An interrupted or failed wait ends in another look at the clock.
        let _ = poll(&mut [PollFd::new(signals.as_fd(), PollFlags::POLLIN)], timeout);
    }
}
