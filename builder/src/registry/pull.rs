//! Gets an image out of a registry into a directory, as an OCI layout that is the same for everyone.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use serde::Deserialize;

use super::Client;
use super::client::Ask;
use super::retry::{Again, Attempt, Trouble, repeat};
use super::said;
use crate::digest::{Digest, Hashing};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::json::{self, Shape, Unknown};
use crate::image::manifest::{self, Descriptor, Format, Platform};

/// What a manifest may be: that of an image or of several, ours and Docker's. Of a kind that is not asked
/// for a registry may show another, made of it.
pub const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// The largest manifest or configuration, in bytes: registries have to take manifests of this size
/// (distribution-spec).
pub const LARGEST: u64 = 4 * 1024 * 1024;

/// An index or a manifest: whichever fields are there tell.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    manifests: Vec<Entry>,
    config: Option<Entry>,
    #[serde(default)]
    layers: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    digest: Digest,
    /// Its bytes. What says nothing of them may have any number.
    size: Option<u64>,
    platform: Option<Where>,
}

/// What an image is for, as the entry of an index or a configuration has it.
#[derive(Deserialize)]
struct Where {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
}

/// How the keys of [`Where`] are spelled.
const WHERE: Shape = Shape::Object(&[("architecture", &Shape::Any), ("os", &Shape::Any)]);

/// Gets the image `name` (a tag or a digest) of the client's repository for `architecture`, and
/// returns the digest of its manifest.
///
/// # Errors
/// When there is none, or a blob is not what its digest says.
pub fn pull(client: &Client, name: &str, architecture: &str, directory: &Path) -> Result<Digest> {
    let doing = || {
        let place = client.reference();
        let joint = if name.contains(':') { '@' } else { ':' };
        format!("cannot pull {}/{}{joint}{name}", place.host, place.repository)
    };
    let get = || -> Result<Digest> {
        let blobs = directory.join("blobs/sha256");
        fs::create_dir_all(&blobs)
            .or_fail(Kind::CannotCreate, || format!("cannot create {}", blobs.display()))?;
        let (mut bytes, mut document) = manifest(client, name)?;
        if document.config.is_none() {
            let chosen = choose(&document.manifests, architecture)?;
            (bytes, document) = manifest(client, &chosen.to_string())?;
        }
        let config = document
            .config
            .ok_or_else(|| Failure::new(Kind::Protocol, "it is neither image nor index"))?;
        fetch(client, &config, &blobs)?;
        must_be_for(&blobs.join(config.digest.hex()), architecture)?;
        for layer in &document.layers {
            fetch(client, layer, &blobs)?;
        }
        let digest = Digest::of(&bytes);
        let media_type = match document.media_type.as_str() {
            "" => manifest::MANIFEST,
            given => given,
        };
        let mut descriptor = Descriptor::new(media_type, digest.clone(), bytes.len() as u64);
        let (architecture, os) = (architecture.to_owned(), "linux".to_owned());
        descriptor.platform = Some(Platform { architecture, os });
        let index = manifest::index(Format::Oci, &[descriptor], &Default::default())?;
        for (file, content) in [
            (blobs.join(digest.hex()), bytes.as_slice()),
            (directory.join("index.json"), index.as_slice()),
            (directory.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#),
        ] {
            fs::write(&file, content)
                .or_fail(Kind::CannotCreate, || format!("cannot write {}", file.display()))?;
        }
        Ok(digest)
    };
    get().map_err(|failure| failure.context(doing()))
}

/// The image of an index for an architecture.
fn choose(entries: &[Entry], architecture: &str) -> Result<Digest> {
    let fits = |entry: &&Entry| {
        let place = entry.platform.as_ref();
        place.is_some_and(|place| place.os == "linux" && place.architecture == architecture)
    };
    entries.iter().find(fits).map(|entry| entry.digest.clone()).ok_or_else(|| {
        let there: Vec<String> = entries
            .iter()
            .filter_map(|entry| entry.platform.as_ref())
            .map(|place| said::line(&format!("{}/{}", place.os, place.architecture)))
            .collect();
        Failure::new(Kind::Data, format!("there is no image for linux/{architecture}"))
            .hint(format!("there are: {}", there.join(", ")))
    })
}

/// Refuses an image for other machines before anything large is fetched. An index has said what it is
/// for already, a manifest alone leaves it to the configuration in `file`.
fn must_be_for(file: &Path, architecture: &str) -> Result<()> {
    let doing = || "cannot read its configuration";
    let mut text = Vec::new();
    let content = File::open(file).or_fail(Kind::Io, doing)?;
    content.take(LARGEST).read_to_end(&mut text).or_fail(Kind::Io, doing)?;
    let value = serde_json::from_slice(&text).or_fail(Kind::Data, doing)?;
    let value = json::fold(value, &WHERE, Unknown::Drop).or_fail(Kind::Data, doing)?;
    let place: Where = serde_json::from_value(value).or_fail(Kind::Data, doing)?;
    // What is not said is what it should be.
    let fits = |said: &str, wanted: &str| said.is_empty() || said == wanted;
    if fits(&place.os, "linux") && fits(&place.architecture, architecture) {
        return Ok(());
    }
    let why =
        format!("it is for {}/{} and not for linux/{architecture}", place.os, place.architecture);
    Err(Failure::new(Kind::Data, why).hint("name an image for Linux on this processor"))
}

fn manifest(client: &Client, name: &str) -> Result<(Vec<u8>, Document)> {
    let url = client.url(&format!("manifests/{name}"));
    let doing = format!("to give the manifest of {name}");
    let bytes = repeat(client.policy(), &|_, _| {}, || {
        let mut answer = client.send(Ask::new("GET", &url, &doing).accept(MANIFESTS))?;
        if answer.status().as_u16() != 200 {
            return Err(client.refused(&doing, answer).into());
        }
        let body = answer.body_mut().with_config().limit(LARGEST);
        body.read_to_vec().map_err(|error| client.lost(error.into_io()))
    })
    .map_err(|trouble| trouble.failure)?;
    if let Ok(expected) = Digest::parse(name)
        && expected != Digest::of(&bytes)
    {
        return Err(Failure::new(Kind::Protocol, format!("manifest {expected} has other bytes")));
    }
    let document =
        serde_json::from_slice(&bytes).or_fail(Kind::Protocol, || "cannot read the manifest")?;
    Ok((bytes, document))
}

/// Gets a blob, unless it is there already. More bytes than its manifest says are not taken: they could
/// go on until the disk is full.
fn fetch(client: &Client, blob: &Entry, blobs: &Path) -> Result<()> {
    let digest = &blob.digest;
    let target = blobs.join(digest.hex());
    if target.exists() {
        return Ok(());
    }
    let url = client.url(&format!("blobs/{digest}"));
    let asking = format!("to give blob {digest}");
    let once = || -> Attempt<()> {
        let doing = || format!("cannot write {}", target.display());
        let mut answer = client.send(Ask::new("GET", &url, &asking))?;
        if answer.status().as_u16() != 200 {
            return Err(client.refused(&asking, answer).into());
        }
        let file = File::create(&target).or_fail(Kind::CannotCreate, doing)?;
        let mut out = Hashing::new(io::BufWriter::with_capacity(256 * 1024, file));
        let lost = |error| client.lost(error);
        let body = answer.body_mut().with_config().limit(blob.size.unwrap_or(u64::MAX));
        receive(&mut body.reader(), &mut out, &lost, &doing)?;
        let (_, got, _) = out.finish();
        if got == *digest {
            return Ok(());
        }
        let failure = Failure::new(Kind::Protocol, format!("blob {digest} came as {got}"));
        Err(Trouble { failure, again: Again::Soon })
    };
    let result = repeat(client.policy(), &|_, _| {}, once).map_err(|trouble| trouble.failure);
    if result.is_err() {
        // Half a blob must not be taken for a whole one the next time.
        let _ = fs::remove_file(&target);
    }
    result
}

/// Writes all of `body`. Only what is lost on the way is worth another attempt: a full disk stays
/// full.
fn receive(
    body: &mut dyn Read,
    out: &mut dyn Write,
    lost: &dyn Fn(io::Error) -> Trouble,
    doing: &dyn Fn() -> String,
) -> Attempt<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(lost(error)),
        };
        out.write_all(buffer.get(..count).unwrap_or_default()).or_fail(Kind::Io, doing)?;
    }
    Ok(out.flush().or_fail(Kind::Io, doing)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Options, Reference};

    #[test]
    fn a_full_disk_is_told_as_one_and_not_tried_again() {
        let doing = || "cannot write blob".to_owned();
        let client = Client::new(Reference::parse("r.example/a").unwrap(), Options::anonymous());
        let client = client.unwrap();
        let lost = |error| client.lost(error);
        let mut full = File::options().write(true).open("/dev/full").unwrap();
        let trouble = receive(&mut &b"bytes"[..], &mut full, &lost, &doing).unwrap_err();
        assert_eq!(trouble.again, Again::Never);
        assert!(trouble.failure.to_string().contains("cannot write blob: "), "{}", trouble.failure);

        let mut broken = io::Cursor::new(b"by").chain(Broken);
        let mut out = Vec::new();
        let trouble = receive(&mut broken, &mut out, &lost, &doing).unwrap_err();
        assert_eq!((trouble.again, out.as_slice()), (Again::Soon, &b"by"[..]));
        receive(&mut &b"tes"[..], &mut out, &lost, &doing).unwrap();
        assert_eq!(out, b"bytes");
    }

    #[test]
    fn an_image_for_other_machines_is_refused() {
        let world = tempfile::tempdir().unwrap();
        let file = world.path().join("config");
        let tried = |text: &str| {
            fs::write(&file, text).unwrap();
            must_be_for(&file, "amd64").map_err(|failure| failure.to_string())
        };
        for text in [r#"{"os":"linux","architecture":"amd64"}"#, "{}", r#"{"OS":null}"#] {
            assert_eq!(tried(text), Ok(()), "{text}");
        }
        let failure = tried(r#"{"os":"windows","architecture":"amd64"}"#).unwrap_err();
        assert!(failure.contains("windows/amd64 and not for linux/amd64\nhint: "), "{failure}");
        let failure = tried(r#"{"os":"linux","architecture":"arm64"}"#).unwrap_err();
        assert!(failure.contains("linux/arm64 and not for linux/amd64"), "{failure}");
    }

    /// A connection that ends in the middle.
    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}
