//! What must hold in every life of a container, whatever happens.

use std::fmt;

/// A rule that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// What was seen.
    pub detail: String,
}

/// The rules, each a promise to the people who run this as PID 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// No signal goes to a run of which nothing lives: its pid may be somebody else's by now.
    NoActionOnADeadRun,
    /// An event about a run that is over changes nothing and orders nothing.
    AStaleEventChangesNothing,
    /// Nothing is started once the stop of everything has begun.
    NoSpawnAfterShutdownBegan,
    /// A process has at the most one run.
    OneRunAtATime,
    /// No start is ordered while another one is not answered.
    OneStartAtATime,
    /// A dependant never starts before its condition held.
    ConditionsHoldAtSpawn,
    /// SIGKILL comes only when the grace period is over, the whole time is, or a second signal came.
    GraceIsGiven,
    /// After a second signal no grace is running: all that lives has been killed.
    ASecondSignalKills,
    /// Within an orderly stop a process is stopped only when nothing that depends on it lives, until
    /// two thirds of the time for the stop are over.
    DependantsStopFirst,
    /// SIGKILL comes only after another signal, unless somebody asked for it by a second one.
    NobodyIsKilledUntold,
    /// The supervisor ends only when nothing lives.
    ExitOnlyWhenNothingLives,
    /// A container in which a process failed that counts never ends with 0 of itself.
    NeverZeroAfterAFailure,
    /// Without a signal from outside the container's code is 0, that of a process which ended badly of
    /// itself, or one of the supervisor's own: never one that comes of having been told to stop.
    TheCodeIsSomebodysOwn,
    /// Who waits for a process that was stopped on request is not given up because of that.
    TheStoppedMayComeBack,
    /// A start that is asked for is not answered by giving the process up for what it waits for.
    WhatIsAskedForCanStart,
    /// A process that only a person starts ends nothing by its end, unless it is declared to.
    WhatIsTriedByHandDecidesNothing,
    /// A container that was told to stop by a signal, and had not begun to by itself, ends with
    /// 128 + that signal's number.
    ToldMeans128PlusSignal,
    /// Nothing is ordered after the end.
    NothingAfterExit,
    /// A check is made of living runs only, and only one of a kind at a time.
    OneCheckAtATime,
    /// A run that failed its liveness check as often in a row as its rule allows is told to stop.
    TheUnfitAreStopped,
    /// A run whose files have changed is told to stop, once there was time for all the changes.
    TheOutdatedAreStopped,
    /// The container does not linger when nothing lives and nothing is due.
    NeverLingers,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.detail)
    }
}
