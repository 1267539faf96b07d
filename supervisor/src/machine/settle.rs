//! What follows of an event: services are moved towards what is wished for, ends are counted.

use std::sync::Arc;

use super::exit::{self, Outcome};
use super::gate::{Gate, gate};
use super::service::{Cause, Phase, Service};
use super::shutdown::Shutdown;
use super::{Action, Machine, Moment, Report, Rules};
use crate::spec::{ExitPolicy, ExitRule, Kind, Process};

impl Machine {
    /// Moves every service towards what is wished for until nothing changes any more, and ends
    /// the container when there is nothing left to do.
    ///
    /// Each round starts, skips, stops or counts at least one service, and none of these is ever
    /// undone within the same event, so the rounds are bounded by the number of services.
    ///
    /// One start is ordered at a time, and the next when that one is answered: whatever happens
    /// meanwhile, a signal to stop above all, has not to wait for hundreds of starts that were
    /// ordered before it, and none of these is made in vain.
    pub(super) fn settle(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let is_starting = |service: &Service| matches!(service.phase, Phase::Starting { .. });
        let mut starting = self.services.iter().any(is_starting);
        loop {
            let mut changed = false;
            for index in 0..self.services.len() {
                changed |= self.settle_one(index, now, &mut starting, actions);
            }
            changed |= self.count_ended(now, actions);
            if !changed {
                break;
            }
        }
        self.exit_when_over(actions);
    }

    /// Moves one service; says whether anything changed. `starting` is whether a start is ordered
    /// that is not yet answered.
    fn settle_one(
        &mut self,
        index: usize,
        now: Moment,
        starting: &mut bool,
        actions: &mut Vec<Action>,
    ) -> bool {
        let (Some(service), Some(process)) =
            (self.services.get(index), self.plan.processes.get(index))
        else {
            return false;
        };
        let before = actions.len();
        match service.phase {
            Phase::Waiting if service.wanted => match gate(&process.after, &self.services) {
                Gate::Open if !*starting => {
                    *starting = true;
                    self.change(index, |service| service.spawn(actions));
                }
                Gate::Open | Gate::Closed => return false,
                Gate::Never(because) => {
                    let (process, again) = (service.id, service.last_end.is_some());
                    actions.push(Action::Report(Report::Skipped { process, because, again }));
                    self.change(index, |service| {
                        service.phase = Phase::Done(Outcome::Skipped);
                        service.failure = Some(Outcome::Skipped.exit_code());
                    });
                }
            },
            Phase::Backoff { .. } if !service.wanted => {
                self.change(index, |service| service.phase = Phase::Done(Outcome::Stopped));
                return true;
            }
            Phase::Running { .. } | Phase::Stopping { .. }
                if matches!(self.shutdown, Shutdown::Forced { .. }) =>
            {
                self.change(index, |service| service.kill(actions));
            }
            Phase::Running { .. } if !service.wanted && !self.is_needed(index) => {
                let plan = Arc::clone(&self.plan);
                if let Some(process) = plan.processes.get(index) {
                    let rules = Rules { process, now, seed: self.seed };
                    self.change(index, |service| service.begin_stop(&rules, Cause::Asked, actions));
                }
            }
            Phase::Waiting
            | Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Backoff { .. }
            | Phase::Stopping { .. }
            | Phase::Done(_) => return false,
        }
        actions.len() > before
    }

    /// Whether some process that is itself on its way out still stands on this one. A dependant
    /// that goes on is no reason to wait: then only this one was asked to stop. Nor is any in a hurry.
    fn is_needed(&self, index: usize) -> bool {
        if self.shutdown.is_in_a_hurry() {
            return false;
        }
        let dependants = self.dependants.get(index).map(Vec::as_slice).unwrap_or_default();
        dependants
            .iter()
            .filter_map(|id| self.services.get(id.index()))
            .any(|dependant| !dependant.wanted && dependant.living_run().is_some())
    }

    /// Counts every life that ended since the last look, and lets it decide for the container.
    fn count_ended(&mut self, now: Moment, actions: &mut Vec<Action>) -> bool {
        let mut changed = false;
        for index in 0..self.services.len() {
            let Some(service) = self.services.get_mut(index) else { continue };
            let Phase::Done(outcome) = service.phase else { continue };
            if std::mem::replace(&mut service.counted, true) {
                continue;
            }
            changed = true;
            let id = service.id;
            let Some(process) = self.plan.processes.get(index) else { continue };
            if outcome.is_failure() && process.counts() {
                self.first_failure.get_or_insert(outcome.exit_code());
            }
            if decides(self.plan.exit, process, outcome) && !self.shutdown.has_begun() {
                // A good end that ends everything makes nobody else's failure good.
                let code = match outcome.exit_code() {
                    exit::OK => self.code_of_failures(),
                    code => code,
                };
                actions.push(Action::Report(Report::Deciding(id, code)));
                self.begin_shutdown(now, code, false);
            }
        }
        changed
    }

    /// The code of the first failure that counts: one for good, else one that another run was to make
    /// up for and has not. Else everything ended well.
    fn code_of_failures(&self) -> u8 {
        let pairs = self.services.iter().zip(&self.plan.processes);
        let mut standing = pairs.filter(|(_, it)| it.counts()).filter_map(|(it, _)| it.failure);
        self.first_failure.or_else(|| standing.next()).unwrap_or(exit::OK)
    }

    fn exit_when_over(&mut self, actions: &mut Vec<Action>) {
        let code = match self.shutdown {
            Shutdown::Over => return,
            Shutdown::No => self.code_of_failures(),
            Shutdown::Orderly { code, .. } | Shutdown::Forced { code, .. } => code,
        };
        let over = self.services.iter().all(|service| match service.phase {
            // Whatever could start has been started by now. Where nothing lives any more, what waits
            // does so for something that was stopped on request, and nobody is there to go on for.
            Phase::Done(_) | Phase::Waiting => true,
            Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Backoff { .. }
            | Phase::Stopping { .. } => false,
        });
        if over {
            self.shutdown = Shutdown::Over;
            actions.push(Action::Exit(code));
        }
    }
}

/// Whether the end of this process ends the container.
fn decides(policy: ExitPolicy, process: &Process, outcome: Outcome) -> bool {
    if outcome == Outcome::Stopped {
        return false;
    }
    match process.exit {
        _ if !process.counts() => false,
        ExitRule::Never => false,
        ExitRule::OnEnd => true,
        ExitRule::OnFailure => match policy {
            ExitPolicy::FirstFailure => outcome.is_failure(),
            ExitPolicy::AnyEnded => outcome.is_failure() || process.kind == Kind::Service,
            ExitPolicy::AllEnded => false,
        },
    }
}
