//! How the plan shows when a process is ready and of use.

use crate::spec::plan::asks;
use crate::spec::{Check, Process, Timing};

/// A line or two for each of readiness, liveness, watchdog and watched files that the process has.
pub(super) fn describe(process: &Process) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(rule) = &process.ready {
        let deadline = rule.deadline_ms.map(|ms| format!(", within {ms} ms")).unwrap_or_default();
        lines.push(format!("  ready    when {}{deadline}", describe_check(&rule.check)));
        if asks(&rule.check) {
            lines.push(format!("           {}", describe_timing(&rule.timing)));
        }
    }
    if let Some(rule) = &process.live {
        lines.push(format!("  live     while {}", describe_check(&rule.check)));
        lines.push(format!("           {}", describe_timing(&rule.timing)));
    }
    if let Some(rule) = process.watchdog {
        let from = if rule.require_ready { "once it is ready" } else { "from its start" };
        lines.push(format!("  watchdog WATCHDOG=1 every {} ms, {from}", rule.within_ms));
    }
    if let Some(rule) = &process.watch {
        let list = |before: &str, words: &[String], after: &str| match words {
            [] => String::new(),
            words => format!("{before}{}{after}", words.join(", ")),
        };
        let (paths, ignored) = (rule.paths.join(", "), list(" but not ", &rule.ignored, ""));
        let extensions = list(" (only .", &rule.extensions, ")").replace(", ", ", .");
        lines.push(format!("  watches  {paths}{extensions}{ignored}"));
    }
    lines
}

fn describe_check(check: &Check) -> String {
    match check {
        Check::Exec { command } => format!("{} ends with 0", command.join(" ")),
        Check::Http { host, port, path, headers, status } => {
            let with = match headers.len() {
                0 => String::new(),
                1 => " with 1 header".to_owned(),
                count => format!(" with {count} headers"),
            };
            let good = status.map_or("200 to 299".to_owned(), |status| status.to_string());
            format!("http://{host}:{port}{path}{with} answers {good}")
        }
        Check::Tcp { host, port } => format!("{host}:{port} accepts a connection"),
        Check::Notify => "it sends READY=1".to_owned(),
        Check::LogLine { contains } => {
            format!("a line of its output holds \"{}\"", contains.escape_debug())
        }
    }
}

fn describe_timing(timing: &Timing) -> String {
    let Timing { initial_delay_ms, period_ms, timeout_ms, success_threshold, failure_threshold } =
        timing;
    format!(
        "checked after {initial_delay_ms} ms and every {period_ms} ms, each at the most \
         {timeout_ms} ms; {success_threshold} good or {failure_threshold} bad in a row count"
    )
}
