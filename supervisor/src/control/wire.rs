//! The words of the control protocol, as JSON carries them.
//!
//! Client and supervisor are one program in one image, so there is no version to agree on: what is
//! not known is refused, and says what was.

use serde::{Deserialize, Serialize};

use crate::machine::RunEnd;
use crate::spec::{Kind, Signal};

/// One question or order. Names of processes are labels (`web.1`) or plain names (`web`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Where processes stand; one [`Response::Process`] each.
    Status(Selection),
    /// Start processes that do not run.
    Start(Change),
    /// Stop processes; they stay down until somebody starts them.
    Stop(Change),
    /// Stop processes and start them again.
    Restart(Change),
    /// Send a signal to processes and all their descendants.
    Signal(SendSignal),
    /// The last lines of output, and those that follow; one [`Response::Line`] each.
    Logs(Logs),
    /// Wait until processes are ready.
    WaitReady(Selection),
    /// Say at once whether processes are as they should be.
    Health(Selection),
}

/// Which processes are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// None named: all, or where that makes a difference all that were asked to run.
    #[serde(default)]
    pub processes: Vec<String>,
}

/// Which processes are to change, and whether to wait for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// At least one.
    pub processes: Vec<String>,
    /// Answer only when it has come to pass, or never will.
    #[serde(default)]
    pub wait: bool,
}

/// A signal and who gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendSignal {
    /// By name or number, as in `HUP`, `SIGHUP` or `1`.
    #[serde(with = "signal_name")]
    pub signal: Signal,
    /// At least one.
    pub processes: Vec<String>,
}

/// Whose output, and how much of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logs {
    /// None named: all.
    #[serde(default)]
    pub processes: Vec<String>,
    /// At most so many of the last lines of each process; without a number all that are
    /// remembered, which are about 4 KiB of each.
    #[serde(default)]
    pub lines: Option<u32>,
    /// Go on with what is written from now on, until the client leaves.
    #[serde(default)]
    pub follow: bool,
}

/// One line of an answer. The last one is `done` or `error`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Response {
    /// Where one process stands.
    Process(ProcessReport),
    /// A line of output.
    Line {
        /// The label of the process that wrote it.
        process: String,
        /// Without its newline; secrets masked, what is no UTF-8 replaced.
        text: String,
        /// The line is not over: the next one of this process continues it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        more: bool,
    },
    /// Output that is missing here, because the client read too slowly.
    Dropped {
        /// How much.
        bytes: u64,
    },
    /// Everything asked for has come to pass.
    Done {},
    /// What was asked for is refused, or cannot come to pass any more.
    Error {
        /// The exit code that stands for it.
        code: u8,
        /// A sentence for people, possibly with a line that begins with `hint: `.
        message: String,
    },
}

/// One process in `devenv-init status --json`. The names and meanings of these fields are stable;
/// new ones may be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
            RunEnd::Code(code) => Self::Code(code),
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

impl Request {
    /// Reads one line, with or without its newline.
    ///
    /// # Errors
    /// It is no JSON, no request, or has fields that the request does not have; the text says
    /// what was expected.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|error| error.to_string())
    }

    /// As one line with its newline.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        to_line(self)
    }
}

impl Response {
    /// Reads one line, with or without its newline.
    ///
    /// # Errors
    /// It is no JSON or no response.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|error| error.to_string())
    }

    /// As one line with its newline.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        to_line(self)
    }
}

/// JSON has no newline outside of its strings' escapes, so one marks the end.
fn to_line(value: &impl Serialize) -> Vec<u8> {
    // Fails only for maps with keys that are no strings, and none of these types has a map.
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}

mod signal_name {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::spec::Signal;

    pub fn serialize<S: Serializer>(signal: &Signal, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(signal)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Signal, D::Error> {
        let text = String::deserialize(from)?;
        Signal::parse(&text).ok_or_else(|| {
            D::Error::custom(format!("there is no signal \"{}\"", text.escape_debug()))
        })
    }
}
