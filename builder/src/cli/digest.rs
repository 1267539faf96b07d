//! `digest`: the digest an image will have wherever it is pushed.

use std::process::ExitCode;

use clap::Args;

use super::common::ProjectArguments;
use crate::cache::Cache;
use crate::error::Result;
use crate::image::wire::Wire;
use crate::report;

/// Whose digest.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of the container, or the file `build` printed
    name: String,
}

/// Prints the digest of the image's manifest.
pub fn run(arguments: &Arguments, project: &ProjectArguments) -> Result<ExitCode> {
    let (_, image) = project.image(&arguments.name)?;
    report::line(format_args!("{}", Wire::new(&image, &Cache::of_user())?.digest()))?;
    Ok(ExitCode::SUCCESS)
}
