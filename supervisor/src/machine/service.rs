//! One process or task: where it stands, and what each fact makes of that.
//!
//! ```text
//!            spawn           spawned            told to stop, or left descendants
//!  Waiting ────────▶ Starting ───────▶ Running ─────────────────────▶ Stopping
//!     ▲                 │                 │ ended                         │ gone
//!     │      exhausted  │                 ▼                               ▼
//!     └──── Backoff ◀───┴──────── restart or not? ◀───────────────────────┘
//!                                         └─────▶ Done(outcome)
//! ```
//!
//! What is wished for (`wanted`) is kept apart from where it stands (`phase`): facts change the
//! phase here, and [`super::Machine`] then moves every service towards what is wished.

mod asking;
mod changes;
mod ending;
mod fitness;

pub use changes::DEBOUNCE_MS;

use super::event::{RunEnd, RunId};
use super::exit::{self, Outcome};
use super::health::{Aspect, Health};
use super::moment::Moment;
use super::report::Report;
use super::restart::Ledger;
use super::{Action, Rules};
use crate::spec::{Process, ProcessId};

/// Where a service stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not running and free to be started once it is wanted and its gate is open.
    Waiting,
    /// A run is ordered and not answered yet.
    Starting {
        /// The run ordered.
        run: RunId,
    },
    /// A run is alive.
    Running {
        /// Which.
        run: RunId,
        /// Since when.
        since: Moment,
        /// Whether it is ready and still of use.
        health: Health,
    },
    /// Between two runs.
    Backoff {
        /// When the wait is over.
        until: Moment,
    },
    /// A run is being brought to its end, or what it left behind is.
    Stopping {
        /// Which.
        run: RunId,
        /// Since when it had been running.
        since: Moment,
        /// How its process ended, once it did; from then on only its descendants are left.
        ended: Option<RunEnd>,
        /// When SIGKILL follows; `None` once it has been sent.
        kill_at: Option<Moment>,
        /// Why.
        cause: Cause,
    },
    /// Its life is over, until somebody asks for it anew.
    Done(Outcome),
}

/// Why a run is being brought to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Somebody asked for it, or everything is being stopped.
    Asked,
    /// It ended by itself, and what it left behind is tidied up.
    OwnEnd,
    /// It lived on without being of use, which is a failure however it ends.
    Unfit,
}

/// One process or task within the machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Service {
    /// Its place in the plan.
    pub id: ProcessId,
    /// What is wished for: up or not.
    pub wanted: bool,
    /// Where it stands.
    pub phase: Phase,
    /// The number of its latest run, 0 before the first.
    pub runs: u32,
    /// Whether any run of its present life got a process.
    pub has_started: bool,
    /// Whether its latest run was ready at some time.
    pub was_ready: bool,
    /// How its latest run ended.
    pub last_end: Option<RunEnd>,
    /// The code of a failure that stands: no run has begun since, and nobody has taken it back.
    pub failure: Option<u8>,
    /// Whether the end of its life has been counted for the container's exit.
    pub counted: bool,
    /// Restarts used.
    pub ledger: Ledger,
    /// When a change of watched files is acted on.
    renew_at: Option<Moment>,
    /// When its latest run began, if its files are watched.
    begun_at: Option<Moment>,
    /// Runs in a row whose files changed soon after their start.
    hasty: u32,
}

impl Service {
    /// As it stands before anything happened.
    #[must_use]
    pub fn new(id: ProcessId, wanted: bool) -> Self {
        Self {
            id,
            wanted,
            phase: Phase::Waiting,
            runs: 0,
            has_started: false,
            was_ready: false,
            last_end: None,
            failure: None,
            counted: false,
            ledger: Ledger::default(),
            renew_at: None,
            begun_at: None,
            hasty: 0,
        }
    }

    /// The run that may still have living processes.
    #[must_use]
    pub fn living_run(&self) -> Option<RunId> {
        match &self.phase {
            Phase::Starting { run } | Phase::Running { run, .. } | Phase::Stopping { run, .. } => {
                Some(*run)
            }
            Phase::Waiting | Phase::Backoff { .. } | Phase::Done(_) => None,
        }
    }

    /// When time alone will change something.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        let own = match &self.phase {
            Phase::Backoff { until } => Some(*until),
            Phase::Stopping { kill_at, .. } => *kill_at,
            Phase::Running { health, .. } => health.deadline(),
            Phase::Waiting | Phase::Starting { .. } | Phase::Done(_) => None,
        };
        own.into_iter().chain(self.renewal()).min()
    }

    /// Orders the next run.
    pub fn spawn(&mut self, actions: &mut Vec<Action>) {
        self.runs = self.runs.saturating_add(1);
        let run = RunId { process: self.id, number: self.runs };
        self.was_ready = false;
        self.renew_at = None;
        self.phase = Phase::Starting { run };
        actions.push(Action::Spawn(run));
    }

    /// Begins to stop the living run in the way its rule says. Only a running one is begun with:
    /// one that is starting is stopped when the answer to its spawn is in.
    pub fn begin_stop(&mut self, rules: &Rules<'_>, cause: Cause, actions: &mut Vec<Action>) {
        let Phase::Running { run, since, .. } = self.phase else { return };
        self.stop_asking(actions);
        let stop = rules.process.stop;
        actions.push(Action::Report(Report::Signalling(run, stop.signal)));
        actions.push(Action::Signal(run, stop.signal));
        let kill_at = Some(rules.now.plus(stop.grace_ms));
        if cause == Cause::Unfit && self.wanted {
            self.failure = Some(exit::UNAVAILABLE);
        }
        self.phase = Phase::Stopping { run, since, ended: None, kill_at, cause };
    }

    /// Gives up the checks that are under way; whatever they say would come too late.
    fn stop_asking(&self, actions: &mut Vec<Action>) {
        let Phase::Running { run, health, .. } = &self.phase else { return };
        for aspect in [Aspect::Readiness, Aspect::Liveness] {
            if health.is_asked(aspect) {
                actions.push(Action::StopAsking(*run, aspect));
            }
        }
    }

    /// Kills whatever of it is alive, at once. A run that is still being started has no process
    /// to kill yet; the machine comes back to it when the spawn is answered.
    pub fn kill(&mut self, actions: &mut Vec<Action>) {
        self.stop_asking(actions);
        let (run, since, ended, cause) = match self.phase {
            Phase::Running { run, since, .. } => (run, since, None, Cause::Asked),
            Phase::Stopping { run, since, ended, kill_at: Some(_), cause } => {
                (run, since, ended, cause)
            }
            Phase::Stopping { kill_at: None, .. }
            | Phase::Waiting
            | Phase::Starting { .. }
            | Phase::Backoff { .. }
            | Phase::Done(_) => return,
        };
        actions.push(Action::Report(Report::Killing(run)));
        actions.push(Action::Kill(run));
        self.phase = Phase::Stopping { run, since, ended, kill_at: None, cause };
    }

    /// Time has passed.
    pub fn on_time(&mut self, rules: &Rules<'_>, actions: &mut Vec<Action>) {
        let now = rules.now;
        self.renew_in_time(rules, actions);
        match &mut self.phase {
            Phase::Backoff { until } if *until <= now => self.phase = Phase::Waiting,
            Phase::Stopping { run, kill_at: kill_at @ Some(_), .. }
                if kill_at.is_some_and(|at| at <= now) =>
            {
                *kill_at = None;
                actions.push(Action::Report(Report::Killing(*run)));
                actions.push(Action::Kill(*run));
            }
            Phase::Running { health, .. } => {
                let mut findings = Vec::new();
                health.on_time(rules.process, now, &mut findings);
                self.act_on(rules, &findings, actions);
            }
            Phase::Waiting
            | Phase::Starting { .. }
            | Phase::Backoff { .. }
            | Phase::Stopping { .. }
            | Phase::Done(_) => {}
        }
    }

    /// The ordered run has its process.
    pub fn on_spawned(&mut self, rules: &Rules<'_>, run: RunId, actions: &mut Vec<Action>) {
        match &self.phase {
            Phase::Starting { run: ordered } if *ordered == run => {
                self.has_started = true;
                self.failure = None;
                self.note_begin(rules);
                let health = Health::new(rules.process, rules.now);
                self.was_ready = health.ready;
                self.phase = Phase::Running { run, since: rules.now, health };
                actions.push(Action::Report(Report::Started(run)));
            }
            Phase::Starting { .. }
            | Phase::Waiting
            | Phase::Running { .. }
            | Phase::Backoff { .. }
            | Phase::Stopping { .. }
            | Phase::Done(_) => {}
        }
    }

    /// The same with every moment told relative to `base` and runs numbered anew, for the model
    /// search: two states that differ only in what the clock says, or in how often something has
    /// been started before, are one.
    pub(super) fn normalise(&mut self, base: Moment, process: &Process) {
        // How long it has been running matters only up to being healthy.
        let healthy = process.restart.backoff.healthy_after_ms;
        let age = |since: Moment| Moment(base.since(since).min(healthy));
        let ahead = |moment: Moment| Moment(moment.since(base));
        self.runs = u32::from(self.living_run().is_some());
        match &mut self.phase {
            Phase::Starting { run } => run.number = 1,
            Phase::Backoff { until } => *until = ahead(*until),
            Phase::Running { run, since, health } => {
                run.number = 1;
                *since = age(*since);
                health.normalise(base);
            }
            Phase::Stopping { run, since, kill_at, .. } => {
                run.number = 1;
                *since = age(*since);
                *kill_at = kill_at.map(ahead);
            }
            Phase::Waiting | Phase::Done(_) => {}
        }
        self.renew_at = self.renew_at.map(ahead);
        // What the latest run came to is for people; what follows of it is told by the rest.
        self.last_end = None;
        // No search makes so many changes in a row that it would matter.
        (self.begun_at, self.hasty) = (None, 0);
        self.ledger.normalise(base, &process.restart);
    }
}
