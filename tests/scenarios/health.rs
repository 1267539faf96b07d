//! Readiness and liveness: who waits for whom, and what becomes of those that live without use.

use std::fs;
use std::time::{Duration, Instant};

use devenv_tests::lines;
use devenv_tests::place::Place;
use devenv_tests::spec::Spec;
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(20);

/// A check each 50 ms that is good as soon as the file exists.
fn exists(file: &str) -> Value {
    let command = ["/bin/sh", "-c", &format!("test -e {file}")];
    json!({ "check": { "exec": { "command": command } }, "timing": { "period_ms": 50 } })
}

fn place_of(log: &str, text: &str) -> usize {
    log.find(text).unwrap_or_else(|| panic!("no `{text}` in {log}"))
}

#[test]
fn a_dependant_waits_until_what_it_needs_is_ready() {
    let world = World::new();
    let file = world.path("ready").display().to_string();
    let after = json!([{ "process": "db", "condition": "ready" }]);
    let spec = Spec::new().actor_with("web", &["wait"], json!({ "after": after })).actor_with(
        "db",
        &["wait"],
        json!({ "ready": exists(&file) }),
    );
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("db.1 is not ready yet");
    assert!(!supervised.running().out().contains("web.1 started"), "nothing was ready yet");
    fs::write(&file, "").unwrap();
    supervised.wait_for("web.1  | ready");
    supervised.signal(Signal::SIGTERM);
    let log = supervised.end_within(LIMIT).expect_code(143).out;
    assert!(place_of(&log, "db.1 is ready\n") < place_of(&log, "web.1 started"), "{log}");
    // What was started last is stopped first.
    assert!(place_of(&log, "web.1 stopped") < place_of(&log, "SIGTERM to db.1"), "{log}");
}

#[test]
fn readiness_is_seen_at_once_however_long_a_period_is() {
    let world = World::new();
    let asked = world.path("asked").display().to_string();
    let file = world.path("ready").display().to_string();
    let script = format!("echo >> {asked}; test -e {file}");
    let check = json!({ "exec": { "command": ["/bin/sh", "-c", script] } });
    // As devenv has it where nothing is said: every 10 s, and three failures in a row count.
    let spec = Spec::new().actor_with("db", &["wait"], json!({ "ready": { "check": check } }));
    let supervised = Place::Shell.start(&world, &spec, &[]);
    let times = || fs::read_to_string(&asked).unwrap_or_default().lines().count();
    wait::until_true(LIMIT, "the tenth look", || times() >= 10);
    assert!(!supervised.running().out().contains("not ready"), "none of them counts");
    let since = Instant::now();
    fs::write(&file, "").unwrap();
    supervised.wait_for("db.1 is ready\n");
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
    supervised.signal(Signal::SIGTERM);
    let _ = supervised.end().expect_code(143);
}

#[test]
fn a_run_that_is_not_ready_in_time_has_failed() {
    let world = World::new();
    let mut ready = exists("/nonexistent/file");
    ready["deadline_ms"] = json!(300);
    let spec = Spec::new().actor_with("db", &["wait"], json!({ "ready": ready }));
    let log = Place::Shell.run(&world, &spec).expect_code(69).out;
    assert!(log.contains("db.1 was not ready within"), "{log}");
}

#[test]
fn a_run_that_fails_its_liveness_check_is_stopped_and_started_again() {
    let world = World::new();
    let file = world.write("alive", "").display().to_string();
    let live = exists(&file);
    let restart = json!({ "on": "on_failure", "max_restarts": 1, "backoff_ms": 10 });
    let fields = json!({ "live": live, "restart": restart });
    let spec = Spec::new().actor_with("web", &["tell"], fields);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("web.1 started");
    fs::remove_file(&file).unwrap();
    let ended = supervised.end_within(LIMIT);
    let started =
        lines::of(&ended.out, "system").iter().filter(|l| l.contains(" started (")).count();
    assert_eq!(started, 2, "{}", ended.out);
    assert!(ended.out.contains("web.1 failed its liveness check 3 times"), "{}", ended.out);
    // It ends well when told to, and has failed nevertheless.
    assert_eq!(ended.code, 69, "{}", ended.out);
}

#[test]
fn a_line_of_its_output_makes_a_process_ready() {
    let world = World::new();
    let after = json!([{ "process": "db", "condition": "ready" }]);
    let ready = json!({ "check": { "log_line": { "contains": "read" } } });
    let spec = Spec::new()
        .actor_with("web", &["exit", "0"], json!({ "after": after, "exit": "on_end" }))
        .actor_with("db", &["wait"], json!({ "ready": ready }));
    let log = Place::Shell.run(&world, &spec).expect_code(0).out;
    assert!(place_of(&log, "db.1   | ready") < place_of(&log, "web.1 started"), "{log}");
}
