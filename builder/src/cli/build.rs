//! `build`: builds a container's image and prints the path of its description.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::common::ProjectArguments;
use super::explain::{self, Budget};
use crate::error::Result;
use crate::report;

/// What to build.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of the container
    name: String,
    /// What the image may take.
    #[command(flatten)]
    budget: Budget,
    /// Print JSON, one object a platform
    #[arg(long)]
    json: bool,
}

/// Prints one line a platform, the path in the store.
pub fn run(arguments: &Arguments, project: &ProjectArguments) -> Result<ExitCode> {
    let (descriptions, images) = project.images(&arguments.name)?;
    for image in &images {
        arguments.budget.check(image, || explain::of(image))?;
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
