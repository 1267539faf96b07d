//! Stopping: everything gets its chance, and nothing gets more than its time.

use std::process::Command;
use std::time::{Duration, Instant};

use devenv_tests::lines;
use devenv_tests::place::{EVERYWHERE, Place};
use devenv_tests::process_table;
use devenv_tests::programs::{as_root, devenv_init};
use devenv_tests::running::Running;
use devenv_tests::spec::Spec;
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

/// Long enough to be told from a prompt end on a busy machine.
const GRACE: Duration = Duration::from_millis(1500);

/// As quickly as people press Ctrl-C twice.
const A_MOMENT: Duration = Duration::from_millis(100);

fn with_grace(verb: &str, grace: Duration) -> Spec {
    let grace = u64::try_from(grace.as_millis()).unwrap();
    Spec::new().actor_with("a", &[verb], json!({ "stop": { "grace_ms": grace } }))
}

#[test]
fn a_process_that_obeys_ends_long_before_its_grace_does() {
    let world = World::new();
    for place in EVERYWHERE {
        let supervised = place.start(&world, &with_grace("wait", Duration::from_secs(60)), &[]);
        supervised.wait_for("ready");
        supervised.signal(Signal::SIGTERM);
        let ended = supervised.end_within(Duration::from_secs(10)).expect_code(143);
        assert!(ended.out.contains("a.1 stopped (rc=-15)"), "in {place:?}: {}", ended.out);
        assert!(!ended.out.contains("SIGKILL"), "in {place:?}: {}", ended.out);
    }
}

#[test]
fn a_process_that_ignores_everything_is_killed_when_its_grace_is_over() {
    let world = World::new();
    for place in EVERYWHERE {
        let supervised = place.start(&world, &with_grace("deaf", GRACE), &[]);
        supervised.wait_for("ready");
        supervised.signal(Signal::SIGTERM);
        let told = Instant::now();
        let ended = supervised.end_within(GRACE + Duration::from_secs(10)).expect_code(143);
        let took = told.elapsed();
        // The signal itself took its way through Docker's client before `told`.
        assert!(took > GRACE / 2, "in {place:?}: killed after {took:?}, before its grace was over");
        assert!(ended.out.contains("sending SIGKILL to a.1"), "in {place:?}: {}", ended.out);
        assert!(ended.out.contains("a.1 stopped (rc=-9)"), "in {place:?}: {}", ended.out);
    }
}

#[test]
fn managers_that_stop_a_whole_system_by_a_signal_of_their_own_are_obeyed_too() {
    let world = World::new();
    let everywhere = [Place::Shell, Place::PidNamespace];
    let cases = [libc::SIGPWR, 34 + 3].map(|number| (number, &everywhere[..]));
    // Of these a plain program would die, and leave its processes alone.
    let plain = [libc::SIGALRM, libc::SIGXCPU, 34].map(|number| (number, &everywhere[..1]));
    for (number, places) in cases.into_iter().chain(plain) {
        for place in places {
            let supervised = place.start(&world, &with_grace("wait", GRACE), &[]);
            supervised.wait_for("ready");
            // SAFETY: a call on numbers; the supervisor still runs.
            assert_eq!(unsafe { libc::kill(supervised.pid(), number) }, 0);
            let ended = supervised.end().expect_code(128 + number);
            let obeyed = ended.out.contains("a.1 stopped (rc=-15)");
            assert!(obeyed, "{number} in {place:?}: {}", ended.out);
        }
    }
}

#[test]
fn a_stop_is_obeyed_while_the_spec_is_still_waited_for() {
    let world = World::new();
    let spec = world.path("fifo");
    nix::unistd::mkfifo(&spec, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
    for init in [false, true] {
        let mut command = if init { as_root("unshare") } else { Command::new(devenv_init()) };
        if init {
            command.args(["--pid", "--fork", "--kill-child"]).arg(devenv_init());
        }
        let running = Running::start(command.args(["up", "--spec"]).arg(&spec));
        let first = running.pid();
        let pid = wait::until(wait::SOON, "the supervisor", || {
            if init { process_table::children(first).first().copied() } else { Some(first) }
        });
        wait::until_true(wait::SOON, "the signal to be caught", || {
            process_table::catches(pid, libc::SIGTERM)
        });
        kill(Pid::from_raw(pid), Signal::SIGTERM).expect("it waits");
        let _ = running.end().expect_code(143);
    }
}

#[test]
fn a_long_chain_is_stopped_one_by_one_within_the_time_of_docker() {
    const LONG: usize = 600;
    let world = World::new();
    let name = |number: usize| format!("p{number}");
    let spec = (1..LONG).fold(Spec::new().actor("p0", &["wait"]), |spec, number| {
        let after = json!([{ "process": name(number - 1), "condition": "started" }]);
        spec.actor_with(&name(number), &["wait"], json!({ "after": after }))
    });
    let supervised = Place::Shell.start(&world, &spec, &[]);
    wait::until_true(Duration::from_secs(60), "all to be ready", || {
        supervised.running().out().matches("| ready\n").count() == LONG
    });
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end_within(Duration::from_secs(12)).expect_code(143);
    assert_eq!(ended.out.matches("stopped (rc=-15)").count(), LONG, "{}", ended.out);
}

#[test]
fn a_second_signal_kills_at_once() {
    let world = World::new();
    for place in EVERYWHERE {
        let spec =
            with_grace("deaf", Duration::from_secs(60)).with("stop_timeout_ms", json!(60_000));
        let supervised = place.start(&world, &spec, &[]);
        supervised.wait_for("ready");
        supervised.signal(Signal::SIGTERM);
        let first = Instant::now();
        supervised.wait_for("sending SIGTERM to a.1");
        // Not in the same breath: runners of jobs signal a process and its group, which is one
        // wish and not two.
        wait::until_true(wait::SOON, "a moment to pass", || first.elapsed() > A_MOMENT);
        supervised.signal(Signal::SIGTERM);
        let ended = supervised.end_within(Duration::from_secs(10));
        assert!(ended.out.contains("sending SIGKILL to a.1"), "in {place:?}: {}", ended.out);
        assert_eq!(ended.code, 143, "in {place:?}: {}", ended.out);
    }
}

#[test]
fn the_time_for_the_whole_stop_is_an_upper_bound() {
    let spec = with_grace("deaf", Duration::from_secs(60)).with("stop_timeout_ms", json!(1000));
    let world = World::new();
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("ready");
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end_within(Duration::from_secs(10)).expect_code(143);
    assert!(ended.out.contains("a.1 stopped (rc=-9)"), "{}", ended.out);
}

/// Two deaf layers use up all the time there is, and the third would obey.
#[test]
fn what_is_below_deaf_dependants_is_told_before_it_is_killed() {
    let above = |on: &str| json!({ "after": [{ "process": on, "condition": "started" }], "stop": { "grace_ms": 60_000 } });
    let spec = Spec::new()
        .actor("db", &["wait"])
        .actor_with("api", &["deaf"], above("db"))
        .actor_with("web", &["deaf"], above("api"))
        .with("stop_timeout_ms", json!(3000));
    let world = World::new();
    let supervised = Place::Shell.start(&world, &spec, &[]);
    for name in ["db.1", "api.1", "web.1"] {
        supervised.wait_for(&format!("{name:<6} | ready"));
    }
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end_within(Duration::from_secs(20)).expect_code(143);
    let log = ended.out;
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("no {text:?} in {log}"));
    assert!(at("sending SIGTERM to web.1") < at("the time to stop is running out"), "{log}");
    assert!(at("the time to stop is running out") < at("sending SIGTERM to db.1"), "{log}");
    assert!(at("db.1 stopped (rc=-15)") < at("sending SIGKILL to web.1"), "{log}");
    assert!(!log.contains("SIGKILL to db.1"), "{log}");
}

#[test]
fn children_of_a_process_are_stopped_with_it() {
    let world = World::new();
    let supervised = Place::Shell.start(&world, &Spec::new().actor("a", &["parent"]), &[]);
    supervised.wait_for("a.1    | child pid=");
    supervised.wait_for("a.1    | ready");
    let child = pid_after(&supervised.running().out(), "child pid=");
    assert!(process_table::is_alive(child));
    supervised.signal(Signal::SIGTERM);
    let _ = supervised.end().expect_code(143);
    assert!(!process_table::is_alive(child), "the child outlived its container");
}

#[test]
fn a_frozen_process_is_killed_too() {
    let world = World::new();
    let supervised = Place::Shell.start(&world, &with_grace("freeze", GRACE), &[]);
    supervised.wait_for("ready");
    let frozen = || {
        let children = process_table::children(supervised.pid());
        children.iter().any(|pid| matches!(process_table::state(*pid), Some(('T', _))))
    };
    wait::until_true(wait::SOON, "the process to stop itself", frozen);
    supervised.signal(Signal::SIGTERM);
    let _ = supervised.end_within(GRACE + Duration::from_secs(10)).expect_code(143);
}

#[test]
fn a_daemon_that_went_away_does_not_outlive_the_container() {
    let world = World::new();
    for (verb, place) in
        [("daemon", Place::Shell), ("daemon", Place::PidNamespace), ("deaf-daemon", Place::Shell)]
    {
        let fields = json!({ "stop": { "grace_ms": 500 } });
        let spec = Spec::new().actor("stays", &["wait"]).actor_with("leaves", &[verb], fields);
        let supervised = place.start(&world, &spec, &[]);
        supervised.wait_for("leaves.1 stopped (rc=0)");
        supervised.wait_for("stays.1  | ready");
        let supervisor = supervised.pid();
        supervised.signal(Signal::SIGTERM);
        let ended = supervised.end_within(Duration::from_secs(15)).expect_code(143);
        let daemon = pid_after(&ended.out, "daemon pid=");
        assert!(!process_table::is_alive(supervisor));
        // In a namespace the number means another process, which is none of ours.
        if place == Place::Shell {
            assert!(!process_table::is_alive(daemon), "{verb} outlived it: {}", ended.out);
        }
    }
}

#[test]
fn the_end_of_a_process_is_its_own_and_not_that_of_its_output() {
    // The daemon holds the output open; honcho waits for it for ever.
    let spec = Spec::new().actor("leaves", &["daemon"]).actor("stays", &["wait"]);
    let world = World::new();
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("leaves.1 stopped (rc=0)");
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end_within(Duration::from_secs(10)).expect_code(143);
    assert!(!lines::of(&ended.out, "leaves.1").is_empty(), "{}", ended.out);
}

#[test]
fn each_process_is_stopped_by_the_signal_it_wants() {
    let fields = json!({ "stop": { "signal": "SIGUSR1", "grace_ms": 500 } });
    let spec = Spec::new().actor_with("a", &["tell"], fields);
    let world = World::new();
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("ready");
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end().expect_code(143);
    assert_eq!(lines::of(&ended.out, "a.1"), ["ready", "got SIGUSR1"], "{}", ended.out);
}

#[test]
fn signals_that_do_not_stop_are_passed_on() {
    let world = World::new();
    for place in [Place::Shell, Place::PidNamespace, Place::Docker(&[])] {
        let supervised = place.start(&world, &Spec::new().actor("a", &["tell"]), &[]);
        supervised.wait_for("ready");
        for signal in [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGQUIT] {
            supervised.signal(signal);
            supervised.wait_for(&format!("got {signal}"));
        }
        supervised.signal(Signal::SIGTERM);
        let ended = supervised.end().expect_code(143);
        assert!(ended.out.contains("got SIGTERM"), "in {place:?}: {}", ended.out);
    }
}

#[track_caller]
fn pid_after(log: &str, before: &str) -> i32 {
    let digits = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse().ok()
    };
    log.split_once(before)
        .and_then(|(_, rest)| digits(rest))
        .unwrap_or_else(|| panic!("no {before:?} in {log}"))
}

#[test]
fn the_same_signal_twice_in_one_breath_is_one_wish() {
    let world = World::new();
    let supervised = Place::Shell.start(&world, &with_grace("deaf", GRACE), &[]);
    supervised.wait_for("ready");
    let told = Instant::now();
    supervised.signal(Signal::SIGTERM);
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end_within(GRACE + Duration::from_secs(10)).expect_code(143);
    assert!(told.elapsed() >= GRACE, "killed before its grace was over: {}", ended.out);
}
