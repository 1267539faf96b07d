//! Which tasks run: those named, what stands before and after them, and what these wait for.

use super::edges::Edge;
use super::file::Task;
use super::shown_name;
use crate::spec::Kind;
use crate::spec::translation::TranslationError;

/// What was chosen, each by the place in the list of tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Named, by itself or by its namespace.
    pub roots: Vec<bool>,
    /// Runs, unless it is a process that is started only on request.
    pub wanted: Vec<bool>,
    /// Named by itself, or waited for by one that is: runs even if started only on request.
    pub asked: Vec<bool>,
    /// In the plan: wanted, or a process that can be started later, or waited for by one of these.
    pub known: Vec<bool>,
}

/// Chooses. Without names every process is a root.
///
/// # Errors
/// The first name that stands for nothing.
pub fn select(
    tasks: &[Task],
    edges: &[Edge],
    names: &[&str],
) -> Result<Selection, TranslationError> {
    let mut roots = vec![false; tasks.len()];
    let mut named = vec![false; tasks.len()];
    for name in names {
        let found = match tasks.iter().position(|task| is_called(task, name)) {
            Some(index) => {
                mark(&mut named, [index]);
                vec![index]
            }
            None => namespace(tasks, name),
        };
        if found.is_empty() {
            return Err(TranslationError::UnknownName {
                name: (*name).to_owned(),
                known: tasks.iter().map(|task| shown_name(task).to_owned()).collect(),
            });
        }
        mark(&mut roots, found);
    }
    let is_process = |task: &Task| task.kind == Kind::Service;
    if names.is_empty() {
        mark(&mut roots, positions(tasks, is_process));
    }
    let forward = |edge: &Edge| (edge.on, edge.who);
    let backward = |edge: &Edge| (edge.who, edge.on);
    // Not in one walk: a sibling that waits for the same thing has nothing to do with it.
    let after = reach(roots.clone(), edges, forward);
    let wanted = reach(after, edges, backward);
    let mut known = wanted.clone();
    mark(&mut known, positions(tasks, is_process));
    Ok(Selection {
        asked: reach(named, edges, backward),
        known: reach(known, edges, backward),
        roots,
        wanted,
    })
}

/// The tasks that are marked.
pub fn pick<'a>(tasks: &'a [Task], marks: &'a [bool]) -> impl Iterator<Item = &'a Task> {
    tasks.iter().zip(marks).filter(|(_, marked)| **marked).map(|(task, _)| task)
}

fn is_called(task: &Task, name: &str) -> bool {
    task.name == name || shown_name(task) == name
}

/// Every task of `app`, `app:` or `app:*`.
fn namespace(tasks: &[Task], name: &str) -> Vec<usize> {
    let name = name.strip_suffix('*').unwrap_or(name);
    let prefix = name.strip_suffix(':').unwrap_or(name);
    if prefix.is_empty() || prefix.ends_with(':') {
        return Vec::new();
    }
    positions(tasks, |task| {
        task.name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(':'))
    })
}

fn positions(tasks: &[Task], which: impl Fn(&Task) -> bool) -> Vec<usize> {
    tasks.iter().enumerate().filter(|(_, task)| which(task)).map(|(index, _)| index).collect()
}

fn mark(marks: &mut [bool], which: impl IntoIterator<Item = usize>) {
    for index in which {
        if let Some(mark) = marks.get_mut(index) {
            *mark = true;
        }
    }
}

/// All that is marked, and all that edges lead to from there.
fn reach(
    mut marks: Vec<bool>,
    edges: &[Edge],
    direction: impl Fn(&Edge) -> (usize, usize),
) -> Vec<bool> {
    let mut leads = vec![Vec::new(); marks.len()];
    for (from, to) in edges.iter().map(direction) {
        if let Some(list) = leads.get_mut(from) {
            list.push(to);
        }
    }
    let marked = marks.iter().enumerate().filter(|(_, marked)| **marked);
    let mut pending: Vec<usize> = marked.map(|(index, _)| index).collect();
    while let Some(index) = pending.pop() {
        for next in leads.get(index).into_iter().flatten() {
            let Some(mark) = marks.get_mut(*next) else { continue };
            if !std::mem::replace(mark, true) {
                pending.push(*next);
            }
        }
    }
    marks
}
