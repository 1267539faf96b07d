//! What a person wants to know when the container ended badly: reports in, a text out.
//!
//! Watches the [`Report`]s as they pass. An end that was asked for and obeyed leaves nothing to
//! say, and neither does one with exit code 0 that needed no force.

use std::collections::HashSet;
use std::fmt::Write;

use super::event::{RunEnd, RunId};
use super::exit::{self, Outcome, judge};
use super::health::Unfit;
use super::report::Report;
use crate::spec::{ExitRule, Plan, ProcessId, Signal};

/// The most a text may have in bytes: what Kubernetes reads of a `terminationMessagePath`.
pub const LIMIT: usize = 4096;

/// What has been seen so far. Its size is bounded by the number of processes.
#[derive(Clone, Debug, Default)]
pub struct PostMortem {
    /// Processes whose latest life ended badly, in the order of their ends.
    failures: Vec<Failure>,
    /// Living runs that were told to end; what they then return is no failure of theirs.
    told_to_end: HashSet<RunId>,
    /// The first word from outside, if it came before anything else ended the container.
    told: Option<Signal>,
    /// A signal came, whether it began the end or not.
    signalled: bool,
    /// Somebody asked a second time, and so for everything to be killed.
    pressed: bool,
    decider: Option<ProcessId>,
    /// Those that had to be killed, with their first process.
    killed: Vec<(ProcessId, Option<i32>)>,
    /// Those that even SIGKILL did not end in time.
    left: Vec<(ProcessId, Option<i32>)>,
}

/// A life that ended badly.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    process: ProcessId,
    how: How,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum How {
    Ended {
        end: RunEnd,
        pid: Option<i32>,
        out_of_memory: bool,
    },
    /// It lived, and was ended for being of no use.
    Unfit {
        why: Unfit,
        pid: Option<i32>,
        cause: Option<String>,
    },
    NotStarted {
        cause: String,
    },
    NeverStarted {
        because: ProcessId,
    },
}

/// What of a report only the outside knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Particulars<'a> {
    /// The process the run spoken of began with.
    pub pid: Option<i32>,
    /// Why a run could not be had.
    pub cause: Option<&'a str>,
    /// The kernel has killed somebody of this container for want of memory since the last end.
    pub out_of_memory: bool,
}

/// The facts of an end that is worth a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Who failed first, whose last lines belong into the text.
    pub first: Option<ProcessId>,
    /// Sentences before the last lines.
    before: Vec<String>,
    /// Sentences behind them, the most important one at the end.
    behind: Vec<String>,
}

impl PostMortem {
    /// Takes note of a report.
    pub fn observe(&mut self, plan: &Plan, report: &Report, of: &Particulars<'_>) {
        match report {
            Report::Started(run) => self.forgive(run.process),
            Report::SpawnFailed(run, _) => {
                let cause = of.cause.unwrap_or("it cannot be started").to_owned();
                self.failed(run.process, How::NotStarted { cause });
            }
            Report::Stopped(run, end) => {
                let asked = self.told_to_end.remove(run);
                let codes = plan.process(run.process).map(|process| &process.success_exit_codes);
                let outcome = judge(*end, codes.map(Vec::as_slice).unwrap_or_default());
                if !asked && matches!(outcome, Outcome::Failed(_)) {
                    // A shell says so of the program that it ran.
                    let by_kill = matches!(end, RunEnd::Signal(9) | RunEnd::Code(137));
                    let out_of_memory = of.out_of_memory && by_kill;
                    self.failed(run.process, How::Ended { end: *end, pid: of.pid, out_of_memory });
                }
            }
            Report::Unfit(run, why) => {
                let cause = of.cause.map(str::to_owned);
                self.failed(run.process, How::Unfit { why: *why, pid: of.pid, cause });
            }
            Report::Restarting { process, .. } => self.forgive(*process),
            Report::Skipped { process, because, .. } => {
                self.failed(*process, How::NeverStarted { because: *because });
            }
            Report::SignalReceived(signal) => {
                self.pressed = self.signalled;
                self.signalled = true;
                if self.decider.is_none() {
                    self.told.get_or_insert(*signal);
                }
            }
            Report::Deciding(process, _) => self.decider = Some(*process),
            Report::Signalling(run, _) => {
                self.told_to_end.insert(*run);
            }
            Report::Killing(run) => {
                self.told_to_end.insert(*run);
                // Before the end of everything it was somebody's wish, and afterwards it is not of
                // interest where it was one as well.
                let ending = self.told.is_some() || self.decider.is_some();
                if ending && !self.pressed {
                    self.killed.push((run.process, of.pid));
                }
            }
            Report::Abandoned(run) => self.left.push((run.process, of.pid)),
            Report::Ready(_)
            | Report::NotReady(_)
            | Report::NotReadyYet(_)
            | Report::LeftDescendants(_)
            | Report::FilesChanged(_)
            | Report::ChangesEveryRun(_)
            | Report::GaveUp(_)
            | Report::StopHurried
            | Report::StopTimeout => {}
        }
    }

    /// What there is to say about an end with this exit code; `None` when nothing is.
    #[must_use]
    pub fn finding(&self, plan: &Plan, code: u8) -> Option<Finding> {
        let told = self.told.is_some();
        if self.killed.is_empty() && self.left.is_empty() && (code == exit::OK || told) {
            return None;
        }
        let counts = |failure: &&Failure| {
            plan.process(failure.process).is_some_and(|process| process.exit != ExitRule::Never)
        };
        let first = self.failures.iter().find(counts);
        let before = first.map(|failure| failure.sentence(plan)).into_iter().collect();
        let mut behind = Vec::new();
        if !self.killed.is_empty() {
            let who = names(plan, &self.killed);
            behind.push(format!("still alive at the deadline, and killed: {who}"));
        }
        if !self.left.is_empty() {
            behind.push(format!("not even SIGKILL ended: {}", names(plan, &self.left)));
        }
        behind.push(format!("exit code {code}: {}", self.reason(plan, code, first)));
        Some(Finding { first: first.map(|failure| failure.process), before, behind })
    }

    fn reason(&self, plan: &Plan, code: u8, first: Option<&Failure>) -> String {
        match (self.decider, self.told, first) {
            (Some(decider), ..) => format!("the end of {} ended everything", label(plan, decider)),
            (None, Some(signal), _) => format!("told to stop by {signal}"),
            (None, None, Some(first)) if code != exit::OK => {
                format!("everything has ended, and {} failed", label(plan, first.process))
            }
            (None, None, _) => "everything has ended".to_owned(),
        }
    }

    fn failed(&mut self, process: ProcessId, how: How) {
        self.forgive(process);
        self.failures.push(Failure { process, how });
    }

    /// Its failure was not the end of it.
    fn forgive(&mut self, process: ProcessId) {
        self.failures.retain(|failure| failure.process != process);
    }
}

impl Failure {
    fn sentence(&self, plan: &Plan) -> String {
        let name = label(plan, self.process);
        let in_brackets =
            |pid: &Option<i32>| pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
        match &self.how {
            How::Ended { end, pid, out_of_memory } => {
                let pid = in_brackets(pid);
                let how = match end {
                    RunEnd::Code(code) => format!("with exit code {code}"),
                    RunEnd::Unusable => "with an output that cannot be used".to_owned(),
                    RunEnd::Signal(number) => format!("by {}", signal_name(*number)),
                };
                let why = if *out_of_memory { ", killed by the kernel: out of memory" } else { "" };
                format!("{name}{pid} failed first: ended {how}{why}")
            }
            How::Unfit { why, pid, cause } => {
                let pid = in_brackets(pid);
                let why = match why {
                    Unfit::NotReadyInTime => "was not ready in time",
                    Unfit::NotLive => "failed its liveness check",
                    Unfit::WatchdogExpired => "missed its watchdog",
                    Unfit::WatchdogTriggered => "triggered its watchdog",
                };
                let cause = cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
                format!("{name}{pid} failed first: {why}, and was stopped{cause}")
            }
            How::NotStarted { cause } => format!("{name} failed first: not started: {cause}"),
            How::NeverStarted { because } => {
                format!("{name} failed first: never started because of {}", label(plan, *because))
            }
        }
    }
}

impl Finding {
    /// The whole text, without a newline at its end and with at most [`LIMIT`] bytes. `last_lines`
    /// are those of [`Finding::first`], none where they need not be repeated; the oldest are left
    /// out when there is no room.
    #[must_use]
    pub fn text(&self, last_lines: &[String]) -> String {
        let fixed: usize = self.before.iter().chain(&self.behind).map(|line| line.len() + 1).sum();
        let heading = "its last lines:";
        let mut room = LIMIT.saturating_sub(fixed + heading.len() + 1);
        let fitting = last_lines.iter().rev().take_while(|line| {
            let needed = line.len() + INDENT.len() + 1;
            let fits = needed <= room;
            room = room.saturating_sub(needed);
            fits
        });
        let shown = last_lines.iter().skip(last_lines.len() - fitting.count());
        let mut text = String::new();
        let mut say = |indent: &str, line: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{indent}{line}");
        };
        self.before.iter().for_each(|line| say("", line));
        if shown.len() > 0 {
            say("", heading);
            shown.for_each(|line| say(INDENT, line));
        }
        self.behind.iter().for_each(|line| say("", line));
        text.truncate(text.trim_end().len());
        // Only a cause or a crowd of names of kilobytes gets here.
        text.truncate(text.floor_char_boundary(LIMIT));
        text
    }
}

const INDENT: &str = "    ";

/// A few names with their processes; a thousand would hide the rest of the text.
fn names(plan: &Plan, who: &[(ProcessId, Option<i32>)]) -> String {
    const SHOWN: usize = 20;
    let name = |(process, pid): &(ProcessId, Option<i32>)| match pid {
        Some(pid) => format!("{} (pid {pid})", label(plan, *process)),
        None => label(plan, *process).to_owned(),
    };
    let mut names: Vec<String> = who.iter().take(SHOWN).map(name).collect();
    if who.len() > SHOWN {
        names.push(format!("and {} more", who.len() - SHOWN));
    }
    names.join(", ")
}

fn label(plan: &Plan, id: ProcessId) -> &str {
    plan.process(id).map_or("?", |process| process.label.as_str())
}

fn signal_name(number: u8) -> String {
    Signal::from_number(i32::from(number))
        .map_or_else(|| format!("signal {number}"), |signal| signal.to_string())
}

#[cfg(test)]
mod tests;
