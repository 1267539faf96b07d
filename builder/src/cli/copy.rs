//! `copy`: sends a container's image somewhere.

use std::process::ExitCode;

use clap::Args;

use super::common::{ProjectArguments, is_file};
use super::copy_arguments::CopyArguments;
use crate::cache::Cache;
use crate::docker::{Endpoint, Engine};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::{Image, check};
use crate::nix::{Container, Evaluation};
use crate::registry::{Client, Reference};
use crate::report;
use crate::sink::destination::Destination;
use crate::sink::docker::DockerDaemon;
use crate::sink::docker_archive::DockerArchive;
use crate::sink::oci_archive::OciArchive;
use crate::sink::oci_layout::OciLayout;
use crate::sink::podman::Podman;
use crate::sink::registry::Registry;
use crate::sink::rootfs::RootFs;
use crate::sink::{Published, Sink};

/// The destination that needs no name: the engine's own store.
const DOCKER: &str = "docker-daemon:";

/// What to send where.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of the container, or the file `build` printed
    name: String,
    /// docker-daemon:[NAME[:TAG]], podman:[NAME[:TAG]], docker-archive:FILE[:NAME:TAG],
    /// oci:DIR[:TAG], oci-archive:FILE[:TAG], rootfs:DIR or docker://HOST/NAME[:TAG]
    destination: Option<String>,
}

/// Options of copying that may stand before the verb, too.
#[derive(Clone, Debug, Args)]
pub struct CopyOptions {
    /// Where to copy to, with the image's name and tag added: as in `docker://registry.example.com/me/`
    #[arg(short, long, value_name = "URL", global = true, help_heading = "Options of copy")]
    registry: Option<String>,
    /// Arguments as `skopeo copy` takes them, such as `--dest-creds=USER:PASSWORD`
    #[arg(
        long,
        value_name = "ARGS",
        global = true,
        allow_hyphen_values = true,
        help_heading = "Options of copy"
    )]
    copy_args: Vec<String>,
    /// Read the password of --dest-username from standard input
    #[arg(long, global = true, help_heading = "Options of copy")]
    password_stdin: bool,
}

impl CopyOptions {
    /// The arguments given on the command line, with the password from standard input.
    pub fn arguments(&self) -> Result<CopyArguments> {
        self.with_password(CopyArguments::parse(self.copy_args.iter().map(String::as_str))?)
    }

    fn with_password(&self, mut arguments: CopyArguments) -> Result<CopyArguments> {
        if self.password_stdin {
            arguments.read_password(&mut std::io::stdin().lock())?;
        }
        Ok(arguments)
    }
}

/// Prints the digest the image has where it went.
pub fn run(
    arguments: &Arguments,
    options: &CopyOptions,
    project: &ProjectArguments,
) -> Result<ExitCode> {
    // A wrong destination is told before anything is built.
    let given = arguments.destination.as_deref().map(Destination::parse).transpose()?;
    let asked = given.is_some() || options.registry.is_some() || is_file(&arguments.name);
    let declared = if asked { None } else { declared(&arguments.name, project)? };
    let copy_arguments = match &declared {
        Some((evaluation, container))
            if options.copy_args.is_empty() && !container.copy_arguments.is_empty() =>
        {
            let words = evaluation.copy_arguments(&container.name)?;
            options.with_password(CopyArguments::from_words(words.iter().map(String::as_str))?)?
        }
        _ => options.arguments()?,
    };

    let (_, image) = project.image(&arguments.name)?;
    check::check(&image)?;
    let registry = options
        .registry
        .as_deref()
        .or_else(|| declared.as_ref().and_then(|(_, container)| container.registry.as_deref()))
        .unwrap_or(DOCKER);
    let destination = match given {
        Some(destination) => destination,
        None => in_registry(registry, &image)?,
    };
    let published = put(destination, &image, &copy_arguments)?;
    if let Some(file) = &copy_arguments.digest_file {
        std::fs::write(file, published.digest.to_string())
            .or_fail(Kind::CannotCreate, || format!("cannot write {}", file.display()))?;
    }
    if !copy_arguments.quiet {
        let done = if published.unchanged { "is up to date" } else { "is copied" };
        eprintln!("{} {done}", published.reference);
    }
    report::line(format_args!("{}", published.digest))?;
    Ok(ExitCode::SUCCESS)
}

/// Sends the image to its destination.
fn put(destination: Destination, image: &Image, arguments: &CopyArguments) -> Result<Published> {
    match destination {
        Destination::DockerDaemon(reference) => {
            let engine = Engine::connect(Endpoint::from_environment()?)?;
            DockerDaemon::new(engine, reference).put(image)
        }
        Destination::DockerArchive(file, reference) => {
            DockerArchive::new(file, reference).put(image)
        }
        Destination::OciLayout(directory, tag) => OciLayout::new(directory, tag).put(image),
        Destination::OciArchive(file, tag) => OciArchive::new(file, tag).put(image),
        Destination::Podman(reference) => Podman::new("podman", reference).put(image),
        Destination::RootFs(directory) => RootFs::new(directory).put(image),
        Destination::Registry(reference) => {
            let reference = Reference::parse(&reference)?;
            let options = arguments.registry_options(&reference)?;
            Registry::new(Client::new(reference, options)?, Cache::of_user()).put(image)
        }
    }
}

/// What the project says about copying its container; a container that does not exist is told
/// about when it is built.
fn declared(name: &str, project: &ProjectArguments) -> Result<Option<(Evaluation, Container)>> {
    let (evaluation, name) = project.locate(name)?;
    let found = evaluation.containers()?.into_iter().find(|container| container.name == name);
    Ok(found.map(|container| (evaluation, container)))
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
