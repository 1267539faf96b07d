//! Processes that outlive a stop elsewhere, or hold it up.

use std::time::Duration;

use devenv_tests::place::Place;
use devenv_tests::process_table;
use devenv_tests::spec::{ACTOR, Spec};
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::json;

/// Elsewhere the time after which SIGKILL follows begins only once some process has ended, so that two
/// deaf ones live for ever; elsewhere still there is no SIGKILL unless a time was given.
#[test]
fn processes_that_are_all_deaf_are_killed_once_each_without_any_time_given() {
    let world = World::new();
    let spec = Spec::new().actor("a", &["deaf"]).actor("b", &["deaf"]);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("a.1    | ready");
    supervised.wait_for("b.1    | ready");
    supervised.signal(Signal::SIGTERM);
    // Within the ten seconds that `docker stop` gives.
    let ended = supervised.end_within(Duration::from_secs(9)).expect_code(143);
    for name in ["a.1", "b.1"] {
        let killing = format!("sending SIGKILL to {name}");
        assert_eq!(ended.out.matches(&killing).count(), 1, "{}", ended.out);
    }
}

/// Elsewhere nobody says which process holds up the stop.
#[test]
fn the_process_that_holds_up_the_stop_is_named_and_no_other_one() {
    let world = World::new();
    let stop = json!({ "stop": { "grace_ms": 300 } });
    let spec = (0..20).fold(Spec::new(), |spec, number| {
        let verb = if number == 13 { "deaf" } else { "wait" };
        spec.actor_with(&format!("p{number}"), &[verb], stop.clone())
    });
    let supervised = Place::Shell.start(&world, &spec, &[]);
    wait::until_true(wait::SOON, "all to be ready", || {
        supervised.running().out().matches("| ready\n").count() == 20
    });
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end().expect_code(143);
    let killed: Vec<&str> = ended.out.lines().filter(|line| line.contains("SIGKILL")).collect();
    assert_eq!(killed.len(), 1, "{killed:?}");
    assert!(killed[0].contains("sending SIGKILL to p13.1"), "{killed:?}");
}

/// Elsewhere a member of the group survives when the first process obeys, and the stop is said to have
/// been a success.
#[test]
fn a_deaf_child_of_a_process_that_obeys_is_killed() {
    let world = World::new();
    let script = format!("{ACTOR} deaf & trap 'exit 0' TERM; while :; do sleep 0.05; done");
    let fields = json!({ "stop": { "grace_ms": 500 } });
    let spec = Spec::new().process_with("a", &["/bin/sh", "-c", &script], fields);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("| ready");
    supervised.signal(Signal::SIGTERM);
    let _ = supervised.end_within(Duration::from_secs(9)).expect_code(143);
    let actor = world.path("actor").display().to_string();
    assert_eq!(process_table::with_argument(&actor), [0; 0], "the child is left");
}

/// Elsewhere the children of a service that has died stay, and keep its port from the next run.
#[test]
fn what_a_dead_process_leaves_behind_is_gone_before_it_is_started_again() {
    let world = World::new();
    let alone = world.directory("state").join("alone").display().to_string();
    // The directory can be made only once, and is removed by the child as it is told to end.
    let child = format!("trap 'rmdir {alone}; exit' TERM; while :; do sleep 0.02; done");
    let script = format!("mkdir {alone} || exit 9; (trap '' HUP; {child}) & sleep 0.2; exit 1");
    let again = json!({ "on": "on_failure", "max_restarts": 3, "backoff_ms": 1 });
    let fields = json!({ "restart": again });
    let spec = Spec::new().process_with("a", &["/bin/sh", "-c", &script], fields);
    let ended = Place::PidNamespace.run(&world, &spec).expect_code(1);
    assert_eq!(ended.out.matches("a.1 stopped (rc=1)").count(), 4, "{}", ended.out);
}

/// A peer keeps a process of this kind as a regression: it floods its output and cannot be told to stop.
#[test]
fn a_deaf_process_that_floods_its_output_is_killed_in_time() {
    let world = World::new();
    let script = format!("trap '' TERM INT HUP; exec {ACTOR} flood");
    let fields = json!({ "stop": { "grace_ms": 500 } });
    let spec = Spec::new().process_with("a", &["/bin/sh", "-c", &script], fields);
    let supervised = Place::Shell.start_unread(&world, &spec, &[]);
    let pid = supervised.pid();
    wait::until_true(wait::SOON, "the flood to be held back", || {
        process_table::children(pid).into_iter().any(process_table::is_held_back)
    });
    supervised.signal(Signal::SIGTERM);
    let limit = Duration::from_secs(9);
    wait::until_true(limit, "the supervisor to end", || !process_table::is_alive(pid));
    let _ = supervised.end().expect_code(143);
}
