//! Plans of three and four processes to search: chains, diamonds and what is left of a cycle.

use std::sync::Arc;

use super::plans::{after, find, plan, restarts, says_ready};
use super::search::Freedom;
use crate::spec::{Condition, ExitPolicy, ExitRule, Kind, Plan, RestartOn, Spec, SpecError};

/// Every shape of three or four processes that the search goes through, by name. Each is searched
/// with as much freedom as it takes to show what the smaller plans cannot.
pub fn all() -> Vec<(&'static str, Arc<Plan>, Freedom)> {
    let tidy = Freedom::TIDY;
    let asked = Freedom { requests: 1, ..tidy };
    vec![
        ("chain of 3", chain(|_| {}), Freedom { signals: 2, refusals: true, ..tidy }),
        ("chain of 3 with descendants", chain(|_| {}), Freedom { descendants: true, ..tidy }),
        (
            "chain of 3 that says ready and restarts",
            chain(|spec| {
                says_ready(spec, "a");
                restarts(spec, "a", RestartOn::OnFailure, 1);
                restarts(spec, "b", RestartOn::Always, 1);
            }),
            tidy,
        ),
        ("chain of 3, asked", chain(|_| {}), asked),
        (
            "chain of 3 without the time for all graces",
            chain(|spec| spec.stop_timeout_ms = 150),
            Freedom { signals: 2, ..tidy },
        ),
        (
            "pair beside one that lives, asked twice",
            plan(&["a", "b", "c"], |spec| {
                after(spec, "b", "a", Condition::Ready);
                find(spec, "c").stop.grace_ms = 0;
            }),
            Freedom { signals: 0, requests: 2, ..tidy },
        ),
        (
            "pair that nobody starts, beside one that lives",
            plan(&["a", "b", "c"], |spec| {
                find(spec, "a").enabled = false;
                find(spec, "b").enabled = false;
                after(spec, "b", "a", Condition::Ready);
            }),
            asked,
        ),
        (
            "chain of 3 with a rule of its own for each, any ended",
            chain(|spec| {
                spec.exit = ExitPolicy::AnyEnded;
                find(spec, "a").exit = ExitRule::Never;
                find(spec, "b").kind = Kind::Task;
                find(spec, "c").exit = ExitRule::OnEnd;
                restarts(spec, "b", RestartOn::OnFailure, 1);
            }),
            tidy,
        ),
        ("diamond of 4", diamond(|_| {}), Freedom { signals: 2, ..tidy }),
        ("diamond of 4 with descendants", diamond(|_| {}), Freedom { descendants: true, ..tidy }),
        (
            "diamond of 4 that says ready and restarts",
            diamond(|spec| {
                says_ready(spec, "a");
                restarts(spec, "d", RestartOn::OnFailure, 1);
            }),
            tidy,
        ),
    ]
}

/// `c` waits for `b`, which waits for `a`.
pub fn chain(shape: impl FnOnce(&mut Spec)) -> Arc<Plan> {
    plan(&["a", "b", "c"], |spec| {
        after(spec, "b", "a", Condition::Ready);
        after(spec, "c", "b", Condition::Ready);
        shape(spec);
    })
}

/// `d` waits for `b` and `c`, which wait for `a`.
fn diamond(shape: impl FnOnce(&mut Spec)) -> Arc<Plan> {
    plan(&["a", "b", "c", "d"], |spec| {
        after(spec, "b", "a", Condition::Ready);
        after(spec, "c", "a", Condition::Started);
        after(spec, "d", "b", Condition::Ready);
        after(spec, "d", "c", Condition::Ready);
        shape(spec);
    })
}

/// No plan has a cycle, so no search meets one: not even where soft conditions could break it, since
/// who would then start first is nothing a file should leave open.
#[test]
fn a_cycle_is_refused_whatever_its_conditions_and_is_none_without_one_of_them() {
    let conditions =
        [Condition::Started, Condition::Ready, Condition::Succeeded, Condition::Completed];
    for length in [3, 4] {
        let names = &["a", "b", "c", "d"][..length];
        for number in 0..conditions.len().pow(u32::try_from(length).expect("small")) {
            let mut spec: Spec = serde_json::from_str(r#"{"version":1}"#).expect("the smallest");
            spec.processes = plan(names, |_| {}).processes.iter().map(plain).collect();
            for (at, name) in names.iter().enumerate() {
                let digit = number / conditions.len().pow(u32::try_from(at).expect("small"));
                let condition = conditions[digit % conditions.len()];
                after(&mut spec, name, names[(at + 1) % length], condition);
            }
            for (at, _) in names.iter().enumerate() {
                let mut open = spec.clone();
                open.processes[at].after.clear();
                assert!(Plan::from_spec(open).is_ok(), "{names:?} {number} without {at}");
            }
            match Plan::from_spec(spec) {
                Err(SpecError::Problems(problems)) => {
                    assert_eq!(problems.len(), 1, "{problems:?}");
                }
                other => panic!("{names:?} {number}: {other:?}"),
            }
        }
    }
}

fn plain(process: &crate::spec::Process) -> crate::spec::wire::Process {
    crate::spec::wire::Process::new(process.name.clone(), process.command.clone())
}
