//! The health of a living run: whether it is ready, whether it is still of use.
//!
//! Readiness opens and closes the gates of dependants and never ends a run, except when the run
//! has not become ready by its deadline. Liveness and the watchdog end runs that live on without
//! being of use.

use super::moment::Moment;
use super::probe::{Probe, Step, Verdict};
use crate::spec::plan::asks;
use crate::spec::{Process, WatchdogRule};

/// What is known of a living run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Health {
    /// Whether it is ready for its dependants now.
    pub ready: bool,
    readiness: Option<Probe>,
    liveness: Option<Probe>,
    /// By when it must have become ready; `None` once it was, or without a deadline.
    ready_by: Option<Moment>,
    /// Whether it was ready once, or has been said not to be: neither is said again.
    spoken_of: bool,
    /// By when the next sign of life must come; `None` while the clock does not run.
    alive_by: Option<Moment>,
}

/// Which of the two questions a check answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Aspect {
    /// Is it ready?
    Readiness,
    /// Is it still of use?
    Liveness,
}

/// Why a run that lives has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unfit {
    /// It was not ready in time.
    NotReadyInTime,
    /// Its liveness check failed too often in a row.
    NotLive,
    /// Its sign of life did not come in time.
    WatchdogExpired,
    /// It asked for it (`WATCHDOG=trigger`).
    WatchdogTriggered,
}

/// What follows from time or an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Make this check.
    Ask(Aspect),
    /// Give this check up: its answer is too late.
    GiveUpAsking(Aspect),
    /// It has become ready.
    Ready,
    /// It is ready no longer.
    NotReady,
    /// It has never been ready, and its check failed too often in a row for that to be normal.
    NotReadyYet,
    /// It has to go.
    Unfit(Unfit),
}

impl Health {
    /// Of a run that has just been started.
    #[must_use]
    pub fn new(process: &Process, now: Moment) -> Self {
        let readiness = process.ready.as_ref().filter(|rule| asks(&rule.check));
        let mut health = Self {
            ready: process.ready.is_none(),
            readiness: readiness.map(|rule| Probe::new(&rule.timing, now, true)),
            liveness: process.live.as_ref().map(|rule| Probe::new(&rule.timing, now, false)),
            ready_by: process
                .ready
                .as_ref()
                .and_then(|rule| rule.deadline_ms)
                .map(|deadline| now.plus(deadline)),
            spoken_of: false,
            alive_by: None,
        };
        health.wind_watchdog(process.watchdog, now);
        health
    }

    /// When time alone will change something.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        let probes = self.readiness.iter().chain(&self.liveness).map(Probe::deadline);
        probes.chain(self.ready_by).chain(self.alive_by).min()
    }

    /// Whether the answer to this question is awaited.
    #[must_use]
    pub fn is_asked(&self, aspect: Aspect) -> bool {
        let probe = match aspect {
            Aspect::Readiness => &self.readiness,
            Aspect::Liveness => &self.liveness,
        };
        probe.is_some_and(|probe| probe.is_asked())
    }

    /// Time has passed.
    pub fn on_time(&mut self, process: &Process, now: Moment, findings: &mut Vec<Finding>) {
        for aspect in [Aspect::Readiness, Aspect::Liveness] {
            let Some((probe, timing)) = self.probe(process, aspect) else { continue };
            match probe.on_time(timing, now) {
                Some(Step::Ask) => findings.push(Finding::Ask(aspect)),
                Some(Step::TooLate) => {
                    findings.push(Finding::GiveUpAsking(aspect));
                    self.on_answer(process, now, aspect, false, findings);
                }
                None => {}
            }
        }
        if self.ready_by.is_some_and(|at| at <= now) {
            self.ready_by = None;
            findings.push(Finding::Unfit(Unfit::NotReadyInTime));
        }
        if self.alive_by.is_some_and(|at| at <= now) {
            self.alive_by = None;
            findings.push(Finding::Unfit(Unfit::WatchdogExpired));
        }
    }

    /// A check was answered.
    pub fn on_answer(
        &mut self,
        process: &Process,
        now: Moment,
        aspect: Aspect,
        good: bool,
        findings: &mut Vec<Finding>,
    ) {
        let Some((probe, timing)) = self.probe(process, aspect) else { return };
        match (aspect, probe.on_answer(timing, now, good)) {
            (Aspect::Readiness, Some(Verdict::Good)) => self.become_ready(process, now, findings),
            (Aspect::Readiness, Some(Verdict::Bad)) => {
                self.become_unready(findings);
                if !std::mem::replace(&mut self.spoken_of, true) {
                    findings.push(Finding::NotReadyYet);
                }
            }
            (Aspect::Liveness, Some(Verdict::Bad)) => {
                findings.push(Finding::Unfit(Unfit::NotLive));
            }
            (Aspect::Liveness, Some(Verdict::Good)) | (_, None) => {}
        }
    }

    /// It said by itself that it is ready, where that is what its rule waits for.
    pub fn on_told_ready(&mut self, process: &Process, now: Moment, findings: &mut Vec<Finding>) {
        if process.ready.as_ref().is_some_and(|rule| !asks(&rule.check)) {
            self.become_ready(process, now, findings);
        }
    }

    /// It said by itself that it is about to end or to read its configuration anew.
    pub fn on_told_unready(&mut self, process: &Process, findings: &mut Vec<Finding>) {
        if process.ready.is_some() {
            self.become_unready(findings);
        }
    }

    /// It gave its sign of life.
    pub fn on_sign_of_life(&mut self, process: &Process, now: Moment) {
        if self.alive_by.is_some() {
            self.wind_watchdog(process.watchdog, now);
        }
    }

    /// It asked for more time to become ready (`EXTEND_TIMEOUT_USEC`): at least this much from now.
    pub fn on_more_time_asked(&mut self, now: Moment, ms: u64) {
        self.ready_by = self.ready_by.map(|at| at.max(now.plus(ms)));
    }

    fn become_ready(&mut self, process: &Process, now: Moment, findings: &mut Vec<Finding>) {
        if self.ready {
            return;
        }
        self.ready = true;
        self.spoken_of = true;
        self.ready_by = None;
        findings.push(Finding::Ready);
        if self.alive_by.is_none() {
            self.wind_watchdog(process.watchdog, now);
        }
    }

    fn become_unready(&mut self, findings: &mut Vec<Finding>) {
        if self.ready {
            self.ready = false;
            findings.push(Finding::NotReady);
        }
    }

    fn wind_watchdog(&mut self, rule: Option<WatchdogRule>, now: Moment) {
        let running = rule.filter(|rule| self.ready || !rule.require_ready);
        self.alive_by = running.map(|rule| now.plus(rule.within_ms));
    }

    fn probe<'a>(
        &'a mut self,
        process: &'a Process,
        aspect: Aspect,
    ) -> Option<(&'a mut Probe, &'a crate::spec::Timing)> {
        match aspect {
            Aspect::Readiness => {
                self.readiness.as_mut().zip(process.ready.as_ref().map(|r| &r.timing))
            }
            Aspect::Liveness => {
                self.liveness.as_mut().zip(process.live.as_ref().map(|r| &r.timing))
            }
        }
    }

    /// The same with every moment told relative to `base`, for the model search.
    pub(super) fn normalise(&mut self, base: Moment) {
        let ahead = |moment: Moment| Moment(moment.since(base));
        self.readiness.iter_mut().chain(&mut self.liveness).for_each(|probe| probe.normalise(base));
        self.ready_by = self.ready_by.map(ahead);
        self.alive_by = self.alive_by.map(ahead);
    }
}
