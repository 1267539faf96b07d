//! `nix-traced`: becomes a program of Nix whose file look-ups the parent hears of.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::error::Result;
use crate::traced;

/// What to become.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The program
    program: PathBuf,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Returns only when the program cannot be executed.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    traced::become_traced(&arguments.program, &arguments.arguments).map(|never| match never {})
}
