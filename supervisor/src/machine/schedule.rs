//! How an orderly stop goes in the worst case, known from the plan alone: who has to wait for whom,
//! and how long each may take.

use crate::spec::{Condition, Kind, Plan, Process};

/// When one process is stopped at the latest, in milliseconds after the stop of everything began,
/// if whatever has to end before it takes all of its grace period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When it is told to stop.
    pub told_ms: u64,
    /// When its grace period is over.
    pub over_ms: u64,
}

/// The turns of all processes, in the order of the plan. Bounds of the stop as a whole are left out.
#[must_use]
pub fn turns(plan: &Plan) -> Vec<Turn> {
    let mut pending = vec![0_usize; plan.processes.len()];
    for edge in plan.processes.iter().flat_map(|process| &process.after) {
        if let Some(dependants) = pending.get_mut(edge.on.index()) {
            *dependants += 1;
        }
    }
    let lives_on = live_on(plan);
    // When all that depend on a process are gone.
    let mut free = vec![0_u64; plan.processes.len()];
    let mut turns = vec![Turn { told_ms: 0, over_ms: 0 }; plan.processes.len()];
    let mut next: Vec<usize> =
        (0..pending.len()).filter(|at| pending.get(*at) == Some(&0)).collect();
    while let Some(at) = next.pop() {
        let (Some(process), Some(after)) = (plan.processes.get(at), free.get(at).copied()) else {
            continue;
        };
        let told_ms = if lives_on.get(at) == Some(&true) { after } else { 0 };
        let over_ms = told_ms.saturating_add(process.stop.grace_ms);
        if let Some(turn) = turns.get_mut(at) {
            *turn = Turn { told_ms, over_ms };
        }
        for edge in &process.after {
            let on = edge.on.index();
            if let (Some(free), Some(pending)) = (free.get_mut(on), pending.get_mut(on)) {
                *free = (*free).max(after).max(over_ms);
                *pending -= 1;
                if *pending == 0 {
                    next.push(on);
                }
            }
        }
    }
    turns
}

/// Which processes may live beside those that depend on them. A task that others wait for is over
/// before they start, so while it is at work it has nobody to wait for.
fn live_on(plan: &Plan) -> Vec<bool> {
    let mut lives_on: Vec<bool> = plan.processes.iter().map(is_service).collect();
    for edge in plan.processes.iter().flat_map(|process| &process.after) {
        if let Some(lives_on) = lives_on.get_mut(edge.on.index()) {
            *lives_on |= edge.condition == Condition::Started;
        }
    }
    lives_on
}

fn is_service(process: &Process) -> bool {
    process.kind == Kind::Service
}

/// Milliseconds after which a stop is in a hurry: whatever has not been told to stop is told then,
/// also where something that depends on it still lives. To be killed without a word is worse than
/// to be told out of turn.
///
/// It is after two thirds of the time there is, so that a third is left to obey; and not before the
/// last turn has come, if the time is enough for all of them.
#[must_use]
pub fn hurry_after_ms(plan: &Plan) -> u64 {
    let turns = turns(plan);
    let two_thirds = plan.stop_timeout_ms / 3 * 2;
    let need = turns.iter().map(|turn| turn.over_ms).max().unwrap_or_default();
    let last = turns.iter().map(|turn| turn.told_ms).max().unwrap_or_default();
    if need <= plan.stop_timeout_ms { two_thirds.max(last) } else { two_thirds }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::tests::plans::{after, find, plan};

    fn told(plan: &Plan) -> Vec<(u64, u64)> {
        turns(plan).iter().map(|turn| (turn.told_ms, turn.over_ms)).collect()
    }

    #[test]
    fn what_others_stand_on_waits_for_the_longest_of_their_chains() {
        let diamond = plan(&["db", "api", "cache", "web", "cron"], |spec| {
            after(spec, "api", "db", Condition::Ready);
            after(spec, "cache", "db", Condition::Started);
            after(spec, "web", "api", Condition::Ready);
            after(spec, "web", "cache", Condition::Ready);
            find(spec, "cache").stop.grace_ms = 300;
        });
        assert_eq!(told(&diamond), [(400, 500), (100, 200), (100, 400), (0, 100), (0, 100)]);
    }

    #[test]
    fn a_task_is_over_before_those_that_wait_for_it() {
        let shape = |condition| {
            plan(&["db", "migrate", "web"], move |spec| {
                find(spec, "migrate").kind = Kind::Task;
                find(spec, "migrate").stop.grace_ms = 500;
                after(spec, "migrate", "db", Condition::Ready);
                after(spec, "web", "migrate", condition);
            })
        };
        assert_eq!(told(&shape(Condition::Succeeded)), [(500, 600), (0, 500), (0, 100)]);
        assert_eq!(told(&shape(Condition::Started)), [(600, 700), (100, 600), (0, 100)]);
    }

    #[test]
    fn nobody_is_hurried_while_there_is_time_for_all_turns() {
        let chain = |budget| {
            plan(&["db", "api", "web"], move |spec| {
                after(spec, "api", "db", Condition::Ready);
                after(spec, "web", "api", Condition::Ready);
                find(spec, "web").stop.grace_ms = 800;
                spec.stop_timeout_ms = budget;
            })
        };
        for (budget, hurry) in [(3_000, 2_000), (1_000, 900), (999, 666), (0, 0)] {
            assert_eq!(hurry_after_ms(&chain(budget)), hurry, "{budget}");
        }
    }
}
