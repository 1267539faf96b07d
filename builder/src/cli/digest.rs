//! `digest`: the digest an image will have wherever it is pushed.

use std::process::ExitCode;

use clap::Args;

use super::common::ProjectArguments;
use crate::cache::Cache;
use crate::error::Result;
use crate::image::index::Index;
use crate::image::wire::Wire;
use crate::report;

/// Whose digest.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of the container, or the file `build` printed
    name: String,
}

/// Prints the digest of the image's manifest, or of the index of several.
pub fn run(arguments: &Arguments, project: &ProjectArguments) -> Result<ExitCode> {
    let (_, images) = project.images(&arguments.name)?;
    let cache = Cache::of_user();
    let digest = match images.as_slice() {
        [image] => Wire::new(image, &cache)?.digest().clone(),
        images => Index::of(images, &cache)?.digest().clone(),
    };
    report::line(digest)?;
    Ok(ExitCode::SUCCESS)
}
