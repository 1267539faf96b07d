//! `lock`: writes down which images of registries the project builds on, and the revisions of its inputs.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::common::ProjectArguments;
use super::copy_arguments::CopyArguments;
use super::copy_options::{ArgumentOptions, CopyOptions};
use super::lock_inputs;
use crate::base::lock::{FILE, Lock, Locked, store_name};
use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::links;
use crate::nix::{Nix, Source};
use crate::registry::{Client, Reference, pull};
use crate::remembered::Memory;
use crate::report;
use crate::temporary;

/// Which ones.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Ask also for images and inputs that are written down already
    #[arg(long)]
    update: bool,
    /// What is said as skopeo has it.
    #[command(flatten)]
    arguments: ArgumentOptions,
}

/// Prints one line an image that is new or has changed, and writes the file when there is one. What
/// is written down already is fetched by its digest where the store does not have it, and where its hash
/// turns out to be another's, that is written down anew: the digest is what people decide about.
pub fn run(
    arguments: Arguments,
    before: CopyOptions,
    project: &ProjectArguments,
) -> Result<ExitCode> {
    before.only(&ArgumentOptions::NAMES, "lock")?;
    // Also a password on standard input is read once for all platforms.
    let copying = before.arguments.and(arguments.arguments)?.parse_for_source()?;
    if let Some(argument) = copying.for_skopeo.first() {
        return Err(Failure::new(
            Kind::Usage,
            format!("cannot use copy argument {argument}: images are fetched here"),
        )
        .hint("leave it out"));
    }
    if let Some(directory) = project.place()? {
        let nix = Nix::find(project.verbose, Memory::none())?;
        lock_inputs::lock(&directory, &nix, arguments.update)?;
    }
    for alone in project.for_each_platform() {
        lock(arguments.update, &copying, &alone)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Does so for one platform.
fn lock(update: bool, copying: &CopyArguments, project: &ProjectArguments) -> Result<()> {
    let evaluation = project.evaluation_of_names()?;
    let Source::Project(place) = &evaluation.source else {
        return Err(Failure::new(Kind::Usage, "cannot lock the images of a flake")
            .hint("run it in a checkout of the project"));
    };
    let file = place.directory.join(FILE);
    let before = Lock::read(&file)?;
    let containers = evaluation.containers()?;
    let images: Vec<&str> =
        containers.iter().filter_map(|container| container.from_registry.as_deref()).collect();
    let architecture = architecture(evaluation.system.as_deref())?;

    let mut lock = before.clone();
    lock.keep(&images, architecture);
    for image in images {
        let known = lock.get(image, architecture).filter(|_| !update).cloned();
        if let Some(known) = &known
            && is_in_store(known, &evaluation.nix)?
        {
            continue;
        }
        // Written down on another machine, or collected since: a build would have to fetch it without the
        // credentials that are at hand here. Or somebody else has written down a digest.
        let name = known.as_ref().map(|known| &known.digest);
        let locked = fetch(image, name, architecture, copying, &evaluation.nix).map_err(
            |failure| match name {
                Some(_) if failure.way_out().is_none() => failure
                    .hint("`devenv-container lock --update` asks for what the name stands for now"),
                _ => failure,
            },
        )?;
        let digest = locked.digest.clone();
        let before = lock.set(image, architecture, locked.clone());
        if before.as_ref() != Some(&locked) {
            let same = before.is_some_and(|before| before.digest == digest);
            let more = if same { ", whose hash was another" } else { "" };
            report::line(format_args!("{image} for {architecture} is {digest}{more}"))?;
        }
    }
    if lock != before {
        replace(&file, &lock.write()?)
            .or_fail(Kind::CannotCreate, || format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// Whether the store has the layout of an image. As its name has the digest, hash and digest then belong
/// together: it came from [`fetch`] or from a build, which both see to that.
fn is_in_store(locked: &Locked, nix: &Nix) -> Result<bool> {
    let hash = locked.hash.strip_prefix("sha256:").unwrap_or(&locked.hash);
    let words = ["--print-fixed-path", "--recursive", "sha256", hash, &locked.store_name()];
    let path = nix.store(&words.map(str::to_owned))?;
    // A build that failed may have left something there, which the store does not count as its own.
    let words = ["--check-validity", "--print-invalid", path.trim()];
    Ok(nix.store(&words.map(str::to_owned))?.is_empty())
}

/// What the image is: that of the digest in its own name, or of this digest, or of its tag now. It is added
/// to the store under the path the build looks for, so that it is not fetched again, and images that want
/// credentials need none during the build.
fn fetch(
    image: &str,
    digest: Option<&Digest>,
    architecture: &str,
    arguments: &CopyArguments,
    nix: &Nix,
) -> Result<Locked> {
    let (reference, fixed) = Reference::parse_with_digest(image)?;
    let digest = fixed.as_ref().or(digest);
    let name = digest.map_or_else(|| reference.tag.clone(), Digest::to_string);
    let client = Client::new(reference.clone(), arguments.registry_options(&reference)?)?;
    let folder = temporary::Directory::new_in(&env::temp_dir(), ".devenv-container-")
        .or_fail(Kind::CannotCreate, || "cannot make a temporary directory")?;
    let pulled = folder.path().join("layout");
    let digest = pull::pull(&client, &name, architecture, &pulled)?;
    let layout = folder.path().join(store_name(&digest));
    fs::rename(&pulled, &layout)
        .or_fail(Kind::CannotCreate, || format!("cannot create {}", layout.display()))?;
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let layout = layout.display().to_string();
    let path = nix.store(&words(&["--add-fixed", "--recursive", "sha256", &layout]))?;
    let hash = nix.store(&words(&["--query", "--hash", path.trim()]))?;
    Ok(Locked { digest, hash: hash.trim().to_owned() })
}

/// Writes the file, all of it or nothing. Where it is a link, what it leads to is written.
pub fn replace(file: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let target = links::behind(file)?;
    let directory = target.parent().unwrap_or(Path::new("."));
    let mut temporary = temporary::File::new_in(directory)?;
    temporary.write_all(text.as_bytes())?;
    temporary.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    temporary.persist(&target)
}

/// Go's name of the processor of a system, or of this machine.
fn architecture(system: Option<&str>) -> Result<&'static str> {
    let processor = match system {
        Some(system) => system.split('-').next().unwrap_or_default(),
        None => std::env::consts::ARCH,
    };
    match processor {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        _ => Err(Failure::new(Kind::Usage, format!("there are no images for {processor}"))
            .hint("use --system x86_64-linux or --system aarch64-linux")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_where_its_links_lead() {
        use std::os::unix::fs::symlink;
        let world = tempfile::tempdir().unwrap();
        let at = |name: &str| world.path().join(name);
        fs::create_dir(at("project")).unwrap();
        fs::create_dir(at("shared")).unwrap();
        symlink("../shared/link", at("project/lock")).unwrap();
        symlink("file", at("shared/link")).unwrap();
        // Also where nothing is yet.
        for text in ["1", "2"] {
            replace(&at("project/lock"), text).unwrap();
            assert_eq!(fs::read_to_string(at("shared/file")).unwrap(), text);
        }
        for link in ["project/lock", "shared/link"] {
            assert!(at(link).is_symlink(), "{link}");
        }
        let there = |folder: &str| fs::read_dir(at(folder)).unwrap().count();
        assert_eq!((there("project"), there("shared")), (1, 2), "nothing temporary stays");
        symlink("endless", at("endless")).unwrap();
        assert!(replace(&at("endless"), "").is_err());
        replace(&at("plain"), "3").unwrap();
        assert_eq!(fs::read_to_string(at("plain")).unwrap(), "3");
    }

    #[test]
    fn systems_have_go_s_names() {
        assert_eq!(architecture(Some("aarch64-linux")).unwrap(), "arm64");
        assert_eq!(architecture(Some("x86_64-linux")).unwrap(), "amd64");
        assert!(architecture(Some("riscv64-linux")).is_err());
    }
}
