//! Where a process stands, as told to people and programs.

use super::event::RunEnd;
use super::exit::Outcome;
use super::moment::Moment;
use super::service::{Phase, Service};
use crate::spec::{Kind, Process};

/// One line of `devenv-init status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessStatus {
    /// Name and replica, as in `web.1`.
    pub label: String,
    /// Service or task.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// Whether it is ready for its dependants now.
    pub ready: bool,
    /// The number of its latest run, 0 before the first.
    pub runs: u32,
    /// Restarts so far.
    pub restarts: u32,
    /// How its latest run ended, when one has.
    pub last_end: Option<RunEnd>,
    /// Milliseconds its present run has been alive.
    pub uptime_ms: Option<u64>,
}

/// Where a process stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not started because nobody asked for it.
    Disabled,
    /// Waits for what it depends on.
    Waiting,
    /// Is being started.
    Starting,
    /// Runs.
    Running,
    /// Waits before it is started again.
    Backoff,
    /// Is being stopped.
    Stopping,
    /// Ended well.
    Succeeded,
    /// Ended badly, for good.
    Failed,
    /// Never ran, because what it waits for can never come to pass.
    Skipped,
    /// Was stopped on request.
    Stopped,
}

impl State {
    /// All of them, in the order of a life.
    pub const ALL: [Self; 10] = [
        Self::Disabled,
        Self::Waiting,
        Self::Starting,
        Self::Running,
        Self::Backoff,
        Self::Stopping,
        Self::Succeeded,
        Self::Failed,
        Self::Skipped,
        Self::Stopped,
    ];

    /// In lower case, as in JSON and in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Waiting => "waiting",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Backoff => "backoff",
            Self::Stopping => "stopping",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Stopped => "stopped",
        }
    }
}

pub(super) fn of(service: &Service, process: &Process, now: Moment) -> ProcessStatus {
    let (state, ready, since) = match &service.phase {
        Phase::Waiting if service.wanted => (State::Waiting, false, None),
        Phase::Waiting => (State::Disabled, false, None),
        Phase::Starting { .. } => (State::Starting, false, None),
        Phase::Running { health, since, .. } => (State::Running, health.ready, Some(*since)),
        Phase::Backoff { .. } => (State::Backoff, false, None),
        Phase::Stopping { since, .. } => (State::Stopping, false, Some(*since)),
        Phase::Done(Outcome::Succeeded) => (State::Succeeded, false, None),
        Phase::Done(Outcome::Failed(_)) => (State::Failed, false, None),
        Phase::Done(Outcome::Skipped) => (State::Skipped, false, None),
        Phase::Done(Outcome::Stopped) => (State::Stopped, false, None),
    };
    ProcessStatus {
        label: process.label.clone(),
        kind: process.kind,
        state,
        ready,
        runs: service.runs,
        restarts: service.ledger.total(),
        last_end: service.last_end,
        uptime_ms: since.map(|since| now.since(since)),
    }
}
