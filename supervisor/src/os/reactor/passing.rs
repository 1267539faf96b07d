//! Signals that are not for us: passed on to every run, and sizes to every terminal.

use std::os::fd::OwnedFd;

use super::Reactor;
use crate::machine::RunId;
use crate::os::terminal;
use crate::spec::Signal;
use crate::spec::settings::signals::rewritten;

/// The terminals of runs that have one, by our ends of them.
pub(super) type Terminals = Vec<(RunId, OwnedFd)>;

impl Reactor {
    /// Passes a signal on to every run, as what its process is to get in the place of it.
    pub(super) fn pass_on(&mut self, signal: Signal) {
        let becomes = |run: RunId| {
            let process = self.plan.process(run.process)?;
            rewritten(&process.settings.rewrites, signal)
        };
        // The kernel tells of a new size by that very signal. Who is to get another one or none, as
        // some servers take it for the order to end, keeps the size it has.
        let follows = |run: RunId| signal == Signal::WINCH && becomes(run) == Some(signal);
        let resized = self.terminals.iter().filter(|(run, _)| follows(*run));
        let resized: Vec<RunId> =
            resized.filter(|(_, ours)| terminal::follow(ours)).map(|(run, _)| *run).collect();
        self.runs.pass_on(|run| becomes(run).filter(|_| !resized.contains(&run)));
    }
}
