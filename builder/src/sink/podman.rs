//! Podman as a sink, through its own program: it has no daemon to talk to.

use std::ffi::OsString;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use super::{Published, Sink, docker_archive};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::{Image, blob};
use crate::progress::{Silent, Watch};

/// The store of the user who runs this.
#[derive(Debug)]
pub struct Podman {
    program: OsString,
    reference: Option<String>,
    watch: Arc<dyn Watch>,
}

impl Podman {
    /// Loads images through `program`, under `reference` or the image's own name.
    pub fn new(program: impl Into<OsString>, reference: Option<String>) -> Self {
        Self { program: program.into(), reference, watch: Arc::new(Silent) }
    }

    /// Tells `watch` what becomes of each layer.
    pub fn watched(self, watch: Arc<dyn Watch>) -> Self {
        Self { watch, ..self }
    }

    /// The id of the image called `reference`; `None` when there is none.
    fn image_id(&self, reference: &str) -> Result<Option<String>> {
        let answer = Command::new(&self.program)
            .args(["image", "inspect", "--format", "{{.Id}}", reference])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| self.failed(&error))?;
        let id = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        Ok(answer.status.success().then_some(id))
    }

    fn failed(&self, error: &io::Error) -> Failure {
        let failure = Failure::new(
            Kind::Unavailable,
            format!("cannot run {}: {error}", self.program.display()),
        );
        failure.hint("install podman, or copy to docker-archive:FILE and load that where it is")
    }
}

impl Sink for Podman {
    fn put(&self, image: &Image) -> Result<Published> {
        let reference = docker_archive::reference(self.reference.as_deref(), image)?;
        let (digest, _) = blob::config(image)?;
        if self.image_id(&reference)?.as_deref() == Some(digest.hex().as_str()) {
            return Ok(Published { reference, digest, unchanged: true });
        }
        let mut child = Command::new(&self.program)
            .args(["load", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| self.failed(&error))?;
        // What it says is read at the same time: a full pipe would block it, and us with it.
        let talk = child.stderr.take();
        let listener = thread::spawn(move || {
            let mut said = Vec::new();
            let _ = talk.map(|mut talk| talk.read_to_end(&mut said));
            String::from_utf8_lossy(&said).trim().to_owned()
        });
        let sent = child.stdin.take().map_or(Ok(()), |stdin| {
            let mut out = BufWriter::with_capacity(256 * 1024, stdin);
            docker_archive::write(image, &reference, 0, &*self.watch, &mut out)?;
            out.flush().or_fail(Kind::Io, || "cannot send the image to podman")
        });
        let status = child.wait().or_fail(Kind::Io, || "cannot wait for podman")?;
        let said = listener.join().unwrap_or_default();
        if !status.success() {
            // Its own words explain more than our broken pipe.
            return Err(Failure::new(
                Kind::Unavailable,
                format!("cannot load {reference} into podman: {status}: {said}"),
            ));
        }
        sent?;
        Ok(Published { reference, digest, unchanged: false })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::image::Config;

    fn image() -> Image {
        Image {
            name: Some("app".to_owned()),
            tag: Some("1".to_owned()),
            architecture: "amd64".to_owned(),
            annotations: Default::default(),
            origin: Default::default(),
            created: None,
            config: Config::default(),
            layers: Vec::new(),
        }
    }

    /// A program that behaves as podman does, with `load` as given.
    fn podman(load: &str, check: impl FnOnce(&Podman, &std::path::Path)) {
        let world = tempfile::tempdir().unwrap();
        let program = world.path().join("podman");
        let (digest, _) = blob::config(&image()).unwrap();
        let script = format!(
            "#!/bin/sh\ncd {}\ncase $1 in\nimage) test -e got && echo {};;\nload) {load};;\nesac\n",
            world.path().display(),
            digest.hex()
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        check(&Podman::new(program, None), world.path());
    }

    #[test]
    fn an_image_is_loaded_once() {
        podman("cat > got", |podman, world| {
            let published = podman.put(&image()).unwrap();
            assert_eq!((published.reference.as_str(), published.unchanged), ("app:1", false));
            let mut expected = Vec::new();
            docker_archive::write(&image(), "app:1", 0, &Silent, &mut expected).unwrap();
            assert_eq!(fs::read(world.join("got")).unwrap(), expected);
            assert!(podman.put(&image()).unwrap().unchanged);
        });
    }

    #[test]
    fn what_podman_says_is_told_and_a_missing_one_too() {
        podman("echo no space >&2; exit 125", |podman, _| {
            let failure = podman.put(&image()).unwrap_err();
            assert!(failure.to_string().contains("no space"), "{failure}");
        });
        let failure = Podman::new("/nowhere/podman", None).put(&image()).unwrap_err();
        assert_eq!(failure.kind(), Kind::Unavailable);
    }
}
