//! The checked plan: what the machine runs. Built once, from any format, and valid ever after.
//!
//! Whoever holds a [`Plan`] may rely on it: labels are unique, every dependency exists, the graph
//! has no cycle, every command has a program, every signal a number.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::error::{Problem, SpecError};
use super::graph;
use super::replicas;
use super::settings::{self, Settings};
use super::signal::Signal;
use super::wire::{self, Check, Condition, ExitPolicy, ExitRule, Kind, RestartOn, Spec, Timing};

/// A whole container, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The project's name, for people only.
    pub name: Option<String>,
    /// Variables of every process; see [`wire::Spec::environment`] for who wins.
    pub environment: BTreeMap<String, String>,
    /// Where processes start unless they say otherwise.
    pub working_dir: Option<String>,
    /// The interactive shell's argument vector, when there is one; never empty.
    pub shell: Option<Vec<String>>,
    /// When the container ends of itself.
    pub exit: ExitPolicy,
    /// Milliseconds for the stop of everything.
    pub stop_timeout_ms: u64,
    /// In start order of equals; indexed by [`ProcessId`].
    pub processes: Vec<Process>,
}

/// The place of a process in [`Plan::processes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId(pub u32);

impl ProcessId {
    /// As an index.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One process, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The name it was declared under.
    pub name: String,
    /// Which of the processes of this name it is, counted from 1.
    pub replica: u32,
    /// What it is called in output and control: name and replica, as in `web.1`. Unique.
    pub label: String,
    /// Argument vector, never empty.
    pub command: Vec<String>,
    /// Service or task.
    pub kind: Kind,
    /// Whether it is started without being asked for.
    pub enabled: bool,
    /// Its own variables.
    pub environment: BTreeMap<String, String>,
    /// Where it starts; relative to [`Plan::working_dir`].
    pub working_dir: Option<String>,
    /// What must hold before it starts.
    pub after: Vec<Edge>,
    /// When it is started again.
    pub restart: RestartRule,
    /// How it is stopped.
    pub stop: StopRule,
    /// Whether its end decides for the container.
    pub exit: ExitRule,
    /// Exit codes that count as a good end; always holds 0.
    pub success_exit_codes: Vec<u8>,
    /// With which rights, limits and descriptors it runs.
    pub settings: Settings,
    /// When it is ready; `None`: as soon as it has been started.
    pub ready: Option<ReadyRule>,
    /// Whether it is still of use.
    pub live: Option<LiveRule>,
    /// The sign of life it has to give by itself.
    pub watchdog: Option<WatchdogRule>,
}

/// When a process is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadyRule {
    /// How to find out.
    pub check: Check,
    /// When to look.
    pub timing: Timing,
    /// Milliseconds within which it must have become ready.
    pub deadline_ms: Option<u64>,
}

/// Whether a process is still of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveRule {
    /// How to find out; one that asks.
    pub check: Check,
    /// When to look.
    pub timing: Timing,
}

/// The sign of life a process has to give by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WatchdogRule {
    /// Milliseconds within which the next one must come, at least 1.
    pub within_ms: u64,
    /// Whether the clock runs only once the process is ready.
    pub require_ready: bool,
}

/// A dependency, resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Edge {
    /// Whom it waits for.
    pub on: ProcessId,
    /// What must hold of it.
    pub condition: Condition,
}

/// When a process is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RestartRule {
    /// After which ends.
    pub on: RestartOn,
    /// How often within the window; `None` is without limit.
    pub max: Option<u32>,
    /// Milliseconds within which restarts count; `None` is the whole life.
    pub window_ms: Option<u64>,
    /// How long to wait before each.
    pub backoff: Backoff,
}

/// The wait before a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backoff {
    /// Milliseconds before the first restart in a row.
    pub first_ms: u64,
    /// Milliseconds it never goes beyond.
    pub max_ms: u64,
    /// By how many hundredths at the most a wait is shortened; at most 100.
    pub jitter_percent: u8,
    /// Milliseconds a run must last for the next wait to be `first_ms` again.
    pub healthy_after_ms: u64,
}

/// How a process is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StopRule {
    /// What it is sent first.
    pub signal: Signal,
    /// Milliseconds until SIGKILL.
    pub grace_ms: u64,
}

/// The ids of the replicas of each name.
type Ids = HashMap<String, Range<u32>>;

impl Plan {
    /// Checks a spec.
    ///
    /// # Errors
    /// [`SpecError::Problems`] with every broken rule, so that one build shows them all.
    pub fn from_spec(spec: Spec) -> Result<Self, SpecError> {
        let mut problems = Vec::new();
        let ids = unique_names(&spec, &mut problems);
        let mut processes = Vec::new();
        for (index, process) in spec.processes.into_iter().enumerate() {
            let count = process.replicas;
            let process = check_process(index, process, &ids, &mut problems);
            replicas::expand(process, count, &mut processes);
        }
        let shell = spec.shell.map(|shell| shell.command);
        if shell.as_ref().is_some_and(|command| program(command).is_none()) {
            problems.push(problem("shell.command", "names no program"));
        }
        check_environment("environment", &spec.environment, &mut problems);
        if let Some(cycle) = graph::find_cycle(&processes) {
            problems.push(cycle_problem(&processes, &cycle));
        }
        if !problems.is_empty() {
            return Err(SpecError::Problems(problems));
        }
        Ok(Self {
            name: spec.name,
            environment: spec.environment,
            working_dir: spec.working_dir,
            shell,
            exit: spec.exit,
            stop_timeout_ms: spec.stop_timeout_ms,
            processes,
        })
    }

    /// The process with this id.
    #[must_use]
    pub fn process(&self, id: ProcessId) -> Option<&Process> {
        self.processes.get(id.index())
    }

    /// Finds a process by its label (`web.1`) or its name (`web`); of several replicas the first.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<ProcessId> {
        self.find_all(name).next()
    }

    /// Finds the one process with this label (`web.1`), or every replica with this name (`web`).
    pub fn find_all(&self, name: &str) -> impl Iterator<Item = ProcessId> {
        (0..)
            .map(ProcessId)
            .zip(&self.processes)
            .filter(move |(_, process)| process.label == name || process.name == name)
            .map(|(id, _)| id)
    }

    /// Leaves only the named processes enabled, together with all they depend on. A name stands
    /// for all its replicas, a label for one.
    ///
    /// # Errors
    /// The first name that no process has.
    pub fn select<'a>(&mut self, names: &[&'a str]) -> Result<(), &'a str> {
        let mut wanted = vec![false; self.processes.len()];
        let mut pending = Vec::new();
        for name in names {
            let before = pending.len();
            pending.extend(self.find_all(name));
            if pending.len() == before {
                return Err(name);
            }
        }
        while let Some(id) = pending.pop() {
            let Some(seen) = wanted.get_mut(id.index()) else { continue };
            if !std::mem::replace(seen, true) {
                let after = self.process(id).map(|process| process.after.as_slice());
                pending.extend(after.unwrap_or_default().iter().map(|edge| edge.on));
            }
        }
        for (process, wanted) in self.processes.iter_mut().zip(wanted) {
            process.enabled = wanted;
        }
        Ok(())
    }
}

/// What a replica is called.
pub(super) fn label(name: &str, replica: u32) -> String {
    format!("{name}.{replica}")
}

/// Gives each name the ids of its replicas, and says which names are taken twice or cannot be names.
fn unique_names(spec: &Spec, problems: &mut Vec<Problem>) -> Ids {
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

fn check_process(
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
    let restart = process.restart;
    if restart.backoff_jitter_percent > 100 {
        problems.push(problem(
            format!("{path}.restart.backoff_jitter_percent"),
            "is more than the whole wait",
        ));
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
                first_ms: restart.backoff_ms,
                max_ms: restart.backoff_max_ms,
                jitter_percent: restart.backoff_jitter_percent,
                healthy_after_ms: restart.healthy_after_ms,
            },
        },
        stop: StopRule { signal, grace_ms: process.stop.grace_ms },
        exit: process.exit,
        success_exit_codes,
        settings,
        ready,
        live,
        watchdog,
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

fn check_environment(
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

fn cycle_problem(processes: &[Process], cycle: &[ProcessId]) -> Problem {
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

fn program(command: &[String]) -> Option<&str> {
    command.first().map(String::as_str).filter(|program| !program.is_empty())
}

fn problem(path: impl Into<String>, what: impl Into<String>) -> Problem {
    Problem { path: path.into(), what: what.into(), hint: None }
}
