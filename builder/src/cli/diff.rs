//! `diff`: compares two images.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::common::ProjectArguments;
use crate::error::{Context as _, Kind, Result};
use crate::image::Image;
use crate::report;
use crate::understand::contents::{self, name};
use crate::understand::diff::{self, Change};
use crate::understand::size::human;

/// What to compare.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of a container, or the file `build` printed
    first: String,
    /// Name of a container, or the file `build` printed
    second: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints what the second image has otherwise. Exit code 0 when they are the same, 1 when not.
pub fn run(arguments: &Arguments, project: &ProjectArguments) -> Result<ExitCode> {
    let (_, first) = project.image(&arguments.first)?;
    let (_, second) = project.image(&arguments.second)?;
    let config = |image: &Image| {
        serde_json::to_value(&image.config)
            .or_fail(Kind::Internal, || "cannot read the image's configuration")
    };
    let configuration = diff::configuration(&config(&first)?, &config(&second)?);
    let changes = diff::contents(&contents::of(&first)?, &contents::of(&second)?);
    let growth: i128 = changes.iter().map(Change::growth).sum();
    let same = configuration.is_empty() && changes.is_empty();
    if arguments.json {
        report::line(format_args!(
            "{}",
            json!({"configuration": configuration, "paths": changes})
        ))?;
    } else {
        for line in &configuration {
            report::line(format_args!("{line}"))?;
        }
        for change in &changes {
            report::line(format_args!("{}", as_text(change)))?;
        }
        let said = match growth {
            _ if same => "nothing differs".to_owned(),
            0 => "of the same size".to_owned(),
            ..0 => format!("smaller by {}", magnitude(growth)),
            _ => format!("larger by {}", magnitude(growth)),
        };
        report::line(said)?;
    }
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn as_text(change: &Change) -> String {
    match change {
        Change::Added { path, size } => format!("+ {}  {}", name(path), human(*size)),
        Change::Removed { path, size } => format!("- {}  {}", name(path), human(*size)),
        Change::Rebuilt { to, before, after, .. } => {
            format!("~ {}  {} -> {}", name(to), human(*before), human(*after))
        }
    }
}

fn magnitude(growth: i128) -> String {
    human(u64::try_from(growth.unsigned_abs()).unwrap_or(u64::MAX))
}
