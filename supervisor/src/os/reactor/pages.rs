//! What is asked for over HTTP: the pages, made of where everything stands at this moment.

use std::time::{SystemTime, UNIX_EPOCH};

use super::telling::source;
use super::{Reactor, clock};
use crate::control::{Goal, Verdict};
use crate::http::{Answer, Check, Page, Status, Subject, health, metrics};
use crate::machine::{Aspect, Moment, ProcessStatus, RunId, State};
use crate::os::http::Query;
use crate::spec::{ExitRule, Kind, ProcessId};

/// When the supervisor began, by its own clock and by that of the world: moments are told in the
/// same way however the latter is stepped afterwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beginning {
    at: Moment,
    unix_ms: u64,
}

impl Beginning {
    /// This moment.
    pub(super) fn now() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { at: clock::now(), unix_ms: u64::try_from(unix.as_millis()).unwrap_or(u64::MAX) }
    }

    /// Milliseconds since 1970.
    fn unix_ms(self, at: Moment) -> u64 {
        self.unix_ms.saturating_add(at.since(self.at))
    }
}

impl Reactor {
    /// Answers what has been asked for since the last turn.
    pub(super) fn answer_queries(&mut self) {
        for Query { page, answer } in self.http.take() {
            let page = match page {
                Page::Metrics => self.metrics(),
                Page::Health { subject, name, verbose } => {
                    self.health(subject, name.as_deref(), verbose)
                }
            };
            // Whoever asked may have gone.
            drop(answer.send(page));
        }
    }

    /// Ready is what `devenv-init healthcheck` calls healthy. Live is a container whose end and new
    /// beginning would mend nothing: what is restarted, or ends well, is mended already.
    fn health(&self, subject: Subject, name: Option<&str>, verbose: bool) -> Answer {
        let statuses = self.machine.status(clock::now());
        let goal = match subject {
            Subject::Live => Goal::Live,
            Subject::Ready => Goal::Healthy,
        };
        let ids: Vec<ProcessId> = match name {
            Some(name) => self.plan.find_all(name).collect(),
            None => self.meant_to_run(&statuses).filter(|id| self.counts(*id, subject)).collect(),
        };
        if let (Some(name), []) = (name, ids.as_slice()) {
            let why = format!("there is no process \"{}\"\n", name.escape_debug());
            return Answer::text(Status::NotFound, why);
        }
        let of = |id: ProcessId| {
            let status = statuses.get(id.index())?;
            Some(Check { name: status.label.clone(), fault: self.fault(id, goal, status) })
        };
        let mut checks: Vec<Check> = ids.into_iter().filter_map(of).collect();
        if subject == Subject::Ready {
            let stopping = self.machine.is_shutting_down();
            let fault = stopping.then(|| "everything is being stopped".to_owned());
            checks.push(Check { name: "shutdown".to_owned(), fault });
        }
        health::answer(subject, &checks, verbose)
    }

    /// What fails without counting for the exit does not count for life either.
    fn counts(&self, id: ProcessId, subject: Subject) -> bool {
        let exit = self.plan.process(id).map(|process| process.exit);
        subject == Subject::Ready || exit != Some(ExitRule::Never)
    }

    fn fault(&self, id: ProcessId, goal: Goal, status: &ProcessStatus) -> Option<String> {
        let why = match goal.judge(status) {
            Verdict::Met => return None,
            Verdict::NotYet(why) | Verdict::Never(why) => why,
        };
        let waits = status.state == State::Running && status.kind == Kind::Service;
        let run = RunId { process: id, number: status.runs };
        let cause = self.probes.cause(run, Aspect::Readiness).or_else(|| self.notify.status(run));
        let Some(cause) = cause.filter(|_| waits) else { return Some(why) };
        // It may be in the words of a process.
        let cause = self.log.as_ref().map_or_else(String::new, |log| log.masked(cause));
        Some(format!("{why}: {cause}"))
    }

    fn metrics(&mut self) -> Answer {
        let now = clock::now();
        let statuses = self.machine.status(now);
        let began = |status: &ProcessStatus| {
            let ms = status.uptime_ms?;
            Some(self.beginning.unix_ms(Moment(now.0.saturating_sub(ms))))
        };
        let volumes = self.log.as_ref().map(|log| log.read_so_far()).unwrap_or_default();
        let lost = self.log.as_ref().map(|log| log.lost_so_far()).unwrap_or_default();
        let figures = (0..).map(ProcessId).zip(&self.plan.processes).zip(&statuses);
        let figures = figures.map(|((id, process), status)| {
            let volume = volumes.get(source(RunId { process: id, number: 0 }).0 as usize);
            let volume = volume.copied().unwrap_or_default();
            metrics::Figures {
                name: &process.name,
                replica: process.replica,
                status,
                started_at_ms: began(status),
                lines: volume.lines,
                bytes: volume.bytes,
                usage: self.meters.of(id, &self.runs),
            }
        });
        metrics::answer(&metrics::Snapshot {
            version: env!("CARGO_PKG_VERSION"),
            project: self.plan.name.as_deref().unwrap_or_default(),
            uptime_ms: now.since(self.beginning.at),
            shutting_down: self.machine.is_shutting_down(),
            lost_lines: lost.lines,
            lost_bytes: lost.bytes,
            processes: figures.collect(),
        })
    }
}
