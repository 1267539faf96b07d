//! What each task becomes in the plan.

use std::collections::BTreeMap;

use super::edges::Edge;
use super::file::Task;
use super::select::Selection;
use super::shown_name;
use crate::spec::wire;
use crate::spec::{Condition, ExitRule, Kind, RestartOn};

/// The processes of the plan, in the order of the file.
pub fn processes(tasks: &[Task], edges: &[Edge], selection: &Selection) -> Vec<wire::Process> {
    let is = |marks: &[bool], index: usize| marks.get(index).copied().unwrap_or(false);
    let mut processes = Vec::new();
    for (index, task) in tasks.iter().enumerate() {
        if !is(&selection.known, index) {
            continue;
        }
        let wanted = is(&selection.wanted, index);
        let on_request = task.kind == Kind::Service && !task.process.enabled;
        let mut waiting = edges
            .iter()
            .filter(|edge| edge.on == index && is(&selection.wanted, edge.who))
            .peekable();
        let soft = !is(&selection.roots, index)
            && waiting.peek().is_some()
            && waiting.all(|edge| edge.condition == Condition::Completed);
        processes.push(wire::Process {
            enabled: wanted && (!on_request || is(&selection.asked, index)),
            exit: if soft { ExitRule::Never } else { ExitRule::default() },
            after: after(tasks, edges, index),
            ..process(task)
        });
    }
    processes
}

fn after(tasks: &[Task], edges: &[Edge], index: usize) -> Vec<wire::Dependency> {
    let own = edges.iter().filter(|edge| edge.who == index);
    own.filter_map(|edge| {
        let process = shown_name(tasks.get(edge.on)?).to_owned();
        Some(wire::Dependency { process, condition: edge.condition })
    })
    .collect()
}

fn process(task: &Task) -> wire::Process {
    let restart = match task.kind {
        Kind::Service => wire::Restart {
            on: task.process.restart.on,
            max_restarts: task.process.restart.max,
            window_ms: task.process.restart.window_ms,
            ..wire::Restart::default()
        },
        // The options of a process say nothing about a one-shot task, though it has them.
        Kind::Task => wire::Restart { on: RestartOn::Never, ..wire::Restart::default() },
    };
    let options = Some(&task.process).filter(|_| task.kind == Kind::Service);
    // What has no command has nothing to do in any case.
    let guarded = task.command.is_some();
    wire::Process {
        kind: task.kind,
        status: task.status.clone().map(|status| vec![status]),
        exec_if_modified: if guarded { task.modified.clone() } else { Vec::new() },
        environment: environment(task),
        working_dir: task.working_dir.clone(),
        restart,
        stop: options.map_or_else(wire::Stop::default, |options| wire::Stop {
            signal: options.stop_signal.to_string(),
            grace_ms: options.grace_ms,
            command: None,
        }),
        ready: options.and_then(|options| options.ready.as_ref()).map(|ready| wire::Readiness {
            check: ready.check.clone(),
            timing: ready.timing.clone(),
            deadline_ms: ready.deadline_ms,
        }),
        watchdog: options.and_then(|options| options.watchdog).map(|watchdog| wire::Watchdog {
            usec: watchdog.usec,
            require_ready: watchdog.require_ready,
        }),
        watch: options.and_then(|options| options.watch.clone()),
        listen: options.map(|options| options.listen.clone()).unwrap_or_default(),
        capabilities: options.map(|options| options.capabilities.clone()).unwrap_or_default(),
        ..wire::Process::new(shown_name(task).to_owned(), command(task))
    }
}

fn command(task: &Task) -> Vec<String> {
    let words: Vec<&str> = match &task.command {
        // It stands for others, which wait for what it waits for.
        None => vec!["/bin/sh", "-c", ":"],
        Some(command) if task.kind == Kind::Task || is_file(command) => vec![command],
        // devenv gives a process to bash; a script in the store needs none in between.
        Some(command) => vec!["bash", "-c", command],
    };
    words.into_iter().map(str::to_owned).collect()
}

/// Whether a shell would take a text as the path of a file and nothing else.
fn is_file(command: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._+-@%,=:".contains(c);
    command.starts_with('/') && command.chars().all(plain)
}

fn environment(task: &Task) -> BTreeMap<String, String> {
    let mut variables = task.environment.clone();
    if task.kind == Kind::Task
        && let Some(input) = &task.input
    {
        variables.entry("DEVENV_TASK_INPUT".to_owned()).or_insert_with(|| input.clone());
    }
    variables
}
