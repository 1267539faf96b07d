//! Faults of processes: more of them than anybody expects, and such that cannot hear.

use std::time::Duration;

use devenv_tests::place::Place;
use devenv_tests::process_table;
use devenv_tests::spec::Spec;
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

const ORPHANS: usize = 10_000;
const PROCESSES: usize = 500;

#[test]
fn ten_thousand_orphans_are_reaped_while_a_process_ends_and_is_started_again() {
    let world = World::new();
    let again =
        json!({ "on": "always", "max_restarts": null, "backoff_ms": 20, "backoff_max_ms": 20 });
    let spec = Spec::new().actor("leaves", &["orphans", &ORPHANS.to_string()]).actor_with(
        "returns",
        &["exit", "0"],
        json!({ "restart": again }),
    );
    let supervised = Place::PidNamespace.start(&world, &spec, &[]);
    let init = supervised.pid();
    wait::until_true(Duration::from_secs(60), "the orphans", || {
        supervised.running().out().contains("orphaned")
    });
    wait::until_true(wait::SOON, "all to be reaped", || process_table::zombies(init) == 0);
    // Among ten thousand ends none of a process of ours was missed.
    let runs = || supervised.running().out().matches("returns.1 stopped (rc=0)").count();
    let before = runs();
    wait::until_true(wait::SOON, "the next runs", || runs() > before + 2);
    supervised.signal(Signal::SIGTERM);
    let _ = supervised.end().expect_code(143);
}

#[test]
fn five_hundred_processes_start_live_and_stop_within_the_time_of_one() {
    let world = World::new();
    let spec = (0..PROCESSES)
        .fold(Spec::new(), |spec, number| spec.actor(&format!("p{number}"), &["wait"]));
    for place in [Place::PidNamespace, Place::Shell] {
        let supervised = place.start(&world, &spec, &[]);
        let pid = supervised.pid();
        wait::until_true(Duration::from_secs(60), "all to be ready", || {
            supervised.running().out().matches("| ready\n").count() == PROCESSES
        });
        assert_eq!(process_table::children(pid).len(), PROCESSES);
        let peak = process_table::peak_memory_kb(pid).expect("the supervisor runs");
        assert!(peak < 16 * 1024, "{peak} kB in {place:?}");
        let children = process_table::children(pid);
        supervised.signal(Signal::SIGTERM);
        let ended = supervised.end_within(Duration::from_secs(9)).expect_code(143);
        assert_eq!(ended.out.matches("stopped (rc=-15)").count(), PROCESSES, "in {place:?}");
        assert_eq!(children.into_iter().find(|pid| process_table::is_alive(*pid)), None);
    }
}

#[test]
fn processes_that_are_stopped_by_sigstop_end_in_time_however_deaf_they_are() {
    let world = World::new();
    let stop = json!({ "stop": { "grace_ms": 1000 } });
    let spec = Spec::new()
        .actor_with("hears", &["wait"], stop.clone())
        .actor_with("deaf", &["deaf"], stop.clone())
        .actor_with("family", &["parent"], stop);
    for place in [Place::Shell, Place::PidNamespace] {
        let supervised = place.start(&world, &spec, &[]);
        // The fourth is the child of one of the three.
        wait::until_true(wait::SOON, "all to be ready", || {
            supervised.running().out().matches("| ready\n").count() == 4
        });
        let below = process_table::descendants(supervised.pid());
        assert_eq!(below.len(), 4, "in {place:?}");
        below.iter().for_each(|pid| kill(Pid::from_raw(*pid), Signal::SIGSTOP).expect("it runs"));
        let frozen = |pid: &i32| matches!(process_table::state(*pid), Some(('T', _)));
        wait::until_true(wait::SOON, "all to be frozen", || below.iter().all(frozen));
        supervised.signal(Signal::SIGTERM);
        let ended = supervised.end_within(Duration::from_secs(9)).expect_code(143);
        // Whoever would have obeyed is woken to do so; a frozen process hears nothing but SIGKILL.
        for (end, name) in [("-15", "hears"), ("-9", "deaf"), ("-15", "family")] {
            let line = format!("{name}.1 stopped (rc={end})");
            assert!(ended.out.contains(&line), "no {line:?} in {place:?}: {}", ended.out);
        }
        assert_eq!(below.into_iter().find(|pid| process_table::is_alive(*pid)), None);
    }
}
