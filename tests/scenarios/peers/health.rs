//! Checks whose rules others read and do not follow.

use std::time::{Duration, Instant};

use devenv_tests::place::Place;
use devenv_tests::spec::Spec;
use devenv_tests::world::World;
use serde_json::json;

/// Two peers take `success_threshold` and use it nowhere.
#[test]
fn a_process_is_ready_after_as_many_good_answers_as_its_rule_asks_for() {
    let world = World::new();
    let asked = world.directory("state").join("asked").display().to_string();
    // Good, bad, and then good for ever: two in a row are there with the fourth answer.
    let script = format!("echo x >> {asked}; test $(wc -l < {asked}) -ne 2");
    let ready = json!({
        "check": { "exec": { "command": ["/bin/sh", "-c", script] } },
        "timing": { "period_ms": 50, "success_threshold": 2 },
    });
    let after = json!([{ "process": "db", "condition": "ready" }]);
    let spec = Spec::new().actor_with("db", &["wait"], json!({ "ready": ready })).process_with(
        "web",
        &["/bin/sh", "-c", &format!("echo after $(wc -l < {asked})")],
        json!({ "after": after, "exit": "on_end" }),
    );
    let ended = Place::Shell.run(&world, &spec).expect_code(0);
    let said = devenv_tests::lines::of(&ended.out, "web.1").join("\n");
    let answers: u32 = said.trim_start_matches("after ").parse().expect("a number");
    assert!((4..10).contains(&answers), "ready after {answers} answers: {}", ended.out);
}

/// Two peers take `failure_threshold` and use it nowhere, or act upon the first bad answer.
#[test]
fn a_process_is_unfit_after_as_many_bad_answers_in_a_row_as_its_rule_allows() {
    let world = World::new();
    let asked = world.directory("state").join("asked").display().to_string();
    // Two bad answers and a good one, again and again until the tenth, and then only bad ones.
    let script =
        format!("echo x >> {asked}; n=$(wc -l < {asked}); test $n -lt 10 -a $((n % 3)) = 0");
    let live = json!({
        "check": { "exec": { "command": ["/bin/sh", "-c", script] } },
        "timing": { "period_ms": 30, "failure_threshold": 3 },
    });
    let spec = Spec::new().actor_with("a", &["tell"], json!({ "live": live }));
    let ended = Place::Shell.run(&world, &spec);
    assert!(ended.out.contains("a.1 failed its liveness check 3 times"), "{}", ended.out);
    let answers = std::fs::read_to_string(&asked).expect("it was asked").lines().count();
    assert_eq!(answers, 12, "{}", ended.out);
}

/// Elsewhere a check that cannot be started leaves its dependants waiting for ever, and silently.
#[test]
fn a_check_that_cannot_be_started_says_so_and_its_time_runs_out() {
    let world = World::new();
    let ready = json!({
        "check": { "exec": { "command": ["/no/such/shell"] } },
        "timing": { "period_ms": 50 },
        "deadline_ms": 500,
    });
    let after = json!([{ "process": "db", "condition": "ready" }]);
    let spec = Spec::new().actor_with("db", &["wait"], json!({ "ready": ready })).actor_with(
        "web",
        &["wait"],
        json!({ "after": after }),
    );
    let begun = Instant::now();
    let ended = Place::Shell.run(&world, &spec);
    assert!(begun.elapsed() < Duration::from_secs(8), "{}", ended.out);
    assert_ne!(ended.code, 0);
    for line in [
        "db.1 is not ready yet: cannot execute /no/such/shell: No such file or directory",
        "db.1 was not ready within 0.5 s",
        "web.1 never starts because of db.1",
    ] {
        assert!(ended.out.contains(line), "no {line:?} in {}", ended.out);
    }
}

/// Elsewhere a process that was not ready in time is killed for good, whatever its restart rule.
#[test]
fn a_process_that_was_not_ready_in_time_is_started_again_by_its_rule() {
    let world = World::new();
    let was = world.directory("state").join("was");
    let ready = json!({ "check": { "log_line": { "contains": "at last" } }, "deadline_ms": 300 });
    let again = json!({ "on": "on_failure", "max_restarts": 3, "backoff_ms": 10 });
    let script = format!(
        "test -e {0} && echo at last && exec sleep 1000; : > {0}; exec sleep 1000",
        was.display()
    );
    let after = json!([{ "process": "db", "condition": "ready" }]);
    let spec = Spec::new()
        .process_with(
            "db",
            &["/bin/sh", "-c", &script],
            json!({ "ready": ready, "restart": again }),
        )
        .actor_with("web", &["exit", "0"], json!({ "after": after, "exit": "on_end" }));
    let ended = Place::Shell.run(&world, &spec).expect_code(0);
    assert!(ended.out.contains("db.1 was not ready within 0.3 s"), "{}", ended.out);
    assert_eq!(ended.out.matches("db.1 started").count(), 2, "{}", ended.out);
}
