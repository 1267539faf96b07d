//! The end of a run: what it leaves behind, and whether another one follows.

use super::{Cause, Phase, Service};
use crate::machine::event::{RunEnd, RunId, SpawnFailure};
use crate::machine::exit::{self, Outcome, judge};
use crate::machine::moment::Moment;
use crate::machine::report::Report;
use crate::machine::restart::Decision;
use crate::machine::{Action, Rules};
use crate::spec::Kind;

impl Service {
    /// The ordered run could not be had.
    pub fn on_spawn_failed(
        &mut self,
        rules: &Rules<'_>,
        run: RunId,
        failure: SpawnFailure,
        actions: &mut Vec<Action>,
    ) {
        match &self.phase {
            Phase::Starting { run: ordered } if *ordered == run => {}
            Phase::Starting { .. }
            | Phase::Waiting
            | Phase::Running { .. }
            | Phase::Backoff { .. }
            | Phase::Stopping { .. }
            | Phase::Done(_) => return,
        }
        actions.push(Action::Report(Report::SpawnFailed(run, failure)));
        if !self.wanted {
            self.phase = Phase::Done(Outcome::Stopped);
            return;
        }
        match failure {
            SpawnFailure::Exhausted => {
                let after_ms = self.ledger.wait(&rules.process.restart, rules.draw(run));
                self.phase = Phase::Backoff { until: rules.now.plus(after_ms) };
                actions.push(Action::Report(Report::Restarting {
                    process: self.id,
                    after_ms,
                    number: None,
                    max: None,
                }));
            }
            // Trying again cannot help: the program does not come to be by waiting for it.
            SpawnFailure::NotFound | SpawnFailure::NotExecutable | SpawnFailure::Setup => {
                self.failure = Some(failure.exit_code());
                self.phase = Phase::Done(Outcome::Failed(failure.exit_code()));
            }
        }
    }

    /// The process of a run was reaped.
    pub fn on_exited(
        &mut self,
        rules: &Rules<'_>,
        run: RunId,
        end: RunEnd,
        descendants: bool,
        actions: &mut Vec<Action>,
    ) {
        let (since, kill_at, cause) = match self.phase {
            Phase::Running { run: living, since, .. } if living == run => {
                (since, Some(rules.now.plus(rules.process.stop.grace_ms)), Cause::OwnEnd)
            }
            Phase::Stopping { run: living, since, ended: None, kill_at, cause }
                if living == run =>
            {
                (since, kill_at, cause)
            }
            Phase::Running { .. }
            | Phase::Stopping { .. }
            | Phase::Waiting
            | Phase::Starting { .. }
            | Phase::Backoff { .. }
            | Phase::Done(_) => return,
        };
        let untouched = matches!(self.phase, Phase::Running { .. });
        self.stop_asking(actions);
        self.last_end = Some(end);
        // Who ends badly while it waits for its turn to be stopped has failed nobody any more.
        if self.wanted && cause == Cause::OwnEnd {
            let outcome = judge(end, &rules.process.success_exit_codes);
            self.failure = outcome.is_failure().then_some(outcome.exit_code());
        }
        actions.push(Action::Report(Report::Stopped(run, end)));
        if !descendants {
            self.conclude(rules, since, end, cause, actions);
            return;
        }
        if untouched {
            actions.push(Action::Report(Report::LeftDescendants(run)));
            actions.push(Action::Signal(run, rules.process.stop.signal));
        }
        self.phase = Phase::Stopping { run, since, ended: Some(end), kill_at, cause };
    }

    /// The last descendant of an ended run is gone.
    pub fn on_cleared(&mut self, rules: &Rules<'_>, run: RunId, actions: &mut Vec<Action>) {
        match self.phase {
            Phase::Stopping { run: living, since, ended: Some(end), cause, .. }
                if living == run =>
            {
                self.conclude(rules, since, end, cause, actions);
            }
            Phase::Stopping { .. }
            | Phase::Waiting
            | Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Backoff { .. }
            | Phase::Done(_) => {}
        }
    }

    /// Nothing of the run is alive any more: what now?
    fn conclude(
        &mut self,
        rules: &Rules<'_>,
        since: Moment,
        end: RunEnd,
        cause: Cause,
        actions: &mut Vec<Action>,
    ) {
        let Rules { process, now, .. } = *rules;
        let outcome = match (cause, judge(end, &process.success_exit_codes)) {
            (Cause::Asked, _) => {
                // Stopped by us, and wanted again: that is a restart by request, due at once.
                let stopped = Phase::Done(Outcome::Stopped);
                self.phase = if self.wanted { Phase::Waiting } else { stopped };
                return;
            }
            // However it ended, it ended because it was told to: its code says nothing of it.
            (Cause::Unfit, _) => Outcome::Failed(exit::UNAVAILABLE),
            (Cause::OwnEnd, outcome) => outcome,
        };
        if !self.wanted {
            let too_late = outcome.is_failure() && self.failure.is_none();
            self.phase = Phase::Done(if too_late { Outcome::Stopped } else { outcome });
            return;
        }
        let good = outcome == Outcome::Succeeded;
        let decision = if good && process.kind == Kind::Task {
            Decision::Rest
        } else {
            let draw = rules.draw(RunId { process: self.id, number: self.runs });
            self.ledger.decide(&process.restart, now, now.since(since), good, draw)
        };
        match decision {
            Decision::Rest => self.phase = Phase::Done(outcome),
            Decision::GiveUp => {
                actions.push(Action::Report(Report::GaveUp(self.id)));
                self.phase = Phase::Done(outcome);
            }
            Decision::Again { after_ms, number } => {
                actions.push(Action::Report(Report::Restarting {
                    process: self.id,
                    after_ms,
                    number: Some(number),
                    max: process.restart.max,
                }));
                self.phase = Phase::Backoff { until: now.plus(after_ms) };
            }
        }
    }
}
