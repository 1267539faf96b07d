//! What a caller may choose about the log, and the names of what is logged.

use std::fmt;

use chrono::format::{Item, StrftimeItems};

use super::files::Files;

/// How lines are written, and which of them.
///
/// The default is what `honcho start` prints when its output is not a terminal. There is no `Debug`,
/// which would show the secrets.
#[derive(Clone, Default)]
pub struct Options {
    /// One line of text or one JSON object for every line of output.
    pub format: Format,
    /// The time in front of a text line. JSON objects always carry RFC 3339 with milliseconds.
    pub timestamps: Timestamps,
    /// Leave out everything in front of a text line: the time, the name and the bar. Lines of the
    /// supervisor itself lose theirs too but are still written.
    pub bare: bool,
    /// Colour the part in front of a text line, one colour a source; see [`colour_wanted`].
    pub colour: bool,
    /// Values that must never appear. Each occurrence becomes `***`. A value of several lines is
    /// looked for line by line, because lines of two sources may come in between; lines shorter
    /// than four bytes are not looked for: masking every `1` would hide the log, not the secret.
    pub secrets: Vec<Vec<u8>>,
    /// Keep the output of each process in a file of its own as well, also that of quiet ones.
    pub files: Option<Files>,
}

/// The shape of one line of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `{time} {name}| {line}`, as honcho.
    #[default]
    Text,
    /// One object a line: `time`, `process`, `replica`, `stream`, `message`; for the supervisor's
    /// own lines `time`, `event`, `message` and the fields of that event.
    Json,
}

/// The time in front of a text line, local time of the moment the bytes were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamps(pub(super) Option<String>);

impl Default for Timestamps {
    fn default() -> Self {
        Self(Some("%H:%M:%S".to_owned()))
    }
}

impl Timestamps {
    /// No time at all: the line starts with the name.
    pub fn none() -> Self {
        Self(None)
    }

    /// A `strftime` format with chrono's specifiers, for instance `%Y-%m-%dT%H:%M:%S%.3f%:z`.
    ///
    /// # Errors
    /// The format has a specifier nobody knows. The text is ready to be shown.
    pub fn format(format: &str) -> Result<Self, String> {
        if StrftimeItems::new(format).any(|item| matches!(item, Item::Error)) {
            return Err(format!(
                "cannot use {format:?} as a time format: unknown or incomplete specifier\n\
                 hint: specifiers are those of strftime, for example %H:%M:%S"
            ));
        }
        Ok(Self(Some(format.to_owned())))
    }
}

/// Whether output should be coloured: the user's word (`--colour`, `--no-colour`) when there is
/// one, otherwise only on a terminal and only when `NO_COLOR` is unset or empty.
pub fn colour_wanted(asked: Option<bool>, terminal: bool, no_color: Option<&str>) -> bool {
    asked.unwrap_or(terminal && no_color.is_none_or(str::is_empty))
}

/// The place of a source in the list given to [`super::Log::start`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// Something whose output is logged: one replica of one process. Shown as `process.replica`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceName {
    /// The name of the process in the specification.
    pub process: String,
    /// Counted from 1, also when there is only one.
    pub replica: u32,
    /// Read but not written: a quiet process must not block, and its last lines stay available.
    pub quiet: bool,
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.process, self.replica)
    }
}

/// Which output of a process a pipe carries; shown in JSON only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stream {
    /// Standard output, or both merged into one pipe: the one way to keep their order.
    #[default]
    Stdout,
    /// Standard error in a pipe of its own.
    Stderr,
}

impl Stream {
    /// The name in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}
