//! The command line: what the user asked for, handed to one file a verb.

mod attrs;
mod build;
mod common;
mod copy;
mod copy_arguments;
mod diff;
mod digest;
mod explain;
mod inspect;
mod list;
mod nix_image;
mod nix_root;
mod nix_spec;
mod plan;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{Kind, Result};

/// Builds, runs and copies OCI containers from a devenv project.
#[derive(Debug, Parser)]
#[command(name = "devenv-container", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(flatten)]
    project: common::ProjectArguments,
    #[command(flatten)]
    copy: copy::CopyOptions,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Build a container and print the path of its description
    Build(build::Arguments),
    /// Copy a container to a registry, the Docker daemon, an archive or a directory
    Copy(copy::Arguments),
    /// Print the digest an image has once it is pushed
    Digest(digest::Arguments),
    /// Run a container
    Run(run::Arguments),
    /// Tell what a push to a registry would send
    Plan(plan::Arguments),
    /// Show what an image is and holds
    Inspect(inspect::Arguments),
    /// Tell what takes the space in an image and why it is there
    Explain(explain::Arguments),
    /// Compare two images
    Diff(diff::Arguments),
    /// List the project's containers
    List(list::Arguments),
    /// Make a checked spec.json (builder of a derivation)
    #[command(hide = true)]
    NixSpec,
    /// Make a root tree (builder of a derivation)
    #[command(hide = true)]
    NixRoot,
    /// Make an image's description (builder of a derivation)
    #[command(hide = true)]
    NixImage,
}

/// Runs the program: exit code 0, a container's own, or one of [`Kind`].
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, not errors; clap prints them to stdout.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(Kind::Usage.code())
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match carry_out(arguments.verb, &arguments.project, &arguments.copy) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn carry_out(
    verb: Verb,
    project: &common::ProjectArguments,
    copy: &copy::CopyOptions,
) -> Result<ExitCode> {
    match verb {
        Verb::Build(arguments) => build::run(&arguments, project),
        Verb::Copy(arguments) => copy::run(&arguments, copy, project),
        Verb::Run(arguments) => run::run(&arguments, project),
        Verb::Digest(arguments) => digest::run(&arguments, project),
        Verb::Plan(arguments) => plan::run(&arguments, copy, project),
        Verb::Inspect(arguments) => inspect::run(&arguments, project),
        Verb::Explain(arguments) => explain::run(&arguments, project),
        Verb::Diff(arguments) => diff::run(&arguments, project),
        Verb::List(arguments) => list::run(&arguments, project),
        Verb::NixSpec => nix_spec::run(),
        Verb::NixRoot => nix_root::run(),
        Verb::NixImage => nix_image::run(),
    }
}
