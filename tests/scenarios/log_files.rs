//! The output of each process in files of its own.

use std::fs;
use std::process::Command;
use std::time::Duration;

use devenv_tests::place::Place;
use devenv_tests::programs::as_root;
use devenv_tests::running::{self, Running};
use devenv_tests::spec::Spec;
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// A line of a file without its date, which must be one.
#[track_caller]
fn undated(line: &str) -> &str {
    let (date, text) = line.split_once(' ').expect("a date and a text");
    let digits: String =
        date.chars().take(23).map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert_eq!(digits, "9999-99-99T99:99:99.999", "{line}");
    text
}

#[test]
fn each_process_has_a_file_of_its_own_and_a_quiet_one_as_well() {
    let world = World::new();
    let directory = world.path("logs/below");
    let path = directory.to_str().expect("a plain path").to_owned();
    let again = json!({ "on": "on_failure", "max_restarts": 1, "backoff_ms": 1 });
    let script = "echo one; printf 'no newline'; exit 3";
    let spec = Spec::new()
        .process_with("a", &["/bin/sh", "-c", script], json!({ "restart": again }))
        .process("b", &["/bin/sh", "-c", "echo two"]);
    let arguments = ["--quiet", "b", "--log-dir", &path];
    let ended = Place::Shell.start(&world, &spec, &arguments).end().expect_code(3);
    assert!(ended.out.contains("| one") && !ended.out.contains("| two"), "{}", ended.out);
    let read = |name: &str| fs::read_to_string(directory.join(name)).expect("a log file");
    let a = read("a.1.log");
    let lines: Vec<&str> = a.lines().map(undated).collect();
    assert_eq!(lines, ["one", "no newline", "one", "no newline"], "both runs: {a}");
    assert_eq!(undated(read("b.1.log").trim_end()), "two");

    let arguments = ["--log-dir", &path, "--log-format", "json"];
    let _ = Place::Shell.start(&world, &spec, &arguments).end().expect_code(3);
    let b = read("b.1.log");
    let last: Value = serde_json::from_str(b.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&last["process"], &last["message"]), (&json!("b"), &json!("two")), "{b}");
}

#[test]
fn a_file_that_is_full_makes_room_and_no_line_is_lost_or_cut() {
    let world = World::new();
    let directory = world.path("logs");
    let path = directory.to_str().expect("a plain path").to_owned();
    let spec = Spec::new().actor("a", &["lines", "10000"]);
    let arguments = ["--quiet", "a", "--log-dir", &path, "--log-size", "64K", "--log-older", "50"];
    let _ = Place::Shell.start(&world, &spec, &arguments).end().expect_code(0);
    let mut names = vec!["a.1.log".to_owned()];
    names.extend((1..=50).map(|number| format!("a.1.log.{number}")));
    let mut files: Vec<String> =
        names.iter().filter_map(|name| fs::read_to_string(directory.join(name)).ok()).collect();
    assert!(files.len() > 3, "{} files", files.len());
    assert!(files.iter().all(|text| text.len() <= 64 * 1024), "a file is larger than it may be");
    files.reverse();
    let whole = files.concat();
    let numbers: Vec<&str> = whole.lines().map(undated).collect();
    let expected = run_actor(&world, &["lines", "10000"]);
    assert_eq!(numbers, expected.lines().collect::<Vec<_>>());

    // Older files than are kept go.
    let arguments = ["--quiet", "a", "--log-dir", &path, "--log-size", "64K", "--log-older", "1"];
    let few = world.path("few");
    let arguments = arguments.map(|word| if word == path { few.to_str().unwrap() } else { word });
    let _ = Place::Shell.start(&world, &spec, &arguments).end().expect_code(0);
    assert_eq!(fs::read_dir(&few).expect("the directory").count(), 2);
}

fn run_actor(world: &World, arguments: &[&str]) -> String {
    running::run(Command::new(world.path("actor")).args(arguments)).expect_code(0).out
}

#[test]
fn a_full_disk_holds_nobody_up_and_what_is_lost_is_said() {
    let world = World::new();
    let go = world.path("go").display().to_string();
    let done = world.directory("state").join("done");
    // Ten times what fits, then a word after there is room again.
    let script = format!(
        "trap '' USR1; @actor@ lines 1000000; echo > {}; while ! test -e {go}; do sleep 0.05; done; \
         while :; do echo after; sleep 0.1; done",
        done.display()
    );
    let spec = Spec::new().process("a", &["/bin/sh", "-c", &script]).actor("b", &["tell"]);
    let disk = world.directory("disk");
    // A disk of a megabyte, seen by what is started below and gone with it.
    let mount = format!(
        "mount -t tmpfs -o size=1m disk {0} && mkdir {0}/logs && echo old > {0}/logs/a.1.log.1 && \
         exec \"$@\"",
        disk.display()
    );
    let up = Place::Shell.up(&world, &spec);
    let mut command = as_root("unshare");
    command.args(["--mount", "--", "/bin/sh", "-c", &mount, "sh"]);
    command.arg(up.get_program()).args(up.get_args()).args(["--quiet", "a", "--log-dir"]);
    let running = Running::start(command.arg(disk.join("logs")));
    running.wait_for("cannot write");
    running.wait_for("a.1.log: No space left on device");
    wait::until_true(wait::SOON, "the process to go on", || done.exists());
    running.signal(Signal::SIGUSR1);
    running.wait_for("got SIGUSR1");
    let logs = format!("/proc/{}/root{}/logs", running.pid(), disk.display());
    let old = fs::read_to_string(format!("{logs}/a.1.log.1")).expect("the older file");
    assert_eq!(old, "old\n", "what was lost filled no file");
    // Somebody makes room: the file is gone on with, and says itself what it lacks there.
    fs::write(format!("{logs}/a.1.log"), "").expect("the file");
    fs::write(&go, "").expect("a file");
    let log = || fs::read_to_string(format!("{logs}/a.1.log")).unwrap_or_default();
    wait::until_true(wait::SOON, "the file to be gone on with", || log().contains(" after\n"));
    assert!(log().contains("[lost ") && log().contains("No space left on device]"), "{}", log());
    running.signal(Signal::SIGTERM);
    let ended = running.end_within(Duration::from_secs(9)).expect_code(143);
    // The other one may have found no room for its file either.
    let full = ended.out.matches("a.1.log: No space left on device").count();
    assert_eq!(full, 1, "{}", ended.out);
    let lacks = ended.out.lines().find(|line| line.contains("a.1.log lacks ")).expect("a count");
    assert!(lacks.contains(" lines ("), "{lacks}");
}

#[test]
fn what_cannot_be_is_said_before_anything_is_started() {
    let world = World::new();
    let file = world.write("file", "").display().to_string();
    let below = format!("{file}/below");
    for (arguments, code, says) in [
        (&["--log-dir", &below] as &[&str], 73, "cannot make"),
        (&["--log-dir", "logs", "--log-size", "0"], 64, "\"0\" is no size\nhint: "),
        (&["--log-file", &below], 73, "--log-file: cannot open"),
        (&["--log-file", &file, "--log-older", "x"], 64, "--log-older: \"x\" is no number"),
        (&["--log-size", "1M"], 64, "they need --log-dir or --log-file"),
    ] {
        let ended = Place::Shell.start(&world, &Spec::new().actor("a", &["wait"]), arguments).end();
        let ended = ended.expect_code(code);
        assert!(ended.err.contains(says) && ended.out.is_empty(), "{}", ended.err);
    }
    // A file that cannot be opened costs the file and not the process.
    let directory = world.directory("logs");
    std::os::unix::fs::symlink("/etc/hostname", directory.join("a.1.log")).expect("a link");
    let spec = Spec::new().process("a", &["/bin/sh", "-c", "echo one"]);
    let path = directory.display().to_string();
    let ended = Place::Shell.start(&world, &spec, &["--log-dir", &path]).end().expect_code(0);
    assert!(ended.out.contains("a.1.log: ") && ended.out.contains("| one"), "{}", ended.out);
}

#[test]
fn all_that_is_shown_is_in_one_file_as_well_and_makes_room_like_the_others() {
    let world = World::new();
    let file = world.path("all.log");
    let path = file.to_str().expect("a plain path").to_owned();
    let spec = Spec::new()
        .process("a", &["/bin/sh", "-c", "echo one; echo two; printf 'no newline'"])
        .process("b", &["/bin/sh", "-c", "echo never seen"]);
    let arguments = ["--quiet", "b", "--log-file", &path];
    let ended = Place::Shell.start(&world, &spec, &arguments).end().expect_code(0);
    assert!(ended.out.contains("a.1    | no newline\n"), "{}", ended.out);
    assert_eq!(fs::read_to_string(&file).expect("the file"), ended.out);
    // What was there is gone on with, and aside when it is full; no line is lost or cut.
    let floods = Spec::new().actor("a", &["lines", "20000"]);
    let arguments = ["--log-file", &path, "--log-size", "256K", "--log-older", "9"];
    let shown = Place::Shell.start(&world, &floods, &arguments).end().expect_code(0).out;
    let older = (1..=9).rev().map(|number| world.path(&format!("all.log.{number}")));
    let all: String =
        older.chain([file]).map(|file| fs::read_to_string(file).unwrap_or_default()).collect();
    assert_eq!(all, ended.out + &shown);
    assert!(fs::metadata(world.path("all.log.2")).expect("older ones").len() <= 256 << 10);
}
