//! What an init owes the processes below it.

use std::process::Command;

use devenv_tests::docker::{self, Container};
use devenv_tests::place::{EVERYWHERE, Place};
use devenv_tests::process_table;
use devenv_tests::programs::{actor, as_root, devenv_init};
use devenv_tests::running::Running;
use devenv_tests::spec::Spec;
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::libc;
use nix::sys::signal::Signal;
use serde_json::json;

const ORPHANS: usize = 1000;

#[test]
fn a_thousand_orphans_leave_no_zombie() {
    let world = World::new();
    let count = ORPHANS.to_string();
    for place in EVERYWHERE {
        let supervised = place.start(&world, &Spec::new().actor("a", &["orphans", &count]), &[]);
        supervised.wait_for("orphaned");
        let init = supervised.pid();
        // Between the last fork and the last wait there is a moment; after it, none is left.
        wait::until_true(wait::SOON, "the orphans to be reaped", || {
            process_table::zombies(init) == 0
        });
        assert_eq!(process_table::children(init).len(), 1, "only `a` is left in {place:?}");
        supervised.signal(Signal::SIGTERM);
        let _ = supervised.end().expect_code(143);
    }
}

#[test]
fn the_count_of_zombies_is_believable_because_a_program_that_is_no_init_leaves_them() {
    // The control of the scenario above: the same orphans below a PID 1 that waits for its own
    // child alone, and, as the reference, below Docker's init.
    docker::import_fixture();
    for (options, zombies) in [(&[] as &[&str], ORPHANS), (&["--init"], 0)] {
        let container = Container::name("orphans");
        let mut run = docker::docker(&["run", "--network", "none", "--name", &container.name]);
        run.args(options).args(["--entrypoint", "/bin/actor", docker::IMAGE]);
        run.args(["no-init", "/bin/actor", "orphans", &ORPHANS.to_string()]);
        let running = Running::start(&mut run);
        running.wait_for("orphaned");
        let init = container.init_pid();
        wait::until_true(wait::SOON, "the orphans to end", || {
            process_table::zombies(init) == zombies
        });
    }
}

#[test]
fn orphans_are_adopted_without_being_pid_1() {
    // As a plain program it is a subreaper; the orphans above would otherwise go to the machine's
    // init and the scenario would pass without us.
    let spec = Spec::new().actor("a", &["parent"]);
    let world = World::new();
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("child pid=");
    let log = supervised.running().out();
    let child: i32 = log
        .split_once("child pid=")
        .and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok())
        .expect("the process told its child");
    let (_, parent) = process_table::state(child).expect("the child runs");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(parent), Signal::SIGKILL).unwrap();
    let supervisor = supervised.pid();
    wait::until_true(wait::SOON, "the orphan to be adopted or stopped", || {
        process_table::state(child).is_none_or(|(state, of)| state == 'Z' || of == supervisor)
    });
    let _ = supervised.end().expect_code(137);
    assert!(!process_table::is_alive(child), "the orphan outlived the supervisor");
}

#[test]
fn nobody_outlives_a_supervisor_that_is_killed_as_a_plain_program() {
    let world = World::new();
    // One without our mark, one that will not hear, one in a session of its own.
    let script = "env -i /bin/sleep 31415 & setsid -f /bin/sleep 31415; wait";
    let spec = Spec::new()
        .with("stop_timeout_ms", json!(500))
        .process("sh", &["/bin/sh", "-c", script])
        .actor("family", &["parent"])
        .actor("deaf", &["deaf"]);
    for place in [Place::Shell, Place::Unprivileged] {
        let supervised = place.start(&world, &spec, &[]);
        let pid = supervised.pid();
        let sleeps =
            |pid: &&i32| process_table::program(**pid).is_some_and(|path| path.ends_with("sleep"));
        // The shell and its two, the family of two, and the deaf one.
        wait::until_true(wait::SOON, "all to run", || {
            let below = process_table::descendants(pid);
            let deaf = supervised.running().out().contains("deaf.1   | ready");
            deaf && below.len() == 6 && below.iter().filter(sleeps).count() == 2
        });
        let below = process_table::descendants(pid);
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).expect("it runs");
        wait::until_true(wait::SOON, "everybody to end", || {
            below.iter().all(|pid| !process_table::is_alive(*pid))
        });
        let _ = supervised.end().expect_code(137);
    }
}

#[test]
fn a_guardian_leaves_with_its_supervisor() {
    let world = World::new();
    let supervised = Place::Shell.start(&world, &Spec::new().actor("a", &["wait"]), &[]);
    supervised.wait_for("ready");
    let socket = supervised.socket().display().to_string();
    // Both carry the same arguments, and nothing else does.
    assert_eq!(process_table::with_argument(&socket).len(), 2);
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end().expect_code(143);
    assert_eq!(process_table::with_argument(&socket), [0; 0], "{}", ended.out);
}

#[test]
fn the_init_of_one_command_passes_on_whatever_can_be_meant_for_it() {
    let send = |pid: i32, number: i32| {
        // SAFETY: a call on numbers; the program was started here and is not waited for yet.
        assert_eq!(unsafe { libc::kill(pid, number) }, 0, "signal {number}");
    };
    // As a program it would die of these itself, and as PID 1 the kernel would keep them from it.
    let numbers = [libc::SIGTRAP, libc::SIGABRT, libc::SIGSYS, libc::SIGSTKFLT, libc::SIGXCPU];
    let numbers = numbers.into_iter().chain([libc::SIGXFSZ, libc::SIGPROF, libc::SIGPWR]);
    for number in numbers.chain([34, 37, 64]) {
        for init in [false, true] {
            let mut command = if init { as_root("unshare") } else { Command::new(devenv_init()) };
            if init {
                command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]);
                command.arg(devenv_init());
            }
            let running = Running::start(command.args(["exec", "--"]).arg(actor()).arg("wait"));
            running.wait_for("ready");
            let first = running.pid();
            let pid = if init { process_table::children(first)[0] } else { first };
            let child = process_table::children(pid)[0];
            send(pid, number);
            let _ = running.end().expect_code(128 + number);
            assert!(!process_table::is_alive(child), "{number} was not passed on");
        }
    }
}

#[test]
fn it_is_pid_1_of_its_container_and_of_its_namespace() {
    let world = World::new();
    for place in [Place::PidNamespace, Place::Docker(&[]), Place::Docker(&["--read-only"])] {
        let supervised = place.start(&world, &Spec::new().actor("a", &["wait"]), &[]);
        supervised.wait_for("ready");
        let pids = process_table::namespace_pids(supervised.pid());
        assert_eq!(pids.last(), Some(&1), "in {place:?}: {pids:?}");
    }
    // The control: below Docker's own init it cannot be.
    let supervised = Place::UnderDockerInit.start(&world, &Spec::new().actor("a", &["wait"]), &[]);
    supervised.wait_for("ready");
    assert_ne!(process_table::namespace_pids(supervised.pid()).last(), Some(&1));
}

#[test]
fn processes_run_as_the_user_the_container_was_given() {
    let world = World::new();
    let spec = Spec::new().actor("a", &["here"]);
    let root = Place::Docker(&[]).run(&world, &spec).expect_code(0);
    assert!(root.out.contains("user=0 "), "{}", root.out);
    let other = Place::Docker(&["--user", "12345"]).run(&world, &spec).expect_code(0);
    assert!(other.out.contains("user=12345 "), "{}", other.out);
}
