//! What stands between a process and its supervisor, and what it is given on its way.

use std::fs;
use std::process::Command;

use devenv_tests::place::Place;
use devenv_tests::process_table;
use devenv_tests::programs::devenv_init;
use devenv_tests::running;
use devenv_tests::spec::Spec;
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::json;

/// Elsewhere two shells, a runner with a database and a guardian stand above each process.
#[test]
fn nothing_stands_between_a_process_and_its_supervisor() {
    let world = World::new();
    let spec = Spec::new().actor("a", &["wait"]).actor("b", &["wait"]);
    let supervised = Place::PidNamespace.start(&world, &spec, &[]);
    supervised.wait_for("a.1    | ready");
    supervised.wait_for("b.1    | ready");
    let init = supervised.pid();
    let below = process_table::descendants(init);
    assert_eq!(below, process_table::children(init));
    let programs: Vec<_> = below.into_iter().filter_map(process_table::program).collect();
    assert_eq!(programs.len(), 2);
    assert!(programs.iter().all(|program| program.ends_with("actor")), "{programs:?}");
}

/// A supervisor that ignores SIGPIPE for itself easily passes that on, and then a pipeline in a
/// process never ends; so does one that was started with signals blocked.
#[test]
fn a_process_begins_with_no_signal_ignored_or_blocked() {
    let world = World::new();
    let spec = Spec::new().process("a", &["/bin/grep", "Sig", "/proc/self/status"]);
    let up = Place::Shell.up(&world, &spec);
    let mut ignoring = Command::new("/bin/sh");
    ignoring.args(["-c", r#"trap '' HUP QUIT USR1 PIPE; exec "$0" "$@""#]);
    ignoring.arg(up.get_program()).args(up.get_args());
    let ended = running::run(&mut ignoring).expect_code(0);
    for mask in ["SigBlk", "SigIgn"] {
        let line = format!("{mask}:\t0000000000000000");
        assert!(ended.out.contains(&line), "no {line:?} in {}", ended.out);
    }
}

/// Elsewhere a port is fixed as the image is built, and `docker run -e PORT=…` changes nothing.
#[test]
fn a_variable_given_at_the_start_wins_over_the_one_that_was_built_in() {
    let spec =
        Spec::new().with("environment", json!({ "PORT": "1" })).actor("a", &["variable", "PORT"]);
    let built_in = Place::Docker(&[]).run(&World::new(), &spec).expect_code(0);
    assert!(built_in.out.contains("a.1    | 1\n"), "{}", built_in.out);
    let given = Place::Docker(&["--env", "PORT=2"]).run(&World::new(), &spec).expect_code(0);
    assert!(given.out.contains("a.1    | 2\n"), "{}", given.out);
}

/// Elsewhere a port is opened to the network that nobody has asked for.
#[test]
fn the_supervisor_listens_to_no_network() {
    let world = World::new();
    let supervised = Place::Docker(&[]).start(&world, &Spec::new().actor("a", &["wait"]), &[]);
    supervised.wait_for("| ready");
    let init = supervised.pid();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let sockets = fs::read_to_string(format!("/proc/{init}/net/{table}")).unwrap_or_default();
        assert_eq!(sockets.lines().skip(1).collect::<Vec<_>>(), Vec::<&str>::new(), "{table}");
    }
}

/// Elsewhere an idle supervisor looks around ten times a second, and more with each process.
#[test]
fn an_idle_supervisor_sleeps() {
    let world = World::new();
    let spec =
        (0..10).fold(Spec::new(), |spec, number| spec.actor(&format!("p{number}"), &["wait"]));
    let supervised = Place::PidNamespace.start(&world, &spec, &[]);
    wait::until_true(wait::SOON, "all to be ready", || {
        supervised.running().out().matches("| ready\n").count() == 10
    });
    let pid = supervised.pid();
    let switches = || -> u64 {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").flatten();
        let texts = threads.filter_map(|one| fs::read_to_string(one.path().join("status")).ok());
        let of = |text: String| {
            let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            line.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or(0)
        };
        texts.map(of).sum()
    };
    // What it was woken for last may still be on its way.
    let begun = std::time::Instant::now();
    let quiet = wait::until(wait::SOON, "a second without a wake-up", || {
        let before = switches();
        let from = begun.elapsed();
        wait::until_true(wait::SOON, "a second", || (begun.elapsed() - from).as_millis() >= 1000);
        (switches() == before).then_some(before)
    });
    let from = begun.elapsed();
    wait::until_true(wait::SOON, "two seconds", || (begun.elapsed() - from).as_millis() >= 2000);
    assert_eq!(switches(), quiet, "it was woken");
}

/// Elsewhere hundreds of starts come before anything else is looked at.
#[test]
fn a_stop_does_not_wait_for_the_starts_of_hundreds() {
    let world = World::new();
    let spec =
        (0..800).fold(Spec::new(), |spec, number| spec.actor(&format!("p{number}"), &["wait"]));
    let supervised = Place::PidNamespace.start(&world, &spec, &[]);
    supervised.wait_for("p0.1 started");
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end().expect_code(143);
    let started = ended.out.matches(" started (pid=").count();
    assert!(started < 800, "all were started first");
}

/// Old kernels and sandboxes do not have every system call; a supervisor must not need the new ones.
#[test]
fn without_the_newer_system_calls_it_works_all_the_same() {
    let world = World::new();
    let profile = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{
            "names": ["pidfd_open", "pidfd_send_signal", "pidfd_getfd", "signalfd", "signalfd4", "clone3",
                      "close_range", "openat2", "statx", "faccessat2", "epoll_pwait2", "rseq",
                      "membarrier", "getrandom", "memfd_create", "copy_file_range"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": 38,
        }],
    });
    let profile = world.write("seccomp.json", &profile.to_string());
    // The options of a place live as long as the tests.
    let option: &'static str = format!("seccomp={}", profile.display()).leak();
    let options: &'static [&'static str] = vec!["--security-opt", option].leak();
    let spec = Spec::new().actor("leaves", &["daemon"]).actor("orphans", &["orphans", "50"]);
    let supervised = Place::Docker(options).start(&world, &spec, &[]);
    supervised.wait_for("leaves.1 stopped (rc=0)");
    supervised.wait_for("orphaned");
    let init = supervised.pid();
    wait::until_true(wait::SOON, "the orphans to be reaped", || process_table::zombies(init) == 0);
    supervised.signal(Signal::SIGTERM);
    let _ = supervised.end().expect_code(143);
    let mut version = Command::new(devenv_init());
    let _ = running::run(version.arg("--version")).expect_code(0);
}
