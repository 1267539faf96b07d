//! Dependencies: `after` and `before` with their suffixes, as edges between tasks.

use super::file::Task;
use super::read::Reader;
use crate::spec::{Condition, Kind};

/// One edge of the start order, between places in the list of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Edge {
    /// Who waits.
    pub who: usize,
    /// For whom.
    pub on: usize,
    /// What must hold of it.
    pub condition: Condition,
}

const SUFFIXES: [(&str, Condition); 4] = [
    ("started", Condition::Started),
    ("ready", Condition::Ready),
    ("succeeded", Condition::Succeeded),
    ("completed", Condition::Completed),
];

/// Every edge of the file. What names nobody, or a condition that cannot come true of the one it
/// names, is noted as a problem.
pub fn resolve(tasks: &[Task], reader: &mut Reader) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (who, task) in tasks.iter().enumerate() {
        for (list, texts) in [("after", &task.after), ("before", &task.before)] {
            for (index, text) in texts.iter().enumerate() {
                let path = format!("{}.{list}[{index}]", task.path);
                let Some((other, condition)) = reference(tasks, reader, &path, text) else {
                    continue;
                };
                let (who, on) = if list == "after" { (who, other) } else { (other, who) };
                let Some(depended) = tasks.get(on) else { continue };
                let condition = condition.unwrap_or(default_condition(depended));
                if let Some((why, hint)) = fault(depended, condition) {
                    reader.wrong(&path, why, Some(hint));
                } else if !edges.contains(&Edge { who, on, condition }) {
                    edges.push(Edge { who, on, condition });
                }
            }
        }
    }
    edges
}

/// The task a text names, and the condition when it gives one.
fn reference(
    tasks: &[Task],
    reader: &mut Reader,
    path: &str,
    text: &str,
) -> Option<(usize, Option<Condition>)> {
    let (name, condition) = match text.rsplit_once('@') {
        None => (text, None),
        Some((name, suffix)) => match SUFFIXES.iter().find(|(known, _)| *known == suffix) {
            Some((_, condition)) => (name, Some(*condition)),
            None => {
                let hint = "it is one of @started, @ready, @succeeded, @completed".to_owned();
                let what = format!("\"@{}\" is unknown", suffix.escape_debug());
                reader.wrong(path, what, Some(hint));
                return None;
            }
        },
    };
    let found = tasks.iter().position(|task| task.name == name);
    if found.is_none() {
        let known: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
        let hint = format!("there are {}", known.join(", "));
        reader.wrong(path, format!("there is no task \"{}\"", name.escape_debug()), Some(hint));
    }
    Some((found?, condition))
}

fn default_condition(depended: &Task) -> Condition {
    match depended.kind {
        Kind::Service => Condition::Ready,
        Kind::Task => Condition::Succeeded,
    }
}

/// Why a condition cannot come true of a task, and what to write instead.
fn fault(depended: &Task, condition: Condition) -> Option<(String, String)> {
    let name = &depended.name;
    match (depended.kind, condition) {
        (Kind::Task, Condition::Ready) => Some((
            format!("\"{name}\" is a one-shot task, which is never ready"),
            "use @started, @succeeded or @completed".to_owned(),
        )),
        (Kind::Service, Condition::Succeeded) => Some((
            format!("\"{name}\" is a process, which does not succeed"),
            "use @started, @ready or @completed".to_owned(),
        )),
        (Kind::Service, Condition::Ready) if depended.process.ready.is_none() => Some((
            format!("\"{name}\" does not say when it is ready"),
            "give it `ready` or `ports`, or wait for @started".to_owned(),
        )),
        (Kind::Task | Kind::Service, _) => None,
    }
}
