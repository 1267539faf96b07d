//! The rules of a spec, each of which names the place that breaks it.

use std::collections::{BTreeMap, HashMap};

use super::guard;
use super::{
    Backoff, Edge, Ids, LiveRule, Process, ProcessId, ReadyRule, RestartRule, StopRule,
    WatchdogRule, label,
};
use crate::spec::error::Problem;
use crate::spec::replicas;
use crate::spec::settings::{self, Settings};
use crate::spec::signal::Signal;
use crate::spec::watch;
use crate::spec::wire::{self, Check, Spec, Timing};

/// Gives each name the ids of its replicas, and says which names are taken twice or cannot be names.
pub(super) fn unique_names(spec: &Spec, problems: &mut Vec<Problem>) -> Ids {
    let mut ids = HashMap::new();
    let mut next = 0;
    for (index, process) in spec.processes.iter().enumerate() {
        let name = &process.name;
        if let Some(why) = name_fault(name) {
            problems.push(Problem {
                path: format!("processes[{index}].name"),
                what: format!("\"{}\" {why}", name.escape_debug()),
                hint: Some("use letters, digits, `_`, `-`, `.` and `:`".to_owned()),
            });
        }
        let count = replicas::count(index, process, problems);
        if ids.insert(name.clone(), next..next + count).is_some() {
            problems.push(problem(
                format!("processes[{index}].name"),
                format!("\"{name}\" is already the name of another process"),
            ));
        }
        next += count;
    }
    ids
}

fn name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("is empty");
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    (!name.chars().all(allowed)).then_some("holds a character that is not allowed in a name")
}

pub(super) fn check_process(
    index: usize,
    process: wire::Process,
    ids: &Ids,
    problems: &mut Vec<Problem>,
) -> Process {
    let path = format!("processes[{index}] ({})", process.name);
    if program(&process.command).is_none() {
        problems.push(problem(format!("{path}.command"), "names no program"));
    }
    if process.command.iter().any(|argument| argument.contains('\0')) {
        problems.push(problem(format!("{path}.command"), "holds a NUL byte"));
    }
    check_environment(&format!("{path}.environment"), &process.environment, problems);
    let after = resolve(&path, &process, ids, problems);
    let signal = Signal::parse(&process.stop.signal).unwrap_or_else(|| {
        problems.push(Problem {
            path: format!("{path}.stop.signal"),
            what: format!("\"{}\" is not a signal", process.stop.signal.escape_debug()),
            hint: Some("write it as in `SIGTERM`".to_owned()),
        });
        Signal::TERM
    });
    let mut settings = Settings::check(&path, &process, problems);
    let mut check = settings::Check { path: &path, problems };
    let (signal, rewrites) = settings::signals::check(&process.signals, signal, &mut check);
    settings.rewrites = rewrites;
    let mut success_exit_codes = process.success_exit_codes;
    if !success_exit_codes.contains(&0) {
        success_exit_codes.insert(0, 0);
    }
    let guard =
        guard::check(&path, process.kind, process.status, process.exec_if_modified, problems);
    let restart = process.restart;
    if restart.backoff_jitter_percent > 100 {
        problems.push(problem(
            format!("{path}.restart.backoff_jitter_percent"),
            "is more than the whole wait",
        ));
    }
    if restart.backoff_max_ms == 0 {
        problems.push(problem(format!("{path}.restart.backoff_max_ms"), "must be more than 0"));
    }
    let ready = process.ready.map(|ready| {
        check_check(&format!("{path}.ready"), &ready.check, &ready.timing, problems);
        ReadyRule { check: ready.check, timing: ready.timing, deadline_ms: ready.deadline_ms }
    });
    let live = process.live.map(|live| {
        let path = format!("{path}.live");
        check_check(&path, &live.check, &live.timing, problems);
        if !asks(&live.check) {
            problems.push(Problem {
                path: format!("{path}.check"),
                what: "cannot tell whether a process is still of use".to_owned(),
                hint: Some("use `exec`, `http` or `tcp`, or a `watchdog`".to_owned()),
            });
        }
        LiveRule { check: live.check, timing: live.timing }
    });
    let watchdog = process.watchdog.map(|watchdog| {
        if watchdog.usec == 0 {
            problems.push(problem(format!("{path}.watchdog.usec"), "must be more than 0"));
        }
        WatchdogRule {
            within_ms: watchdog.usec.div_ceil(1_000),
            require_ready: watchdog.require_ready,
        }
    });
    let watch = process.watch.and_then(|watch| {
        if process.kind == wire::Kind::Task {
            problems.push(Problem {
                path: format!("{path}.watch"),
                what: "a task cannot have it".to_owned(),
                hint: Some("a change of files starts services anew".to_owned()),
            });
        }
        watch::check(&format!("{path}.watch"), watch, problems)
    });
    Process {
        replica: 1,
        label: label(&process.name, 1),
        name: process.name,
        command: process.command,
        kind: process.kind,
        enabled: process.enabled,
        environment: process.environment,
        working_dir: process.working_dir,
        after,
        restart: RestartRule {
            on: restart.on,
            max: restart.max_restarts,
            window_ms: restart.window_ms,
            backoff: Backoff {
                // Of 0 there is nothing to double, and a process that cannot run would fill the log.
                first_ms: restart.backoff_ms.max(1),
                max_ms: restart.backoff_max_ms,
                jitter_percent: restart.backoff_jitter_percent,
                healthy_after_ms: restart.healthy_after_ms,
            },
        },
        stop: StopRule { signal, grace_ms: process.stop.grace_ms },
        exit: process.exit,
        success_exit_codes,
        guard,
        settings,
        ready,
        live,
        watchdog,
        watch,
    }
}

/// Whether a check is one that asks, again and again, and not one that waits to be told.
#[must_use]
pub fn asks(check: &Check) -> bool {
    match check {
        Check::Exec { .. } | Check::Http { .. } | Check::Tcp { .. } => true,
        Check::Notify | Check::LogLine { .. } => false,
    }
}

fn check_check(path: &str, check: &Check, timing: &Timing, problems: &mut Vec<Problem>) {
    match check {
        Check::Exec { command } if program(command).is_none() => {
            problems.push(problem(format!("{path}.check.exec.command"), "names no program"));
        }
        Check::Exec { command } if command.iter().any(|argument| argument.contains('\0')) => {
            problems.push(problem(format!("{path}.check.exec.command"), "holds a NUL byte"));
        }
        Check::Http { port, path: target, headers, status, .. } => {
            check_http(&format!("{path}.check.http"), *port, target, headers, *status, problems);
        }
        Check::Tcp { port: 0, .. } => {
            problems.push(problem(format!("{path}.check.tcp.port"), NO_PORT));
        }
        Check::LogLine { contains } if contains.is_empty() => {
            problems.push(problem(
                format!("{path}.check.log_line.contains"),
                "is empty, and every line holds that",
            ));
        }
        Check::LogLine { contains } if contains.contains(['\n', '\r']) => {
            problems.push(problem(
                format!("{path}.check.log_line.contains"),
                "holds a line break, and no line does",
            ));
        }
        Check::Exec { .. } | Check::Tcp { .. } | Check::Notify | Check::LogLine { .. } => {}
    }
    let positive = [
        ("period_ms", timing.period_ms),
        ("timeout_ms", timing.timeout_ms),
        ("success_threshold", u64::from(timing.success_threshold)),
        ("failure_threshold", u64::from(timing.failure_threshold)),
    ];
    for (name, value) in positive {
        if value == 0 {
            problems.push(problem(format!("{path}.timing.{name}"), "must be more than 0"));
        }
    }
}

const NO_PORT: &str = "port 0 cannot be connected to";

/// What would not arrive as one well-formed request (RFC 9112, sections 3 and 5).
fn check_http(
    path: &str,
    port: u16,
    target: &str,
    headers: &BTreeMap<String, String>,
    status: Option<u16>,
    problems: &mut Vec<Problem>,
) {
    if port == 0 {
        problems.push(problem(format!("{path}.port"), NO_PORT));
    }
    if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        problems.push(Problem {
            path: format!("{path}.path"),
            what: format!("\"{}\" is not a path with a query", target.escape_debug()),
            hint: Some("begin with `/` and write anything unusual as `%20`".to_owned()),
        });
    }
    // RFC 9110, section 5.6.2: the characters of a token.
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    for (name, value) in headers {
        if name.is_empty() || !name.chars().all(token) || value.contains(['\r', '\n', '\0']) {
            problems.push(problem(
                format!("{path}.headers"),
                format!("\"{}\" cannot be sent as a header line", name.escape_debug()),
            ));
        }
    }
    if status.is_some_and(|status| !(200..=599).contains(&status)) {
        problems.push(problem(
            format!("{path}.status"),
            "is not the status of a final answer, 200 to 599",
        ));
    }
}

fn resolve(
    path: &str,
    process: &wire::Process,
    ids: &Ids,
    problems: &mut Vec<Problem>,
) -> Vec<Edge> {
    let mut after = Vec::new();
    for (index, dependency) in process.after.iter().enumerate() {
        match ids.get(&dependency.process) {
            Some(all) => {
                let edge = |on| Edge { on: ProcessId(on), condition: dependency.condition };
                after.extend(all.clone().map(edge));
            }
            None => {
                let mut known: Vec<&str> = ids.keys().map(String::as_str).collect();
                known.sort_unstable();
                problems.push(Problem {
                    path: format!("{path}.after[{index}].process"),
                    what: format!("there is no process \"{}\"", dependency.process),
                    hint: Some(format!("there are {}", known.join(", "))),
                });
            }
        }
    }
    after
}

pub(super) fn check_environment(
    path: &str,
    environment: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) {
    for (name, value) in environment {
        // POSIX, XBD 8.1: a name holds no `=`; neither part can hold the NUL that ends a string.
        if name.is_empty() || name.contains(['=', '\0']) {
            problems.push(problem(
                path,
                format!("\"{}\" cannot be a variable's name", name.escape_debug()),
            ));
        }
        if value.contains('\0') {
            problems.push(problem(format!("{path}.{name}"), "holds a NUL byte"));
        }
    }
}

pub(super) fn cycle_problem(processes: &[Process], cycle: &[ProcessId]) -> Problem {
    let names: Vec<&str> = cycle
        .iter()
        .chain(cycle.first())
        .filter_map(|id| processes.get(id.index()))
        .map(|process| process.name.as_str())
        .collect();
    Problem {
        path: "processes".to_owned(),
        what: format!("these wait for each other: {}", names.join(" -> ")),
        hint: Some("take one of these `after` entries away".to_owned()),
    }
}

pub(super) fn program(command: &[String]) -> Option<&str> {
    command.first().map(String::as_str).filter(|program| !program.is_empty())
}

pub(super) fn problem(path: impl Into<String>, what: impl Into<String>) -> Problem {
    Problem { path: path.into(), what: what.into(), hint: None }
}
