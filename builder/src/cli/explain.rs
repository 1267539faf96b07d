//! `explain`: tells what takes the space in an image and why it is there.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use devenv_init::spec;
use serde_json::json;

use super::common::ProjectArguments;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::Image;
use crate::nix;
use crate::report;
use crate::understand::contents::{self, Item, What, mentioned, name};
use crate::understand::explain::{Explained, Root, culprits, explain};
use crate::understand::size::{self, human};
use crate::understand::treemap;

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
    /// Write a page with a map of the image, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Fail when the image is larger, as in 200M
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    max_size: Option<u64>,
}

/// Prints the paths that would save most, each with the chain of references that leads to it.
pub fn run(arguments: &Arguments, project: &ProjectArguments) -> Result<ExitCode> {
    let (_, image) = project.image(&arguments.name)?;
    let explained = of(&image)?;
    let total = contents::total(&image)?;
    let count = contents::count(explained.iter().map(|one| &one.item));

    if let Some(file) = &arguments.html {
        let title = image.reference().unwrap_or_else(|| arguments.name.clone());
        fs::write(file, treemap::page(&title, total, &explained))
            .or_fail(Kind::CannotCreate, || format!("cannot write {}", file.display()))?;
        eprintln!("{} is written", file.display());
    }
    let wanted = |one: &&Explained| {
        arguments.part.as_ref().is_none_or(|part| one.item.label().contains(part.as_str()))
    };
    let shown: Vec<&Explained> = explained.iter().filter(wanted).take(arguments.limit).collect();
    for one in &shown {
        report::line(format_args!("{}", if arguments.json { as_json(one) } else { as_text(one) }))?;
    }
    if !arguments.json {
        report::line(format_args!("{} in {count}", human(total)))?;
    }
    if let Some(limit) = arguments.max_size {
        check_size(&image, &explained, limit)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Everything in the image, with the reason it is there.
pub fn of(image: &Image) -> Result<Vec<Explained>> {
    let items = contents::of(image)?;
    let paths: Vec<String> =
        items.iter().filter(|item| !item.is_of_base()).map(|item| item.path.clone()).collect();
    let mut references = nix::references(&paths)?;
    // The spec mentions everything, and what in it does is a root of its own.
    if let Some(file) = spec_of(image) {
        references.remove(file);
    }
    Ok(explain(&items, &references, &roots(image, &items)))
}

/// Holds the image to a size in bytes.
///
/// # Errors
/// [`Kind::Data`] when it is larger, naming what would save most.
pub fn check_size(image: &Image, explained: &[Explained], limit: u64) -> Result<()> {
    let total = contents::total(image)?;
    if total <= limit {
        return Ok(());
    }
    let culprits: Vec<String> = culprits(explained, 3)
        .into_iter()
        .map(|one| format!("{} ({})", one.item.label(), human(one.exclusive)))
        .collect();
    Err(Failure::new(
        Kind::Data,
        format!("the image takes {}, more than {}", human(total), human(limit)),
    )
    .hint(format!("the largest: {}", culprits.join(", "))))
}

/// The spec that PID 1 is given.
fn spec_of(image: &Image) -> Option<&str> {
    let mut words = image.config.entrypoint.iter().skip_while(|word| *word != "--spec");
    words.nth(1).map(String::as_str)
}

fn as_text(one: &Explained) -> String {
    let chain: Vec<&str> = one.chain.iter().map(|path| name(path)).collect();
    let root = one.root.as_deref().unwrap_or("nothing that is known");
    let others: Vec<&str> =
        one.kept_by.iter().map(String::as_str).filter(|keeper| *keeper != root).collect();
    let others = match others.as_slice() {
        [] => String::new(),
        others => format!("\n{:>12}also kept by {}", "", others.join(", ")),
    };
    format!(
        "{:>10}  {:>10} with what only it needs  {}\n{:>12}{root} -> {}{others}",
        human(one.item.size),
        human(one.exclusive),
        one.item.label(),
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
        "kept_by": one.kept_by,
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
    let spec = spec_of(image).and_then(|file| spec::read(&fs::read_to_string(file).ok()?).ok());
    if let Some(spec) = &spec {
        for process in &spec.processes {
            let what = format!("process {}", process.name);
            // Commands of probes and of the stop, sockets and whatever else it has.
            add(&what, &serde_json::to_string(process).unwrap_or_default());
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
    for item in items {
        match item.what {
            What::Placed => add("files of the image", &item.path),
            What::Layer(_) => add("the base", &item.path),
            What::Stored => {}
        }
    }
    roots
}
