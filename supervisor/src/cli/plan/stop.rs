//! The order in which everything is stopped, and how long that may take.

use crate::machine::schedule::{self, Turn};
use crate::spec::Plan;

/// A line for each process in the order of their turns, and one that says so when there is not
/// enough time for all of them.
pub fn describe(plan: &Plan) -> Vec<String> {
    let limit = plan.stop_timeout_ms;
    let hurry = schedule::hurry_after_ms(plan);
    let turns = schedule::turns(plan);
    let need = turns.iter().map(|turn| turn.over_ms).max().unwrap_or_default();
    let mut lines = vec![format!("stops within {limit} ms, then kills")];
    if turns.len() > 1 {
        let mut order: Vec<_> = turns.iter().zip(&plan.processes).collect();
        order.sort_by_key(|(turn, _)| turn.told_ms);
        lines.extend(order.into_iter().map(|(Turn { told_ms, .. }, process)| {
            let told = hurry.min(*told_ms);
            let killed = limit.min(told.saturating_add(process.stop.grace_ms));
            let when = match told {
                0 => "at once".to_owned(),
                _ => format!("after {told} ms at the latest"),
            };
            format!("  {} is told {when}, killed after {killed} ms", process.label)
        }));
    }
    if need > limit {
        lines.push(format!(
            "  not enough: each after its dependants would take up to {need} ms, so what has not been \
             told after {hurry} ms is told then"
        ));
    }
    lines
}
