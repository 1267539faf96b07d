//! The checked plan: what the machine runs. Built once, from any format, and valid ever after.
//!
//! Whoever holds a [`Plan`] may rely on it: labels are unique, every dependency exists, the graph
//! has no cycle, every command has a program, every signal a number.

mod checks;
mod guard;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::error::SpecError;
use super::graph;
use super::replicas;
use super::settings::Settings;
use super::signal::Signal;
use super::watch::WatchRule;
use crate::guard::Guard;
use checks::{check_environment, check_process, cycle_problem, problem, program, unique_names};

pub use checks::asks;

use super::wire::{Check, Condition, ExitPolicy, ExitRule, Kind, RestartOn, Spec, Timing};

/// A whole container, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The project's name, for people only.
    pub name: Option<String>,
    /// Variables of every process; see [`Spec::environment`] for who wins.
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
    /// When there is nothing for it to do; only of a task.
    pub guard: Option<Guard>,
    /// With which rights, limits and descriptors it runs.
    pub settings: Settings,
    /// When it is ready; `None`: as soon as it has been started.
    pub ready: Option<ReadyRule>,
    /// Whether it is still of use.
    pub live: Option<LiveRule>,
    /// The sign of life it has to give by itself.
    pub watchdog: Option<WatchdogRule>,
    /// The files it is started anew for.
    pub watch: Option<WatchRule>,
}

impl Process {
    /// Whether its failure has a say in how the container ends. One that is not started without being
    /// asked for is no part of what the container is for, unless it says so itself: whoever tries it
    /// by hand is told how it ended, and everything else goes on.
    #[must_use]
    pub fn counts(&self) -> bool {
        match self.exit {
            ExitRule::Never => false,
            ExitRule::OnEnd => true,
            ExitRule::OnFailure => self.enabled,
        }
    }
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
        let mut pending = Vec::new();
        for name in names {
            let before = pending.len();
            pending.extend(self.find_all(name));
            if pending.len() == before {
                return Err(name);
            }
        }
        let wanted = self.with_all_before(pending);
        for (process, wanted) in self.processes.iter_mut().zip(wanted) {
            process.enabled = wanted;
        }
        Ok(())
    }

    /// All that a process waits for, directly or through others.
    #[must_use]
    pub fn before(&self, id: ProcessId) -> Vec<ProcessId> {
        let found = self.with_all_before(vec![id]);
        let all = (0..).map(ProcessId).zip(found);
        all.filter(|(other, found)| *found && *other != id).map(|(other, _)| other).collect()
    }

    /// Marks these processes and all that they wait for.
    fn with_all_before(&self, mut pending: Vec<ProcessId>) -> Vec<bool> {
        let mut found = vec![false; self.processes.len()];
        while let Some(id) = pending.pop() {
            let Some(seen) = found.get_mut(id.index()) else { continue };
            if !std::mem::replace(seen, true) {
                let after = self.process(id).map(|process| process.after.as_slice());
                pending.extend(after.unwrap_or_default().iter().map(|edge| edge.on));
            }
        }
        found
    }
}

/// What a replica is called.
pub(super) fn label(name: &str, replica: u32) -> String {
    format!("{name}.{replica}")
}
