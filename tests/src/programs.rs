//! Where the programs are: those under test, the actor, and the tools that judge.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `devenv-init`, as it is shipped: from `dist/`, or from the directory `DEVENV_DIST` names.
#[must_use]
pub fn devenv_init() -> PathBuf {
    shipped("devenv-init")
}

/// `devenv-container`, as it is shipped.
#[must_use]
pub fn devenv_container() -> PathBuf {
    shipped("devenv-container")
}

/// The root of the repository.
///
/// # Panics
/// When this crate is not in it.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}

/// The misbehaving program, which Cargo puts beside the directory of the tests.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn actor() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let directory = test.parent().and_then(Path::parent).expect("tests lie in `deps`");
    let actor = directory.join("actor");
    assert!(actor.is_file(), "no {}: run the tests with `make test`", actor.display());
    actor
}

/// A tool that is looked up in `PATH`, and where systems keep their daemons.
///
/// # Panics
/// When it is not installed: a judge that is missing must not pass for a judge that agreed.
#[must_use]
pub fn tool(name: &str) -> PathBuf {
    let search = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&search)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("cannot find {name}\nhint: .ci/setup test"))
}

/// A command that runs as root: itself for root, through sudo for others.
#[must_use]
pub fn as_root(name: &str) -> Command {
    if nix::unistd::geteuid().is_root() {
        return Command::new(tool(name));
    }
    let mut command = Command::new(tool("sudo"));
    command.arg("-n").arg(tool(name));
    command
}

fn shipped(name: &str) -> PathBuf {
    let directory =
        env::var_os("DEVENV_DIST").map_or_else(|| repository().join("dist"), PathBuf::from);
    let program = directory.join(name);
    assert!(program.is_file(), "no {}\nhint: make build", program.display());
    program
}
