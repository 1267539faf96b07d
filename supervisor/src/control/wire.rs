//! The words of the control protocol, as JSON carries them.
//!
//! Client and supervisor are one program in one image, so there is no version to agree on: what is
//! not known is refused, and says what was.

use serde::{Deserialize, Serialize};

use crate::spec::Signal;

/// One question or order. Names of processes are labels (`web.1`) or plain names (`web`).
///
/// On the wire all are one flat object, as in `{"verb":"logs","processes":["web"],"lines":3}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Flat", into = "Flat")]
pub enum Request {
    /// Where processes stand, as [`Response::Text`].
    Status {
        /// None named: all.
        processes: Vec<String>,
        /// As JSON rather than a table.
        json: bool,
    },
    /// Start processes that do not run.
    Start(Change),
    /// Stop processes; they stay down until somebody starts them.
    Stop(Change),
    /// Stop processes and start them again.
    Restart(Change),
    /// Send a signal to processes and all their descendants.
    Signal {
        /// Which.
        signal: Signal,
        /// At least one.
        processes: Vec<String>,
    },
    /// The last lines of output, and those that follow; one [`Response::Line`] each.
    Logs(Logs),
    /// Wait until these are ready.
    WaitReady(Ready),
    /// Say at once whether these are as they should be. None named: all that are meant to run.
    Health(Vec<String>),
}

/// Which processes are to change, and whether to wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// At least one.
    pub processes: Vec<String>,
    /// Answer only when it has come to pass, or never will.
    pub wait: bool,
}

/// Whose readiness.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// None named: all that are meant to run.
    pub processes: Vec<String>,
    /// Say at once whether they are, instead of waiting.
    pub now: bool,
}

/// Whose output, and how much of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logs {
    /// None named: all.
    pub processes: Vec<String>,
    /// At most so many of the last lines of each process; without a number all that are
    /// remembered, which are about 4 KiB of each.
    pub lines: Option<u32>,
    /// Go on with what is written from now on, until the client leaves.
    pub follow: bool,
}

/// A request with the fields of all verbs: one shape takes a fifth of the code that eight take.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Flat {
    verb: Verb,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    processes: Vec<String>,
    /// `json`, `wait`, `follow` or `now`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    with: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lines: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verb {
    #[default]
    Status,
    Start,
    Stop,
    Restart,
    Signal,
    Logs,
    WaitReady,
    Health,
}

impl TryFrom<Flat> for Request {
    type Error = String;

    fn try_from(flat: Flat) -> Result<Self, String> {
        let Flat { verb, processes, with, signal, lines } = flat;
        let allowed = match verb {
            Verb::Status => "json",
            Verb::Start | Verb::Stop | Verb::Restart => "wait",
            Verb::Logs => "follow",
            Verb::WaitReady => "now",
            Verb::Signal | Verb::Health => "",
        };
        if let Some(other) = with.iter().find(|word| *word != allowed) {
            return Err(format!("`with` has no \"{}\" for this verb", other.escape_debug()));
        }
        if lines.is_some() && verb != Verb::Logs {
            return Err("`lines` is for `logs` only".to_owned());
        }
        let with = !with.is_empty();
        Ok(match (verb, signal) {
            (Verb::Signal, Some(name)) => match Signal::parse(&name) {
                Some(signal) => Self::Signal { signal, processes },
                None => return Err(format!("there is no signal \"{}\"", name.escape_debug())),
            },
            (Verb::Signal, None) => return Err("missing field `signal`".to_owned()),
            (_, Some(_)) => return Err("`signal` is for `signal` only".to_owned()),
            (Verb::Status, None) => Self::Status { processes, json: with },
            (Verb::Start, None) => Self::Start(Change { processes, wait: with }),
            (Verb::Stop, None) => Self::Stop(Change { processes, wait: with }),
            (Verb::Restart, None) => Self::Restart(Change { processes, wait: with }),
            (Verb::Logs, None) => Self::Logs(Logs { processes, lines, follow: with }),
            (Verb::WaitReady, None) => Self::WaitReady(Ready { processes, now: with }),
            (Verb::Health, None) => Self::Health(processes),
        })
    }
}

impl From<Request> for Flat {
    fn from(request: Request) -> Self {
        let flat = |verb, processes| Self { verb, processes, ..Self::default() };
        let word = |set: bool, word: &str| set.then(|| word.to_owned()).into_iter().collect();
        let change = |verb, change: Change| Self {
            with: word(change.wait, "wait"),
            ..flat(verb, change.processes)
        };
        match request {
            Request::Status { processes, json } => {
                Self { with: word(json, "json"), ..flat(Verb::Status, processes) }
            }
            Request::Start(wish) => change(Verb::Start, wish),
            Request::Stop(wish) => change(Verb::Stop, wish),
            Request::Restart(wish) => change(Verb::Restart, wish),
            Request::Signal { signal, processes } => {
                Self { signal: Some(signal.to_string()), ..flat(Verb::Signal, processes) }
            }
            Request::Logs(Logs { processes, lines, follow }) => {
                Self { with: word(follow, "follow"), lines, ..flat(Verb::Logs, processes) }
            }
            Request::WaitReady(Ready { processes, now }) => {
                Self { with: word(now, "now"), ..flat(Verb::WaitReady, processes) }
            }
            Request::Health(processes) => flat(Verb::Health, processes),
        }
    }
}

/// One line of an answer. The last one is `done` or `error`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Response {
    /// A piece of a text that is to be shown as it is.
    Text(String),
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

impl Request {
    /// Whether the answer may come as late as whoever asks is willing to wait.
    #[must_use]
    pub fn may_take_long(&self) -> bool {
        match self {
            Self::Start(change) | Self::Stop(change) | Self::Restart(change) => change.wait,
            Self::Logs(wish) => wish.follow,
            Self::WaitReady(wish) => !wish.now,
            Self::Status { .. } | Self::Signal { .. } | Self::Health(_) => false,
        }
    }

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
