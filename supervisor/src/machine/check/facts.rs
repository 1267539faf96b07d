//! What a witness makes of the facts: its own count of what lives, has ended and was answered.

use super::{Life, Witness};
use crate::machine::service::{DEBOUNCE_MS, Phase};
use crate::machine::{Aspect, Event, Machine, Moment, RunEnd, RunId, Word};
use crate::spec::plan::asks;
use crate::spec::{Plan, ProcessId, Timing};

impl Witness {
    /// The same with every moment told relative to `now` and runs numbered anew; goes with
    /// [`Machine::relative_to`]. What lies further back than `horizon_ms`, the longest grace
    /// period of the plan, makes no difference to any rule.
    #[must_use]
    pub fn relative_to(&self, now: Moment, horizon_ms: u64) -> Self {
        let mut moved = self.clone();
        // There is one run of a process at a time, so its number can be left out.
        let anew = |run: &RunId| RunId { process: run.process, number: 1 };
        moved.asked = self.asked.iter().map(|(run, aspect)| (anew(run), *aspect)).collect();
        let rows = self.rows.iter();
        moved.rows = rows.map(|((run, aspect), row)| ((anew(run), *aspect), *row)).collect();
        moved.ready = self.ready.iter().map(anew).collect();
        moved.ordered = self.ordered.iter().map(anew).collect();
        let outdated = self.outdated.iter();
        let age = |at: Moment| Moment(now.since(at).min(DEBOUNCE_MS));
        moved.may_hurry_at = self.may_hurry_at.map(|at| Moment(at.since(now)));
        moved.outdated = outdated.map(|(run, at)| (anew(run), age(*at))).collect();
        moved.alive = self.alive.iter().map(|(run, life)| (anew(run), life.clone())).collect();
        for life in moved.alive.values_mut() {
            // Only how long ago it was matters; graces of the searched plans are far below this.
            life.told_at = life.told_at.map(|told| Moment(now.since(told).min(horizon_ms)));
        }
        moved
    }

    pub(super) fn is_stale(&self, event: Event) -> bool {
        match event {
            Event::Spawned(run) | Event::SpawnFailed(run, _) => !self.ordered.contains(&run),
            Event::Exited { run, .. } => !self.alive.get(&run).is_some_and(|life| life.leader),
            Event::Cleared(run) => {
                !self.alive.get(&run).is_some_and(|life| !life.leader && life.descendants)
            }
            Event::Answered { run, aspect, .. } => !self.asked.contains(&(run, aspect)),
            Event::Told(run, _) => !self.alive.get(&run).is_some_and(|life| life.leader),
            Event::Begun
            | Event::ShutdownAsked(_)
            | Event::StartAsked(_)
            | Event::StopAsked(_)
            | Event::RestartAsked(_)
            | Event::FilesChanged(_)
            | Event::Tick => false,
        }
    }

    pub(super) fn learn(&mut self, plan: &Plan, before: &Machine, now: Moment, event: Event) {
        match event {
            Event::Spawned(run) if self.ordered.contains(&run) => {
                self.ordered.retain(|ordered| *ordered != run);
                self.started.push(run.process);
                self.started.sort_unstable();
                self.started.dedup();
                self.last_end.insert(run.process, None);
                // The code was decided by what stood then.
                if !before.is_shutting_down() {
                    self.failed.remove(&run.process);
                }
                let life = Life { leader: true, descendants: false, killed: false, told_at: None };
                self.alive.insert(run, life);
                if plan.process(run.process).is_some_and(|process| process.ready.is_none()) {
                    self.ready.insert(run);
                }
            }
            Event::SpawnFailed(run, _) => self.ordered.retain(|ordered| *ordered != run),
            Event::Exited { run, end, descendants } => {
                if let Some(life) = self.alive.get_mut(&run).filter(|life| life.leader) {
                    life.leader = false;
                    life.descendants = descendants;
                    self.last_end.insert(run.process, Some(end));
                    let of_itself = life.told_at.is_none()
                        && !before.is_shutting_down()
                        && !self.stopped.contains(&run.process);
                    if of_itself && !ended_well(plan, run.process, end) {
                        self.failed.insert(run.process, end.exit_code());
                    }
                    if !descendants {
                        self.alive.remove(&run);
                    }
                }
            }
            Event::Cleared(run) => {
                self.alive.remove(&run);
            }
            Event::Answered { run, aspect, good } => {
                if self.asked.remove(&(run, aspect)) {
                    self.count(plan, run, aspect, good);
                }
            }
            Event::Told(run, Word::Ready) => {
                let waits = plan.process(run.process).and_then(|process| process.ready.as_ref());
                if self.alive.contains_key(&run) && waits.is_some_and(|rule| !asks(&rule.check)) {
                    self.ready.insert(run);
                }
            }
            Event::Told(run, Word::NotReady) => {
                self.ready.remove(&run);
            }
            Event::Told(..) => {}
            Event::ShutdownAsked(signal) => {
                self.signals = self.signals.saturating_add(1);
                if !before.is_shutting_down() {
                    self.told = Some(signal);
                }
            }
            // Whoever stops a failed process by hand takes its failure back.
            Event::StopAsked(id) => {
                let phase = before.services().get(id.index()).map(|service| &service.phase);
                if !matches!(phase, None | Some(Phase::Done(_))) && !before.is_shutting_down() {
                    self.failed.remove(&id);
                    self.stopped.insert(id);
                }
            }
            Event::StartAsked(_) | Event::RestartAsked(_) | Event::FilesChanged(_)
                if before.is_shutting_down() => {}
            Event::StartAsked(id) | Event::RestartAsked(id) => {
                self.stopped.remove(&id);
                self.remembered.extend(self.failed.values());
            }
            Event::FilesChanged(id) => {
                self.remembered.extend(self.failed.get(&id));
                let wanted = before.services().get(id.index()).is_some_and(|it| it.wanted);
                let watched = plan.process(id).is_some_and(|process| process.watch.is_some());
                if watched && wanted && !before.is_shutting_down() {
                    let runs =
                        self.alive.iter().filter(|(run, life)| run.process == id && life.leader);
                    let runs = runs.filter(|(_, life)| life.told_at.is_none());
                    runs.for_each(|(run, _)| {
                        self.outdated.entry(*run).or_insert(now);
                    });
                }
            }
            Event::Spawned(_) | Event::Begun | Event::Tick => {}
        }
    }

    /// Counts an answer by the rule's own numbers.
    pub(super) fn count(&mut self, plan: &Plan, run: RunId, aspect: Aspect, good: bool) {
        let Some(timing) = timing(plan, run, aspect) else { return };
        let row = self.rows.entry((run, aspect)).or_insert((good, 0));
        let threshold = if good { timing.success_threshold } else { timing.failure_threshold };
        let before = if row.0 == good { row.1 } else { 0 };
        *row = (good, (before + 1).min(threshold));
        if aspect == Aspect::Readiness && row.1 >= threshold {
            if good {
                self.ready.insert(run);
            } else {
                self.ready.remove(&run);
            }
        }
    }
}

pub(super) fn timing(plan: &Plan, run: RunId, aspect: Aspect) -> Option<&Timing> {
    let process = plan.process(run.process)?;
    match aspect {
        Aspect::Readiness => process.ready.as_ref().map(|rule| &rule.timing),
        Aspect::Liveness => process.live.as_ref().map(|rule| &rule.timing),
    }
}

pub(super) fn ended_well(plan: &Plan, id: ProcessId, end: RunEnd) -> bool {
    let codes = plan.process(id).map(|p| p.success_exit_codes.as_slice()).unwrap_or_default();
    matches!(end, RunEnd::Code(code) if codes.contains(&code))
}
