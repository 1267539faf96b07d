//! A registry as a sink: one request for an image that is there already, and never a blob twice.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek as _};
use std::thread;

use super::{Published, Sink};
use crate::cache::{Cache, Compressed};
use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::manifest::{Descriptor, MANIFEST};
use crate::image::wire::Wire;
use crate::image::{Image, Layer, blob};
use crate::parallel;
use crate::registry::Client;
use crate::registry::client::{Content, header};

/// How many blobs are sent at the same time.
const PARALLEL: usize = 4;

/// A repository and a tag in it.
pub struct Registry {
    client: Client,
    cache: Cache,
}

impl Registry {
    /// Pushes to what `client` talks about; `cache` knows what layers compress to.
    pub fn new(client: Client, cache: Cache) -> Self {
        Self { client, cache }
    }

    /// Whether the tag already stands for the image.
    pub fn has(&self, wire: &Wire) -> Result<bool> {
        let tag = &self.client.reference().tag;
        let url = self.client.url(&format!("manifests/{tag}"));
        let answer = self.client.send("HEAD", &url, Some(MANIFEST), None)?;
        match answer.status().as_u16() {
            200 => Ok(header(&answer, "docker-content-digest")
                .is_some_and(|digest| digest == wire.digest().to_string())),
            404 => Ok(false),
            _ => Err(self.client.refused("to look for the image", answer)),
        }
    }

    /// Whether the repository has a blob.
    pub fn has_blob(&self, digest: &Digest) -> Result<bool> {
        let url = self.client.url(&format!("blobs/{digest}"));
        let answer = self.client.send("HEAD", &url, None, None)?;
        match answer.status().as_u16() {
            200 => Ok(true),
            404 => Ok(false),
            _ => Err(self.client.refused("to look for a blob", answer)),
        }
    }

    fn push_bytes(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<()> {
        if self.has_blob(&descriptor.digest)? {
            return Ok(());
        }
        self.upload(&descriptor.digest, descriptor.size, &|| {
            Ok(Box::new(io::Cursor::new(bytes.to_vec())))
        })
    }

    /// Sends a layer unless it is there; returns what its blob is.
    fn push_layer(&self, layer: &Layer) -> Result<()> {
        if let Some(known) = self.cache.compressed(layer) {
            if self.has_blob(&known.digest)? {
                return Ok(());
            }
            return self.upload(&known.digest, known.size, &|| stream(layer.clone()));
        }
        // Nobody knows yet what it compresses to. Its length must be said before its bytes, so
        // they are kept meanwhile; the file has no name and goes with its last user.
        let doing = || "cannot keep a compressed layer in the temporary directory";
        let file = tempfile::tempfile().or_fail(Kind::CannotCreate, doing)?;
        let mut out = BufWriter::with_capacity(256 * 1024, file);
        let (digest, size) = blob::write(layer, &mut out)?;
        let mut file = out.into_inner().or_fail(Kind::Io, doing)?;
        self.cache.put_compressed(layer, &Compressed { digest: digest.clone(), size });
        if self.has_blob(&digest)? {
            return Ok(());
        }
        file.rewind().or_fail(Kind::Io, doing)?;
        self.upload(&digest, size, &|| reread(&file).or_fail(Kind::Io, doing))
    }

    /// Sends a blob in one piece: some registries lose the second chunk, others limit its size.
    fn upload(
        &self,
        digest: &Digest,
        length: u64,
        make: &dyn Fn() -> Result<Box<dyn Read>>,
    ) -> Result<()> {
        let begun = self.client.send("POST", &self.client.url("blobs/uploads/"), None, None)?;
        if begun.status().as_u16() == 201 {
            return Ok(());
        }
        let location = match (begun.status().as_u16(), header(&begun, "location")) {
            (202, Some(location)) => self.client.resolve(&location),
            _ => return Err(self.client.refused("an upload", begun)),
        };
        let joint = if location.contains('?') { '&' } else { '?' };
        let url = format!("{location}{joint}digest={digest}");
        let content = Content { media_type: "application/octet-stream", length, make };
        let answer = self.client.send("PUT", &url, None, Some(content))?;
        match answer.status().as_u16() {
            201 | 204 => Ok(()),
            _ => Err(self.client.refused(&format!("blob {digest}"), answer)),
        }
    }

    fn put_manifest(&self, wire: &Wire) -> Result<()> {
        let tag = &self.client.reference().tag;
        let make =
            || -> Result<Box<dyn Read>> { Ok(Box::new(io::Cursor::new(wire.manifest.clone()))) };
        let content = Content { media_type: MANIFEST, length: wire.descriptor.size, make: &make };
        let url = self.client.url(&format!("manifests/{tag}"));
        let answer = self.client.send("PUT", &url, None, Some(content))?;
        if answer.status().as_u16() != 201 {
            return Err(self.client.refused("the manifest", answer));
        }
        match header(&answer, "docker-content-digest") {
            Some(theirs) if theirs != wire.digest().to_string() => Err(Failure::new(
                Kind::Protocol,
                format!("the registry stored {theirs} and not {}", wire.digest()),
            )),
            _ => Ok(()),
        }
    }
}

impl Sink for Registry {
    fn put(&self, image: &Image) -> Result<Published> {
        let published = |digest: &Digest, unchanged| Published {
            reference: self.client.reference().to_string(),
            digest: digest.clone(),
            unchanged,
        };
        // When every digest is known already, one request tells whether there is anything to do.
        let all_known = image.layers.iter().all(|layer| self.cache.compressed(layer).is_some());
        if all_known {
            let wire = Wire::new(image, &self.cache)?;
            if self.has(&wire)? {
                return Ok(published(wire.digest(), true));
            }
        }
        parallel::map(&image.layers, PARALLEL, |layer| self.push_layer(layer))?;
        let wire = Wire::new(image, &self.cache)?;
        self.push_bytes(&wire.config_descriptor, &wire.config)?;
        // The manifest comes last: until then the tag stands for what it stood for before.
        self.put_manifest(&wire)?;
        Ok(published(wire.digest(), false))
    }
}

/// The compressed bytes of a layer, made while they are read.
fn stream(layer: Layer) -> Result<Box<dyn Read>> {
    let (reader, writer) =
        io::pipe().or_fail(Kind::System, || "cannot make a pipe for the layer")?;
    // When making the bytes fails, the pipe ends early, and so does the upload: fewer bytes than
    // were announced are an error on both sides.
    thread::spawn(move || {
        let mut out = BufWriter::with_capacity(256 * 1024, writer);
        blob::write(&layer, &mut out)
    });
    Ok(Box::new(reader))
}

/// A reader of a file from its beginning, for a request that is repeated.
fn reread(file: &File) -> io::Result<Box<dyn Read>> {
    let mut again = file.try_clone()?;
    again.rewind()?;
    Ok(Box::new(again))
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
