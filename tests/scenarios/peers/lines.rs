//! Output that others lose, hold back or stumble over.

use std::fs::OpenOptions;

use devenv_tests::lines;
use devenv_tests::place::Place;
use devenv_tests::running::Running;
use devenv_tests::spec::{ACTOR, Spec};
use devenv_tests::world::World;
use nix::sys::signal::Signal;

fn shell(script: &str) -> Spec {
    Spec::new().process("a", &["/bin/sh", "-c", script])
}

/// Elsewhere one byte that is not UTF-8 closed the pipe, and the process died of it.
#[test]
fn bytes_that_are_no_text_are_shown_as_such_and_harm_nobody() {
    let script = r"printf 'one \377\376 two\n'; printf 'nul \0 byte\n'; sleep 0.1; echo after";
    let ended = Place::Shell.run(&World::new(), &shell(script)).expect_code(0);
    let said = lines::of(&ended.out, "a.1");
    assert_eq!(said, ["one \u{fffd}\u{fffd} two", "nul \0 byte", "after"]);
}

/// Elsewhere a reader tied to the process is closed with it, and what was still in the pipe is gone.
#[test]
fn what_a_process_says_as_it_is_stopped_is_shown_to_the_last_byte() {
    let script = format!(
        "trap '{ACTOR} lines 5000; printf unended; exit 0' TERM; echo ready; \
                          while :; do sleep 0.02; done"
    );
    let world = World::new();
    let supervised = Place::PidNamespace.start(&world, &shell(&script), &[]);
    supervised.wait_for("| ready");
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end().expect_code(143);
    let said = lines::of(&ended.out, "a.1");
    let numbered = said.iter().filter(|line| line.starts_with("line ")).count();
    assert_eq!(numbered, 5000, "{:?}", said.last());
    assert_eq!(said.last().map(String::as_str), Some("unended"));
}

/// Asked for in a peer for years: the name of the process without the time, and neither of the two.
#[test]
fn the_time_and_the_whole_prefix_can_be_left_out() {
    let world = World::new();
    let said = |arguments: &[&str]| {
        let supervised = Place::Shell.start(&world, &shell("echo hello"), arguments);
        supervised.end().expect_code(0).out
    };
    assert!(said(&["--timestamps", "none"]).contains("\na.1    | hello\n"));
    assert!(said(&["--no-prefix"]).contains("\nhello\n"));
    let own = said(&["--timestamps", "%Y-%m-%dT%H:%M:%S%.3f"]);
    let line = own.lines().find(|line| line.ends_with("hello")).expect("the line");
    assert_eq!(line.len(), "2026-01-02T03:04:05.678 a.1    | hello".len(), "{line}");
}

/// A fault nobody injects elsewhere: the output is a file on a disk that is full.
#[test]
fn a_full_disk_under_the_output_ends_nobody() {
    let world = World::new();
    let done = world.directory("state").join("done");
    let script = format!("{ACTOR} lines 20000; : > {}; exit 7", done.display());
    let full = OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let mut up = Place::Shell.up(&world, &shell(&script));
    let ended = Running::start_into(&mut up, full.into()).end().expect_code(7);
    // Nothing was ever written: neither the lines of the process nor the few about it.
    let told = "devenv-init: lost 2000";
    assert!(ended.err.contains(told) && ended.err.contains("No space left"), "{}", ended.err);
    assert!(done.exists(), "the process did not come to its end");
}
