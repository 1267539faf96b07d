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
    let settings = |image: &Image| {
        diff::settings(image).or_fail(Kind::Internal, || "cannot read the image's configuration")
    };
    let configuration = diff::configuration(&settings(&first)?, &settings(&second)?);
    let mut changes = diff::contents(&contents::of(&first)?, &contents::of(&second)?);
    changes.extend(diff::repacked(&first, &second));
    let layers = diff::layers(&first, &second, changes.is_empty());
    let growth = i128::from(contents::total(&second)?) - i128::from(contents::total(&first)?);
    let same = configuration.is_empty() && changes.is_empty() && layers.is_empty();
    if arguments.json {
        report::line(format_args!(
            "{}",
            json!({"configuration": configuration, "paths": changes, "layers": layers})
        ))?;
    } else {
        let changes = changes.iter().flat_map(as_text);
        for line in configuration.into_iter().chain(changes).chain(layers) {
            report::line(line)?;
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

fn as_text(change: &Change) -> Vec<String> {
    match change {
        Change::Added { path, size } => vec![format!("+ {}  {}", title(path), human(*size))],
        Change::Removed { path, size } => vec![format!("- {}  {}", title(path), human(*size))],
        Change::Rebuilt { to, before, after, .. } => {
            vec![format!("~ {}  {} -> {}", name(to), human(*before), human(*after))]
        }
        Change::Repacked { path, before, after } => diff::packing(before, after)
            .into_iter()
            .map(|line| format!("= {}  {line}", name(path)))
            .collect(),
    }
}

/// What a part is called: the number of a layer would not say of which image.
fn title(path: &str) -> String {
    if path.starts_with('/') { name(path).to_owned() } else { format!("layer {path} of the base") }
}

fn magnitude(growth: i128) -> String {
    human(u64::try_from(growth.unsigned_abs()).unwrap_or(u64::MAX))
}
