//! The machine's reports in words: as honcho says them where it has words for it.

use super::kill::Pid;
use super::notify::Sender;
use super::watch::Trouble;
use crate::log::Notice;
use crate::machine::{Report, RunId, Unfit};
use crate::spec::{Plan, ProcessId, Signal};

/// What a report needs besides itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Knows the names.
    pub plan: &'a Plan,
    /// The process of the run that is spoken of.
    pub pid: Option<Pid>,
    /// How many others of it there are besides, where its first process has ended and `pid` is one
    /// of those it left behind.
    pub more: usize,
    /// Why a run could not be had, with the file or directory that was at fault; or why the latest
    /// check of it was answered badly.
    pub cause: Option<&'a str>,
}

/// Puts a report into words for people, and into an event with fields for programs.
#[must_use]
pub fn notice(report: &Report, context: &Context<'_>) -> Notice {
    match report {
        Report::Started(run) => {
            let text = format!("{} started (pid={})", context.label(run.process), context.pid());
            context.of_run("started", text, *run)
        }
        Report::SpawnFailed(run, failure) => {
            let label = context.label(run.process);
            let cause = context.cause.unwrap_or("cannot be started");
            let text = format!("{label} not started: {cause}");
            context.of_run("not_started", text, *run).with("code", u32::from(failure.exit_code()))
        }
        Report::Stopped(run, end) => {
            let text = format!("{} stopped (rc={})", context.label(run.process), end.rc());
            context.of_run("stopped", text, *run).with("rc", end.rc())
        }
        Report::LeftDescendants(run) => {
            let label = context.label(run.process);
            let text = format!("{label} left processes behind, stopping them");
            context.of_run("left_descendants", text, *run)
        }
        Report::Ready(run) => {
            let text = format!("{} is ready", context.label(run.process));
            context.of_run("ready", text, *run)
        }
        Report::NotReady(run) => context.because("not_ready", "is ready no longer", *run),
        Report::NotReadyYet(run) => context.because("not_ready_yet", "is not ready yet", *run),
        Report::Unfit(run, why) => context.unfit(*run, *why),
        Report::Restarting { process, after_ms, number, max } => {
            let text = restarting(context.label(*process), *after_ms, *number, *max);
            let ms = i64::try_from(*after_ms).unwrap_or(i64::MAX);
            context.of_process("restarting", text, *process).with("after_ms", ms)
        }
        Report::FilesChanged(process) => {
            let text = format!("files of {} have changed", context.label(*process));
            context.of_process("files_changed", text, *process)
        }
        Report::ChangesEveryRun(process) => {
            let text = format!(
                "files of {} change each time it starts: it is started anew less often\n\
                 hint: name what it writes itself in watch.ignore",
                context.label(*process)
            );
            context.of_process("changes_every_run", text, *process)
        }
        Report::GaveUp(process) => {
            let text = format!("{} is not started again: too often", context.label(*process));
            context.of_process("gave_up", text, *process)
        }
        Report::Skipped { process, because, again } => {
            let because = context.label(*because);
            let never = if *again { "does not start again" } else { "never starts" };
            let text = format!("{} {never} because of {because}", context.label(*process));
            context.of_process("skipped", text, *process).with("because", because)
        }
        Report::SignalReceived(signal) => {
            Notice::new("signal_received", format!("{signal} received"))
                .with("signal", signal.to_string())
        }
        Report::Deciding(process, code) => {
            let label = context.label(*process);
            let text = format!("{label} ends everything (exit code {code})");
            context.of_process("deciding", text, *process).with("code", u32::from(*code))
        }
        Report::Signalling(run, signal) => match context.stop_command(run.process) {
            Some(program) => {
                let label = context.label(run.process);
                let text = format!("running {program} to stop {label} (pid {})", context.pid());
                context.of_run("stop_command", text, *run)
            }
            None => context.sending(*run, *signal),
        },
        Report::Killing(run) => context.sending(*run, Signal::KILL),
        Report::StopHurried => Notice::new(
            "stop_hurried",
            "the time to stop is running out, telling what has not been told yet\n\
             hint: `devenv-init plan` shows how long each may take; raise `--stop-timeout` (Nix: `init.stopTimeout`), or lower graces",
        ),
        Report::StopTimeout => {
            Notice::new("stop_timeout", "the time to stop is over, killing what is left")
        }
        Report::Abandoned(run) => {
            let label = context.label(run.process);
            let text = format!("{label} cannot be killed, leaving it (pid {})", context.pid());
            context.of_run("abandoned", text, *run)
        }
    }
}

/// Says that the command that was to stop a run has failed, and what is done instead.
#[must_use]
pub fn stop_command_failed(run: RunId, signal: Signal, context: &Context<'_>) -> Notice {
    let label = context.label(run.process);
    let program = context.stop_command(run.process).unwrap_or("?");
    let (cause, pid) = (context.cause.unwrap_or("failed"), context.pid());
    let text = format!("{program} {cause}, sending {signal} to {label} (pid {pid})");
    context.of_run("stop_command_failed", text, run).with("signal", signal.to_string())
}

/// Somebody spoke in the name of a run and was not heard.
#[must_use]
pub fn stranger(plan: &Plan, run: RunId, sender: Sender) -> Notice {
    let context = Context { plan, pid: None, more: 0, cause: None };
    let label = context.label(run.process);
    let who = match sender.pid {
        Some(pid) => format!("process {pid}"),
        None => "a process outside the container".to_owned(),
    };
    let text = format!("{who} spoke for {label} without being one of its processes, not heard");
    context.of_process("stranger", text, run.process)
}

/// Processes are left that no run can be told of.
#[must_use]
pub fn strays(pids: &[Pid]) -> Option<Notice> {
    let first = pids.first()?;
    let (who, were) = match pids.len() {
        1 => (format!("process {first}"), "was"),
        count => (format!("{count} processes ({first} and so on)"), "were"),
    };
    let text = format!("{who} {were} left behind, by whom cannot be told: stopped at the very end");
    let count = u32::try_from(pids.len()).unwrap_or(u32::MAX);
    Some(Notice::new("strays", text).with("pid", first.number()).with("count", count))
}

/// Some of the files that a process is to be started anew for cannot be watched.
#[must_use]
pub fn unwatched(plan: &Plan, trouble: &Trouble) -> Notice {
    let context = Context { plan, pid: None, more: 0, cause: None };
    let label = context.label(trouble.process);
    let text = format!("{label} is not started anew for all its files: {}", trouble.what);
    context.of_process("unwatched", text, trouble.process)
}

impl Context<'_> {
    /// The program that stops a process instead of a signal.
    fn stop_command(&self, id: ProcessId) -> Option<&str> {
        let command = self.plan.process(id)?.settings.stop_command.as_ref()?;
        command.first().map(String::as_str)
    }

    fn label(&self, id: ProcessId) -> &str {
        self.plan.process(id).map_or("?", |process| process.label.as_str())
    }

    fn pid(&self) -> String {
        match (self.pid, self.more) {
            (None, _) => "?".to_owned(),
            (Some(pid), 0) => pid.to_string(),
            (Some(pid), more) => format!("{pid} and {more} more"),
        }
    }

    fn unfit(&self, run: RunId, why: Unfit) -> Notice {
        let process = self.plan.process(run.process);
        match why {
            Unfit::NotReadyInTime => {
                let ms = process.and_then(|process| process.ready.as_ref()?.deadline_ms);
                let within =
                    ms.map_or("in time".to_owned(), |ms| format!("within {} s", seconds(ms)));
                self.because("not_ready_in_time", &format!("was not ready {within}"), run)
            }
            Unfit::NotLive => {
                let live = process.and_then(|process| process.live.as_ref());
                let times = match live.map_or(1, |rule| rule.timing.failure_threshold) {
                    0 | 1 => String::new(),
                    times => format!(" {times} times"),
                };
                self.because("not_live", &format!("failed its liveness check{times}"), run)
            }
            Unfit::WatchdogExpired => {
                let ms = process.and_then(|process| process.watchdog).map(|rule| rule.within_ms);
                let after = ms
                    .map_or(String::new(), |ms| format!(": no sign of life for {} s", seconds(ms)));
                let text = format!("{} missed its watchdog{after}", self.label(run.process));
                self.of_run("watchdog_expired", text, run)
            }
            Unfit::WatchdogTriggered => {
                let text = format!("{} triggered its watchdog", self.label(run.process));
                self.of_run("watchdog_triggered", text, run)
            }
        }
    }

    /// `web.1 is ready no longer: cannot connect to 127.0.0.1:80: Connection refused`.
    fn because(&self, event: &'static str, what: &str, run: RunId) -> Notice {
        let label = self.label(run.process);
        match self.cause {
            Some(cause) => {
                self.of_run(event, format!("{label} {what}: {cause}"), run).with("cause", cause)
            }
            None => self.of_run(event, format!("{label} {what}"), run),
        }
    }

    fn sending(&self, run: RunId, signal: Signal) -> Notice {
        let label = self.label(run.process);
        let text = format!("sending {signal} to {label} (pid {})", self.pid());
        self.of_run("sending", text, run).with("signal", signal.to_string())
    }

    fn of_process(&self, event: &'static str, text: String, process: ProcessId) -> Notice {
        let notice = Notice::new(event, text);
        match self.plan.process(process) {
            Some(process) => {
                notice.with("process", process.name.as_str()).with("replica", process.replica)
            }
            None => notice,
        }
    }

    fn of_run(&self, event: &'static str, text: String, run: RunId) -> Notice {
        let notice = self.of_process(event, text, run.process).with("run", run.number);
        match self.pid {
            Some(pid) => notice.with("pid", pid.number()),
            None => notice,
        }
    }
}

/// `web.1 will be started again in 0.5 s (2 of 5)`.
fn restarting(label: &str, after_ms: u64, number: Option<u32>, max: Option<u32>) -> String {
    let wait = seconds(after_ms);
    match (number, max) {
        (Some(number), Some(max)) => {
            format!("{label} will be started again in {wait} s ({number} of {max})")
        }
        (Some(number), None) => format!("{label} will be started again in {wait} s ({number})"),
        (None, _) => format!("{label} will be tried again in {wait} s"),
    }
}

/// Seconds with as many decimals as they need: `0.5`, `30`, `1.25`.
pub(super) fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{RunEnd, SpawnFailure};

    fn plan() -> Plan {
        let text = r#"{"version": 1, "processes": [
            {"name": "web", "command": ["/bin/web"]}, {"name": "db", "command": ["/bin/db"]}]}"#;
        crate::spec::load(text).expect("a valid spec")
    }

    #[test]
    fn every_report_has_its_words() {
        let plan = plan();
        let context = Context {
            plan: &plan,
            pid: Pid::new(12),
            more: 0,
            cause: Some("cannot execute /bin/web: No such file or directory"),
        };
        let run = RunId { process: ProcessId(0), number: 1 };
        let (web, db) = (ProcessId(0), ProcessId(1));
        for (report, want) in [
            (Report::Started(run), "web.1 started (pid=12)"),
            (Report::Stopped(run, RunEnd::Code(3)), "web.1 stopped (rc=3)"),
            (Report::Stopped(run, RunEnd::Signal(15)), "web.1 stopped (rc=-15)"),
            (
                Report::SpawnFailed(run, SpawnFailure::NotFound),
                "web.1 not started: cannot execute /bin/web: No such file or directory",
            ),
            (Report::LeftDescendants(run), "web.1 left processes behind, stopping them"),
            (
                Report::Restarting { process: web, after_ms: 500, number: Some(2), max: Some(5) },
                "web.1 will be started again in 0.5 s (2 of 5)",
            ),
            (
                Report::Restarting { process: web, after_ms: 30_000, number: Some(9), max: None },
                "web.1 will be started again in 30 s (9)",
            ),
            (
                Report::Restarting { process: web, after_ms: 1_250, number: None, max: None },
                "web.1 will be tried again in 1.25 s",
            ),
            (Report::FilesChanged(web), "files of web.1 have changed"),
            (
                Report::ChangesEveryRun(web),
                "files of web.1 change each time it starts: it is started anew less often\n\
                 hint: name what it writes itself in watch.ignore",
            ),
            (Report::GaveUp(web), "web.1 is not started again: too often"),
            (
                Report::Skipped { process: web, because: db, again: false },
                "web.1 never starts because of db.1",
            ),
            (
                Report::Skipped { process: web, because: db, again: true },
                "web.1 does not start again because of db.1",
            ),
            (Report::SignalReceived(Signal::INT), "SIGINT received"),
            (Report::Deciding(web, 3), "web.1 ends everything (exit code 3)"),
            (Report::Signalling(run, Signal::TERM), "sending SIGTERM to web.1 (pid 12)"),
            (Report::Killing(run), "sending SIGKILL to web.1 (pid 12)"),
            (
                Report::StopHurried,
                "the time to stop is running out, telling what has not been told yet\n\
                 hint: `devenv-init plan` shows how long each may take; raise `--stop-timeout` (Nix: `init.stopTimeout`), or \
                 lower graces",
            ),
            (Report::StopTimeout, "the time to stop is over, killing what is left"),
            (Report::Abandoned(run), "web.1 cannot be killed, leaving it (pid 12)"),
        ] {
            assert_eq!(notice(&report, &context).message, want);
        }
    }

    #[test]
    fn health_is_told_with_its_cause() {
        let text = r#"{"version": 1, "processes": [{"name": "web", "command": ["/bin/web"],
            "ready": {"check": "notify", "deadline_ms": 30000},
            "live": {"check": {"tcp": {"port": 80}}, "timing": {"failure_threshold": 3}},
            "watchdog": {"usec": 1500000}}]}"#;
        let plan = crate::spec::load(text).expect("a valid spec");
        let run = RunId { process: ProcessId(0), number: 1 };
        let refused = Some("cannot connect to 127.0.0.1:80: Connection refused");
        for (report, cause, event, want) in [
            (Report::Ready(run), None, "ready", "web.1 is ready"),
            (Report::NotReady(run), None, "not_ready", "web.1 is ready no longer"),
            (
                Report::NotReadyYet(run),
                refused,
                "not_ready_yet",
                "web.1 is not ready yet: cannot connect to 127.0.0.1:80: Connection refused",
            ),
            (
                Report::Unfit(run, Unfit::NotReadyInTime),
                Some("its status: loading"),
                "not_ready_in_time",
                "web.1 was not ready within 30 s: its status: loading",
            ),
            (
                Report::Unfit(run, Unfit::NotLive),
                refused,
                "not_live",
                "web.1 failed its liveness check 3 times: \
                 cannot connect to 127.0.0.1:80: Connection refused",
            ),
            (
                Report::Unfit(run, Unfit::WatchdogExpired),
                None,
                "watchdog_expired",
                "web.1 missed its watchdog: no sign of life for 1.5 s",
            ),
            (
                Report::Unfit(run, Unfit::WatchdogTriggered),
                None,
                "watchdog_triggered",
                "web.1 triggered its watchdog",
            ),
        ] {
            let context = Context { plan: &plan, pid: Pid::new(12), more: 0, cause };
            let notice = notice(&report, &context);
            assert_eq!((notice.event, notice.message.as_str()), (event, want));
        }
        let sender = Sender { pid: Pid::new(99), uid: 0 };
        assert_eq!(
            stranger(&plan, run, sender).message,
            "process 99 spoke for web.1 without being one of its processes, not heard"
        );
    }
}
