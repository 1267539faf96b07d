//! `build`: builds a container's image and prints the path of its description.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::common::ProjectArguments;
use super::explain;
use crate::error::Result;
use crate::report;
use crate::understand::size;

/// What to build.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of the container
    name: String,
    /// Fail when the image is larger, as in 200M, and name what takes the most
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    max_size: Option<u64>,
    /// Print JSON, one object a platform
    #[arg(long)]
    json: bool,
}

/// Prints one line a platform, the path in the store.
pub fn run(arguments: &Arguments, project: &ProjectArguments) -> Result<ExitCode> {
    let (descriptions, images) = project.images(&arguments.name)?;
    if let Some(limit) = arguments.max_size {
        for image in &images {
            explain::check_size(image, &explain::of(image)?, limit)?;
        }
    }
    for (description, image) in descriptions.iter().zip(&images) {
        let path = description.display();
        if arguments.json {
            report::line(json!({
                "image": image.reference(),
                "platform": image.platform(),
                "description": path.to_string(),
            }))?;
        } else {
            report::line(path)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
