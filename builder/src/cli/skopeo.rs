//! What only skopeo can do is left to it: signing, encryption, other manifest formats.

use std::env;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::copy_arguments::CopyArguments;
use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::Image;
use crate::registry::{Client, Credentials, Reference};
use crate::sink::destination::Destination;
use crate::sink::docker_archive;
use crate::sink::oci_layout::OciLayout;
use crate::sink::{IndexSink as _, Published, Sink as _};
use crate::temporary;

/// Whether somebody is there for what only skopeo can do, where it can do it.
///
/// # Errors
/// When nobody is, naming the first argument that is not understood here.
pub fn check(arguments: &CopyArguments, destination: Option<&Destination>) -> Result<()> {
    let Some(first) = arguments.for_skopeo.first() else { return Ok(()) };
    match destination {
        Some(destination @ (Destination::Podman(_) | Destination::RootFs(_))) => Err(Failure::new(
            Kind::Usage,
            format!("cannot use copy argument {first}: skopeo cannot copy to `{destination}`"),
        )
        .hint("leave it out; only skopeo can do what it asks for")),
        _ if find().is_none() => Err(Failure::new(
            Kind::Usage,
            format!("cannot use copy argument {first}: there is no skopeo in PATH"),
        )
        .hint("install skopeo, which the copy is left to then, or leave it out")),
        _ => Ok(()),
    }
}

/// The destination with a name where it has none: the layout skopeo reads has only a tag of ours.
fn named(destination: &Destination, image: &Image) -> Result<Destination> {
    let reference = |given: &Option<String>| docker_archive::reference(given.as_deref(), image);
    let tag = || Some(image.tag.clone().unwrap_or_else(|| "latest".to_owned()));
    Ok(match destination.clone() {
        Destination::DockerDaemon(name) => Destination::DockerDaemon(Some(reference(&name)?)),
        Destination::DockerArchive(file, name) => {
            Destination::DockerArchive(file, Some(reference(&name)?))
        }
        Destination::OciLayout(directory, None) => Destination::OciLayout(directory, tag()),
        Destination::OciArchive(file, None) => Destination::OciArchive(file, tag()),
        other => other,
    })
}

/// Copies with skopeo, from a layout of ours. Credentials go through a file that only this user
/// may read: arguments are there for everybody to see.
///
/// # Errors
/// When skopeo fails, which says itself why.
pub fn put(
    destination: &Destination,
    images: &[Image],
    arguments: &CopyArguments,
) -> Result<Published> {
    let doing = || "cannot copy with skopeo";
    check(arguments, Some(destination))?;
    let named = match images.first() {
        Some(image) => named(destination, image)?,
        None => destination.clone(),
    };
    let destination = &named;
    let program =
        find().ok_or_else(|| Failure::new(Kind::Unavailable, "cannot find skopeo in PATH"))?;
    let directory = temporary::Directory::new_in(&env::temp_dir(), ".devenv-container-")
        .or_fail(Kind::CannotCreate, doing)?;
    let layout = directory.path().join("layout");
    let sink = OciLayout::new(layout.clone(), Some("image".to_owned()));
    let several = match images {
        [image] => sink.put(image).map(|_| false)?,
        images => sink.put_index(images).map(|_| true)?,
    };
    let digest_file = directory.path().join("digest");

    let mut command = Command::new(program);
    command.args(["--insecure-policy", "copy"]);
    let secrets = match registry(destination, arguments)? {
        Some((reference, credentials)) => {
            let secrets = temporary::Directory::new_in(&for_secrets(), ".devenv-container-")
                .or_fail(Kind::CannotCreate, doing)?;
            let authfile = secrets.path().join("auth.json");
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&authfile)
                .or_fail(Kind::CannotCreate, doing)?;
            let content = login(&reference, &credentials)?;
            file.write_all(content.as_bytes()).or_fail(Kind::Io, doing)?;
            command.arg("--dest-authfile").arg(authfile);
            Some(secrets)
        }
        None => None,
    };
    command.args(&arguments.also_for_skopeo).args(&arguments.for_skopeo);
    if is_in_clear_text(destination, arguments)? {
        command.arg("--dest-tls-verify=false");
    }
    if several {
        command.arg("--all");
    }
    command.arg("--digestfile").arg(&digest_file);
    command.arg(format!("oci:{}:image", layout.display())).arg(destination.to_string());
    // What it says is talk; standard output is for the digest, or for the image itself.
    let streamed = destination.is_standard_output();
    if arguments.quiet || streamed {
        command.arg("--quiet");
    }
    let stdout = if streamed { Stdio::inherit() } else { Stdio::from(std::io::stderr()) };
    let status =
        command.stdin(Stdio::null()).stdout(stdout).status().or_fail(Kind::System, doing)?;
    drop(secrets);
    if !status.success() {
        return Err(Failure::new(Kind::Protocol, format!("{}: {status}", doing()))
            .hint("what skopeo said is above"));
    }
    let digest = fs::read_to_string(&digest_file).or_fail(Kind::Protocol, doing)?;
    let digest = Digest::parse(digest.trim()).map_err(|failure| failure.context(doing()))?;
    Ok(Published { reference: destination.to_string(), digest, unchanged: false })
}

/// Where a password may lie for a while: in memory and for this user alone where there is such a
/// place.
fn for_secrets() -> PathBuf {
    env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|place| place.is_absolute() && place.is_dir())
        .unwrap_or_else(env::temp_dir)
}

/// The program, where it is installed.
pub fn find() -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|path| path.join("skopeo")).find(|p| p.is_file())
}

/// Whether the destination is a registry on this machine that speaks nothing but clear text, which our
/// own way allows where nothing else is said; skopeo has to be told.
fn is_in_clear_text(destination: &Destination, arguments: &CopyArguments) -> Result<bool> {
    let (Destination::Registry(name), None) = (destination, arguments.verify_tls) else {
        return Ok(false);
    };
    let reference = Reference::parse(name)?;
    if !reference.is_local() {
        return Ok(false);
    }
    let client = Client::new(reference, arguments.options_as(Credentials::Anonymous))?;
    Ok(client.is_in_clear_text())
}

/// Where to log in as whom, when the destination is a registry that wants it.
fn registry(
    destination: &Destination,
    arguments: &CopyArguments,
) -> Result<Option<(Reference, Credentials)>> {
    let Destination::Registry(reference) = destination else { return Ok(None) };
    let reference = Reference::parse(reference)?;
    let credentials = arguments.credentials(&reference)?;
    Ok(Some((reference, credentials)).filter(|(_, found)| *found != Credentials::Anonymous))
}

/// A file as `docker login` leaves it.
fn login(reference: &Reference, credentials: &Credentials) -> Result<String> {
    let entry = match credentials {
        Credentials::Anonymous => serde_json::json!({}),
        Credentials::Password { user, password } => {
            serde_json::json!({"auth": STANDARD.encode(format!("{user}:{password}"))})
        }
        Credentials::Identity(token) => {
            let auth = STANDARD.encode("00000000-0000-0000-0000-000000000000:");
            serde_json::json!({"auth": auth, "identitytoken": token})
        }
        Credentials::Bearer(_) => {
            return Err(Failure::new(
                Kind::Usage,
                "cannot hand --dest-registry-token to skopeo without showing it to everybody",
            )
            .hint("log in with --dest-creds, --dest-authfile or docker login"));
        }
    };
    let key = reference.login_key();
    Ok(serde_json::json!({"auths": {key: entry}}).to_string())
}
