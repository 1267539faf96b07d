//! The contract as it is written in `spec.json`: what Nix emits, the builder bakes and PID 1 reads.
//!
//! These types say only what the JSON may look like. What it must *mean* (names that exist, no
//! cycles, absolute programs) is checked once, in [`super::plan`], which turns a [`Spec`] into a
//! [`super::Plan`]. Unknown fields are refused: builder and supervisor ship together, so a typo
//! stops the build of an image and never its start.

mod checks;
mod ends;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use checks::{Check, Liveness, Readiness, Timing, Watchdog};
pub use ends::{ExitPolicy, ExitRule, Restart, RestartOn, Stop};

/// The version of the contract this supervisor reads and this builder writes.
pub const VERSION: u32 = 1;

/// [`Spec::stop_timeout_ms`] where nothing is said.
pub const DEFAULT_STOP_TIMEOUT_MS: u64 = 9_000;

/// A whole container: its environment and its processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Always [`VERSION`]. Read before anything else, so that a newer file gets its own error.
    pub version: u32,
    /// The project's name (`name` in devenv), for people only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Variables of every process, laid over the environment the container was started with:
    /// a variable given to the container at run time (`docker run -e`) wins over these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Where processes start unless they say otherwise. Absent: where `devenv-init` was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// What `devenv-init shell` runs. Absent: the container has no shell to enter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<Shell>,
    /// When the container ends of itself.
    #[serde(default)]
    pub exit: ExitPolicy,
    /// Milliseconds the stop of the whole container may take before everything left is killed.
    /// Docker kills after 10 s by default, hence the default of 9000.
    #[serde(default = "default_stop_timeout_ms")]
    pub stop_timeout_ms: u64,
    /// In the order they are started in and shown in. An array, not an object, so that a name
    /// given twice is an error and not the silent loss of the first.
    #[serde(default)]
    pub processes: Vec<Process>,
}

/// An interactive shell with the project's environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Shell {
    /// Argument vector; the program is an absolute path.
    pub command: Vec<String>,
}

/// One supervised process or one-shot task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Unique. Letters, digits, `_`, `-`, `.` and `:`.
    pub name: String,
    /// Argument vector; the program is an absolute path or a name looked up in `PATH`.
    pub command: Vec<String>,
    /// How many of it there are: `web.1`, `web.2`, and so on, each with its number in
    /// `DEVENV_REPLICA`. Where its variables hold a `PORT`, that and the port of a check that is the
    /// same are higher by one for each; sockets are shared. Whoever waits for it waits for all.
    /// Absent: one, which is not told its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// Whether it is expected to go on (`service`) or to end (`task`).
    #[serde(default)]
    pub kind: Kind,
    /// `false`: known, but started only on request (devenv `processes.<name>.start.enable`).
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Variables of this process only; they win over every other source.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Where it starts; relative to the container's working directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// What must hold before it is started (devenv `processes.<name>.after`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Dependency>,
    /// What happens when it ends (devenv `processes.<name>.restart`).
    #[serde(default)]
    pub restart: Restart,
    /// How it is stopped (devenv `processes.<name>.shutdown`).
    #[serde(default)]
    pub stop: Stop,
    /// Whether its end decides for the container.
    #[serde(default)]
    pub exit: ExitRule,
    /// Exit codes beside 0 that count as a good end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub success_exit_codes: Vec<u8>,
    /// Only of a task: the argument vector of a program that says, by ending with 0, that there is
    /// nothing to do (devenv `tasks.<name>.status`). The task has then succeeded, and what it handed
    /// on last holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Vec<String>>,
    /// Only of a task: patterns of paths, as `src/**/*.ts`, without whose change since the last run
    /// that ended well there is nothing to do; one that begins with `!` takes paths away (devenv
    /// `tasks.<name>.execIfModified`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exec_if_modified: Vec<String>,
    /// When it is ready for its dependants (devenv `processes.<name>.ready`). Absent: as soon as
    /// it has been started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Readiness>,
    /// Whether it is still of use. Absent: as long as it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Liveness>,
    /// A sign of life it has to give by itself (devenv `processes.<name>.watchdog`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watchdog: Option<Watchdog>,
    /// Files whose change has it stopped and started again (devenv `processes.<name>.watch`). Only a
    /// service can have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watch>,
    /// As whom it runs: a name of `/etc/passwd` or a number. Absent: as the supervisor. Unless the
    /// process says otherwise, `HOME`, `USER`, `LOGNAME` and `SHELL` are that user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Its group: a name of `/etc/group` or a number. Absent with a user: that user's group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The further groups it is in, and no others. Absent with a user: those `/etc/group` lists
    /// that user in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplementary_groups: Option<Vec<String>>,
    /// Permission bits that files it makes do not get, in octal: `022`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub umask: Option<String>,
    /// Resource limits by the names of `getrlimit(2)`, as in `nofile`: `SOFT:HARD` or one value for
    /// both, each a number in the unit of `getrlimit(2)` or `unlimited`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, String>,
    /// How much it lets others go first, from -20 (not at all) to 19.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nice: Option<i32>,
    /// How readily the kernel kills it when memory runs out, from -1000 (never) to 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_score_adj: Option<i32>,
    /// Whether no program it executes may gain rights by being set-user-ID or having capabilities.
    #[serde(default, skip_serializing_if = "is_no")]
    pub no_new_privileges: bool,
    /// Ambient capabilities (`capabilities(7)`), with or without `CAP_`: what it may do besides what
    /// its user may (devenv `processes.<name>.linux.capabilities`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Sockets made for it once and kept over restarts, passed on from descriptor 3 on with
    /// `LISTEN_FDS`, `LISTEN_FDNAMES` and `LISTEN_PID` (devenv `processes.<name>.listen`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listen: Vec<Listen>,
    /// What it gets in the place of its stop signal, or of one of HUP, QUIT, USR1, USR2 and WINCH,
    /// which are passed on; `null`: nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub signals: BTreeMap<String, Option<String>>,
    /// Whether it has a terminal of its own that its output is read from: of the size of the
    /// supervisor's, whose changes it follows, or of 80 columns and 24 lines where that has none.
    /// Nothing ever comes in from it.
    #[serde(default, skip_serializing_if = "is_no")]
    pub tty: bool,
}

impl Process {
    /// A service of which nothing else is said, as the smallest object in a spec gives it.
    #[must_use]
    pub fn new(name: String, command: Vec<String>) -> Self {
        Self {
            name,
            command,
            replicas: None,
            kind: Kind::default(),
            enabled: true,
            environment: BTreeMap::new(),
            working_dir: None,
            after: Vec::new(),
            restart: Restart::default(),
            stop: Stop::default(),
            exit: ExitRule::default(),
            success_exit_codes: Vec::new(),
            status: None,
            exec_if_modified: Vec::new(),
            ready: None,
            live: None,
            watchdog: None,
            watch: None,
            user: None,
            group: None,
            supplementary_groups: None,
            umask: None,
            limits: BTreeMap::new(),
            nice: None,
            oom_score_adj: None,
            no_new_privileges: false,
            capabilities: Vec::new(),
            listen: Vec::new(),
            signals: BTreeMap::new(),
            tty: false,
        }
    }
}

/// Files whose change has a process started anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Watch {
    /// Files, and directories with all below them; relative to the container's working directory.
    /// They need not exist yet. A link is followed when it is named here, and not below a directory.
    pub paths: Vec<String>,
    /// Only files with one of these extensions matter; without any, all do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
    /// Patterns of what does not matter, by the rules of `.gitignore` without `!`: one without a
    /// slash is for files and directories of that name anywhere below, another one for a path
    /// below a watched directory. What is below an ignored directory is ignored with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
}

/// A listening socket; it is at either an address or a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// What the process knows it by; unique among its sockets.
    pub name: String,
    /// For TCP: `127.0.0.1:8080`, `[::]:8080` or `localhost:8080`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// For a Unix socket: the absolute path of its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How many connections may wait to be accepted.
    #[serde(default = "default_backlog")]
    pub backlog: u16,
    /// The permissions of the file, in octal. Absent: `0600`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

/// Service or task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Goes on until it is stopped.
    #[default]
    Service,
    /// Runs once to its end; never restarted after a good end.
    Task,
}

/// One edge of the start order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    /// The name of another process of the same spec.
    pub process: String,
    /// What must hold of it.
    pub condition: Condition,
}

/// What must hold of a dependency (devenv's suffixes `@started`, `@ready`, …).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It has been started.
    Started,
    /// It is ready: its readiness probe succeeded, or it was started and has none.
    Ready,
    /// It ended well.
    Succeeded,
    /// It ended, well or not, or will never run: a soft dependency.
    Completed,
}

fn default_stop_timeout_ms() -> u64 {
    DEFAULT_STOP_TIMEOUT_MS
}

fn default_backlog() -> u16 {
    128
}

fn is_no(value: &bool) -> bool {
    !value
}

fn yes() -> bool {
    true
}
