//! `plan`: tells what a push would send, and changes nothing.

use std::process::ExitCode;

use clap::Args;

use super::common::ProjectArguments;
use super::copy::CopyOptions;
use crate::cache::Cache;
use crate::error::{Failure, Kind, Result};
use crate::image::wire::Wire;
use crate::registry::{Client, Reference};
use crate::report;
use crate::sink::destination::Destination;
use crate::sink::registry::Registry;
use crate::understand::size::human;

/// What would go where.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of the container, or the file `build` printed
    name: String,
    /// Where it would go: docker://HOST/NAME[:TAG]
    #[arg(long, value_name = "REF")]
    to: String,
}

/// Prints one line a blob and the sum of what would be sent.
pub fn run(
    arguments: &Arguments,
    options: &CopyOptions,
    project: &ProjectArguments,
) -> Result<ExitCode> {
    let Destination::Registry(reference) = Destination::parse(&arguments.to)? else {
        return Err(Failure::new(Kind::Usage, format!("cannot plan a copy to {}", arguments.to))
            .hint("only registries can tell beforehand: --to docker://HOST/NAME:TAG"));
    };
    let reference = Reference::parse(&reference)?;
    let (_, image) = project.image(&arguments.name)?;
    let cache = Cache::of_user();
    let wire = Wire::new(&image, &cache)?;
    let client =
        Client::new(reference.clone(), options.arguments()?.registry_options(&reference)?)?;
    let registry = Registry::new(client, cache);

    if registry.has(&wire)? {
        report::line(format_args!("{reference} is {} already: nothing to send", wire.digest()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut total = 0;
    let blobs = wire.layers.iter().map(|layer| ("layer", layer));
    for (what, blob) in blobs.chain([("config", &wire.config_descriptor)]) {
        let there = registry.has_blob(&blob.digest)?;
        if !there {
            total += blob.size;
        }
        let fate = if there { "is there" } else { "to send" };
        let size = human(blob.size);
        report::line(format_args!("{what:<7} {}  {size:>10}  {fate}", blob.digest))?;
    }
    report::line(format_args!("{reference} would become {}", wire.digest()))?;
    report::line(format_args!("{} to send", human(total)))?;
    Ok(ExitCode::SUCCESS)
}
