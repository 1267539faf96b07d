//! `digest`: the digest an image will have wherever it is pushed.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::common::ProjectArguments;
use super::copied::{Copied, copied};
use crate::cache::Cache;
use crate::error::Result;
use crate::image::Image;
use crate::image::index::Index;
use crate::image::wire::Wire;
use crate::report;

/// Whose digest.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of the container, or the file `build` printed
    name: String,
    /// How its manifest is written: as OCI has them (oci), or as Docker had them before (v2s2); by default
    /// as the project's `defaultCopyArgs` say, or oci
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints the digest of the image's manifest, or of the index of several.
pub fn run(arguments: &Arguments, project: &ProjectArguments) -> Result<ExitCode> {
    let format = arguments.format.as_deref();
    let Copied { images, format, .. } = copied(&arguments.name, format, project)?;
    let cache = Cache::of_user();
    let digest = match images.as_slice() {
        [image] => Wire::new(image, &cache, format)?.digest().clone(),
        images => Index::of(images, &cache, format)?.digest().clone(),
    };
    if arguments.json {
        report::line(json!({
            "image": images.first().and_then(Image::reference),
            "digest": digest.to_string(),
            "platforms": images.iter().map(Image::platform).collect::<Vec<_>>(),
        }))?;
    } else {
        report::line(digest)?;
    }
    Ok(ExitCode::SUCCESS)
}
