//! Using `devenv-container` as a user does: on a project, from the command line.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::programs::{devenv_container, repository};
use super::running::{self, Ended};
use super::terminal::Terminal;
use super::world::World;

/// How long Nix may take to build an image of the small package set from nothing.
pub const BUILD: Duration = Duration::from_secs(180);

/// A project of its own in a world.
#[derive(Debug)]
pub struct Project<'w> {
    world: &'w World,
    /// Its directory.
    pub directory: PathBuf,
}

impl World {
    /// A project with this `devenv.nix` and the package set of the repository.
    pub fn project(&self, name: &str, devenv_nix: &str) -> Project<'_> {
        self.write(&format!("{name}/devenv.nix"), devenv_nix);
        self.packages(name);
        Project { world: self, directory: self.path(name) }
    }

    /// A copy of a project of `examples/`.
    pub fn example(&self, example: &str, name: &str) -> Project<'_> {
        self.copy(&repository().join("examples").join(example), name);
        self.packages(name);
        Project { world: self, directory: self.path(name) }
    }

    fn packages(&self, name: &str) {
        let nixpkgs = repository().join("tests/nixpkgs");
        let yaml = format!("inputs:\n  nixpkgs:\n    url: path:{}\n", nixpkgs.display());
        self.write(&format!("{name}/devenv.yaml"), &yaml);
    }

    /// `devenv-container` without anything the caller's environment may tell it, and with its
    /// state in the world. No Docker answers unless `DOCKER_HOST` is set to one.
    pub fn container<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(devenv_container());
        for name in ["DEVENV_INIT", "NIX_PATH", "NIX_CONFIG", "XDG_RUNTIME_DIR", "NO_COLOR"] {
            command.env_remove(name);
        }
        command
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("DOCKER_HOST", format!("unix://{}", self.path("no-docker.sock").display()))
            .args(arguments);
        command
    }
}

impl Project<'_> {
    /// `devenv-container` with these arguments, in the project's directory.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.container(arguments);
        command.current_dir(&self.directory);
        command
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it takes longer than a build may.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Ended {
        running::run(&mut self.command(arguments))
    }

    /// Runs it in a terminal.
    ///
    /// # Panics
    /// When there is no terminal to be had.
    #[track_caller]
    pub fn terminal(&self, arguments: &[&str]) -> Terminal {
        Terminal::start(&mut self.command(arguments))
    }

    /// Runs the `build` of an example, where it has one: what has to be made before its containers.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn make(&self) {
        let script = self.directory.join("build");
        if script.is_file() {
            let mut make = Command::new(script);
            let ours = self.command(&[]);
            for (name, value) in ours.get_envs() {
                match value {
                    Some(value) => make.env(name, value),
                    None => make.env_remove(name),
                };
            }
            make.env("DEVENV_CONTAINER", devenv_container()).current_dir(&self.directory);
            let _ = running::run(&mut make).expect_code(0);
        }
    }

    /// Builds a container and returns the description of its image.
    ///
    /// # Panics
    /// When it cannot be built.
    #[must_use]
    #[track_caller]
    pub fn build(&self, container: &str) -> String {
        self.run(&["build", container]).expect_code(0).out.trim_end().to_owned()
    }

    /// Brings the image of a container into our Docker daemon, under a name that is its own, and
    /// returns that name.
    ///
    /// # Panics
    /// When it cannot be built or brought there.
    #[must_use]
    #[track_caller]
    pub fn load(&self, container: &str) -> String {
        let name = super::docker::Container::name("image").name.clone();
        let mut copy = self.command(&["copy", container, &format!("docker-daemon:{name}:test")]);
        let _ = running::run(copy.env("DOCKER_HOST", super::docker::host())).expect_code(0);
        format!("{name}:test")
    }

    /// The files in the project's directory, hidden ones too.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        list(&self.directory)
    }
}

fn list(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("no {}: {error}", directory.display()))
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
