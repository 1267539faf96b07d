//! What one task of the file says, by the option names and defaults of devenv's modules.

use std::collections::BTreeMap;

use super::process::{self, Process};
use super::read::Reader;
use super::sockets;
use crate::spec::Kind;
use crate::spec::error::Problem;
use crate::spec::json::Json;

/// One task or process, with everything about it that the plan carries.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Where it stands: `[2] (app:migrate)`.
    pub path: String,
    /// `namespace:name`; unique.
    pub name: String,
    /// `oneshot` is a task, `process` a service.
    pub kind: Kind,
    /// What it waits for, as written: `app:migrate@succeeded`.
    pub after: Vec<String>,
    /// What waits for it, as written.
    pub before: Vec<String>,
    /// What it runs: the path of a script. A one-shot task may have none.
    pub command: Option<String>,
    /// The path of a script that says, by ending with 0, that the task need not run.
    pub status: Option<String>,
    /// Patterns of paths without whose change the task need not run.
    pub modified: Vec<String>,
    /// Its input as JSON.
    pub input: Option<String>,
    /// Its own variables.
    pub environment: BTreeMap<String, String>,
    /// Where it starts.
    pub working_dir: Option<String>,
    /// Only of a process.
    pub process: Process,
    /// What the plan cannot carry of it.
    pub warnings: Vec<Problem>,
}

const TASK_KEYS: &[&str] = &[
    "name",
    "type",
    "description",
    "status",
    "after",
    "before",
    "command",
    "input",
    "exec_if_modified",
    "env",
    "cwd",
    "show_output",
    "process",
];
/// Reads the whole file. Tasks with problems are left out where they cannot be told apart.
pub fn tasks(reader: &mut Reader, json: &Json) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    for (path, item) in reader.items("tasks", json) {
        let Some(task) = task(reader, &path, item) else { continue };
        if let Some(earlier) = tasks.iter().find(|earlier| earlier.name == task.name) {
            let what = format!("\"{}\" is already the name of {}", task.name, earlier.path);
            reader.wrong(&format!("{}.name", task.path), what, None);
        } else {
            tasks.push(task);
        }
    }
    tasks
}

fn task(reader: &mut Reader, path: &str, json: &Json) -> Option<Task> {
    let path = place(path, json);
    let object = reader.object(&path, json, TASK_KEYS)?;
    let name = reader.required(&object, "name", task_name)?;
    let kind = reader.present(&object, "type", kind).unwrap_or(Kind::Task);
    // Read for their types only: nothing about a run depends on them.
    reader.present(&object, "description", Reader::text);
    reader.present(&object, "show_output", Reader::bool);
    let command = reader.nullable(&object, "command", Reader::text);
    let status = reader.nullable(&object, "status", script);
    let modified = reader.present(&object, "exec_if_modified", Reader::texts).unwrap_or_default();
    let process = reader.nullable(&object, "process", |reader, path, json| {
        reader.object(path, json, process::KEYS)
    });
    let place = process.as_ref().map(|options| options.path_of("listen"));
    let mut process = process.map(|options| process::read(reader, &options)).unwrap_or_default();
    let environment = reader.present(&object, "env", Reader::variables).unwrap_or_default();
    let inherited = reader.inherited.clone();
    sockets::expand(reader, &place.unwrap_or_default(), &mut process.listen, &|name| {
        environment.get(name).or_else(|| inherited.get(name)).cloned()
    });
    match (kind, &command) {
        (Kind::Service, None) => {
            reader.wrong(&object.path_of("command"), "a process has to have one", None);
        }
        (Kind::Service, Some(command)) if command.trim().is_empty() => {
            reader.wrong(&object.path_of("command"), "is empty", None);
        }
        (Kind::Task, Some(command)) => check_script(reader, &object.path_of("command"), command),
        (Kind::Task, None) if status.is_some() => {
            let what = "says whether a command need not run, and there is no command";
            reader.wrong(&object.path_of("status"), what, None);
        }
        (Kind::Service, Some(_)) | (Kind::Task, None) => {}
    }
    if !modified.is_empty() {
        let path = object.path_of("exec_if_modified");
        if status.is_some() {
            let hint = Some("use `status` or `exec_if_modified`".to_owned());
            reader.wrong(&path, "cannot be used together with `status`", hint);
        }
        if kind == Kind::Service {
            reader.wrong(&path, "only a one-shot task can have one", None);
        }
        if modified.iter().all(|pattern| pattern.is_empty() || pattern.starts_with('!')) {
            reader.wrong(&path, "names nothing, it only takes away", None);
        }
    }
    if kind == Kind::Service && status.is_some() {
        reader.wrong(&object.path_of("status"), "only a one-shot task can have one", None);
    }
    let input = object.get("input").filter(|input| **input != Json::Null);
    Some(Task {
        after: reader.present(&object, "after", Reader::texts).unwrap_or_default(),
        before: reader.present(&object, "before", Reader::texts).unwrap_or_default(),
        environment,
        working_dir: reader.nullable(&object, "cwd", Reader::text),
        input: input.map(Json::to_string),
        path,
        name,
        kind,
        command,
        status,
        modified,
        process,
        warnings: reader.take_warnings(),
    })
}

/// Where a task stands, with its name as soon as it has one.
fn place(path: &str, json: &Json) -> String {
    let Json::Object(entries) = json else { return path.to_owned() };
    match entries.iter().find(|(key, _)| key == "name") {
        Some((_, Json::Text(name))) if is_task_name(name) => format!("{path} ({name})"),
        _ => path.to_owned(),
    }
}

fn task_name(reader: &mut Reader, path: &str, json: &Json) -> Option<String> {
    let name = reader.text(path, json)?;
    if is_task_name(&name) {
        return Some(name);
    }
    let hint = "write it as `namespace:name`, with letters, digits, `:`, `_` and `-`";
    let what = format!("\"{}\" cannot be the name of a task", name.escape_debug());
    reader.wrong(path, what, Some(hint.to_owned()));
    None
}

/// devenv's rule: letters, digits, `:`, `_` and `-`, with a `:` inside.
fn is_task_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-');
    name.contains(':') && name.trim_matches(':').len() == name.len() && name.chars().all(allowed)
}

fn kind(reader: &mut Reader, path: &str, json: &Json) -> Option<Kind> {
    one_of(reader, path, json, &[("oneshot", Kind::Task), ("process", Kind::Service)])
}

/// One of a few words.
pub(super) fn one_of<T: Copy>(
    reader: &mut Reader,
    path: &str,
    json: &Json,
    words: &[(&str, T)],
) -> Option<T> {
    let text = reader.text(path, json)?;
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let hint = format!("it is one of {}", known.join(", "));
        reader.wrong(path, format!("\"{}\" is unknown", text.escape_debug()), Some(hint));
    }
    found
}

/// A file that is executed as it is.
fn script(reader: &mut Reader, path: &str, json: &Json) -> Option<String> {
    let script = reader.text(path, json)?;
    check_script(reader, path, &script);
    Some(script)
}

fn check_script(reader: &mut Reader, path: &str, script: &str) {
    if !script.starts_with('/') {
        let what = format!("\"{}\" is not an absolute path", script.escape_debug());
        let hint = "devenv writes the path of a script in the store".to_owned();
        reader.wrong(path, what, Some(hint));
    }
}
