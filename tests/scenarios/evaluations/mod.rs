//! An evaluation is remembered exactly as long as nothing it looked at has changed.

mod changes;
mod limits;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use devenv_tests::programs::tool;
use devenv_tests::project::Project;
use devenv_tests::running::{self, Ended};
use devenv_tests::world::World;

/// A project whose evaluations are counted.
struct Counted<'w> {
    world: &'w World,
    project: Project<'w>,
    /// A `nix-instantiate` that says when it is asked, and does something once it has answered.
    programs: PathBuf,
}

impl<'w> Counted<'w> {
    fn new(world: &'w World, devenv_nix: &str) -> Self {
        let project = world.project("counted", devenv_nix);
        let script = format!(
            "#!{}\necho asked >> {}\n{} \"$@\" || exit\nif [ -e {hook} ]; then source {hook}; fi\n",
            tool("bash-static").display(),
            world.directory("log").join("asked").display(),
            tool("nix-instantiate").display(),
            hook = world.directory("hooks").join("after").display(),
        );
        let program = world.write("programs/nix-instantiate", &script);
        world.directory("home");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("our own file");
        Self { world, project, programs: world.path("programs") }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = self.project.command(arguments);
        command.env("PATH", format!("{}:{path}", self.programs.display()));
        // Nix looks for things in it, and others write to the one of this machine.
        command.env("HOME", self.world.path("home"));
        command
    }

    /// Runs a command, once everything is old enough to be relied on.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Ended {
        settle();
        running::run(&mut self.command(arguments)).expect_code(0)
    }

    #[track_caller]
    fn build(&self) -> String {
        self.run(&["build", "app"]).out
    }

    /// How often Nix has been asked to evaluate the project since the last time.
    fn asked(&self) -> usize {
        let file = self.world.path("log/asked");
        let count = fs::read_to_string(&file).map_or(0, |text| text.lines().count());
        let _ = fs::remove_file(file);
        // Once a build is new, its description is added to the store by an evaluation as well.
        count
    }

    /// Builds it, and tells whether it had to be evaluated.
    #[track_caller]
    fn evaluates(&self) -> bool {
        let _ = self.asked();
        let _ = self.build();
        self.asked() > 0
    }

    fn write(&self, name: &str, content: &str) {
        self.world.write(&format!("counted/{name}"), content);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.project.directory.join(name)
    }
}

/// Waits until what has been written is older than the clock of file systems may be behind.
fn settle() {
    let until = SystemTime::now() + Duration::from_millis(25);
    while SystemTime::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A container of one command, and what else the project says.
fn project(more: &str) -> String {
    format!(
        r#"{{ pkgs, lib, ... }}: {{
             name = "app";
             containers.app = {{ startupCommand = "true"; copyToRoot = null; }};
             {more}
           }}"#
    )
}

fn remove(path: &Path) {
    fs::remove_file(path).unwrap_or_else(|error| panic!("no {}: {error}", path.display()));
}
