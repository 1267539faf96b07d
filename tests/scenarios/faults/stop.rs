//! A stop that comes at the worst moment: in each state a process can be in, and at any time.

use std::time::{Duration, Instant};

use devenv_tests::place::Place;
use devenv_tests::process_table;
use devenv_tests::spec::Spec;
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// The longest that any of these may take to stop: the graces below are half a second.
const LIMIT: Duration = Duration::from_secs(5);

fn stop() -> Value {
    json!({ "grace_ms": 500 })
}

fn check(command: &[&str], timing: &Value) -> Value {
    json!({ "check": { "exec": { "command": command } }, "timing": timing })
}

/// Each state, as a spec, and what is in the output once it is reached.
fn states() -> Vec<(&'static str, Spec, &'static str)> {
    let long_check = check(&["/bin/sleep", "1000"], &json!({ "timeout_ms": 600_000 }));
    let bad_check = check(&["/bin/false"], &json!({ "period_ms": 10 }));
    let after = json!([{ "process": "db", "condition": "ready" }]);
    let again = |ms: u64| json!({ "on": "always", "max_restarts": null, "backoff_ms": ms });
    let with = |name: &str, verb: &[&str], fields: Value| {
        let mut fields = fields;
        fields["stop"] = stop();
        Spec::new().actor_with(name, verb, fields)
    };
    vec![
        ("running", with("db", &["wait"], json!({})), "| ready"),
        (
            "waiting for another one",
            with("db", &["wait"], json!({ "ready": bad_check.clone() })).actor_with(
                "web",
                &["wait"],
                json!({ "after": after }),
            ),
            "db.1 is not ready yet",
        ),
        ("in a check", with("db", &["wait"], json!({ "ready": long_check.clone() })), "| ready"),
        ("in a liveness check", with("db", &["wait"], json!({ "live": long_check })), "| ready"),
        (
            "between two runs",
            with("db", &["exit", "1"], json!({ "restart": again(600_000) })),
            "db.1 will be started again in",
        ),
        (
            "restarting without a pause",
            with("db", &["exit", "1"], json!({ "restart": again(1) })),
            "db.1 will be started again in",
        ),
        (
            "being stopped to be started again",
            with("db", &["deaf"], json!({ "live": bad_check, "restart": again(1) })),
            "sending SIGTERM to db.1",
        ),
        (
            "leaving processes behind",
            with("db", &["deaf-daemon"], json!({ "restart": again(1) })),
            "db.1 left processes behind",
        ),
        (
            "one of many without a program",
            with("db", &["wait"], json!({})).process("web", &["/does/not/exist"]),
            "web.1 not started",
        ),
    ]
}

#[test]
fn a_stop_is_obeyed_in_every_state() {
    let world = World::new();
    for place in [Place::Shell, Place::PidNamespace] {
        for (state, spec, sign) in states() {
            let supervised = place.start(&world, &spec, &[]);
            supervised.wait_for(sign);
            let pid = supervised.pid();
            let below = process_table::descendants(pid);
            supervised.signal(Signal::SIGTERM);
            let ended = supervised.end_within(LIMIT);
            assert_eq!(ended.code, 143, "{state}, in {place:?}: {}", ended.out);
            let left = below.into_iter().find(|pid| process_table::is_alive(*pid));
            assert_eq!(left, None, "{state}, in {place:?}, left somebody: {}", ended.out);
        }
    }
}

#[test]
fn a_stop_is_obeyed_at_every_moment() {
    let world = World::new();
    let check = check(&["/bin/true"], &json!({ "period_ms": 20 }));
    let after = json!([{ "process": "db", "condition": "ready" }]);
    let again =
        json!({ "on": "always", "max_restarts": null, "backoff_ms": 5, "backoff_max_ms": 20 });
    let spec = Spec::new()
        .actor_with("db", &["wait"], json!({ "ready": check.clone(), "stop": stop() }))
        .actor_with("web", &["wait"], json!({ "after": after, "live": check, "stop": stop() }))
        .actor_with("flaps", &["exit", "1"], json!({ "restart": again, "stop": stop() }))
        .actor_with("leaves", &["daemon"], json!({ "restart": again, "stop": stop() }));
    for step in 0..60 {
        let delay = Duration::from_millis(2 * step);
        let supervised = Place::PidNamespace.start(&world, &spec, &[]);
        let pid = supervised.pid();
        // Before it catches the signal, the kernel keeps it from PID 1 and nobody can tell.
        wait::until_true(wait::SOON, "the signal to be caught", || {
            process_table::catches(pid, Signal::SIGTERM as i32)
        });
        let begun = Instant::now();
        wait::until_true(wait::SOON, "the moment", || begun.elapsed() >= delay);
        supervised.signal(Signal::SIGTERM);
        let ended = supervised.end_within(LIMIT);
        assert_eq!(ended.code, 143, "after {delay:?}: {}", ended.out);
        assert!(!ended.out.contains("internal"), "after {delay:?}: {}", ended.out);
    }
}

#[test]
fn a_stop_during_the_stop_for_a_failure_keeps_the_code_of_the_failure() {
    let world = World::new();
    let spec = Spec::new()
        .with("exit", json!("first_failure"))
        .actor_with("deaf", &["deaf"], json!({ "stop": stop() }))
        .process("fails", &["/bin/sh", "-c", "sleep 0.2; exit 7"]);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("sending SIGTERM to deaf.1");
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end_within(LIMIT).expect_code(7);
    assert!(ended.out.contains("deaf.1 stopped (rc=-9)"), "{}", ended.out);
}
