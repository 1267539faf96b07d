//! `build`: builds a container's image and prints the path of its description.

use std::process::ExitCode;

use clap::Args;

use super::common::ProjectArguments;
use crate::error::Result;
use crate::report;

/// What to build.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of the container
    name: String,
}

/// Prints one line, the path in the store.
pub fn run(arguments: &Arguments, project: &ProjectArguments) -> Result<ExitCode> {
    let description = project.evaluation()?.build(&arguments.name)?;
    report::line(format_args!("{}", description.display()))?;
    Ok(ExitCode::SUCCESS)
}
