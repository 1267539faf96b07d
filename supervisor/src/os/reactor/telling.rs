//! What is said of it all: reports become lines, output is handed to the log.

use super::Reactor;
use crate::log::{Notice, SourceId, Stream, Watch};
use crate::machine::{Aspect, Report, RunId, Unfit};
use crate::os::kill::Pid;
use crate::os::output::Ends;
use crate::os::report::{self, Context};
use crate::spec::{Check, ExitPolicy};

impl Reactor {
    pub(super) fn report(&mut self, report: &Report) {
        let run = match report {
            Report::Started(run)
            | Report::SpawnFailed(run, _)
            | Report::Stopped(run, _)
            | Report::LeftDescendants(run)
            | Report::Ready(run)
            | Report::NotReady(run)
            | Report::NotReadyYet(run)
            | Report::Unfit(run, _)
            | Report::Signalling(run, _)
            | Report::Killing(run)
            | Report::Abandoned(run) => Some(*run),
            Report::Restarting { .. }
            | Report::GaveUp(_)
            | Report::FilesChanged(_)
            | Report::ChangesEveryRun(_)
            | Report::Skipped { .. }
            | Report::SignalReceived(_)
            | Report::Deciding(..)
            | Report::StopHurried
            | Report::StopTimeout => None,
        };
        let cause = run.and_then(|run| self.cause(run, report));
        // What is sent when its first process has ended is sent to those it left behind.
        let survivors = match report {
            Report::Signalling(run, _) | Report::Killing(run) | Report::Abandoned(run) => {
                self.runs.survivors(*run)
            }
            _ => Vec::new(),
        };
        let leader = || run.and_then(|run| self.runs.leader(run));
        let context = Context {
            plan: &self.plan,
            pid: survivors.first().copied().or_else(leader),
            more: survivors.len().saturating_sub(1),
            cause: cause.as_deref(),
        };
        if let Some(coroner) = &mut self.coroner {
            coroner.observe(&self.plan, report, context.pid.map(Pid::number), context.cause);
        }
        let notice = report::notice(report, &context);
        match report {
            Report::Stopped(run, _) => {
                if let Some(log) = &self.log {
                    log.ended(source(*run), notice);
                }
            }
            // Under honcho's own rule its output is honcho's, which says nothing of this.
            Report::Deciding(..) if self.plan.exit == ExitPolicy::AnyEnded => {}
            _ => self.say(notice),
        }
        if let Report::Started(run) = report
            && let Some(output) = self.outputs.remove(run)
        {
            self.attach(*run, output);
        }
    }

    /// Why it came to what is reported, as far as that is known.
    fn cause(&mut self, run: RunId, report: &Report) -> Option<String> {
        match report {
            Report::SpawnFailed(..) => self.causes.remove(&run),
            Report::Unfit(_, Unfit::NotLive) => {
                self.probes.cause(run, Aspect::Liveness).map(str::to_owned)
            }
            Report::NotReady(_)
            | Report::NotReadyYet(_)
            | Report::Unfit(_, Unfit::NotReadyInTime) => {
                let status = || self.notify.status(run).map(|said| format!("its status: {said}"));
                self.probes.cause(run, Aspect::Readiness).map(str::to_owned).or_else(status)
            }
            _ => None,
        }
    }

    pub(super) fn say(&self, notice: Notice) {
        if let Some(log) = &self.log {
            log.system(notice);
        }
    }

    pub(super) fn attach(&self, run: RunId, output: Ends) {
        let Some(log) = &self.log else { return };
        let process = self.plan.process(run.process);
        let watch = || match process.and_then(|process| Some(&process.ready.as_ref()?.check)) {
            Some(Check::LogLine { contains }) => Some(Watch::new(contains, run.key())),
            _ => None,
        };
        log.attach(source(run), Stream::Stdout, output.out, watch());
        if let Some(err) = output.err {
            log.attach(source(run), Stream::Stderr, err, watch());
        }
    }
}

pub(super) fn source(run: RunId) -> SourceId {
    SourceId(run.process.0)
}
