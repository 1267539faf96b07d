//! Translates the `tasks.json` that devenv generates for its own runner into a plan.
//!
//! [`read`] takes JSON apart strictly. [`file`] is what
//! one task says, [`process`] what a process says besides, [`ready`] and [`sockets`] parts of that.
//! [`edges`] are the dependencies between tasks, [`select`] says which of them run, and [`lower`]
//! what each becomes. Nothing here reads a file.
//!
//! What the plan says, as devenv means it:
//! - `devenv:processes:web` is shown as `web`, a one-shot task under its full name;
//! - an edge waits for `ready` of a process and `succeeded` of a task where it says nothing else;
//! - the named tasks run, with all that stands before and after them and what these wait for;
//!   without names, every process is one;
//! - the failure of a task that others only wait for with `@completed` counts for nothing;
//! - `status` that ends with 0 stands for the task, which then does not run; so does that nothing of
//!   `exec_if_modified` has changed since it last ran well;
//! - `input` is the variable `DEVENV_TASK_INPUT` of the task. What it hands on is not in the plan: see
//!   [`crate::handover`].
//!
//! Where devenv does otherwise than it documents, the documentation is followed: `restart.max` of
//! `null` is without limit, `restart.window` of `null` is the whole life, thresholds count. Two
//! edges between the same two tasks both hold, where devenv keeps the last it meets. What the plan
//! cannot carry is a warning that names the option; nothing is dropped in silence.
//! A check by `https` becomes one whether its port can be connected to: there is no TLS in PID 1.
//!
//! `description` and `show_output` change nothing: the output of every process is shown.

pub mod edges;
pub mod file;
pub mod lower;
pub mod process;
pub mod read;
pub mod ready;
pub mod select;
pub mod sockets;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::error::SpecError;
use super::json;
use super::plan::Plan;
use super::translation::{Translation, TranslationError};
use super::wire;
use file::Task;
use read::Reader;

/// Translates.
///
/// `names` say what runs: a task (`app:migrate`), a process by its short name (`web`), or a
/// namespace (`app`, `app:` or `app:*`). Empty: every process. `inherited` are the variables the
/// supervisor was started with, for paths that name one.
///
/// # Errors
/// The file is wrong, with every problem; or a name stands for nothing in it.
pub fn translate(
    text: &str,
    names: &[&str],
    inherited: BTreeMap<String, String>,
) -> Result<Translation, TranslationError> {
    let json = json::read::read(text)
        .map_err(|fault| SpecError::Syntax(fault.within(&"tasks").to_string()))?;
    let mut reader = Reader::new(inherited);
    let tasks = file::tasks(&mut reader, &json);
    let edges = edges::resolve(&tasks, &mut reader);
    let problems = reader.finish();
    if !problems.is_empty() {
        return Err(SpecError::Problems(problems).into());
    }
    let selection = select::select(&tasks, &edges, names)?;
    let warnings = select::pick(&tasks, &selection.wanted).flat_map(|task| task.warnings.clone());
    let warnings = warnings.collect();
    let processes = lower::processes(&tasks, &edges, &selection);
    let plan = Plan::from_spec(wire::Spec {
        version: wire::VERSION,
        name: None,
        environment: BTreeMap::new(),
        working_dir: None,
        shell: None,
        exit: wire::ExitPolicy::default(),
        stop_timeout_ms: wire::DEFAULT_STOP_TIMEOUT_MS,
        processes,
    })?;
    Ok(Translation { plan, warnings })
}

/// What devenv puts before the names of processes.
const PROCESS_PREFIX: &str = "devenv:processes:";

/// What a task is shown as: a process without devenv's prefix, unless what is left could be the
/// name of a task.
fn shown_name(task: &Task) -> &str {
    match (task.kind, task.name.strip_prefix(PROCESS_PREFIX)) {
        (wire::Kind::Service, Some(short)) if !short.contains(':') => short,
        _ => &task.name,
    }
}
