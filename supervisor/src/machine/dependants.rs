//! Who depends on whom, through others as well.

use crate::spec::{Plan, ProcessId};

/// For each process of a plan, all that depend on it, directly or through others.
pub fn of_all(plan: &Plan) -> Vec<Vec<ProcessId>> {
    let mut direct: Vec<Vec<ProcessId>> = vec![Vec::new(); plan.processes.len()];
    for (id, process) in (0u32..).map(ProcessId).zip(&plan.processes) {
        for edge in &process.after {
            if let Some(dependants) = direct.get_mut(edge.on.index()) {
                dependants.push(id);
            }
        }
    }
    (0..direct.len()).map(|index| reachable(index, &direct)).collect()
}

fn reachable(start: usize, direct: &[Vec<ProcessId>]) -> Vec<ProcessId> {
    let mut seen = vec![false; direct.len()];
    let mut pending: Vec<ProcessId> = direct.get(start).cloned().unwrap_or_default();
    let mut found = Vec::new();
    while let Some(id) = pending.pop() {
        let Some(mark) = seen.get_mut(id.index()) else { continue };
        if !std::mem::replace(mark, true) {
            found.push(id);
            pending.extend(direct.get(id.index()).into_iter().flatten());
        }
    }
    found
}
