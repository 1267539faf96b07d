//! Commands that stop a process, where a signal would not be the right way.
//!
//! One runs in a session of its own and carries the marker of the run it stops: it counts as one of
//! the run's processes, and when the grace is over it is killed with the others.

use std::collections::HashMap;

use super::kill::{self, Pid};
use super::reap::Reaped;
use crate::machine::{RunEnd, RunId};
use crate::spec::Signal;

/// The variable that tells the command which process to stop, as systemd calls it.
pub const TARGET: &str = "MAINPID";

/// The commands that are running.
#[derive(Debug, Default)]
pub struct StopCommands {
    running: HashMap<Pid, Order>,
}

/// What a command was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The run it stops.
    pub run: RunId,
    /// The signal to send when it fails.
    pub otherwise: Signal,
}

impl StopCommands {
    /// A command has been started.
    pub fn began(&mut self, command: Pid, order: Order) {
        self.running.insert(command, order);
    }

    /// Takes note of children that were reaped. Returns the orders that have failed, and how.
    #[must_use]
    pub fn reaped(&mut self, reaped: &[Reaped]) -> Vec<(Order, RunEnd)> {
        let ended = reaped
            .iter()
            .filter_map(|child| self.running.remove(&child.pid).map(|order| (order, child.end)));
        ended.filter(|(_, end)| *end != RunEnd::Code(0)).collect()
    }

    /// Kills the command that was to stop a run.
    pub fn kill(&self, run: RunId) {
        let of_run = self.running.iter().filter(|(_, order)| order.run == run);
        of_run.for_each(|(command, _)| kill::group(*command, Signal::KILL));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ProcessId;

    #[test]
    fn only_failures_come_back_and_each_once() {
        let pid = |number| Pid::new(number).expect("an ordinary number");
        let order = |number| Order {
            run: RunId { process: ProcessId(number), number: 1 },
            otherwise: Signal::TERM,
        };
        let mut commands = StopCommands::default();
        (10..13).for_each(|number| commands.began(pid(number), order(number as u32)));
        let child = |number, end| Reaped { pid: pid(number), end };
        let reaped = [
            child(10, RunEnd::Code(0)),
            child(11, RunEnd::Code(1)),
            child(12, RunEnd::Signal(15)),
            child(13, RunEnd::Code(1)),
        ];
        let failed = commands.reaped(&reaped);
        assert_eq!(failed, [(order(11), RunEnd::Code(1)), (order(12), RunEnd::Signal(15))]);
        assert_eq!(commands.reaped(&reaped), []);
    }
}
