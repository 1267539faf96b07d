//! Where processes stand, as `devenv-init status` shows it: a table for people, JSON for programs.

use serde::Serialize;

use crate::machine::RunEnd;
use crate::spec::{Kind, Signal};

#[derive(Serialize)]
struct Report {
    processes: Vec<ProcessReport>,
}

/// One process in `devenv-init status --json`. The names and meanings of these fields are stable;
/// new ones may be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProcessReport {
    /// Name and replica, as in `web.1`.
    pub name: String,
    /// `service` or `task`.
    pub kind: Kind,
    /// `disabled`, `waiting`, `starting`, `running`, `backoff`, `stopping`, `succeeded`, `failed`,
    /// `skipped` or `stopped`.
    pub state: String,
    /// Whether it is ready for its dependants now.
    pub ready: bool,
    /// The process its present run began with.
    pub pid: Option<i32>,
    /// Milliseconds its present run has been alive.
    pub uptime_ms: Option<u64>,
    /// How often it was started again of itself.
    pub restarts: u32,
    /// How its latest run ended, when one has.
    pub last_exit: Option<Exit>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It returned this exit code.
    Code(u8),
    /// This signal ended it, by its name.
    Signal(String),
}

impl From<RunEnd> for Exit {
    fn from(end: RunEnd) -> Self {
        match end {
            RunEnd::Code(_) | RunEnd::Unusable => Self::Code(end.exit_code()),
            RunEnd::Signal(number) => Self::Signal(
                Signal::from_number(i32::from(number))
                    .map_or_else(|| format!("signal {number}"), |signal| signal.to_string()),
            ),
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(name) => f.write_str(name),
        }
    }
}

/// One line: `{"processes":[…]}`.
#[must_use]
pub fn as_json(processes: Vec<ProcessReport>) -> String {
    // Fails only for maps with keys that are no strings, and there is no map.
    serde_json::to_string(&Report { processes }).unwrap_or_default() + "\n"
}

/// Aligned columns under a heading.
#[must_use]
pub fn as_table(reports: &[ProcessReport]) -> String {
    let none = || "-".to_owned();
    let mut rows = vec![
        ["NAME", "STATE", "READY", "PID", "UPTIME", "RESTARTS", "LAST EXIT"].map(str::to_owned),
    ];
    rows.extend(reports.iter().map(|report| {
        [
            report.name.clone(),
            report.state.clone(),
            match (report.kind, report.ready) {
                // Others wait for its end, which its state tells.
                (Kind::Task, _) => "-",
                (Kind::Service, true) => "yes",
                (Kind::Service, false) => "no",
            }
            .to_owned(),
            report.pid.map_or_else(none, |pid| pid.to_string()),
            report.uptime_ms.map_or_else(none, age),
            report.restarts.to_string(),
            report.last_exit.as_ref().map_or_else(none, ToString::to_string),
        ]
    }));
    let width = |column: usize| {
        let lengths =
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        lengths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..7).map(width).collect();
    let mut table = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

/// The two largest units of a time: `5s`, `2m 5s`, `3h 0m`, `1d 4h`.
fn age(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, ..) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports() -> Vec<ProcessReport> {
        let web = ProcessReport {
            name: "web.1".to_owned(),
            kind: Kind::Service,
            state: "running".to_owned(),
            ready: true,
            pid: Some(12),
            uptime_ms: Some(125_000),
            restarts: 2,
            last_exit: Some(Exit::Signal("SIGSEGV".to_owned())),
        };
        let (name, kind, state) = ("set-up.1".to_owned(), Kind::Task, "failed".to_owned());
        let (pid, uptime_ms, last_exit) = (None, None, Some(Exit::Code(3)));
        let set_up = ProcessReport {
            name,
            kind,
            state,
            ready: false,
            pid,
            uptime_ms,
            restarts: 0,
            last_exit,
        };
        vec![web, set_up]
    }

    #[test]
    fn the_table_is_aligned() {
        let want = "\
NAME      STATE    READY  PID  UPTIME  RESTARTS  LAST EXIT
web.1     running  yes    12   2m 5s   2         SIGSEGV
set-up.1  failed   -      -    -       0         exit code 3
";
        assert_eq!(as_table(&reports()), want);
    }

    #[test]
    fn the_json_keeps_its_shape() {
        let want = concat!(
            r#"{"processes":[{"name":"web.1","kind":"service","state":"running","ready":true,"#,
            r#""pid":12,"uptime_ms":125000,"restarts":2,"last_exit":{"signal":"SIGSEGV"}},"#,
            r#"{"name":"set-up.1","kind":"task","state":"failed","ready":false,"#,
            r#""pid":null,"uptime_ms":null,"restarts":0,"last_exit":{"code":3}}]}"#,
            "\n"
        );
        assert_eq!(as_json(reports()), want);
    }

    #[test]
    fn ages_are_short() {
        for (ms, want) in [
            (0, "0s"),
            (59_999, "59s"),
            (60_000, "1m 0s"),
            (3_600_000, "1h 0m"),
            (100_000_000, "1d 3h"),
        ] {
            assert_eq!(age(ms), want);
        }
    }
}
