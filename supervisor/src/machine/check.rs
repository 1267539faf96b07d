//! What must always hold, as functions: shared by unit tests, fuzzers and the exhaustive search.
//!
//! A [`Witness`] stands beside a machine and believes none of its bookkeeping. It sees the same
//! events go in and the same actions come out, keeps its own count of what is alive, and names the
//! rule a step broke.

mod facts;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::service::DEBOUNCE_MS;
use super::shutdown::Shutdown;
use super::{Action, Aspect, Event, Machine, Moment, Report, RunEnd, RunId, exit};
use crate::spec::{Condition, ExitRule, Plan, Process, ProcessId, Signal};

use facts::{ended_well, timing};
pub use rules::{Rule, Violation};

/// What lives of one run, as the witness counts it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Life {
    /// Its process has not been reaped.
    pub leader: bool,
    /// Descendants outlived the process.
    pub descendants: bool,
    /// SIGKILL was ordered.
    pub killed: bool,
    /// When it was first told to stop.
    pub told_at: Option<Moment>,
}

/// An observer of one machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Witness {
    /// Runs ordered and not yet answered, in order.
    pub ordered: Vec<RunId>,
    /// Runs of which something lives.
    pub alive: BTreeMap<RunId, Life>,
    /// How the latest run of each process ended; `None` while it runs or before it ever ran.
    last_end: BTreeMap<ProcessId, Option<RunEnd>>,
    /// Processes of which some run got a process.
    started: Vec<ProcessId>,
    /// Checks under way.
    pub asked: BTreeSet<(RunId, Aspect)>,
    /// Answers alike in a row, of the runs that are alive.
    rows: BTreeMap<(RunId, Aspect), (bool, u32)>,
    /// Runs that have a right to be called ready.
    ready: BTreeSet<RunId>,
    /// Processes whose latest run failed of itself, while nobody was stopping anything, with the code.
    failed: BTreeMap<ProcessId, u8>,
    /// Codes of failures that somebody has had tried again since, which does not undo them.
    remembered: BTreeSet<u8>,
    /// Processes that somebody asked to be stopped while their life was not over.
    stopped: BTreeSet<ProcessId>,
    /// The signal that began the stop of everything, when it was one.
    told: Option<Signal>,
    /// From when on the stop of everything may tell somebody out of turn.
    may_hurry_at: Option<Moment>,
    /// Since when runs are outdated by a change of their files.
    outdated: BTreeMap<RunId, Moment>,
    signals: u8,
    exited: bool,
}

impl Witness {
    /// Nothing has been seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            ordered: Vec::new(),
            alive: BTreeMap::new(),
            last_end: BTreeMap::new(),
            started: Vec::new(),
            asked: BTreeSet::new(),
            rows: BTreeMap::new(),
            ready: BTreeSet::new(),
            failed: BTreeMap::new(),
            remembered: BTreeSet::new(),
            stopped: BTreeSet::new(),
            told: None,
            may_hurry_at: None,
            outdated: BTreeMap::new(),
            signals: 0,
            exited: false,
        }
    }

    /// Whether the machine has given its last order.
    #[must_use]
    pub fn has_exited(&self) -> bool {
        self.exited
    }

    /// How many signals asked for the stop of everything.
    #[must_use]
    pub fn signals(&self) -> u8 {
        self.signals
    }

    /// Judges one step: `before` was given `event` at `now`, became `after` and ordered `actions`.
    ///
    /// # Errors
    /// The first rule the step broke.
    pub fn observe(
        &mut self,
        plan: &Arc<Plan>,
        before: &Machine,
        now: Moment,
        event: Event,
        after: &Machine,
        actions: &[Action],
    ) -> Result<(), Violation> {
        if self.is_stale(event) && (before != after || !actions.is_empty()) {
            return broken(Rule::AStaleEventChangesNothing, format!("{event:?} gave {actions:?}"));
        }
        self.learn(plan, before, now, event);
        if after.is_shutting_down() && self.may_hurry_at.is_none() {
            self.may_hurry_at = Some(now.plus(plan.stop_timeout_ms / 3 * 2));
        }
        let forced = matches!(after.shutdown(), Shutdown::Forced { .. } | Shutdown::Over);
        for action in actions {
            let order = !matches!(action, Action::Report(_));
            if self.exited && order {
                return broken(Rule::NothingAfterExit, format!("{action:?} after the end"));
            }
            match action {
                Action::Spawn(run) => self.on_spawn(plan, before, after, *run)?,
                Action::Signal(run, _) => self.on_signal(plan, after, now, *run)?,
                Action::Kill(run) => self.on_kill(plan, now, event, forced, *run)?,
                Action::Ask(run, aspect) => {
                    let alive = self.alive.get(run).is_some_and(|life| life.leader);
                    if !alive || !self.asked.insert((*run, *aspect)) {
                        return broken(Rule::OneCheckAtATime, format!("{action:?}"));
                    }
                }
                Action::StopAsking(run, aspect) => {
                    if !self.asked.remove(&(*run, *aspect)) {
                        return broken(Rule::OneCheckAtATime, format!("{action:?}"));
                    }
                    // Given up for being too late is a bad answer; given up with its run is none.
                    if matches!(event, Event::Tick) {
                        self.count(plan, *run, *aspect, false);
                    }
                }
                Action::Exit(code) => self.on_exit(plan, before, *code)?,
                Action::Report(report) => self.on_report(plan, after, event, report)?,
            }
        }
        self.asked.retain(|(run, _)| self.alive.get(run).is_some_and(|life| life.leader));
        self.rows.retain(|(run, _), _| self.alive.get(run).is_some_and(|life| life.leader));
        self.ready.retain(|run| self.alive.get(run).is_some_and(|life| life.leader));
        let unstopped = |life: &Life| life.leader && life.told_at.is_none() && !life.killed;
        self.outdated.retain(|run, _| self.alive.get(run).is_some_and(unstopped));
        self.renews(after, now, event)?;
        self.at_rest(plan, after)
    }

    /// A run whose files have changed is told to stop in time, or that time is still to come.
    fn renews(&self, after: &Machine, now: Moment, event: Event) -> Result<(), Violation> {
        let wanted = |run: &RunId| {
            after.services().get(run.process.index()).is_some_and(|service| service.wanted)
        };
        for (run, since) in self.outdated.iter().filter(|(run, _)| wanted(run)) {
            let due = since.plus(DEBOUNCE_MS);
            let overdue = due <= now && event == Event::Tick;
            if overdue || after.next_deadline().is_none_or(|next| next > due) {
                return broken(Rule::TheOutdatedAreStopped, format!("{run:?} lives on"));
            }
        }
        Ok(())
    }

    fn on_spawn(
        &mut self,
        plan: &Plan,
        before: &Machine,
        after: &Machine,
        run: RunId,
    ) -> Result<(), Violation> {
        if before.is_shutting_down() || self.signals > 0 {
            return broken(Rule::NoSpawnAfterShutdownBegan, format!("{run:?}"));
        }
        let busy = self.alive.keys().chain(&self.ordered).any(|other| other.process == run.process);
        if busy {
            return broken(Rule::OneRunAtATime, format!("{run:?} beside a living run"));
        }
        if let Some(other) = self.ordered.first() {
            return broken(Rule::OneStartAtATime, format!("{run:?} while {other:?} is starting"));
        }
        for edge in plan.process(run.process).map(|p| p.after.as_slice()).unwrap_or_default() {
            if !self.holds(plan, after, edge.on, edge.condition) {
                return broken(Rule::ConditionsHoldAtSpawn, format!("{run:?} needs {edge:?}"));
            }
        }
        self.stopped.remove(&run.process);
        self.ordered.push(run);
        Ok(())
    }

    /// Whether a condition holds by what was seen, not by what the machine believes.
    fn holds(&self, plan: &Plan, after: &Machine, on: ProcessId, condition: Condition) -> bool {
        let runs = self.alive.iter().any(|(run, life)| run.process == on && life.leader);
        let end = self.last_end.get(&on).copied().flatten();
        let well = end.is_some_and(|end| ended_well(plan, on, end));
        match condition {
            Condition::Started => self.started.contains(&on),
            Condition::Ready => well || self.ready.iter().any(|run| run.process == on),
            Condition::Succeeded => well && !runs,
            Condition::Completed => {
                let wanted = after.services().get(on.index()).is_some_and(|s| s.wanted);
                !runs && (end.is_some() || !wanted || !self.started.contains(&on))
            }
        }
    }

    fn on_signal(
        &mut self,
        plan: &Plan,
        after: &Machine,
        now: Moment,
        run: RunId,
    ) -> Result<(), Violation> {
        let Some(life) = self.alive.get_mut(&run) else {
            return broken(Rule::NoActionOnADeadRun, format!("signal to {run:?}"));
        };
        life.told_at.get_or_insert(now);
        let own_end = !life.leader;
        let may_hurry = self.may_hurry_at.is_some_and(|at| at <= now);
        if after.is_shutting_down() && !own_end && !may_hurry {
            let dependant =
                self.alive.keys().find(|other| depends(plan, other.process, run.process));
            if let Some(dependant) = dependant {
                let detail = format!("{run:?} is stopped while {dependant:?} lives");
                return broken(Rule::DependantsStopFirst, detail);
            }
        }
        Ok(())
    }

    fn on_kill(
        &mut self,
        plan: &Plan,
        now: Moment,
        event: Event,
        forced: bool,
        run: RunId,
    ) -> Result<(), Violation> {
        let Some(life) = self.alive.get_mut(&run) else {
            return broken(Rule::NoActionOnADeadRun, format!("kill of {run:?}"));
        };
        let grace = plan.process(run.process).map_or(0, |process| process.stop.grace_ms);
        // Who was only being started when everything was killed could not be told before.
        let newborn = event == Event::Spawned(run);
        let leader_is_untold = life.leader && life.told_at.is_none();
        if leader_is_untold && self.signals < 2 && !newborn && plan.stop_timeout_ms > 0 {
            return broken(Rule::NobodyIsKilledUntold, format!("{run:?} killed at {now:?}"));
        }
        let given = life.told_at.is_some_and(|told| now.since(told) >= grace);
        if !given && !forced {
            return broken(Rule::GraceIsGiven, format!("{run:?} killed at {now:?}"));
        }
        life.killed = true;
        Ok(())
    }

    /// What people are told must be true as well.
    fn on_report(
        &mut self,
        plan: &Plan,
        after: &Machine,
        event: Event,
        report: &Report,
    ) -> Result<(), Violation> {
        match (report, event) {
            (Report::Skipped { because, .. }, _) if self.stopped.contains(because) => {
                broken(Rule::TheStoppedMayComeBack, format!("{report:?}"))
            }
            (
                Report::Skipped { process, .. },
                Event::StartAsked(asked) | Event::RestartAsked(asked),
            ) if *process == asked => broken(Rule::WhatIsAskedForCanStart, format!("{report:?}")),
            (Report::Unfit(run, _), _) => {
                let wanted = after.services().get(run.process.index()).is_some_and(|it| it.wanted);
                if wanted {
                    self.failed.insert(run.process, exit::UNAVAILABLE);
                }
                Ok(())
            }
            (Report::Deciding(id, _), _)
                if plan.process(*id).is_some_and(|process| {
                    !process.enabled && process.exit == ExitRule::OnFailure
                }) =>
            {
                broken(Rule::WhatIsTriedByHandDecidesNothing, format!("{report:?}"))
            }
            _ => Ok(()),
        }
    }

    fn on_exit(&mut self, plan: &Plan, before: &Machine, code: u8) -> Result<(), Violation> {
        self.exited = true;
        let left = !self.alive.is_empty() || !self.ordered.is_empty();
        // After SIGKILL and a last wait, what the kernel cannot end is left to it.
        let abandoned = matches!(before.shutdown(), Shutdown::Forced { .. })
            && self.alive.values().all(|life| life.killed);
        if left && !abandoned {
            return broken(Rule::ExitOnlyWhenNothingLives, format!("{:?} live", self.alive));
        }
        if let Some(signal) = self.told {
            if i64::from(code) != 128 + i64::from(signal.number()) {
                return broken(Rule::ToldMeans128PlusSignal, format!("exit {code} after {signal}"));
            }
            return Ok(());
        }
        let counts = |id: &ProcessId| plan.process(*id).is_some_and(Process::counts);
        let own = [
            exit::OK,
            exit::UNAVAILABLE,
            exit::COULD_NOT_START,
            exit::NOT_EXECUTABLE,
            exit::NOT_FOUND,
        ];
        if !own.contains(&code)
            && !self.failed.values().chain(&self.remembered).any(|own| *own == code)
        {
            return broken(Rule::TheCodeIsSomebodysOwn, format!("exit {code}"));
        }
        if code == 0 && self.failed.keys().any(counts) {
            return broken(Rule::NeverZeroAfterAFailure, format!("{:?} failed", self.failed));
        }
        Ok(())
    }

    /// Rules about where a step may leave things.
    fn at_rest(&self, plan: &Plan, after: &Machine) -> Result<(), Violation> {
        if self.exited {
            return Ok(());
        }
        if self.signals > 1 && self.alive.values().any(|life| !life.killed) {
            return broken(Rule::ASecondSignalKills, format!("{:?}", self.alive));
        }
        for ((run, aspect), (good, length)) in &self.rows {
            let told = self.alive.get(run).is_none_or(|life| life.told_at.is_some() || life.killed);
            let too_often =
                timing(plan, *run, *aspect).is_some_and(|t| *length >= t.failure_threshold);
            if *aspect == Aspect::Liveness && !good && too_often && !told {
                return broken(Rule::TheUnfitAreStopped, format!("{run:?} lives on"));
            }
        }
        let quiet = self.alive.is_empty() && self.ordered.is_empty();
        if quiet && after.next_deadline().is_none() {
            return broken(Rule::NeverLingers, "nothing lives, nothing is due".to_owned());
        }
        Ok(())
    }
}

impl Default for Witness {
    fn default() -> Self {
        Self::new()
    }
}

fn depends(plan: &Plan, who: ProcessId, on: ProcessId) -> bool {
    let after = plan.process(who).map(|process| process.after.as_slice()).unwrap_or_default();
    after.iter().any(|edge| edge.on == on || depends(plan, edge.on, on))
}

fn broken(rule: Rule, detail: String) -> Result<(), Violation> {
    Err(Violation { rule, detail })
}
