//! The options of a process: `process` in the file, `processes.<name>` in devenv.

use super::file::one_of;
use super::read::{Object, Reader};
use super::ready::{self, Ready};
use super::sockets::{listen, ports};
use crate::spec::json::Json;
use crate::spec::settings::Capabilities;
use crate::spec::watch::pattern_fault;
use crate::spec::{RestartOn, Signal, wire};

/// The options that only processes have.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// Whether it is started without being asked for.
    pub enabled: bool,
    /// How it is seen to be ready; the ports it has declared, where nothing else is said.
    pub ready: Option<Ready>,
    /// When it is started again.
    pub restart: Restart,
    /// What it is sent first when it is to stop.
    pub stop_signal: Signal,
    /// Milliseconds until SIGKILL.
    pub grace_ms: u64,
    /// Its sign of life.
    pub watchdog: Option<Watchdog>,
    /// The sockets it is handed.
    pub listen: Vec<wire::Listen>,
    /// What it may do besides what its user may.
    pub capabilities: Vec<String>,
    /// The files it is started anew for.
    pub watch: Option<wire::Watch>,
}

/// When a process is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// After which ends.
    pub on: RestartOn,
    /// How often; `None` is without limit.
    pub max: Option<u32>,
    /// Within how many milliseconds; `None` is the whole life.
    pub window_ms: Option<u64>,
}

/// A sign of life a process has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watchdog {
    /// Microseconds within which the next one must come.
    pub usec: u64,
    /// Whether the clock runs only once the process is ready.
    pub require_ready: bool,
}

/// The keys there are.
pub(super) const KEYS: &[&str] =
    &["start", "ready", "restart", "shutdown", "ports", "listen", "watchdog", "linux", "watch"];

impl Default for Process {
    fn default() -> Self {
        Self {
            enabled: true,
            ready: None,
            restart: Restart::default(),
            stop_signal: Signal::TERM,
            grace_ms: 5_000,
            watchdog: None,
            listen: Vec::new(),
            capabilities: Vec::new(),
            watch: None,
        }
    }
}

impl Default for Restart {
    fn default() -> Self {
        Self { on: RestartOn::OnFailure, max: Some(5), window_ms: None }
    }
}

/// The options of a process. A one-shot task has them too, all at their defaults: they are read
/// for their types, and what cannot be carried is nothing to warn of.
pub fn read(reader: &mut Reader, options: &Object<'_>) -> Process {
    let defaults = Process::default();
    let enabled = reader.present(options, "start", |reader, path, json| {
        let start = reader.object(path, json, &["enable"])?;
        reader.present(&start, "enable", Reader::bool)
    });
    let stop = reader.present(options, "shutdown", |reader, path, json| {
        let stop = reader.object(path, json, &["signal", "grace"])?;
        let signal = reader.present(&stop, "signal", signal);
        Some((signal, reader.present(&stop, "grace", Reader::seconds)))
    });
    let (signal, grace_ms) = stop.unwrap_or_default();
    let listen = reader.present(options, "listen", listen).unwrap_or_default();
    let ports = reader.present(options, "ports", ports).unwrap_or_default();
    let declared = ready::declared(&listen, &ports);
    let ready = match options.get("ready") {
        None | Some(Json::Null) => declared,
        Some(json) => ready::read(reader, &options.path_of("ready"), json, declared),
    };
    let capabilities = reader.present(options, "linux", |reader, path, json| {
        let linux = reader.object(path, json, &["capabilities"])?;
        reader.present(&linux, "capabilities", capabilities_of)
    });
    let watched = reader.present(options, "watch", |reader, path, json| {
        let watch = reader.object(path, json, &["paths", "extensions", "ignore"])?;
        Some(wire::Watch {
            paths: reader.present(&watch, "paths", Reader::texts).unwrap_or_default(),
            extensions: reader.present(&watch, "extensions", Reader::texts).unwrap_or_default(),
            ignore: reader.present(&watch, "ignore", patterns).unwrap_or_default(),
        })
    });
    Process {
        enabled: enabled.unwrap_or(defaults.enabled),
        ready,
        restart: reader.present(options, "restart", restart).unwrap_or(defaults.restart),
        stop_signal: signal.unwrap_or(defaults.stop_signal),
        grace_ms: grace_ms.unwrap_or(defaults.grace_ms),
        watchdog: reader.nullable(options, "watchdog", |reader, path, json| {
            let watchdog = reader.object(path, json, &["usec", "require_ready"])?;
            let require_ready = reader.present(&watchdog, "require_ready", Reader::bool);
            let usec = reader.required(&watchdog, "usec", Reader::microseconds)?;
            Some(Watchdog { usec, require_ready: require_ready.unwrap_or(true) })
        }),
        listen: listen.into_iter().map(|socket| socket.listen).collect(),
        capabilities: capabilities.unwrap_or_default(),
        watch: watched.filter(|watch| !watch.paths.is_empty()),
    }
}

/// Names of capabilities, refused here so that the message has the file's own path.
fn capabilities_of(reader: &mut Reader, path: &str, json: &Json) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for (path, item) in reader.items(path, json) {
        let Some(name) = reader.text(&path, item) else { continue };
        if Capabilities::parse(&name).is_none() {
            let what = format!("there is no capability \"{}\"", name.escape_debug());
            reader.wrong(&path, what, Some("write it as in `CAP_NET_BIND_SERVICE`".to_owned()));
        }
        names.push(name);
    }
    Some(names)
}

/// Patterns, refused here for the same reason.
fn patterns(reader: &mut Reader, path: &str, json: &Json) -> Option<Vec<String>> {
    let mut patterns = Vec::new();
    for (path, item) in reader.items(path, json) {
        let Some(text) = reader.text(&path, item) else { continue };
        if let Some(why) = pattern_fault(&text) {
            let what = format!("\"{}\" is no pattern: {why}", text.escape_debug());
            reader.wrong(&path, what, Some("write it as in `*.log` or `target`".to_owned()));
        }
        patterns.push(text);
    }
    Some(patterns)
}

fn signal(reader: &mut Reader, path: &str, json: &Json) -> Option<Signal> {
    let number = reader.positive(path, json)?;
    let signal = i32::try_from(number).ok().filter(|n| *n < 32).and_then(Signal::from_number);
    if signal.is_none() {
        reader.wrong(path, format!("expected a signal from 1 to 31, found {number}"), None);
    }
    signal
}

fn restart(reader: &mut Reader, path: &str, json: &Json) -> Option<Restart> {
    let restart = reader.object(path, json, &["on", "max", "window"])?;
    let defaults = Restart::default();
    let on = reader.present(&restart, "on", |reader, path, json| {
        let words = [
            ("never", RestartOn::Never),
            ("always", RestartOn::Always),
            ("on_failure", RestartOn::OnFailure),
        ];
        one_of(reader, path, json, &words)
    });
    // Absent is the default, and only `null` is without limit.
    let max = match restart.get("max") {
        None => defaults.max,
        Some(_) => reader.nullable(&restart, "max", Reader::count),
    };
    let window_ms = reader.nullable(&restart, "window", Reader::seconds);
    Some(Restart { on: on.unwrap_or(defaults.on), max, window_ms })
}
