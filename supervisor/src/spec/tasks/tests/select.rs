//! What the names on the command line choose.

use super::*;

fn enabled(plan: &Plan) -> Vec<&str> {
    let enabled = plan.processes.iter().filter(|process| process.enabled);
    enabled.map(|process| process.name.as_str()).collect()
}

/// One that waits before, two siblings, one that waits after, and some that have nothing to do.
fn neighbours() -> Vec<Value> {
    vec![
        one_shot("app:setup", json!({})),
        service("web", json!({ "after": ["app:setup"] })),
        service("api", json!({ "after": ["app:setup"] })),
        one_shot("app:notify", json!({ "after": ["devenv:processes:web@started", "app:token"] })),
        one_shot("app:token", json!({})),
        one_shot("devenv:enterShell", json!({})),
        service("debug", json!({ "process": { "start": { "enable": false } } })),
    ]
}

#[test]
fn names_choose_what_runs() {
    let tasks = neighbours();
    for (names, want) in [
        (&[][..], &["app:setup", "web", "api", "app:notify", "app:token"][..]),
        (&["web"], &["app:setup", "web", "app:notify", "app:token"]),
        (&["devenv:processes:web"], &["app:setup", "web", "app:notify", "app:token"]),
        (&["api"], &["app:setup", "api"]),
        (&["app:notify"], &["app:setup", "web", "app:notify", "app:token"]),
        (&["debug"], &["debug"]),
        (&["debug", "api"], &["app:setup", "api", "debug"]),
        (&["devenv:processes"], &["app:setup", "web", "api", "app:notify", "app:token"]),
        (&["devenv:processes:*"], &["app:setup", "web", "api", "app:notify", "app:token"]),
        (&["devenv:enterShell"], &["devenv:enterShell"]),
        (&["app:"], &["app:setup", "web", "api", "app:notify", "app:token"]),
    ] {
        assert_eq!(enabled(&translated(&tasks, names).plan), want, "{names:?}");
    }
}

#[test]
fn what_can_be_started_later_is_known_and_other_tasks_are_not() {
    let plan = translated(&neighbours(), &["api"]).plan;
    let names: Vec<&str> = plan.processes.iter().map(|process| process.name.as_str()).collect();
    assert_eq!(names, ["app:setup", "web", "api", "debug"]);
}

#[test]
fn a_name_that_stands_for_nothing_is_refused() {
    for name in ["nope", "", ":", "app::", "*", "web.1", "app:set"] {
        let error = translate(&file(&neighbours()), &[name], BTreeMap::new())
            .expect_err("it stands for nothing");
        let TranslationError::UnknownName { known, .. } = error else { panic!("{error}") };
        assert_eq!(known[..2], ["app:setup", "web"], "{name}");
    }
}
