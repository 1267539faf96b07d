//! Faults of the machine: no process, no memory, no descriptor is to be had.

use std::os::unix::process::CommandExt as _;
use std::time::Duration;

use devenv_tests::place::{Place, Supervised};
use devenv_tests::process_table;
use devenv_tests::running::Running;
use devenv_tests::spec::{ACTOR, Spec};
use devenv_tests::world::World;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use serde_json::json;

/// More than the supervisor needs for itself, and fewer than it needs for [`PROCESSES`].
const DESCRIPTORS: u64 = 44;
const PROCESSES: usize = 40;

/// A process that takes every other one there could be, and one that comes too late for its own.
fn full() -> Spec {
    let ready = json!({ "check": { "log_line": { "contains": "full with" } } });
    let after = json!([{ "process": "fills", "condition": "ready" }]);
    Spec::new().actor_with("fills", &["fill"], json!({ "ready": ready })).actor_with(
        "late",
        &["wait"],
        json!({ "after": after }),
    )
}

fn start(world: &World) -> Supervised<'_> {
    let supervised = Place::Docker(&["--pids-limit", "40"]).start(world, &full(), &[]);
    supervised.wait_for("late.1 not started: cannot make a process: no more processes are allowed");
    supervised.wait_for("late.1 will be tried again in");
    supervised
}

#[test]
fn a_process_that_cannot_be_forked_is_started_as_soon_as_there_is_room() {
    let world = World::new();
    let supervised = start(&world);
    assert!(!supervised.running().out().contains("late.1 started"));
    supervised.signal(Signal::SIGUSR1);
    supervised.wait_for("late.1  | ready");
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end().expect_code(143);
    // It costs no restart, and it is not a failure.
    assert!(!ended.out.contains("too often"), "{}", ended.out);
}

#[test]
fn a_stop_needs_no_further_process() {
    let world = World::new();
    let supervised = start(&world);
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end_within(Duration::from_secs(9)).expect_code(143);
    assert!(!ended.out.contains("late.1 started"), "{}", ended.out);
}

#[test]
fn a_process_the_kernel_kills_for_its_memory_is_started_again_and_leaves_the_others_alone() {
    let world = World::new();
    let again = json!({ "on": "on_failure", "max_restarts": 2, "backoff_ms": 50 });
    let spec = Spec::new().actor("stays", &["wait"]).actor_with(
        "eats",
        &["eat", "400"],
        json!({ "restart": again, "exit": "never" }),
    );
    let memory = Place::Docker(&["--memory", "60m", "--memory-swap", "60m"]);
    let supervised = memory.start(&world, &spec, &[]);
    supervised.wait_for("eats.1 is not started again: too often");
    let init = supervised.pid();
    assert_eq!(process_table::children(init).len(), 1, "`stays` is untouched");
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end().expect_code(143);
    assert_eq!(ended.out.matches("eats.1 stopped (rc=-9)").count(), 3, "{}", ended.out);
    assert!(!ended.out.contains("has 400 MB"), "the limit held nobody: {}", ended.out);
}

#[test]
fn a_container_that_lives_on_one_process_ends_by_its_death_for_memory() {
    let memory = Place::Docker(&["--memory", "60m", "--memory-swap", "60m"]);
    let spec = Spec::new().actor("eats", &["eat", "400"]);
    let _ = memory.run(&World::new(), &spec).expect_code(137);
}

/// Starts more processes than the supervisor may have descriptors for, each of which costs one.
fn start_short_of_descriptors(world: &World, spec: &Spec) -> Running {
    let mut up = Place::Shell.up(world, spec);
    // SAFETY: the call is one system call, which is all that is allowed there.
    unsafe { up.pre_exec(|| Ok(setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS, DESCRIPTORS)?)) };
    let running = Running::start(&mut up);
    running.wait_for("Too many open files");
    running.wait_for("will be tried again in");
    let started = running.out().matches(" started (pid=").count();
    assert!(started > 2 && started < PROCESSES, "{started} were started: {}", running.out());
    running
}

#[test]
fn processes_there_is_no_descriptor_for_are_started_as_others_end() {
    let world = World::new();
    let file = world.directory("state").join("go").display().to_string();
    let wait_for_file = format!("echo waits; while ! test -e {file}; do sleep 0.05; done");
    let spec = (0..PROCESSES).fold(Spec::new(), |spec, number| {
        spec.process(&format!("p{number}"), &["/bin/sh", "-c", &wait_for_file])
    });
    let running = start_short_of_descriptors(&world, &spec);
    std::fs::write(&file, "").expect("a file");
    let ended = running.end().expect_code(0);
    assert_eq!(ended.out.matches("| waits").count(), PROCESSES, "{}", ended.out);
    assert_eq!(ended.out.matches("stopped (rc=0)").count(), PROCESSES, "{}", ended.out);
}

#[test]
fn a_stop_and_the_search_for_what_escaped_need_no_further_descriptor() {
    let world = World::new();
    // Its daemon, in a session of its own, is found by reading the process table at the stop.
    let leaves = json!({ "stop": { "grace_ms": 500 } });
    let leave = format!("{ACTOR} daemon; exec {ACTOR} wait");
    let spec = Spec::new().process_with("leaves", &["/bin/sh", "-c", &leave], leaves);
    let spec =
        (0..PROCESSES).fold(spec, |spec, number| spec.actor(&format!("p{number}"), &["wait"]));
    let running = start_short_of_descriptors(&world, &spec);
    running.wait_for("daemon pid=");
    running.signal(Signal::SIGTERM);
    let _ = running.end_within(Duration::from_secs(9)).expect_code(143);
    let actor = world.path("actor").display().to_string();
    assert_eq!(process_table::with_argument(&actor), [0; 0], "somebody is left");
}
