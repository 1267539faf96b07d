//! `list`: shows the project's containers.

use std::process::ExitCode;

use clap::Args;

use super::common::ProjectArguments;
use crate::error::{Context as _, Kind, Result};
use crate::report;

/// How to show them.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints one container a line: its name, and the name and tag of its image.
pub fn run(arguments: &Arguments, project: &ProjectArguments) -> Result<ExitCode> {
    let containers = project.for_first_platform().evaluation_of_names()?.containers()?;
    if arguments.json {
        let json = serde_json::to_string_pretty(&containers)
            .or_fail(Kind::Internal, || "cannot write the list")?;
        report::line(format_args!("{json}"))?;
    } else {
        let width = containers.iter().map(|container| container.name.len()).max().unwrap_or(0);
        for container in &containers {
            report::line(format_args!(
                "{:width$}  {}:{}",
                container.name, container.image, container.version
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
