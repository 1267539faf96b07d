//! `explain`: tells what takes the space in an image and why it is there.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::common::ProjectArguments;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::Image;
use crate::nix;
use crate::report;
use crate::understand::contents::{self, Item, What};
use crate::understand::explain::{Explained, Explanation, explain};
use crate::understand::outline::{About, Line, Outline};
use crate::understand::parts::Part;
use crate::understand::size::{self, human};
use crate::understand::{page, reasons, text};

/// What to explain.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of the container, or the file `build` printed
    name: String,
    /// Only what has this in its name, with what leads to it and what it brings; or a reason, as in
    /// `process web`
    part: Option<String>,
    /// Show at most this many paths, folders and files
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 20)]
    limit: usize,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Write a page with a map of the image, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// What the image may take.
    #[command(flatten)]
    budget: Budget,
}

/// What an image may take.
#[derive(Debug, Args)]
pub struct Budget {
    /// Fail when the image is larger, and name what takes the most
    #[arg(
        long,
        value_name = "SIZE",
        value_parser = size::parse,
        help = format!("Fail when the image is larger, as in 200M, and name what takes the most: {}", size::UNITS)
    )]
    max_size: Option<u64>,
}

/// Prints the image as a tree: reasons, the store paths that would go with each, and what these bring.
pub fn run(arguments: &Arguments, project: &ProjectArguments) -> Result<ExitCode> {
    let (_, image) = project.image(&arguments.name)?;
    let explanation = of(&image)?;
    let total = contents::total(&image)?;
    let count = contents::count(explanation.paths.iter().map(|one| &one.item));

    if let Some(file) = &arguments.html {
        let title = image.reference().unwrap_or_else(|| arguments.name.clone());
        fs::write(file, page::page(&title, total, &explanation))
            .or_fail(Kind::CannotCreate, || format!("cannot write {}", file.display()))?;
        eprintln!("{} is written", file.display());
    }
    if arguments.json {
        let wanted = |one: &&Explained| {
            arguments.part.as_ref().is_none_or(|part| is_wanted(&explanation, one, part))
        };
        let shown: Vec<&Explained> =
            explanation.paths.iter().filter(wanted).take(arguments.limit).collect();
        if let (Some(part), []) = (&arguments.part, shown.as_slice()) {
            return Err(nothing(arguments, part, &explanation));
        }
        for one in shown {
            report::line(as_json(&explanation, one))?;
        }
    } else {
        show(arguments, &explanation)?;
        report::line(format_args!("{} in {count}", human(total)))?;
    }
    arguments.budget.check(&image, || Ok(explanation))?;
    Ok(ExitCode::SUCCESS)
}

/// Everything in the image, with the reason it is there.
pub fn of(image: &Image) -> Result<Explanation> {
    let items = contents::of(image)?;
    let paths: Vec<String> =
        items.iter().filter(|item| !item.is_of_base()).map(|item| item.path.clone()).collect();
    let mut references = nix::references(&paths)?;
    let roots = reasons::of(image, &items, &mut references);
    Ok(explain(items, &references, &roots))
}

impl Budget {
    /// Holds the image to its size. It is explained only when it is larger.
    ///
    /// # Errors
    /// [`Kind::Data`] when it is, naming what would save most.
    pub fn check(
        &self,
        image: &Image,
        explanation: impl FnOnce() -> Result<Explanation>,
    ) -> Result<()> {
        let total = contents::total(image)?;
        let Some(limit) = self.max_size.filter(|limit| total > *limit) else { return Ok(()) };
        let explanation = explanation()?;
        let culprits: Vec<String> = explanation.culprits(3).into_iter().map(culprit).collect();
        Err(Failure::new(
            Kind::Data,
            format!("the image takes {}, more than {}", human(total), human(limit)),
        )
        .hint(format!("the largest: {}", culprits.join(", "))))
    }
}

/// A part as one that takes the most: of a folder that is copied with the option that says so, and with the
/// one thing in it that makes up nine tenths.
fn culprit(one: &Explained) -> String {
    let mut inside: Vec<&str> = Vec::new();
    let mut size = one.exclusive;
    let mut label = one.item.label();
    if one.item.is_placed() {
        let mut parts = one.item.parts.as_slice();
        while let Some(part) = parts.first()
            && part.size.saturating_mul(10) >= size.saturating_mul(9)
        {
            (size, parts) = (part.size, &part.parts);
            inside.push(&part.name);
        }
        if let Some(option) = one.root.as_ref().filter(|root| root.ends_with("copyToRoot")) {
            label = format!("{label} by {option}");
        }
    }
    match inside.as_slice() {
        [] => format!("{label} ({})", human(size)),
        inside => format!("{} in {label} ({})", inside.join("/"), human(size)),
    }
}

/// Prints the tree.
fn show(arguments: &Arguments, explanation: &Explanation) -> Result<()> {
    // Packages are opened when they are asked for, what was copied always.
    let opened = |item: &Item| {
        item.is_placed()
            || arguments.part.as_ref().is_some_and(|part| item.label().contains(part.as_str()))
    };
    let outline = Outline::new(explanation, &opened);
    let lines = |is: &dyn Fn(&Line) -> bool| -> Vec<usize> {
        outline.lines.iter().enumerate().filter(|(_, line)| is(line)).map(|(at, _)| at).collect()
    };
    let path = |line: &Line| match line.about {
        About::Path(at) => explanation.paths.get(at),
        About::Reasons(_) | About::Inside => None,
    };
    let part = arguments.part.as_deref();
    let named = part.map(|part| {
        lines(&|line| match line.about {
            About::Reasons(_) => false,
            About::Path(_) => path(line).is_some_and(|one| one.item.label().contains(part)),
            About::Inside => line.label.contains(part),
        })
    });
    let kept = part.map(|part| {
        lines(&|line| path(line).is_some_and(|one| explanation.keepers(one).contains(&part)))
    });
    let named = named.unwrap_or_default();
    let wanted = kept.map(|kept| [named.as_slice(), kept.as_slice()].concat());
    if let (Some(part), Some([])) = (part, wanted.as_deref()) {
        return Err(nothing(arguments, part, explanation));
    }
    let chosen = outline.chosen(arguments.limit, wanted.as_deref());
    for line in text::tree(explanation, &outline, &chosen, &named) {
        report::line(line)?;
    }
    match text::rest(&outline, &chosen) {
        Some(line) if wanted.is_none() => report::line(line),
        _ => Ok(()),
    }
}

/// Whether a part is asked for: by its name, by that of something in it, or by a reason that keeps it.
fn is_wanted(explanation: &Explanation, one: &Explained, part: &str) -> bool {
    fn holds(parts: &[Part], name: &str) -> bool {
        parts.iter().any(|part| part.name.contains(name) || holds(&part.parts, name))
    }
    one.item.label().contains(part)
        || (one.item.is_placed() && holds(&one.item.parts, part))
        || explanation.keepers(one).contains(&part)
}

/// That there is nothing of a name.
fn nothing(arguments: &Arguments, part: &str, explanation: &Explanation) -> Failure {
    let name = &arguments.name;
    let largest: Vec<String> =
        explanation.culprits(3).into_iter().map(|one| one.item.label()).collect();
    Failure::new(Kind::NoInput, format!("nothing in {name} has `{part}` in its name")).hint(
        format!(
            "`devenv-container explain {name} -n 1000` shows all there is; the largest: {}",
            largest.join(", ")
        ),
    )
}

fn as_json(explanation: &Explanation, one: &Explained) -> String {
    let place = match &one.item.what {
        What::Placed(place) => Some(place),
        What::Stored | What::Layer { .. } => None,
    };
    json!({
        "path": one.item.path,
        "size": one.item.size,
        "exclusive": one.exclusive,
        "root": one.root,
        "chain": one.chain,
        "kept_by": explanation.keepers(one),
        "place": place,
        "parts": one.item.parts,
    })
    .to_string()
}
