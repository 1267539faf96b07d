//! Programs of others that say what became of ours.

use std::path::Path;
use std::process::Command;

use crate::programs::{as_root, tool};
use crate::project::Project;
use crate::running;

/// What `skopeo` says.
#[track_caller]
pub fn skopeo(arguments: &[&str]) -> String {
    running::run(Command::new(tool("skopeo")).args(arguments)).expect_code(0).out
}

/// A program of Nix, by itself.
#[track_caller]
pub fn nix(program: &str, arguments: &[&str]) -> String {
    let mut command = as_root(program);
    command.env("NIX_CONFIG", "build-users-group =\nsubstituters =").args(arguments);
    running::run(&mut command).expect_code(0).out
}

/// Copies an image to an OCI layout and returns the digest that was printed.
#[track_caller]
pub fn copy_to_layout(project: &Project<'_>, container: &str, layout: &Path) -> String {
    let destination = format!("oci:{}:test", layout.display());
    project.run(&["copy", container, &destination]).expect_code(0).out.trim_end().to_owned()
}
