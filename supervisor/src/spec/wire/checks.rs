//! How a process is found to be ready and still of use: the checks of the contract.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// When a process is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Readiness {
    /// How to find out.
    pub check: Check,
    /// When to look, and how often.
    #[serde(default)]
    pub timing: Timing,
    /// Milliseconds within which it must have become ready; a run that has not is stopped and has
    /// failed. `null`: it may take for ever (devenv `ready.timeout`).
    #[serde(default)]
    pub deadline_ms: Option<u64>,
}

/// Whether a process is still of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Liveness {
    /// How to find out. Only checks that ask (`exec`, `http`, `tcp`) can tell.
    pub check: Check,
    /// When to look, and how often. A run that fails `failure_threshold` times in a row is
    /// stopped and has failed.
    #[serde(default)]
    pub timing: Timing,
}

/// One way to find something out about a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Check {
    /// A command that ends with 0, run with the environment of the process.
    Exec {
        /// Argument vector.
        command: Vec<String>,
    },
    /// An HTTP GET answered with a good status.
    Http {
        /// An address, or a name of `/etc/hosts`.
        #[serde(default = "localhost")]
        host: String,
        /// 1 to 65535.
        port: u16,
        /// Path and query.
        #[serde(default = "slash")]
        path: String,
        /// Further header lines.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
        /// The one good status; `null` is any from 200 to 299.
        #[serde(default)]
        status: Option<u16>,
    },
    /// A TCP connection that is accepted.
    Tcp {
        /// An address, or a name of `/etc/hosts`.
        #[serde(default = "localhost")]
        host: String,
        /// 1 to 65535.
        port: u16,
    },
    /// `READY=1` on the socket named in `NOTIFY_SOCKET` (`sd_notify(3)`).
    Notify,
    /// A line of its output that holds this text.
    LogLine {
        /// The text, as it is.
        contains: String,
    },
}

/// When a check is made. The names are those of the container field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Timing {
    /// Milliseconds after the start before the first check.
    pub initial_delay_ms: u64,
    /// Milliseconds between the starts of two checks. Until the first success, or until it has failed
    /// `failure_threshold` times, readiness is looked at in between as well, every 100 ms at the most;
    /// a failure then counts for nothing.
    pub period_ms: u64,
    /// Milliseconds one check may take.
    pub timeout_ms: u64,
    /// Successes in a row that make a good state of a bad one.
    pub success_threshold: u32,
    /// Failures in a row that make a bad state of a good one.
    pub failure_threshold: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            initial_delay_ms: 0,
            period_ms: 10_000,
            timeout_ms: 1_000,
            success_threshold: 1,
            failure_threshold: 3,
        }
    }
}

/// A sign of life a process gives by itself: `WATCHDOG=1` (`sd_notify(3)`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Watchdog {
    /// Microseconds within which the next one must come, as in `WATCHDOG_USEC`.
    pub usec: u64,
    /// Whether the clock runs only once the process is ready.
    #[serde(default = "super::yes")]
    pub require_ready: bool,
}

fn localhost() -> String {
    "127.0.0.1".to_owned()
}

fn slash() -> String {
    "/".to_owned()
}
