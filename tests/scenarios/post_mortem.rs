//! What is said when a container ended badly, and where.

use std::fs;

use devenv_tests::docker::{self, Container};
use devenv_tests::lines;
use devenv_tests::place::Place;
use devenv_tests::running;
use devenv_tests::spec::Spec;
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// What the supervisor said at last, from the sentence that has this text.
#[track_caller]
fn said_from(log: &str, text: &str) -> Vec<String> {
    let said = lines::of(log, "system");
    let from = said.iter().position(|line| line.contains(text));
    said[from.unwrap_or_else(|| panic!("no `{text}` in {log}"))..].to_vec()
}

#[test]
fn it_names_the_first_failure_its_last_lines_and_what_it_led_to() {
    let world = World::new();
    let script = "echo one; echo two; echo three >&2; exit 3";
    let spec = Spec::new()
        .with("exit", json!("first_failure"))
        .actor("web", &["tell"])
        .process("db", &["/bin/sh", "-c", script]);
    let log = Place::Shell.run(&world, &spec).expect_code(3).out;
    let said = said_from(&log, "failed first");
    assert!(said[0].starts_with("db.1 (pid "), "{said:?}");
    assert!(said[0].ends_with(") failed first: ended with exit code 3"), "{said:?}");
    let rest: Vec<&str> = said[1..].iter().map(String::as_str).collect();
    let want = [
        "its last lines:",
        "    one",
        "    two",
        "    three",
        "exit code 3: the end of db.1 ended everything",
    ];
    assert_eq!(rest, want, "{log}");
}

#[test]
fn it_is_one_event_in_json_and_can_be_had_without() {
    let world = World::new();
    let spec = Spec::new().process("a", &["/bin/sh", "-c", "exit 4"]);
    let run =
        |arguments: &[&str]| Place::Shell.start(&world, &spec, arguments).end().expect_code(4).out;
    let events = |log: &str| -> Vec<Value> {
        log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let log = run(&["--log-format", "json"]);
    let last = events(&log).pop().expect("an event");
    assert_eq!((&last["event"], &last["code"]), (&json!("post_mortem"), &json!(4)), "{log}");
    assert!(last["message"].as_str().unwrap().contains("a.1 (pid "), "{log}");
    let log = run(&["--log-format", "json", "--no-post-mortem"]);
    assert!(events(&log).iter().all(|event| event["event"] != "post_mortem"), "{log}");
}

#[test]
fn an_end_that_was_asked_for_and_obeyed_needs_none() {
    let world = World::new();
    let supervised = Place::Shell.start(&world, &Spec::new().actor("a", &["wait"]), &[]);
    supervised.wait_for("ready");
    supervised.signal(Signal::SIGTERM);
    let log = supervised.end().expect_code(143).out;
    assert!(!log.contains("exit code"), "{log}");
}

#[test]
fn it_names_whom_the_kernel_killed_for_memory() {
    let world = World::new();
    let memory = Place::Docker(&["--memory", "60m", "--memory-swap", "60m"]);
    let spec = Spec::new().actor("eats", &["eat", "400"]);
    let log = memory.run(&world, &spec).expect_code(137).out;
    let said = said_from(&log, "failed first").remove(0);
    assert!(said.ends_with("ended by SIGKILL, killed by the kernel: out of memory"), "{said}");
    // The control: a kill that had nothing to do with memory, under the same limit.
    let spec = Spec::new().actor("ends", &["end-by", "SIGKILL"]);
    let log = memory.run(&world, &spec).expect_code(137).out;
    let said = said_from(&log, "failed first").remove(0);
    assert!(said.ends_with("failed first: ended by SIGKILL"), "{said}");
}

#[test]
fn it_names_who_had_to_be_killed_at_the_deadline() {
    let world = World::new();
    let stubborn = json!({ "stop": { "grace_ms": 300 } });
    let spec = Spec::new().actor("web", &["wait"]).actor_with("deaf", &["deaf"], stubborn);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("deaf.1 | ready");
    supervised.signal(Signal::SIGTERM);
    let log = supervised.end().expect_code(143).out;
    let said = said_from(&log, "still alive at the deadline");
    assert!(said[0].starts_with("still alive at the deadline, and killed: deaf.1 (pid "), "{log}");
    assert!(!said[0].contains("web.1"), "{log}");
    assert_eq!(said[1], "exit code 143: told to stop by SIGTERM", "{log}");
}

#[test]
fn kubernetes_finds_it_in_the_termination_log() {
    let world = World::new();
    let message = world.write("message", "");
    let script = "echo 'cannot reach the database'; exit 3";
    let spec = Spec::new().process("web", &["/bin/sh", "-c", script]).json("/bin/actor");
    let spec = world.write("spec.json", &spec);
    docker::import_fixture();
    let container = Container::name("post-mortem");
    let mut run = docker::docker(&["run", "--network", "none", "--read-only"]);
    run.args(["--name", &container.name]);
    run.args(["--volume", &format!("{}:/spec.json:ro", spec.display())]);
    run.args(["--volume", &format!("{}:/dev/termination-log", message.display())]);
    let ended =
        running::run(run.args([docker::IMAGE, "up", "--spec", "/spec.json"])).expect_code(3);
    let text = fs::read_to_string(&message).expect("the message");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains("web.1 (pid ") && lines[0].ends_with("exit code 3"), "{text}");
    // Whoever reads only this file has not seen the output.
    assert_eq!(lines[1..3], ["its last lines:", "    cannot reach the database"], "{text}");
    assert_eq!(lines.last(), Some(&"exit code 3: everything has ended, and web.1 failed"));
    assert!(!ended.out.contains("its last lines"), "there they were just shown: {}", ended.out);
}
