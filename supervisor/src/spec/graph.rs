//! The dependency graph: finds a cycle and names it.

use super::plan::{Process, ProcessId};

/// One cycle of the dependency graph, in the order of waiting, or `None` when there is none.
///
/// Of several cycles the one reached from the first process is returned, so that the same plan
/// always gives the same message. Iterative: a chain of 100,000 processes does not use the stack.
#[must_use]
pub fn find_cycle(processes: &[Process]) -> Option<Vec<ProcessId>> {
    let mut marks = vec![Mark::New; processes.len()];
    for root in 0..processes.len() {
        if marks.get(root) != Some(&Mark::New) {
            continue;
        }
        // The path walked so far, each with the number of its edges already followed.
        let mut path: Vec<(usize, usize)> = vec![(root, 0)];
        if let Some(mark) = marks.get_mut(root) {
            *mark = Mark::OnPath;
        }
        while let Some((node, followed)) = path.last_mut() {
            let edge = processes.get(*node).and_then(|process| process.after.get(*followed));
            let Some(edge) = edge else {
                if let Some(mark) = marks.get_mut(*node) {
                    *mark = Mark::Done;
                }
                path.pop();
                continue;
            };
            *followed += 1;
            let next = edge.on.index();
            match marks.get_mut(next) {
                Some(mark @ Mark::New) => {
                    *mark = Mark::OnPath;
                    path.push((next, 0));
                }
                Some(Mark::OnPath) => return Some(from_path(&path, next)),
                Some(Mark::Done) | None => {}
            }
        }
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    OnPath,
    Done,
}

fn from_path(path: &[(usize, usize)], start: usize) -> Vec<ProcessId> {
    path.iter()
        .map(|(node, _)| *node)
        .skip_while(|node| *node != start)
        .filter_map(|node| u32::try_from(node).ok())
        .map(ProcessId)
        .collect()
}
