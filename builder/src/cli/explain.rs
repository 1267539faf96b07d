//! `explain`: tells what takes the space in an image and why it is there.

use std::fs;
use std::process::ExitCode;

use clap::Args;
use devenv_init::spec;
use serde_json::json;

use super::common::ProjectArguments;
use crate::error::{Failure, Kind, Result};
use crate::image::Image;
use crate::nix;
use crate::report;
use crate::understand::contents::{self, Item, mentioned, name};
use crate::understand::explain::{Explained, Root, explain};
use crate::understand::size::human;

/// What to explain.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of the container, or the file `build` printed
    name: String,
    /// Only what has this in its name
    part: Option<String>,
    /// Show at most this many paths
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 20)]
    limit: usize,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Fail when the image is larger, as in 200M
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_size: Option<u64>,
}

/// Prints the paths that would save most, each with the chain of references that leads to it.
pub fn run(arguments: &Arguments, project: &ProjectArguments) -> Result<ExitCode> {
    let (_, image) = project.image(&arguments.name)?;
    let items = contents::of(&image)?;
    let paths: Vec<String> = items.iter().map(|item| item.path.clone()).collect();
    let explained = explain(&items, &nix::references(&paths)?, &roots(&image, &items));
    let total: u64 = image.layers.iter().map(|layer| layer.size).sum();

    let wanted = |one: &&Explained| {
        arguments.part.as_ref().is_none_or(|part| name(&one.item.path).contains(part.as_str()))
    };
    let shown: Vec<&Explained> = explained.iter().filter(wanted).take(arguments.limit).collect();
    for one in &shown {
        report::line(format_args!("{}", if arguments.json { as_json(one) } else { as_text(one) }))?;
    }
    if !arguments.json {
        report::line(format_args!("{} in {} store paths", human(total), items.len()))?;
    }
    match arguments.max_size {
        Some(limit) if total > limit => {
            let culprits: Vec<String> = explained
                .iter()
                .take(3)
                .map(|one| format!("{} ({})", name(&one.item.path), human(one.exclusive)))
                .collect();
            Err(Failure::new(
                Kind::Data,
                format!("the image takes {}, more than {}", human(total), human(limit)),
            )
            .hint(format!("the largest: {}", culprits.join(", "))))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn as_text(one: &Explained) -> String {
    let chain: Vec<&str> = one.chain.iter().map(|path| name(path)).collect();
    let root = one.root.as_deref().unwrap_or("nothing that is known");
    format!(
        "{:>10}  {:>10} with what only it needs  {}\n{:>12}{root} -> {}",
        human(one.item.size),
        human(one.exclusive),
        name(&one.item.path),
        "",
        chain.join(" -> ")
    )
}

fn as_json(one: &Explained) -> String {
    json!({
        "path": one.item.path,
        "size": one.item.size,
        "exclusive": one.exclusive,
        "root": one.root,
        "chain": one.chain,
    })
    .to_string()
}

/// What the image needs by itself, the most telling first: processes before variables before the
/// rest of the configuration.
fn roots(image: &Image, items: &[Item]) -> Vec<Root> {
    let mut roots = Vec::new();
    let mut add = |what: &str, text: &str| {
        for path in mentioned(text, items.iter().map(|item| item.path.as_str())) {
            roots.push(Root { what: what.to_owned(), path: path.to_owned() });
        }
    };
    let config = &image.config;
    let spec = config
        .entrypoint
        .iter()
        .skip_while(|word| *word != "--spec")
        .nth(1)
        .and_then(|file| spec::read(&fs::read_to_string(file).ok()?).ok());
    if let Some(spec) = &spec {
        for process in &spec.processes {
            let what = format!("process {}", process.name);
            add(&what, &process.command.join(" "));
            for value in process.environment.values() {
                add(&what, value);
            }
        }
        if let Some(shell) = &spec.shell {
            add("the shell", &shell.command.join(" "));
        }
        for (variable, value) in &spec.environment {
            add(&format!("variable {variable}"), value);
        }
    }
    for variable in &config.env {
        if let Some((variable, value)) = variable.split_once('=') {
            add(&format!("variable {variable}"), value);
        }
    }
    add("the command", &config.cmd.join(" "));
    add("the entry point", &config.entrypoint.join(" "));
    for item in items.iter().filter(|item| item.placed) {
        add("files of the image", &item.path);
    }
    roots
}

/// Reads `200M`, `1.5G` or a number of bytes; units are binary.
fn parse_size(text: &str) -> std::result::Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "b" => 1_u64,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return Err("use B, K, M or G".to_owned()),
    };
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok((number * unit as f64) as u64),
        _ => Err("not a number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("5", 5), ("2K", 2048), ("1.5m", 1_572_864), ("1GiB", 1 << 30)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "x", "5T", "-1"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
