//! How a running process is found to be: what its checks and its own words change.

use super::{Cause, Phase, Service};
use crate::machine::event::{RunId, Word};
use crate::machine::health::{Aspect, Finding, Health, Unfit};
use crate::machine::report::Report;
use crate::machine::{Action, Rules};

impl Service {
    /// A check of a run was answered.
    pub fn on_answered(
        &mut self,
        rules: &Rules<'_>,
        run: RunId,
        aspect: Aspect,
        good: bool,
        actions: &mut Vec<Action>,
    ) {
        self.examine(rules, run, actions, |health, findings| {
            health.on_answer(rules.process, rules.now, aspect, good, findings);
        });
    }

    /// A run said something of itself.
    pub fn on_told(
        &mut self,
        rules: &Rules<'_>,
        run: RunId,
        word: Word,
        actions: &mut Vec<Action>,
    ) {
        let Rules { process, now, .. } = *rules;
        self.examine(rules, run, actions, |health, findings| match word {
            Word::Ready => health.on_told_ready(process, now, findings),
            Word::NotReady => health.on_told_unready(process, findings),
            Word::Alive => health.on_sign_of_life(process, now),
            Word::Trigger if process.watchdog.is_some() => {
                findings.push(Finding::Unfit(Unfit::WatchdogTriggered));
            }
            Word::Trigger => {}
            Word::MoreTime(ms) => health.on_more_time_asked(now, ms),
        });
    }

    /// Lets something be found out about the run, if that is the one that runs.
    fn examine(
        &mut self,
        rules: &Rules<'_>,
        run: RunId,
        actions: &mut Vec<Action>,
        look: impl FnOnce(&mut Health, &mut Vec<Finding>),
    ) {
        match &mut self.phase {
            Phase::Running { run: living, health, .. } if *living == run => {
                let mut findings = Vec::new();
                look(health, &mut findings);
                self.act_on(rules, &findings, actions);
            }
            Phase::Running { .. }
            | Phase::Waiting
            | Phase::Starting { .. }
            | Phase::Backoff { .. }
            | Phase::Stopping { .. }
            | Phase::Done(_) => {}
        }
    }

    pub(super) fn act_on(
        &mut self,
        rules: &Rules<'_>,
        findings: &[Finding],
        actions: &mut Vec<Action>,
    ) {
        let Some(run) = self.living_run() else { return };
        for finding in findings {
            match finding {
                Finding::Ask(aspect) => actions.push(Action::Ask(run, *aspect)),
                Finding::GiveUpAsking(aspect) => actions.push(Action::StopAsking(run, *aspect)),
                Finding::Ready => {
                    self.was_ready = true;
                    actions.push(Action::Report(Report::Ready(run)));
                }
                Finding::NotReady => actions.push(Action::Report(Report::NotReady(run))),
                Finding::NotReadyYet => actions.push(Action::Report(Report::NotReadyYet(run))),
                // Two reasons at once are one: after the first it no longer runs.
                Finding::Unfit(why) if matches!(self.phase, Phase::Running { .. }) => {
                    actions.push(Action::Report(Report::Unfit(run, *why)));
                    self.begin_stop(rules, Cause::Unfit, actions);
                }
                Finding::Unfit(_) => {}
            }
        }
    }
}
