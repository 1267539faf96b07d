//! `copy`: sends a container's image somewhere.

use std::process::ExitCode;

use clap::Args;

use super::common::ProjectArguments;
use crate::docker::{Endpoint, Engine};
use crate::error::{Failure, Kind, Result};
use crate::image::Image;
use crate::sink::destination::Destination;
use crate::sink::docker::DockerDaemon;
use crate::sink::docker_archive::DockerArchive;
use crate::sink::oci_layout::OciLayout;
use crate::sink::{Published, Sink};

/// What to send where.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of the container, or the file `build` printed
    name: String,
    /// docker-daemon:[NAME[:TAG]], docker-archive:FILE[:NAME:TAG] or oci:DIR[:TAG]
    destination: Option<String>,
    /// Where to send it, with the image's name and tag added: as in `docker://ghcr.io/me/`
    #[arg(short, long, value_name = "URL", conflicts_with = "destination")]
    registry: Option<String>,
    #[command(flatten)]
    project: ProjectArguments,
}

/// Prints the digest the image has where it went.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (_, image) = arguments.project.image(&arguments.name)?;
    let destination = match (&arguments.destination, &arguments.registry) {
        (Some(destination), _) => Destination::parse(destination)?,
        (None, Some(registry)) => Destination::parse(&in_registry(registry, &image)?)?,
        (None, None) => Destination::DockerDaemon(None),
    };
    let published = put(destination, &image)?;
    if published.unchanged {
        eprintln!("{} is up to date", published.reference);
    } else {
        eprintln!("copied to {}", published.reference);
    }
    println!("{}", published.digest);
    Ok(ExitCode::SUCCESS)
}

/// Sends the image to its destination.
pub fn put(destination: Destination, image: &Image) -> Result<Published> {
    match destination {
        Destination::DockerDaemon(reference) => {
            let engine = Engine::connect(Endpoint::from_environment()?)?;
            DockerDaemon::new(engine, reference).put(image)
        }
        Destination::DockerArchive(file, reference) => {
            DockerArchive::new(file, reference).put(image)
        }
        Destination::OciLayout(directory, tag) => OciLayout::new(directory, tag).put(image),
        Destination::Registry(reference) => Err(Failure::new(
            Kind::Usage,
            format!("cannot push to docker://{reference}: this version has no registry client"),
        )
        .hint("copy to oci:DIR and push that with skopeo")),
    }
}

/// The registry's address with the image's name and tag, simply put after it: the address says
/// itself whether a slash or a colon comes between.
fn in_registry(registry: &str, image: &Image) -> Result<String> {
    let reference = image.reference().ok_or_else(|| {
        Failure::new(Kind::Usage, "the image has no name of its own")
            .hint("give the whole destination instead of --registry")
    })?;
    Ok(format!("{registry}{reference}"))
}
