//! Nobody gets away from the run it came of, where control groups can be made.

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
