//! `copy`: sends a container's image somewhere.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::common::{ProjectArguments, is_file};
use super::copy_arguments::CopyArguments;
use super::copy_options::CopyOptions;
use super::digest_file;
use super::flags::Flags;
use super::mounting;
use super::skopeo;
use crate::cache::Cache;
use crate::docker::{Engine, context};
use crate::error::{Failure, Kind, Result};
use crate::image::manifest::Format;
use crate::image::{Image, check};
use crate::nix::{Container, Evaluation};
use crate::progress::{self, Style, Watch};
use crate::registry::{Client, Places, Reference, reference};
use crate::report;
use crate::sink::destination::Destination;
use crate::sink::docker::DockerDaemon;
use crate::sink::docker_archive::DockerArchive;
use crate::sink::oci_archive::OciArchive;
use crate::sink::oci_layout::OciLayout;
use crate::sink::podman::Podman;
use crate::sink::registry::Registry;
use crate::sink::rootfs::RootFs;
use crate::sink::{IndexSink as _, Published, Sink as _};

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
    /// How.
    #[command(flatten)]
    pub options: CopyOptions,
    #[command(flatten)]
    flags: Flags,
}

/// Prints the digest the image has where it went.
pub fn run(
    arguments: Arguments,
    before: CopyOptions,
    project: &ProjectArguments,
) -> Result<ExitCode> {
    let mut options = before.and(arguments.options)?;
    options.arguments = options.arguments.with(arguments.flags);
    let (name, destination) = (arguments.name, arguments.destination);
    let result = copy(&name, destination.as_deref(), &options, project);
    if let (Err(failure), true) = (&result, options.json) {
        // Programs read the standard output alone; what cannot be written there is told elsewhere.
        let event = serde_json::json!({ "event": "failed", "why": failure.message() });
        let _ = report::line(event);
    }
    result.map(|()| ExitCode::SUCCESS)
}

fn copy(
    name: &str,
    destination: Option<&str>,
    options: &CopyOptions,
    project: &ProjectArguments,
) -> Result<()> {
    if let (Some(destination), Some(registry)) = (destination, &options.registry) {
        for text in [destination, registry] {
            reference::check_no_credentials(text)?;
        }
        return Err(Failure::new(
            Kind::Usage,
            format!("cannot copy to `{destination}` and to --registry {registry} at once"),
        )
        .hint("give one of them: a destination is all there is to say"));
    }
    // A wrong destination is told before anything is evaluated or built.
    if let Some(registry) = options.registry.as_deref().filter(|registry| *registry != DOCKER) {
        check_registry(registry)?;
    }
    let given = destination.map(Destination::parse).transpose()?;
    let several = project.platforms.several();
    if let Some(destination) = given.as_ref().filter(|_| several) {
        takes_several(destination)?;
    }
    if options.json && given.as_ref().is_some_and(Destination::is_standard_output) {
        return Err(Failure::new(
            Kind::Usage,
            "cannot tell what happens on standard output: the image goes there",
        )
        .hint("leave out --json"));
    }
    // What is declared about a container does not depend on its platform.
    let first = project.for_first_platform();
    let declared = match (&given, &options.registry) {
        (None, None) => declared(name, &first)?,
        // The project's arguments are about registries; a file needs no password.
        (Some(Destination::Registry(_)), _) | (None, Some(_)) if !options.arguments.given() => {
            declared(name, &first)?
        }
        _ => None,
    };
    let mut copy_arguments = options.arguments.parse_or(declared.as_ref())?;
    copy_arguments.quiet |= options.quiet;
    skopeo::check(&copy_arguments, given.as_ref())?;
    copy_arguments.check_platforms(several)?;
    let codec = copy_arguments.codec(&project.compression)?;
    copy_arguments.check_format(match codec {
        Some(codec) => codec,
        None => project.compression.codec()?,
    })?;
    given.iter().try_for_each(|destination| has_format(destination, &copy_arguments))?;
    copy_arguments.digest_file.iter().try_for_each(|file| digest_file::check(file))?;
    let registry = options
        .registry
        .as_deref()
        .or_else(|| declared.as_ref().and_then(|(_, container)| container.registry.as_deref()))
        .unwrap_or(DOCKER);
    if several && given.is_none() && registry == DOCKER {
        takes_several(&Destination::DockerDaemon(None))?;
    }

    if given.is_none() && registry != DOCKER {
        check_registry(registry)?;
    }
    // Of names, which come with the image, nothing that is told here depends.
    let named = given.clone().map_or_else(|| Destination::parse(&format!("{registry}app")), Ok);
    if let Ok(Destination::Registry(named)) = named {
        options.mounting.check(&Reference::parse(&named)?)?;
    }

    let (_, mut images) = project.images(name)?;
    if let Some(codec) = codec {
        images = images.into_iter().map(|image| image.compressed_by(codec)).collect();
    }
    for image in &images {
        check::check(image)?;
        copy_arguments.format.check(image)?;
    }
    let destination = match (given, images.first()) {
        (Some(destination), _) => destination,
        (None, Some(image)) => in_registry(registry, image)?,
        (None, None) => return Err(Failure::new(Kind::Internal, "there is no image to copy")),
    };
    has_format(&destination, &copy_arguments)?;
    let style = match (options.json, copy_arguments.quiet) {
        (true, _) => Style::Json,
        (false, true) => Style::Quiet,
        (false, false) => Style::Human,
    };
    let streamed = destination.is_standard_output();
    let places = match &destination {
        Destination::Registry(text) => {
            let reference = Reference::parse(text)?;
            let mounting = &options.mounting;
            mounting::places(mounting, &reference, &images, name, declared.as_ref(), project)?
        }
        _ => options.mounting.places(),
    };
    let published = if !copy_arguments.for_skopeo.is_empty() {
        skopeo::put(&destination, &images, &copy_arguments)?
    } else {
        let watch = progress::watch(style);
        let result = match images.as_slice() {
            [image] => put(destination, image, &copy_arguments, places, &watch),
            images => put_index(destination, images, &copy_arguments, places, &watch),
        };
        watch.finish();
        result?
    };
    // Who reads the output learns what is published, whatever becomes of the file.
    let written = copy_arguments
        .digest_file
        .as_ref()
        .map_or(Ok(()), |file| digest_file::write(file, &published));
    tell(&published, style, streamed).and(written)
}

/// Tells what has been published.
fn tell(published: &Published, style: Style, streamed: bool) -> Result<()> {
    if style == Style::Json {
        report::line(serde_json::json!({
            "event": "published",
            "reference": published.reference,
            "digest": published.digest.to_string(),
            "unchanged": published.unchanged,
        }))?;
        return Ok(());
    }
    if style == Style::Human {
        let done = if published.unchanged { "is up to date" } else { "is copied" };
        eprintln!("{} {done}", published.reference);
    }
    if streamed {
        if style == Style::Human {
            eprintln!("{}", published.digest);
        }
        return Ok(());
    }
    report::line(format_args!("{}", published.digest))
}

/// Sends the image to its destination.
fn put(
    destination: Destination,
    image: &Image,
    arguments: &CopyArguments,
    places: Places,
    watch: &Arc<dyn Watch>,
) -> Result<Published> {
    let own = Arc::clone(watch);
    match destination {
        Destination::DockerDaemon(reference) => {
            let endpoint = match &arguments.daemon_host {
                Some(host) => context::at(host, arguments.certificates.as_deref())?,
                None => context::endpoint()?,
            };
            DockerDaemon::new(Engine::connect(endpoint)?, reference).watched(own).put(image)
        }
        Destination::DockerArchive(file, reference) => {
            DockerArchive::new(file, reference).watched(own).put(image)
        }
        Destination::OciLayout(directory, tag) => {
            OciLayout::new(directory, tag).watched(own).put(image)
        }
        Destination::OciArchive(file, tag) => OciArchive::new(file, tag).watched(own).put(image),
        Destination::Podman(reference) => Podman::new("podman", reference).watched(own).put(image),
        Destination::RootFs(directory) => RootFs::new(directory).watched(own).put(image),
        Destination::Registry(name) => registry(&name, arguments, places, own)?.put(image),
    }
}

/// Sends several images under one index to their destination.
fn put_index(
    destination: Destination,
    images: &[Image],
    arguments: &CopyArguments,
    places: Places,
    watch: &Arc<dyn Watch>,
) -> Result<Published> {
    takes_several(&destination)?;
    let own = Arc::clone(watch);
    match destination {
        Destination::OciLayout(directory, tag) => {
            OciLayout::new(directory, tag).watched(own).put_index(images)
        }
        Destination::OciArchive(file, tag) => {
            OciArchive::new(file, tag).watched(own).put_index(images)
        }
        Destination::Registry(name) => registry(&name, arguments, places, own)?.put_index(images),
        other => Err(Failure::new(Kind::Internal, format!("{other} takes one image"))),
    }
}

/// Checks that a destination can hold images for several platforms.
fn takes_several(destination: &Destination) -> Result<()> {
    match destination {
        Destination::OciLayout(..) | Destination::OciArchive(..) | Destination::Registry(_) => {
            Ok(())
        }
        Destination::DockerDaemon(_)
        | Destination::DockerArchive(..)
        | Destination::Podman(_)
        | Destination::RootFs(_) => Err(Failure::new(
            Kind::Usage,
            format!("cannot copy to `{destination}`: it holds an image for one platform"),
        )
        .hint("give one --platform, or copy to docker://HOST/NAME, oci:DIR or oci-archive:FILE")),
    }
}

/// Checks that a destination can hold manifests of the format that is asked for. What Docker loads
/// is of its own make in any case.
fn has_format(destination: &Destination, arguments: &CopyArguments) -> Result<()> {
    match (destination, arguments.format) {
        (
            Destination::OciLayout(..) | Destination::OciArchive(..) | Destination::RootFs(_),
            Format::Docker,
        ) => Err(Failure::new(
            Kind::Usage,
            format!("cannot copy to `{destination}` in format v2s2: it holds none of Docker's"),
        )
        .hint("leave out --format v2s2, or copy to docker://HOST/NAME")),
        _ => Ok(()),
    }
}

/// The registry of a name in it.
fn registry(
    name: &str,
    arguments: &CopyArguments,
    places: Places,
    watch: Arc<dyn Watch>,
) -> Result<Registry> {
    let reference = Reference::parse(name)?;
    let client = Client::pushing(reference.clone(), arguments.registry_options(&reference)?)?;
    Ok(Registry::new(client, Cache::of_user(), places, watch).in_format(arguments.format))
}

/// What the project says about copying its container; a container that does not exist is told
/// about when it is built, and a file says nothing.
pub fn declared(name: &str, project: &ProjectArguments) -> Result<Option<(Evaluation, Container)>> {
    if is_file(name) {
        return Ok(None);
    }
    let (evaluation, name) = project.locate(name)?;
    let found = evaluation.containers()?.into_iter().find(|container| container.name == name);
    Ok(found.map(|container| (evaluation, container)))
}

/// Checks the address of a registry as far as that goes without the name that is put after it.
///
/// # Errors
/// [`Kind::Usage`], when it is none, or no name can follow.
fn check_registry(registry: &str) -> Result<()> {
    reference::check_no_credentials(registry)?;
    if runs_together(registry) {
        return Err(without_slash(registry, &format!("{registry}NAME:TAG")));
    }
    let doing = || format!("cannot use `{registry}` as a registry");
    let named = Destination::parse(&format!("{registry}app:latest"));
    named.map(drop).map_err(|failure| failure.context(doing()))
}

fn without_slash(registry: &str, whole: &str) -> Failure {
    Failure::new(
        Kind::Usage,
        format!("cannot use `{registry}` as a registry: with the image's name it is {whole}"),
    )
    .hint(format!("end it with a slash: {registry}/"))
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
    let whole = format!("{registry}{reference}");
    if runs_together(registry) {
        return Err(without_slash(registry, &whole));
    }
    Destination::parse(&whole)
}

/// Whether the address of a registry ends in a host, or in a word that a name put after it would
/// make another word of.
fn runs_together(registry: &str) -> bool {
    registry.strip_prefix("docker://").is_some_and(|place| {
        !place.is_empty() && (!place.contains('/') || !place.ends_with(['/', ':', '-', '_', '.']))
    })
}

#[cfg(test)]
mod tests;
