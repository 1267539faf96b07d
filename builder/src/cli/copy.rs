//! `copy`: sends a container's image somewhere.

use std::process::ExitCode;

use clap::Args;

use super::common::{ProjectArguments, is_file};
use crate::docker::{Endpoint, Engine};
use crate::error::{Failure, Kind, Result};
use crate::image::Image;
use crate::sink::destination::Destination;
use crate::sink::docker::DockerDaemon;
use crate::sink::docker_archive::DockerArchive;
use crate::sink::oci_layout::OciLayout;
use crate::sink::{Published, Sink};

/// The destination that needs no name: the engine's own store.
const DOCKER: &str = "docker-daemon:";

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
}

/// Prints the digest the image has where it went.
pub fn run(arguments: &Arguments, project: &ProjectArguments) -> Result<ExitCode> {
    // A wrong destination is told before anything is built.
    let given = arguments.destination.as_deref().map(Destination::parse).transpose()?;
    let (_, image) = project.image(&arguments.name)?;
    let destination = match (given, &arguments.registry) {
        (Some(destination), _) => destination,
        (None, Some(registry)) => in_registry(registry, &image)?,
        (None, None) => in_registry(&declared_registry(&arguments.name, project)?, &image)?,
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

/// Where the project says its container goes; to the Docker Engine when it says nothing.
fn declared_registry(name: &str, project: &ProjectArguments) -> Result<String> {
    let declared = if is_file(name) {
        None
    } else {
        let containers = project.evaluation()?.containers()?;
        containers.into_iter().find(|one| one.name == name).and_then(|one| one.registry)
    };
    Ok(declared.unwrap_or_else(|| DOCKER.to_owned()))
}

/// The registry's address with the image's name and tag, simply put after it: the address says
/// itself whether a slash or a colon comes between.
fn in_registry(registry: &str, image: &Image) -> Result<Destination> {
    if registry == DOCKER {
        return Ok(Destination::DockerDaemon(None));
    }
    let reference = image.reference().ok_or_else(|| {
        Failure::new(Kind::Usage, "the image has no name of its own")
            .hint("give the whole destination instead of --registry")
    })?;
    Destination::parse(&format!("{registry}{reference}"))
}
