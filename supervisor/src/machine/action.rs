//! Orders: what must be done next, in the imperative. The only things the machine ever says.

use super::event::RunId;
use super::health::Aspect;
use super::report::Report;
use crate::spec::Signal;

/// Something to do. Carried out in the order given, before the next event is fed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Start the process. Answered by [`super::Event::Spawned`] or [`super::Event::SpawnFailed`].
    Spawn(RunId),
    /// Send a signal to the run: its process group and every descendant that left the group.
    /// A run that is gone in this very moment is not an error.
    Signal(RunId, Signal),
    /// Send SIGKILL to the run and every descendant.
    Kill(RunId),
    /// Make the check that answers this question. Answered by [`super::Event::Answered`].
    Ask(RunId, Aspect),
    /// Give that check up; an answer that comes nevertheless is ignored.
    StopAsking(RunId, Aspect),
    /// Tell people.
    Report(Report),
    /// End the supervisor with this exit code. Always the last action ever given.
    Exit(u8),
}
