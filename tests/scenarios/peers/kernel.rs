//! Two things of the kernel's that nobody tries elsewhere: a process id that is given out again, and
//! a process that SIGKILL does not reach.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use devenv_tests::place::Place;
use devenv_tests::process_table;
use devenv_tests::spec::Spec;
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::json;

#[test]
fn a_process_id_that_is_given_out_again_is_taken_for_what_it_is_now() {
    let world = World::new();
    // In a namespace of its own root may say which number is given out next.
    let script = "echo $(($$ - 1)) > /proc/sys/kernel/ns_last_pid; echo pid=$$; exit 1";
    let again =
        json!({ "on": "on_failure", "max_restarts": 20, "backoff_ms": 1, "backoff_max_ms": 1 });
    let fields = json!({ "restart": again, "exit": "never" });
    let spec =
        Spec::new().process_with("a", &["/bin/sh", "-c", script], fields).actor("stays", &["wait"]);
    let supervised = Place::PidNamespace.start(&world, &spec, &[]);
    supervised.wait_for("a.1 is not started again");
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end().expect_code(143);
    let mut pids: Vec<&str> = ended
        .out
        .lines()
        .filter_map(|line| line.split_once("| pid="))
        .map(|(_, pid)| pid)
        .collect();
    assert_eq!(pids.len(), 21, "{}", ended.out);
    pids.sort_unstable();
    pids.dedup();
    assert!(pids.len() < 21, "no number was ever given out twice: {pids:?}");
    assert_eq!(ended.out.matches("a.1 stopped (rc=1)").count(), 21, "{}", ended.out);
    assert!(ended.out.contains("stays.1 stopped (rc=-15)"), "{}", ended.out);
}

/// A cgroup whose processes are frozen: with version 1 not even SIGKILL reaches them, with version 2
/// only that does.
struct Freezer(PathBuf);

impl Freezer {
    fn with(pid: i32) -> Self {
        let first = ["/sys/fs/cgroup/freezer", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
        let root = first.iter().map(PathBuf::from).find(|path| path.join("cgroup.procs").exists());
        let group = root.expect("cgroups").join(format!("devenv-test-{pid}"));
        fs::create_dir(&group).expect("a cgroup of our own, which takes root");
        fs::write(group.join("cgroup.procs"), pid.to_string()).expect("a process of ours");
        let freezer = Self(group);
        freezer.set("FROZEN", "1");
        freezer
    }

    fn set(&self, first: &str, second: &str) {
        let state = self.0.join("freezer.state");
        let (file, value) =
            if state.exists() { (state, first) } else { (self.0.join("cgroup.freeze"), second) };
        fs::write(file, value).expect("the state can be set");
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        self.set("THAWED", "0");
        // Busy until its process is gone.
        for _ in 0..200 {
            if fs::remove_dir(&self.0).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_process_that_cannot_even_be_killed_holds_the_stop_up_no_longer_than_allowed() {
    let world = World::new();
    let stop = json!({ "stop": { "grace_ms": 300 } });
    let spec = Spec::new()
        .with("stop_timeout_ms", json!(1000))
        .actor_with("frozen", &["wait"], stop.clone())
        .actor_with("obeys", &["wait"], stop);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("frozen.1 | ready");
    supervised.wait_for("obeys.1  | ready");
    let pid = supervised.pid();
    let out = supervised.running().out();
    let child = out.split_once("frozen.1 started (pid=").and_then(|(_, rest)| rest.split_once(')'));
    let child: i32 = child.expect("it was started").0.parse().expect("a number");
    let freezer = Freezer::with(child);
    supervised.signal(Signal::SIGTERM);
    let limit = Duration::from_secs(6);
    wait::until_true(limit, "the supervisor to end", || !process_table::is_alive(pid));
    drop(freezer);
    let ended = supervised.end().expect_code(143);
    assert!(ended.out.contains("obeys.1 stopped (rc=-15)"), "{}", ended.out);
    let killed = ended.out.contains("frozen.1 stopped (rc=-9)");
    let left = ended.out.contains("frozen.1 cannot be killed, leaving it");
    assert!(killed || left, "{}", ended.out);
}
