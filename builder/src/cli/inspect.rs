//! `inspect`: shows what an image is and holds.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::common::ProjectArguments;
use super::copied::{Copied, copied};
use crate::cache::Cache;
use crate::error::Result;
use crate::image::config::Healthcheck;
use crate::image::index::Index;
use crate::image::wire::Wire;
use crate::image::{Image, Source, blob, nix2container};
use crate::report;
use crate::understand::size::human;

/// What to show.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of the container, or the file `build` printed
    name: String,
    /// Print the description as it is, in JSON
    #[arg(long)]
    json: bool,
}

/// Prints the image's identity, its configuration, its layers and the digest of its manifest. Of several for one index, all of
/// them, after the index as it would be pushed; as JSON one after the other.
pub fn run(arguments: &Arguments, project: &ProjectArguments) -> Result<ExitCode> {
    if arguments.json {
        for image in &project.images(&arguments.name)?.1 {
            report::line(nix2container::write(image)?)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let Copied { files, images, format } = copied(&arguments.name, None, project)?;
    if images.len() > 1 {
        let index = Index::of(&images, &Cache::of_user(), format)?;
        report::line(format_args!("index         {}", index.digest()))?;
        for wire in &index.images {
            let platform = wire.descriptor.platform.as_ref();
            let platform = platform.map(|one| format!("{}/{}", one.os, one.architecture));
            let platform = platform.unwrap_or_default();
            report::line(format_args!("manifest      {}  {platform}", wire.digest()))?;
        }
    }
    for (file, image) in files.iter().zip(&images) {
        if images.len() > 1 {
            report::line("")?;
        }
        show(file, image)?;
    }
    // Last, since all layers must have been compressed once for it, and the rest is there at once.
    if let [image] = images.as_slice() {
        let digest = Wire::new(image, &Cache::of_user(), format)?.digest().clone();
        report::line(format_args!("manifest      {digest}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(file: &Path, image: &Image) -> Result<()> {
    let (id, _) = blob::config(image)?;
    report::line(format_args!(
        "image         {}",
        image.reference().unwrap_or_else(|| "without a name".to_owned())
    ))?;
    report::line(format_args!("description   {}", file.display()))?;
    report::line(format_args!("id            {id}"))?;
    for (name, value) in fields(image) {
        report::line(format_args!("{name:<13} {}", report::visible(&value)))?;
    }
    let sizes = image.layers.iter().map(blob::tar_size).collect::<Result<Vec<u64>>>()?;
    let total = human(sizes.iter().sum());
    report::line(format_args!("size          {total} in {} layers", sizes.len()))?;
    for (layer, size) in image.layers.iter().zip(sizes) {
        let what = match &layer.source {
            Source::Paths(paths) => format!("{} store paths", paths.len()),
            Source::File(file) => file.display().to_string(),
        };
        report::line(format_args!("layer         {}  {:>10}  {what}", layer.diff_id, human(size)))?;
    }
    Ok(())
}

/// A health check as its words and times; what it leaves to the engine is left out.
fn health(check: &Healthcheck) -> String {
    let words = check.test.iter().map(|word| format!("{word:?}"));
    let time = |name: &str, nanoseconds: i64| {
        let nanoseconds = u64::try_from(nanoseconds).ok().filter(|time| *time > 0)?;
        Some(format!("{name} {} s", Duration::from_nanos(nanoseconds).as_secs_f64()))
    };
    let retries = (check.retries > 0).then(|| format!("retries {}", check.retries));
    let times = [
        time("interval", check.interval),
        time("timeout", check.timeout),
        time("start period", check.start_period),
        retries,
    ];
    words.chain(times.into_iter().flatten()).collect::<Vec<_>>().join(" ")
}

/// The configuration as names and values, what is not set left out.
fn fields(image: &Image) -> Vec<(&'static str, String)> {
    let config = &image.config;
    let words = |words: &[String]| {
        words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" ")
    };
    let keys =
        |keys: Vec<&String>| keys.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let mut fields = vec![
        ("platform", format!("linux/{}", image.architecture)),
        ("created", image.created.clone().unwrap_or_default()),
        ("user", config.user.clone()),
        ("directory", config.working_dir.clone()),
        ("entrypoint", words(&config.entrypoint)),
        ("command", words(&config.cmd)),
        ("ports", keys(config.exposed_ports.keys().collect())),
        ("volumes", keys(config.volumes.keys().collect())),
        ("stop signal", config.stop_signal.clone()),
        ("health check", config.healthcheck.as_ref().map(health).unwrap_or_default()),
    ];
    fields.extend(config.labels.iter().map(|(name, value)| ("label", format!("{name}={value}"))));
    fields.extend(image.annotations.iter().map(|(k, v)| ("annotation", format!("{k}={v}"))));
    fields.extend(config.env.iter().map(|variable| ("variable", variable.clone())));
    fields.retain(|(_, value)| !value.is_empty());
    fields
}
