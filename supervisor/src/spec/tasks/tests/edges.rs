//! Who waits for whom: defaults of dependencies, wrong ones, cycles, and failures that count.

use super::*;

/// Every edge of the plan, as `web waits for db: Ready`.
fn edges(plan: &Plan) -> Vec<String> {
    let of = |process: &Process| {
        let own = process.name.clone();
        let edges = process.after.clone();
        edges.into_iter().map(move |edge| {
            let on = plan.process(edge.on).map_or("?", |on| on.name.as_str());
            format!("{own} waits for {on}: {:?}", edge.condition)
        })
    };
    plan.processes.iter().flat_map(of).collect()
}

#[test]
fn edges_have_the_defaults_of_devenv() {
    let ports = json!({ "ports": { "a": 1 } });
    let tasks = [
        service("db", json!({ "process": ports })),
        one_shot("app:migrate", json!({ "after": ["devenv:processes:db"] })),
        one_shot(
            "app:seed",
            json!({ "after": ["app:migrate@completed"], "before": ["devenv:processes:web"] }),
        ),
        service(
            "web",
            json!({ "after": ["app:migrate", "devenv:processes:db@started", "app:migrate@succeeded"] }),
        ),
        service("late", json!({ "before": ["app:end@completed"] })),
        one_shot("app:end", json!({ "command": null })),
    ];
    let plan = plan(&tasks);
    assert_eq!(
        edges(&plan),
        [
            "app:migrate waits for db: Ready",
            "app:seed waits for app:migrate: Completed",
            "web waits for app:seed: Succeeded",
            "web waits for app:migrate: Succeeded",
            "web waits for db: Started",
            "app:end waits for late: Completed",
        ]
    );
    assert_eq!(plan.processes[5].command, ["/bin/sh", "-c", ":"]);
}

#[test]
fn bad_dependencies_say_what_would_be_right() {
    for (after, want) in [
        (
            "app:nope",
            "there is no task \"app:nope\"\nhint: there are devenv:processes:web, app:x, devenv:processes:db",
        ),
        (
            "app:x@done",
            "\"@done\" is unknown\nhint: it is one of @started, @ready, @succeeded, @completed",
        ),
        (
            "app:x@ready",
            "\"app:x\" is a one-shot task, which is never ready\nhint: use @started, @succeeded or @completed",
        ),
        (
            "devenv:processes:db",
            "\"devenv:processes:db\" does not say when it is ready\nhint: give it `ready` or `ports`, or wait for @started",
        ),
        (
            "devenv:processes:db@succeeded",
            "\"devenv:processes:db\" is a process, which does not succeed\nhint: use @started, @ready or @completed",
        ),
        (
            "@ready",
            "there is no task \"\"\nhint: there are devenv:processes:web, app:x, devenv:processes:db",
        ),
    ] {
        let tasks = [
            service("web", json!({ "after": [after] })),
            one_shot("app:x", json!({})),
            service("db", json!({})),
        ];
        let place = "tasks[0] (devenv:processes:web).after[0]";
        assert_eq!(refusal(&tasks), format!("{place}: {want}"));
    }
}

#[test]
fn a_cycle_names_its_members() {
    let tasks = [
        one_shot("a:a", json!({ "after": ["b:b"] })),
        one_shot("b:b", json!({ "after": ["a:a"] })),
        service("web", json!({ "after": ["a:a"] })),
    ];
    assert!(refusal(&tasks).contains("these wait for each other: a:a -> b:b -> a:a"));
}

#[test]
fn only_a_failure_that_others_do_not_mind_counts_for_nothing() {
    let tasks = [
        one_shot("a:soft", json!({})),
        one_shot("a:hard", json!({})),
        service("web", json!({ "after": ["a:soft@completed", "a:hard@completed"] })),
        service("api", json!({ "after": ["a:hard"] })),
    ];
    let rules: Vec<_> = plan(&tasks).processes.iter().map(|process| process.exit).collect();
    let counts = ExitRule::OnFailure;
    assert_eq!(rules, [ExitRule::Never, counts, counts, counts]);
    let named = translated(&tasks, &["a:soft"]).plan;
    assert_eq!(named.processes[0].exit, counts, "it was asked for");
}
