//! What a human is told, as data; words and pids are put to it outside.

use super::event::{RunEnd, RunId, SpawnFailure};
use super::health::Unfit;
use crate::spec::{ProcessId, Signal};

/// One thing worth telling.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Report {
    /// A run has its process.
    Started(RunId),
    /// A run could not be had.
    SpawnFailed(RunId, SpawnFailure),
    /// The process of a run ended.
    Stopped(RunId, RunEnd),
    /// The process of a run ended and left descendants behind, which are now being stopped.
    LeftDescendants(RunId),
    /// It has become ready.
    Ready(RunId),
    /// It is ready no longer.
    NotReady(RunId),
    /// Its readiness check has failed as often as its rule allows, and it has not been ready yet.
    /// Said once a run: the dependants that wait for it are not left to wonder.
    NotReadyYet(RunId),
    /// It lives and has to go nevertheless.
    Unfit(RunId, Unfit),
    /// It will be started again.
    Restarting {
        /// Which process.
        process: ProcessId,
        /// Milliseconds until then.
        after_ms: u64,
        /// Which restart it is, from 1; `None` where nothing had run yet.
        number: Option<u32>,
        /// How many there may be; `None` is without limit.
        max: Option<u32>,
    },
    /// Files that are watched for it have changed, and it is started anew because of that.
    FilesChanged(ProcessId),
    /// Its files have changed soon after the start of so many runs in a row that it may be its own
    /// doing; it is started anew less often from now on.
    ChangesEveryRun(ProcessId),
    /// Its restarts are used up.
    GaveUp(ProcessId),
    /// It will not start, because of that other process.
    Skipped {
        /// Which process.
        process: ProcessId,
        /// The dependency that can no longer be met.
        because: ProcessId,
        /// Whether it has run before, and only does not start again.
        again: bool,
    },
    /// The supervisor was told to stop everything.
    SignalReceived(Signal),
    /// The end of this process ends the container.
    Deciding(ProcessId, u8),
    /// A run was sent a signal, because it is being stopped.
    Signalling(RunId, Signal),
    /// A run had to be killed.
    Killing(RunId),
    /// The time for the whole stop is running out: what has not been told to stop is told, also where
    /// something that depends on it still lives.
    StopHurried,
    /// The time for the whole stop is over; what is left is being killed.
    StopTimeout,
    /// A run survived even SIGKILL until the last deadline and is left to the kernel.
    Abandoned(RunId),
}
