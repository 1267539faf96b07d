//! Wishes that come together, cross each other, or ask for what is already so.

use std::time::{Duration, Instant};

use devenv_tests::place::{Place, Supervised};
use devenv_tests::process_table;
use devenv_tests::programs::devenv_init;
use devenv_tests::running;
use devenv_tests::spec::{ACTOR, Spec};
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::json;

use super::{status, stop};

#[test]
fn a_stop_by_name_stops_every_replica_and_by_label_only_one() {
    let world = World::new();
    let fields = json!({ "replicas": 3 });
    let spec = Spec::new().actor("stays", &["wait"]).actor_with("web", &["wait"], fields);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    for replica in ["web.1", "web.2", "web.3"] {
        supervised.wait_for(&format!("{replica}   | ready"));
    }
    let states =
        || ["web.1", "web.2", "web.3"].map(|name| status(&supervised, name)["state"].clone());
    let _ = supervised.ask(&["stop", "web.2"]).expect_code(0);
    assert_eq!(states(), ["running", "stopped", "running"]);
    let _ = supervised.ask(&["stop", "web"]).expect_code(0);
    assert_eq!(states(), ["stopped", "stopped", "stopped"]);
    let _ = supervised.ask(&["start", "web"]).expect_code(0);
    assert_eq!(states(), ["running", "running", "running"]);
    let _ = stop(supervised);
}

#[test]
fn a_start_brings_along_what_it_needs_and_what_is_tried_by_hand_ends_nothing() {
    let world = World::new();
    let after = |on: &str| json!({ "after": [{ "process": on, "condition": "ready" }] });
    let by_hand = |mut fields: serde_json::Value| {
        fields["enabled"] = json!(false);
        fields
    };
    let spec = Spec::new()
        .actor("db", &["wait"])
        .actor_with("web", &["wait"], after("db"))
        .actor_with("spare", &["wait"], by_hand(json!({})))
        .actor_with("shop", &["wait"], by_hand(after("spare")))
        .actor_with("once", &["exit", "4"], by_hand(json!({ "kind": "task" })));
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("web.1   | ready");
    let _ = supervised.ask(&["stop", "db"]).expect_code(0);
    let _ = supervised.ask(&["restart", "web"]).expect_code(0);
    let _ = supervised.ask(&["start", "shop"]).expect_code(0);
    for name in ["db", "web", "spare", "shop"] {
        assert_eq!(status(&supervised, name)["state"], "running", "{name}");
    }
    let failed = supervised.ask(&["start", "once"]).expect_code(1);
    assert!(failed.err.contains("once.1 has failed (exit code 4)"), "{}", failed.err);
    let _ = stop(supervised);
}

#[test]
fn a_wait_of_no_time_asks_once() {
    let world = World::new();
    let never = json!({ "ready": { "check": "notify" } });
    let spec = Spec::new().actor("stays", &["wait"]).actor_with("never", &["wait"], never);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("never.1 | ready");
    let since = Instant::now();
    let late = supervised.ask(&["wait", "--ready", "--timeout", "0", "never"]).expect_code(1);
    assert!(late.err.contains("not ready in time: never.1"), "{}", late.err);
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    let _ = supervised.ask(&["wait", "--ready", "--timeout", "0", "stays"]).expect_code(0);
    let _ = stop(supervised);
}

/// Whether the process that the present run began with is stopped by job control.
fn is_stopped(supervised: &Supervised<'_>, name: &str) -> bool {
    let pid = status(supervised, name)["pid"].as_i64().and_then(|pid| pid.try_into().ok());
    process_table::state(pid.expect("it runs")).is_some_and(|(state, _)| state == 'T')
}

#[test]
fn a_process_that_is_stopped_twice_stays_stopped_until_it_is_told_to_go_on() {
    let world = World::new();
    let spec = Spec::new().actor("stays", &["wait"]).actor("web", &["tell"]);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("web.1   | ready");
    for _ in 0..2 {
        let _ = supervised.ask(&["signal", "STOP", "web"]).expect_code(0);
        wait::until_true(wait::SOON, "it to be stopped", || is_stopped(&supervised, "web"));
    }
    let _ = supervised.ask(&["signal", "CONT", "web"]).expect_code(0);
    wait::until_true(wait::SOON, "it to go on", || !is_stopped(&supervised, "web"));
    let _ = supervised.ask(&["signal", "USR1", "web"]).expect_code(0);
    supervised.wait_for("web.1   | got SIGUSR1");
    let _ = stop(supervised);
}

#[test]
fn more_waiters_than_there_is_room_for_leave_room_for_a_health_check() {
    let world = World::new();
    let never = json!({ "ready": { "check": "notify" } });
    let spec = Spec::new().actor("stays", &["wait"]).actor_with("never", &["wait"], never);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("never.1 | ready");
    let waiting = (0..40).map(|_| supervised.asking(&["wait", "--ready", "never"]));
    let waiting: Vec<_> = waiting.collect();
    // Those for whom there is no room are told so; the others wait on.
    wait::until_true(wait::SOON, "those that are too many to be refused", || {
        let refused = supervised.ask(&["wait", "--ready", "never", "--timeout", "10ms"]);
        refused.code == 69 || refused.err.contains("other")
    });
    for _ in 0..3 {
        let ill = supervised.ask(&["healthcheck"]).expect_code(1);
        assert!(ill.err.contains("never.1 runs but is not ready"), "{}", ill.err);
        assert_eq!(status(&supervised, "stays")["state"], "running");
    }
    let _ = stop(supervised);
    for wait in waiting {
        assert_ne!(wait.end().code, 0);
    }
}

#[test]
fn restarts_that_come_together_leave_one_run_and_all_are_answered() {
    let world = World::new();
    let spec = Spec::new().actor("stays", &["wait"]).actor("web", &["wait"]);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("web.1   | ready");
    let before = status(&supervised, "web")["pid"].clone();
    let asking: Vec<_> = (0..8).map(|_| supervised.asking(&["restart", "web"])).collect();
    for restart in asking {
        let _ = restart.end().expect_code(0);
    }
    let web = status(&supervised, "web");
    assert_eq!(web["state"], "running");
    assert_ne!(web["pid"], before);
    let log = supervised.running().out();
    let count = |what: &str| log.matches(what).count();
    let (started, stopped) = (count("web.1 started"), count("web.1 stopped"));
    assert!(started == stopped + 1 && (2..=9).contains(&started), "{log}");
    let _ = stop(supervised);
}

#[test]
fn a_start_during_the_wait_for_a_restart_comes_at_once_and_gives_the_restarts_back() {
    let world = World::new();
    let gate = world.path("gate").display().to_string();
    let script = format!("test -e {gate} && exec {ACTOR} wait; exit 3");
    let restart = json!({ "on": "on_failure", "max_restarts": 1, "backoff_ms": 600_000,
                          "backoff_max_ms": 600_000 });
    let spec = Spec::new().actor("stays", &["wait"]).process_with(
        "web",
        &["/bin/sh", "-c", &script],
        json!({ "restart": restart, "exit": "never" }),
    );
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("web.1 will be started again");
    assert_eq!(status(&supervised, "web")["state"], "backoff");
    assert_eq!(status(&supervised, "web")["restarts"], 1);
    // It fails again, and may be restarted again: the one restart has been given back.
    let _ = supervised.ask(&["start", "--no-wait", "web"]).expect_code(0);
    wait::until_true(wait::SOON, "the second wait", || {
        supervised.running().out().matches("web.1 will be started again").count() == 2
    });
    world.write("gate", "");
    let _ = supervised.ask(&["start", "web"]).expect_code(0);
    let web = status(&supervised, "web");
    assert_eq!((&web["state"], &web["restarts"]), (&json!("running"), &json!(0)));
    let _ = stop(supervised);
}

#[test]
fn a_socket_without_a_name_is_a_mistake_and_not_a_place() {
    let world = World::new();
    let spec = world.write("spec.json", &Spec::new().process("a", &["/bin/true"]).json(""));
    let spec = spec.to_str().expect("a plain path");
    for arguments in [
        ["up", "--control", "", "--spec", spec].as_slice(),
        &["up", "--control", "@", "--spec", spec],
        &["status", "--control", ""],
        &["restart", "--control", "", "web"],
    ] {
        let mut command = std::process::Command::new(devenv_init());
        let said = running::run(command.args(arguments)).expect_code(64);
        assert!(said.err.contains("--control: the name of the socket is empty"), "{}", said.err);
        assert_eq!(said.out, "", "nothing was started");
    }
}

#[test]
fn of_supervisors_that_start_together_on_a_stale_socket_exactly_one_has_it() {
    let world = World::new();
    let socket = world.directory("control").join("s.sock");
    let spec = Spec::new().actor("web", &["wait"]);
    for _ in 0..5 {
        // As a supervisor that was killed leaves it.
        drop(std::os::unix::net::UnixListener::bind(&socket).expect("a socket"));
        let mut all: Vec<_> = (0..6)
            .map(|_| {
                let mut command = Place::Shell.up(&world, &spec);
                running::Running::start(command.arg("--control").arg(&socket))
            })
            .collect();
        for one in &all {
            one.wait_for("web.1  | ready");
        }
        let without = |one: &running::Running| one.out().contains("cannot listen for control");
        let losers = all.iter().filter(|one| without(one)).count();
        assert_eq!(losers, 5, "{:?}", all.iter().map(running::Running::out).collect::<Vec<_>>());
        let owner = all.iter().position(|one| !without(one)).expect("one has it");
        let owner = all.swap_remove(owner);
        let mut ask = std::process::Command::new(devenv_init());
        let asked = running::run(ask.args(["stop", "web", "--control"]).arg(&socket));
        let _ = asked.expect_code(0);
        let ended = owner.end();
        assert!(ended.out.contains("sending SIGTERM to web.1"), "{}", ended.out);
        for one in all {
            one.signal(Signal::SIGTERM);
            let _ = one.end().expect_code(143);
        }
        assert!(!socket.exists(), "its file is left behind");
    }
}

#[test]
fn who_finds_a_place_taken_says_where_it_is_instead() {
    let world = World::new();
    let directory = world.directory("runtime");
    let spec = Spec::new().actor("web", &["wait"]);
    let start = || {
        let (path, program) = (world.write("own.json", &spec.json(&actor())), devenv_init());
        let mut command = std::process::Command::new(program);
        command.args(["up", "--spec"]).arg(path).env_remove("DEVENV_INIT_CONTROL");
        running::Running::start(command.env("XDG_RUNTIME_DIR", &directory))
    };
    let first = start();
    first.wait_for("web.1  | ready");
    let second = start();
    second.wait_for("web.1  | ready");
    let taken = directory.join("devenv-init.sock").display().to_string();
    assert!(!first.out().contains("another supervisor"), "{}", first.out());
    let told = second.out();
    let told = told.lines().find(|line| line.contains("another supervisor listens at"));
    let told = told.unwrap_or_else(|| panic!("{}", second.out()));
    assert!(told.contains(&format!("listens at {taken}, this one at ")), "{told}");
    let place = told.rsplit_once(' ').expect("a place").1;
    let mut ask = std::process::Command::new(devenv_init());
    let _ = running::run(ask.args(["stop", "web", "--control", place])).expect_code(0);
    let _ = second.end();
    first.signal(Signal::SIGTERM);
    let _ = first.end().expect_code(143);
}

fn actor() -> String {
    devenv_tests::programs::actor().display().to_string()
}

#[test]
fn who_is_not_allowed_enough_descriptors_is_told_how_many_it_takes() {
    let world = World::new();
    let spec = world.write("spec.json", &Spec::new().process("a", &["/bin/true"]).json(""));
    let script = format!(
        "ulimit -n 8; exec {} up --control none --spec {}",
        devenv_init().display(),
        spec.display()
    );
    let mut command = std::process::Command::new("/bin/sh");
    let refused = running::run(command.args(["-c", &script])).expect_code(71);
    assert!(refused.err.contains("hint: allow 24 open descriptors"), "{}", refused.err);
}

#[test]
fn a_message_of_the_processes_own_user_counts_although_its_sender_has_gone() {
    let world = World::new();
    let shared = world.directory("shared");
    let file = |name: &str| shared.join(name).display().to_string();
    // As `systemd-notify` in a script: it speaks, ends, and is reaped before anybody looks.
    let script = format!(
        "echo up; while ! test -e {go}; do sleep 0.05; done; {ACTOR} notify 1 0 > {said} & pid=$!; \
         until grep -q ready {said}; do sleep 0.05; done; \
         kill $pid; wait $pid; : > {gone}; exec sleep 1000",
        go = file("go"),
        said = file("said"),
        gone = file("gone"),
    );
    let fields = json!({ "user": "daemon", "ready": { "check": "notify" } });
    let spec = Spec::new().process_with("web", &["/bin/sh", "-c", &script], fields);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("| up");
    let pid = supervised.pid();
    supervised.signal(Signal::SIGSTOP);
    wait::until_true(wait::SOON, "the supervisor to stand still", || {
        process_table::state(nix::unistd::Pid::from_raw(pid).as_raw())
            .is_some_and(|(state, _)| state == 'T')
    });
    std::fs::write(shared.join("go"), "").expect("a file");
    wait::until_true(wait::SOON, "the message", || shared.join("gone").exists());
    supervised.signal(Signal::SIGCONT);
    supervised.wait_for("web.1 is ready");
    let _ = stop(supervised);
}
