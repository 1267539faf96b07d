//! How a process is stopped, and what its end leads to: a restart, or the end of the container.

use serde::{Deserialize, Serialize};

/// When a process is started again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Restart {
    /// After which ends.
    pub on: RestartOn,
    /// How often at the most within the window; `null` is without limit.
    pub max_restarts: Option<u32>,
    /// Milliseconds within which restarts are counted; `null` counts over the whole life.
    pub window_ms: Option<u64>,
    /// Milliseconds before the first restart; doubles with each one that follows. 0 counts as 1.
    pub backoff_ms: u64,
    /// Milliseconds the backoff never goes beyond; more than 0.
    pub backoff_max_ms: u64,
    /// By how many hundredths at the most a wait is shortened, differently each time, so that
    /// what failed together does not come back together. At most 100.
    pub backoff_jitter_percent: u8,
    /// Milliseconds a run must last for the backoff to begin anew.
    pub healthy_after_ms: u64,
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            on: RestartOn::Never,
            max_restarts: Some(5),
            window_ms: None,
            backoff_ms: 500,
            backoff_max_ms: 30_000,
            backoff_jitter_percent: 10,
            healthy_after_ms: 10_000,
        }
    }
}

/// Which ends lead to a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RestartOn {
    /// None.
    #[default]
    Never,
    /// A bad one.
    OnFailure,
    /// Every one.
    Always,
}

/// How a process is stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Stop {
    /// A signal's name, `SIGTERM` or `TERM`.
    pub signal: String,
    /// Milliseconds between that signal and SIGKILL.
    pub grace_ms: u64,
    /// Argument vector of a program that stops it, run instead of the signal with the environment,
    /// user and directory of the process and its id in `MAINPID`. When it fails, the signal is sent
    /// after all. The grace goes on meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { signal: "SIGTERM".to_owned(), grace_ms: 5_000, command: None }
    }
}

/// Whether the end of one process ends the container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExitRule {
    /// When it failed for good, every restart used up. Under [`ExitPolicy::AllEnded`] the
    /// failure still decides the exit code but the others go on.
    #[default]
    OnFailure,
    /// Whenever it ended for good.
    OnEnd,
    /// Never; its failure does not count for the exit code either.
    Never,
}

/// When the container ends of itself. In every case it ends once nothing is left to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExitPolicy {
    /// When the first process failed for good.
    #[default]
    FirstFailure,
    /// When the first service ended for good, well or not (honcho's rule).
    AnyEnded,
    /// Only when all have ended.
    AllEnded,
}
