//! Users without a home, and with one they cannot write to: caches and links that protect images
//! are missed, and nothing else.

use std::path::PathBuf;
use std::process::Command;

use devenv_tests::lines;
use devenv_tests::programs::tool;
use devenv_tests::project::Project;
use devenv_tests::running::{self, Ended};
use devenv_tests::world::World;

const PLACES: [&str; 3] = ["HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"];

/// Runs without a home, and with one nobody can write to; says what is left in the directory for
/// what is temporary.
fn run(world: &World, project: &Project<'_>, arguments: &[&str]) -> Vec<(Ended, Vec<PathBuf>)> {
    let temporary = world.directory("temporary");
    [None, Some("/proc/nowhere")]
        .map(|home| {
            let mut command = project.command(arguments);
            for name in PLACES {
                command.env_remove(name);
            }
            command.envs(home.map(|home| ("HOME", home))).env("TMPDIR", &temporary);
            let ended = running::run(&mut command);
            let left = std::fs::read_dir(&temporary).expect("ours").flatten();
            (ended, left.map(|entry| entry.path()).collect())
        })
        .into()
}

#[test]
fn a_project_is_built_and_run_without_a_home() {
    let world = World::new();
    let project = world.project(
        "once",
        r#"{ name = "once"; processes.once = { exec = "echo only once"; restart.on = "never"; }; }"#,
    );
    let image = project.build("processes");
    for (ended, left) in run(&world, &project, &["build", "processes"]) {
        let ended = ended.expect_code(0);
        assert_eq!(ended.out.trim_end(), image);
        assert!(ended.err.contains("nothing keeps the image"), "{}", ended.err);
        assert!(left.is_empty(), "{left:?}");
    }
    for (ended, left) in run(&world, &project, &["run", "processes", "--engine", "native"]) {
        assert_eq!(lines::of(&ended.expect_code(0).out, "once.1"), ["only once"]);
        assert!(left.is_empty(), "{left:?}");
    }
    for (ended, _) in run(&world, &project, &["copy", "processes", "oci:layout", "--quiet"]) {
        let _ = ended.expect_code(0);
    }
}

#[test]
fn an_image_with_a_base_runs_without_a_home() {
    let world = World::new();
    let project = world.project(
        "app",
        r#"{ name = "app"; containers.app = {
             fromImage = ./base; copyToRoot = null; startupCommand = [ "/bin/sh" "-c" "echo ran" ]; }; }"#,
    );
    let source = format!("oci:{}:v1", devenv_tests::foreign::layout(&world).display());
    let target = format!("oci:{}", project.directory.join("base").display());
    let copy = ["copy", "--insecure-policy", &source, &target];
    let _ = running::run(Command::new(tool("skopeo")).args(copy)).expect_code(0);
    let image = project.build("app");
    for (ended, left) in run(&world, &project, &["run", &image, "--engine", "native"]) {
        assert_eq!(ended.expect_code(0).out, "ran\n");
        assert!(left.is_empty(), "{left:?}");
    }
}
