//! The figures, as the text of OpenMetrics 1.0 (`application/openmetrics-text`).

use super::answer::{Answer, Status};
use crate::machine::{ProcessStatus, State};
use crate::spec::Kind;

/// As the specification of OpenMetrics 1.0 has it.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is known at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot<'a> {
    /// Of the supervisor.
    pub version: &'a str,
    /// The project's name.
    pub project: &'a str,
    /// Milliseconds since the supervisor began.
    pub uptime_ms: u64,
    /// Whether everything is being stopped.
    pub shutting_down: bool,
    /// Lines of output that could not be written.
    pub lost_lines: u64,
    /// The same in bytes.
    pub lost_bytes: u64,
    /// In the order of the plan.
    pub processes: Vec<Figures<'a>>,
}

/// What is known of one process.
#[derive(Clone, Debug)]
pub struct Figures<'a> {
    /// The name it was declared under.
    pub name: &'a str,
    /// Which of that name.
    pub replica: u32,
    /// Where it stands.
    pub status: &'a ProcessStatus,
    /// Milliseconds since 1970 at which its present run began.
    pub started_at_ms: Option<u64>,
    /// Newlines of its output so far.
    pub lines: u64,
    /// Bytes of its output so far.
    pub bytes: u64,
    /// What its processes use, where that can be read.
    pub usage: Option<Usage>,
}

/// What a process and its descendants use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time over all runs, in milliseconds. Never falls.
    pub cpu_ms: u64,
    /// Resident memory of those that live, in bytes.
    pub memory_bytes: u64,
}

/// A figure, in whole numbers.
#[derive(Clone, Copy)]
enum Value {
    Whole(u64),
    /// Written in seconds.
    Milliseconds(u64),
}

/// One metric family.
struct Family {
    /// Without the prefix; ends in the unit where there is one.
    name: &'static str,
    kind: &'static str,
    unit: &'static str,
    help: &'static str,
}

const fn family(name: &'static str, kind: &'static str, help: &'static str) -> Family {
    Family { name, kind, unit: "", help }
}

type Read = fn(&Figures<'_>) -> Option<Value>;

/// What there is to say of each process.
const OF_PROCESSES: [(Family, Read); 10] = [
    (family("process_up", "gauge", "Whether it runs, or is being stopped."), |it| {
        flag(matches!(it.status.state, State::Running | State::Stopping))
    }),
    (family("process_ready", "gauge", "Whether it is ready. Only of services."), |it| {
        flag(it.status.ready).filter(|_| it.status.kind == Kind::Service)
    }),
    (family("process_starts", "counter", "How often it was started, whatever for."), |it| {
        whole(it.status.runs.into())
    }),
    (family("process_restarts", "counter", "How often it was started again of itself."), |it| {
        whole(it.status.restarts.into())
    }),
    (
        Family {
            unit: "seconds",
            ..family(
                "process_start_time_seconds",
                "gauge",
                "When its present run began, since 1970.",
            )
        },
        |it| it.started_at_ms.map(Value::Milliseconds),
    ),
    (
        family(
            "process_last_exit_code",
            "gauge",
            "How its latest run ended: its code, or 128 + the signal.",
        ),
        |it| whole(it.status.last_end?.exit_code().into()),
    ),
    (family("process_log_lines", "counter", "Lines of its output, counted by newlines."), |it| {
        whole(it.lines)
    }),
    (Family { unit: "bytes", ..family("process_log_bytes", "counter", "Its output.") }, |it| {
        whole(it.bytes)
    }),
    (
        Family {
            unit: "seconds",
            ..family(
                "process_cpu_seconds",
                "counter",
                "Processor time of it and its descendants, as far as it was seen.",
            )
        },
        |it| Some(Value::Milliseconds(it.usage?.cpu_ms)),
    ),
    (
        Family {
            unit: "bytes",
            ..family(
                "process_resident_memory_bytes",
                "gauge",
                "Resident memory of it and its descendants; shared pages count for each.",
            )
        },
        |it| whole(it.usage?.memory_bytes),
    ),
];

fn flag(value: bool) -> Option<Value> {
    whole(value.into())
}

#[expect(clippy::unnecessary_wraps, reason = "all figures but these may be missing")]
fn whole(value: u64) -> Option<Value> {
    Some(Value::Whole(value))
}

/// The page.
#[must_use]
pub fn answer(snapshot: &Snapshot<'_>) -> Answer {
    Answer { status: Status::Ok, media_type: MEDIA_TYPE, body: text(snapshot) }
}

fn text(snapshot: &Snapshot<'_>) -> String {
    let mut page = Text::default();
    let build = [("version", snapshot.version), ("project", snapshot.project)];
    page.family(&family("build", "info", "The supervisor, and whose project it runs."));
    page.sample("build", "_info", &labels(&build), Value::Whole(1));
    let own = [
        (
            Family {
                unit: "seconds",
                ..family("uptime_seconds", "gauge", "How long the supervisor has run.")
            },
            Value::Milliseconds(snapshot.uptime_ms),
        ),
        (
            family("shutting_down", "gauge", "Whether everything is being stopped."),
            Value::Whole(snapshot.shutting_down.into()),
        ),
        (
            family("log_lost_lines", "counter", "Lines of output that could not be written."),
            Value::Whole(snapshot.lost_lines),
        ),
        (
            Family {
                unit: "bytes",
                ..family("log_lost_bytes", "counter", "Output that could not be written.")
            },
            Value::Whole(snapshot.lost_bytes),
        ),
    ];
    for (family, value) in &own {
        page.family(family);
        page.sample(family.name, suffix(family), "", *value);
    }
    let of =
        |it: &Figures<'_>| labels(&[("process", it.name), ("replica", &it.replica.to_string())]);
    let names: Vec<String> = snapshot.processes.iter().map(of).collect();
    let state = family("process_state", "stateset", "Where it stands.");
    page.family(&state);
    for (it, name) in snapshot.processes.iter().zip(&names) {
        for one in State::ALL {
            let label = format!("{name},{PREFIX}{}=\"{}\"", state.name, one.as_str());
            page.sample(state.name, "", &label, Value::Whole((it.status.state == one).into()));
        }
    }
    for (family, read) in &OF_PROCESSES {
        page.family(family);
        for (it, name) in snapshot.processes.iter().zip(&names) {
            if let Some(value) = read(it) {
                page.sample(family.name, suffix(family), name, value);
            }
        }
    }
    page.0.push_str("# EOF\n");
    page.0
}

const PREFIX: &str = "devenv_init_";

/// What a sample has behind the name of its family.
fn suffix(family: &Family) -> &'static str {
    if family.kind == "counter" { "_total" } else { "" }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, family: &Family) {
        let Family { name, kind, unit, help } = family;
        self.0.push_str(&format!("# TYPE {PREFIX}{name} {kind}\n"));
        if !unit.is_empty() {
            self.0.push_str(&format!("# UNIT {PREFIX}{name} {unit}\n"));
        }
        self.0.push_str(&format!("# HELP {PREFIX}{name} {help}\n"));
    }

    fn sample(&mut self, name: &str, suffix: &str, labels: &str, value: Value) {
        let (open, close) = if labels.is_empty() { ("", "") } else { ("{", "}") };
        self.0.push_str(&format!("{PREFIX}{name}{suffix}{open}{labels}{close} "));
        let value = match value {
            Value::Whole(value) => format!("{value}\n"),
            Value::Milliseconds(ms) => format!("{}.{:03}\n", ms / 1_000, ms % 1_000),
        };
        self.0.push_str(&value);
    }
}

/// `a="1",b="2"`, with what has a meaning inside of quotes escaped.
fn labels(pairs: &[(&str, &str)]) -> String {
    let label = |(name, value): &(&str, &str)| {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("{name}=\"{value}\"")
    };
    pairs.iter().map(label).collect::<Vec<_>>().join(",")
}
