//! Nobody gets away from the run it came of: where control groups can be made, and mostly elsewhere.

use std::fs;
use std::path::{Path, PathBuf};

use devenv_tests::place::{Place, Supervised};
use devenv_tests::process_table;
use devenv_tests::spec::Spec;
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::json;

/// Leaves an orphan in a session of its own that carries nothing from us in its environment.
fn spec(world: &World, grace_ms: u64, orphan: &str) -> Spec {
    let away = world.path("away");
    let script = format!(
        "setsid -f env -i /bin/sh -c \"echo > {0}; {orphan}\"; until [ -e {0} ]; do :; done",
        away.display(),
    );
    let fields = json!({ "stop": { "grace_ms": grace_ms } });
    Spec::new().actor("stays", &["wait"]).process_with("a", &["/bin/sh", "-c", &script], fields)
}

/// The directory of the control group of a process.
fn group(supervised: &Supervised<'_>) -> PathBuf {
    let child = *process_table::children(supervised.pid()).first().expect("a process");
    let membership = fs::read_to_string(format!("/proc/{child}/cgroup")).expect("it lives");
    let path = membership.lines().find_map(|line| line.strip_prefix("0::/"));
    let path = path.expect("a unified hierarchy");
    let mounts = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(Path::new);
    let found = mounts.map(|mount| mount.join(path)).into_iter().find(|path| path.is_dir());
    found.expect("the group is mounted")
}

#[test]
fn an_orphan_without_a_trace_is_stopped_with_what_it_came_of_and_not_at_the_very_end() {
    let world = World::new();
    for (orphan, told) in [
        ("exec sleep 31415", "a.1 left processes behind, stopping them"),
        ("trap : TERM; while :; do sleep 31415; done", "sending SIGKILL to a.1"),
    ] {
        let supervised = Place::PidNamespace.start(&world, &spec(&world, 300, orphan), &[]);
        supervised.wait_for(told);
        let alone = || process_table::descendants(supervised.pid()).len() == 1;
        wait::until_true(wait::SOON, "the orphan to be gone", alone);
        supervised.signal(Signal::SIGTERM);
        let _ = supervised.end().expect_code(143);
        fs::remove_file(world.path("away")).expect("it was made");
    }
}

#[test]
fn the_groups_are_removed_with_what_was_in_them() {
    let world = World::new();
    let supervised = Place::PidNamespace.start(&world, &Spec::new().actor("a", &["wait"]), &[]);
    supervised.wait_for("ready");
    let group = group(&supervised);
    let base = group.parent().expect("a group that holds it").to_owned();
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(name(&group).starts_with("a.1#1@"), "{}", group.display());
    assert!(name(&base).starts_with("devenv-init@"), "{}", base.display());
    supervised.signal(Signal::SIGTERM);
    let _ = supervised.end().expect_code(143);
    assert!(!base.exists(), "{} is still there", base.display());
}

/// What a script has said of its own process id.
fn told(out: &str, before: &str) -> i32 {
    let (_, rest) = out.split_once(before).expect("it was said");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

#[test]
fn without_control_groups_an_orphan_is_told_by_the_output_it_still_has() {
    let world = World::new();
    // As in most containers: here because they would be somebody else's.
    let orphan = "trap : TERM; while :; do sleep 31415; done";
    let supervised = Place::Shell.start(&world, &spec(&world, 300, orphan), &[]);
    supervised.wait_for("sending SIGKILL to a.1");
    let alone = || process_table::descendants(supervised.pid()).len() == 1;
    wait::until_true(wait::SOON, "the orphan to be gone", alone);
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end().expect_code(143);
    // Whoever is killed is named, and not the process that had ended long before.
    let first = told(&ended.out, "a.1 started (pid=");
    assert_ne!(told(&ended.out, "sending SIGKILL to a.1 (pid "), first, "{}", ended.out);
}

#[test]
fn who_is_left_at_the_deadline_is_named_by_what_lives() {
    let world = World::new();
    let script =
        "setsid -f sh -c 'trap \"\" TERM; echo orphan=$$; exec sleep 31415'; exec sleep 31415";
    let fields = json!({ "stop": { "grace_ms": 500 } });
    let spec = Spec::new().process_with("a", &["/bin/sh", "-c", script], fields);
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("orphan=");
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end().expect_code(143);
    let orphan = told(&ended.out, "orphan=");
    for said in ["sending SIGKILL to a.1 (pid ", "at the deadline, and killed: a.1 (pid "] {
        assert_eq!(told(&ended.out, said), orphan, "{}", ended.out);
    }
}

#[test]
fn an_orphan_of_nobody_is_told_about_and_stopped_at_the_end() {
    let world = World::new();
    let script = "env -i setsid -f /bin/sleep 31415 > /dev/null 2>&1; sleep 0.3";
    let spec = Spec::new().actor("stays", &["wait"]).process_with(
        "a",
        &["/bin/sh", "-c", script],
        json!({ "exit": "never" }),
    );
    let supervised = Place::Shell.start(&world, &spec, &[]);
    supervised.wait_for("was left behind, by whom cannot be told");
    let orphan = told(&supervised.running().out(), " process ");
    assert!(process_table::is_alive(orphan));
    supervised.signal(Signal::SIGTERM);
    let _ = supervised.end().expect_code(143);
    assert!(!process_table::is_alive(orphan));
}
