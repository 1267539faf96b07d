//! Small plans to search and to tell stories with.

use std::sync::Arc;

use super::search::Freedom;
use crate::spec::wire::{Dependency, Liveness, Process, Readiness, Restart, Watch, Watchdog};
use crate::spec::{Check, Condition, ExitPolicy, ExitRule, Kind, Plan, RestartOn, Spec, Timing};

/// A plan of services `a`, `b`, … with a grace of 100 ms and whatever `shape` makes of them.
pub fn plan(names: &[&str], shape: impl FnOnce(&mut Spec)) -> Arc<Plan> {
    let mut spec: Spec = serde_json::from_str(r#"{"version":1}"#).expect("the smallest spec");
    spec.stop_timeout_ms = 1_000;
    spec.processes = names.iter().map(|name| process(name)).collect();
    shape(&mut spec);
    Arc::new(Plan::from_spec(spec).expect("a plan of a test is valid"))
}

fn process(name: &str) -> Process {
    let mut process = Process::new(name.to_owned(), vec!["/bin/true".to_owned()]);
    // Without jitter: the search takes two states for one that differ in the number of a run.
    process.restart = Restart {
        backoff_ms: 50,
        backoff_max_ms: 100,
        backoff_jitter_percent: 0,
        healthy_after_ms: 60,
        ..Restart::default()
    };
    process.stop.grace_ms = 100;
    process
}

pub fn after(spec: &mut Spec, who: &str, on: &str, condition: Condition) {
    let dependency = Dependency { process: on.to_owned(), condition };
    find(spec, who).after.push(dependency);
}

pub fn find<'a>(spec: &'a mut Spec, name: &str) -> &'a mut Process {
    spec.processes.iter_mut().find(|process| process.name == name).expect("named in the plan")
}

pub fn restarts(spec: &mut Spec, who: &str, on: RestartOn, max: u32) {
    let restart = &mut find(spec, who).restart;
    restart.on = on;
    restart.max_restarts = Some(max);
}

/// Has its liveness checked, and may fail that once.
pub fn is_live(spec: &mut Spec, who: &str) {
    let check = Check::Exec { command: vec!["/bin/true".to_owned()] };
    find(spec, who).live = Some(Liveness { check, timing: timing(1, 2) });
}

/// Has its files watched.
pub fn watched(spec: &mut Spec, who: &str) {
    let (extensions, ignore) = (Vec::new(), Vec::new());
    find(spec, who).watch = Some(Watch { paths: vec!["src".to_owned()], extensions, ignore });
}

/// Says itself when it is ready.
pub fn says_ready(spec: &mut Spec, who: &str) {
    let check = Check::Notify;
    find(spec, who).ready = Some(Readiness { check, timing: timing(1, 1), deadline_ms: None });
}

/// A check each 60 ms that may take 20 ms.
pub fn timing(success_threshold: u32, failure_threshold: u32) -> Timing {
    let (initial_delay_ms, period_ms, timeout_ms) = (0, 60, 20);
    Timing { initial_delay_ms, period_ms, timeout_ms, success_threshold, failure_threshold }
}

/// Every shape of one or two processes that the search goes through, by name.
pub fn all() -> Vec<(&'static str, Arc<Plan>, Freedom)> {
    let policies = [
        ("alone, all ended", ExitPolicy::AllEnded),
        ("alone, first failure", ExitPolicy::FirstFailure),
        ("alone, any ended", ExitPolicy::AnyEnded),
    ];
    let mut plans: Vec<(&str, Arc<Plan>)> = policies
        .into_iter()
        .map(|(name, policy)| (name, plan(&["a", "b"], |spec| spec.exit = policy)))
        .collect();
    plans.push(("restart", plan(&["a"], |spec| restarts(spec, "a", RestartOn::Always, 2))));
    plans.push((
        "restart in a window",
        plan(&["a"], |spec| {
            restarts(spec, "a", RestartOn::OnFailure, 1);
            find(spec, "a").restart.window_ms = Some(75);
        }),
    ));
    plans.push((
        "pair, ready",
        plan(&["a", "b"], |spec| {
            after(spec, "b", "a", Condition::Ready);
            restarts(spec, "a", RestartOn::OnFailure, 1);
        }),
    ));
    plans.push((
        "pair, started",
        plan(&["a", "b"], |spec| {
            after(spec, "b", "a", Condition::Started);
        }),
    ));
    plans.push((
        "pair, soft, all ended",
        plan(&["a", "b"], |spec| {
            spec.exit = ExitPolicy::AllEnded;
            after(spec, "b", "a", Condition::Completed);
        }),
    ));
    plans.push((
        "task before service",
        plan(&["a", "b"], |spec| {
            find(spec, "a").kind = Kind::Task;
            restarts(spec, "a", RestartOn::OnFailure, 1);
            after(spec, "b", "a", Condition::Succeeded);
        }),
    ));
    plans.push((
        "disabled dependency",
        plan(&["a", "b"], |spec| {
            find(spec, "a").enabled = false;
            after(spec, "b", "a", Condition::Completed);
        }),
    ));
    plans.push((
        "readiness with thresholds",
        plan(&["a", "b"], |spec| {
            let check = Check::Tcp { host: "127.0.0.1".to_owned(), port: 1 };
            find(spec, "a").ready =
                Some(Readiness { check, timing: timing(2, 2), deadline_ms: None });
            after(spec, "b", "a", Condition::Ready);
        }),
    ));
    plans.push((
        "ready in time or never, then a watchdog",
        plan(&["a"], |spec| {
            let check = Check::Notify;
            find(spec, "a").ready =
                Some(Readiness { check, timing: timing(1, 1), deadline_ms: Some(70) });
            find(spec, "a").watchdog = Some(Watchdog { usec: 40_000, require_ready: true });
            restarts(spec, "a", RestartOn::OnFailure, 1);
        }),
    ));
    plans.push((
        "liveness",
        plan(&["a"], |spec| {
            is_live(spec, "a");
            restarts(spec, "a", RestartOn::OnFailure, 1);
        }),
    ));
    plans.push((
        "watched",
        plan(&["a", "b"], |spec| {
            watched(spec, "a");
            restarts(spec, "a", RestartOn::OnFailure, 1);
            after(spec, "b", "a", Condition::Started);
        }),
    ));
    for (name, rule, policy) in [
        ("on_end beside one that may fail, all ended", ExitRule::OnEnd, ExitPolicy::AllEnded),
        ("never beside one that restarts, any ended", ExitRule::Never, ExitPolicy::AnyEnded),
    ] {
        plans.push((
            name,
            plan(&["a", "b"], |spec| {
                spec.exit = policy;
                find(spec, "a").exit = rule;
                restarts(spec, "b", RestartOn::OnFailure, 1);
            }),
        ));
    }
    plans.into_iter().map(|(name, plan)| (name, plan, Freedom::FULL)).collect()
}
