//! Every verb that asks a running supervisor, as a user runs it.

use std::process::Command;
use std::time::{Duration, Instant};

use devenv_tests::place::{EVERYWHERE, Place};
use devenv_tests::programs::devenv_init;
use devenv_tests::running;
use devenv_tests::spec::{ACTOR, Spec};
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::json;

use super::{status, stop};

/// Read-only and without any directory that could be written to: only a name in the network
/// namespace is left for the socket.
const NOWHERE_TO_WRITE: Place = Place::Docker(&["--read-only", "--ipc", "none"]);

#[test]
fn in_every_place_the_supervisor_is_found_and_does_what_it_is_told() {
    let world = World::new();
    // A process that does not wait for anybody, so that the container lives on without `web`.
    let spec = Spec::new().actor("stays", &["wait"]).actor("web", &["tell"]);
    for place in EVERYWHERE.into_iter().chain([NOWHERE_TO_WRITE]) {
        let supervised = place.start(&world, &spec, &[]);
        supervised.wait_for("web.1   | ready");
        let asked = |arguments: &[&str]| supervised.ask(arguments).expect_code(0).out;
        let table = asked(&["status"]);
        let web = table.lines().find(|line| line.starts_with("web.1")).unwrap_or_default();
        assert!(web.contains("running") && web.contains("yes"), "in {place:?}: {table}");

        let first = status(&supervised, "web");
        assert_eq!(asked(&["restart", "web"]), "", "in {place:?}");
        let second = status(&supervised, "web");
        assert_eq!(second["state"], "running", "in {place:?}");
        assert_ne!(first["pid"], second["pid"], "in {place:?}");

        assert_eq!(asked(&["stop", "web"]), "");
        let stopped = status(&supervised, "web");
        assert_eq!((&stopped["state"], &stopped["pid"]), (&json!("stopped"), &json!(null)));
        let health = asked(&["healthcheck"]);
        assert_eq!(health, "healthy\n", "what somebody has stopped is not expected: {place:?}");
        let refused = supervised.ask(&["healthcheck", "web"]).expect_code(1);
        assert!(refused.err.contains("web.1"), "in {place:?}: {}", refused.err);

        assert_eq!(asked(&["start", "web"]), "");
        assert_eq!(status(&supervised, "web")["state"], "running", "in {place:?}");
        assert_eq!(asked(&["wait", "--ready", "--timeout", "10s"]), "");
        assert_eq!(asked(&["signal", "USR1", "web"]), "");
        supervised.wait_for("web.1   | got SIGUSR1");
        assert!(asked(&["logs", "-n", "1", "web"]).contains("got SIGUSR1"), "in {place:?}");

        let log = stop(supervised);
        assert!(!log.contains("control"), "in {place:?}: {log}");
    }
}

#[test]
fn a_restart_waits_for_the_new_run_and_not_for_the_old_one() {
    let world = World::new();
    let gate = world.path("gate").display().to_string();
    // It ends well only when the gate is open.
    let script = format!("while ! test -e {gate}; do sleep 0.05; done");
    let spec = Spec::new().actor("stays", &["wait"]).process_with(
        "job",
        &["/bin/sh", "-c", &script],
        json!({ "kind": "task", "after": [] }),
    );
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("job.1 started");
    let runs = |count| {
        wait::until_true(wait::SOON, &format!("run {count}"), || {
            supervised.running().out().matches("job.1 started").count() == count
        });
    };
    let _ = supervised.ask(&["restart", "--no-wait", "job"]).expect_code(0);
    runs(2);
    let waits = supervised.asking(&["restart", "job"]);
    runs(3);
    assert_eq!(status(&supervised, "job")["state"], "running");
    std::fs::write(&gate, "").expect("a file");
    let _ = waits.end().expect_code(0);
    assert_eq!(status(&supervised, "job")["state"], "succeeded");
    let _ = stop(supervised);
}

#[test]
fn a_start_that_comes_to_nothing_says_so() {
    let world = World::new();
    let spec = Spec::new().actor("stays", &["wait"]).process_with(
        "missing",
        &["/nonexistent/program"],
        json!({ "enabled": false, "exit": "never" }),
    );
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("ready");
    let failed = supervised.ask(&["start", "missing"]).expect_code(1);
    assert!(failed.err.contains("missing.1 has failed"), "{}", failed.err);
    let unknown = supervised.ask(&["start", "mising"]).expect_code(64);
    assert!(unknown.err.contains("there is no process \"mising\""), "{}", unknown.err);
    assert!(unknown.err.contains("hint: there are stays, missing"), "{}", unknown.err);
    let idle = supervised.ask(&["signal", "HUP", "stays", "missing"]).expect_code(1);
    assert!(idle.err.contains("missing.1 does not run"), "{}", idle.err);
    let _ = stop(supervised);
}

#[test]
fn a_wait_ends_with_readiness_with_its_time_or_when_there_will_be_none() {
    let world = World::new();
    let file = world.path("ready").display().to_string();
    let check = json!({ "exec": { "command": ["/bin/sh", "-c", format!("test -e {file}")] } });
    let ready = json!({ "check": check, "timing": { "period_ms": 50 } });
    let spec = Spec::new().actor_with("db", &["wait"], json!({ "ready": ready })).process_with(
        "never",
        &["/bin/sh", "-c", "exit 3"],
        json!({ "exit": "never" }),
    );
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("never.1 stopped (rc=3)");
    let late = supervised.ask(&["wait", "--ready", "--timeout", "200ms", "db"]).expect_code(1);
    assert!(late.err.contains("not ready in time: db.1"), "{}", late.err);
    let failed = supervised.ask(&["wait", "--ready"]).expect_code(1);
    assert!(failed.err.contains("never.1 has failed"), "{}", failed.err);
    let waits = supervised.asking(&["wait", "--ready", "db"]);
    std::fs::write(&file, "").expect("a file");
    let _ = waits.end().expect_code(0);
    assert_eq!(status(&supervised, "db")["ready"], true);
    let waits = supervised.asking(&["wait", "--ready", "never", "db"]);
    let _ = waits.end().expect_code(1);
    let _ = stop(supervised);
}

#[test]
fn a_wait_with_a_time_also_waits_for_the_supervisor() {
    let world = World::new();
    let socket = world.path("early").display().to_string();
    let wait = |time: &str| {
        let mut command = Command::new(devenv_init());
        let _ = command.args(["wait", "--timeout", time, "--control", &socket]);
        command
    };
    for (time, least) in [("0", 0), ("300ms", 280)] {
        let began = Instant::now();
        let alone = running::run(&mut wait(time)).expect_code(69);
        assert!(alone.err.contains("no supervisor answers"), "{}", alone.err);
        assert!(began.elapsed() >= Duration::from_millis(least), "{:?}", began.elapsed());
    }
    let waits = std::thread::spawn({
        let mut command = wait("60s");
        move || running::run(&mut command)
    });
    let spec = Spec::new().actor("a", &["wait"]);
    let supervised = Place::Shell.start(&world, &spec, &["--control", &socket]);
    let _ = waits.join().expect("it ends").expect_code(0);
    let _ = stop(supervised);
}

#[test]
fn the_log_is_followed_from_its_last_lines_to_the_end() {
    let world = World::new();
    let file = |name: &str| world.path(name).display().to_string();
    let script = format!(
        "echo before; while ! test -e {}; do sleep 0.05; done; {ACTOR} lines 1000; \
         printf 'no newline'; : > {}; exec sleep 1000",
        file("go"),
        file("done")
    );
    let spec = Spec::new().process("a", &["/bin/sh", "-c", &script]).actor("other", &["wait"]);
    let supervised = Place::Shell.start(&world, &spec, &["--quiet", "a"]);
    supervised.wait_for("other.1 | ready");
    wait::until_true(wait::SOON, "the first line", || {
        supervised.ask(&["logs", "a"]).expect_code(0).out == "before\n"
    });
    let follows = supervised.asking(&["logs", "-f", "a"]);
    let all = supervised.asking(&["logs", "--follow", "--lines", "1"]);
    // Nothing is left out between the lines that were there and those that follow.
    follows.wait_for("before\n");
    all.wait_for("a.1 | before\n");
    world.write("go", "");
    wait::until_true(wait::SOON, "the last line", || world.path("done").exists());
    let log = stop(supervised);
    assert!(!log.contains("before"), "it is quiet: {log}");
    let followed = follows.end().expect_code(0).out;
    assert_eq!(followed.lines().count(), 1002, "{followed}");
    assert!(followed.ends_with("no newline\n"), "{followed}");
    let all = all.end().expect_code(0).out;
    let others = all.lines().filter(|line| !line.starts_with("a.1 | ")).collect::<Vec<_>>();
    assert_eq!(others, ["other.1 | ready"]);
    assert_eq!(all.lines().count(), 1003, "{all}");
}

#[test]
fn a_line_that_is_followed_from_its_middle_is_told_whole_and_masked() {
    let world = World::new();
    let go = world.path("go").display().to_string();
    let script = format!(
        "printf 'said\\nkey=hun'; while ! test -e {go}; do sleep 0.05; done; echo ter2 and more; \
         exec sleep 1000"
    );
    let spec = Spec::new()
        .process("a", &["/bin/sh", "-c", &script])
        .with("environment", json!({ "KEY": "hunter2" }));
    let supervised = Place::Shell.start(&world, &spec, &["--secret", "KEY"]);
    supervised.wait_for("a.1 started");
    wait::until_true(wait::SOON, "the beginning of the line", || {
        supervised.ask(&["logs", "a"]).expect_code(0).out.lines().count() == 2
    });
    let follows = supervised.asking(&["logs", "-f", "a"]);
    follows.wait_for("said\n");
    world.write("go", "");
    follows.wait_for("more\n");
    let _ = stop(supervised);
    assert_eq!(follows.end().expect_code(0).out, "said\nkey=*** and more\n");
}

#[test]
fn what_is_stopped_together_goes_in_its_order_whichever_is_named_first() {
    let world = World::new();
    let above = |on: &str| json!({ "after": [{ "process": on, "condition": "started" }] });
    let spec = Spec::new()
        .actor("db", &["wait"])
        .actor_with("api", &["wait"], above("db"))
        .actor_with("web", &["wait"], above("api"))
        .actor("other", &["wait"]);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    for name in ["db", "api", "web"] {
        supervised.wait_for(&format!("{name}.1 started"));
    }
    let _ = supervised.ask(&["stop", "db", "api", "web"]).expect_code(0);
    assert_eq!(status(&supervised, "other")["state"], "running");
    let log = stop(supervised);
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("no {text:?} in {log}"));
    assert!(at("web.1 stopped") < at("sending SIGTERM to api.1"), "{log}");
    assert!(at("api.1 stopped") < at("sending SIGTERM to db.1"), "{log}");
}

#[test]
fn a_stop_that_somebody_else_undoes_says_so() {
    let world = World::new();
    let slow = json!({ "stop": { "grace_ms": 1500 } });
    let spec = Spec::new().actor_with("deaf", &["deaf"], slow).actor("web", &["wait"]);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("deaf.1 | ready");
    let waits = supervised.asking(&["stop", "deaf"]);
    supervised.wait_for("sending SIGTERM to deaf.1");
    let _ = supervised.ask(&["start", "deaf"]).expect_code(0);
    let waited = waits.end();
    assert_eq!(waited.code, 1, "{waited:?}");
    assert!(waited.err.contains("deaf.1 has been started again meanwhile"), "{waited:?}");
    supervised.signal(Signal::SIGTERM);
    supervised.wait_for("SIGTERM received");
    let _ = supervised.end();
}

#[test]
fn who_asks_while_everything_is_being_stopped_is_refused() {
    let world = World::new();
    let slow = json!({ "stop": { "grace_ms": 5000 } });
    let spec = Spec::new().actor_with("deaf", &["deaf"], slow).actor("web", &["wait"]);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("deaf.1 | ready");
    let waits = supervised.asking(&["stop", "deaf"]);
    supervised.wait_for("sending SIGTERM to deaf.1");
    supervised.signal(Signal::SIGTERM);
    supervised.wait_for("SIGTERM received");
    for verb in ["start", "restart"] {
        let refused = supervised.ask(&[verb, "web"]).expect_code(1);
        assert!(refused.err.contains("everything is being stopped"), "{}", refused.err);
    }
    let unhealthy = supervised.ask(&["healthcheck"]).expect_code(1);
    assert!(unhealthy.err.contains("everything is being stopped"), "{}", unhealthy.err);
    assert_eq!(status(&supervised, "deaf")["state"], "stopping");
    supervised.signal(Signal::SIGTERM);
    let _ = supervised.end();
    let waited = waits.end();
    assert!([0, 69].contains(&waited.code), "{waited:?}");
}

#[test]
fn without_a_supervisor_every_verb_says_so() {
    let world = World::new();
    let socket = world.path("none.sock").display().to_string();
    let program = devenv_tests::programs::devenv_init();
    for arguments in [
        &["status"] as &[&str],
        &["start", "web"],
        &["stop", "web"],
        &["restart", "web"],
        &["signal", "HUP", "web"],
        &["logs"],
        &["wait"],
    ] {
        let mut command = std::process::Command::new(&program);
        command.args(arguments).args(["--control", &socket]);
        let ended = devenv_tests::running::run(&mut command).expect_code(69);
        assert!(ended.err.contains("no supervisor"), "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains("hint: "), "{arguments:?}: {}", ended.err);
    }
    let mut command = std::process::Command::new(&program);
    command.args(["healthcheck", "--control", &socket]);
    let _ = devenv_tests::running::run(&mut command).expect_code(1);
}
