//! The archive `docker save` writes and `docker load` reads.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::file::Output;
use super::{Published, Sink};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::{Image, blob};
use crate::progress::{Item, Silent, Step, Watch};
use crate::tar::header;

/// An archive in a file.
#[derive(Debug)]
pub struct DockerArchive {
    file: PathBuf,
    reference: Option<String>,
    watch: Arc<dyn Watch>,
}

impl DockerArchive {
    /// Writes images to `file`, under `reference` or the image's own name.
    pub fn new(file: PathBuf, reference: Option<String>) -> Self {
        Self { file, reference, watch: Arc::new(Silent) }
    }

    /// Tells `watch` what becomes of each layer.
    pub fn watched(self, watch: Arc<dyn Watch>) -> Self {
        Self { watch, ..self }
    }
}

impl Sink for DockerArchive {
    fn put(&self, image: &Image) -> Result<Published> {
        let reference = reference(self.reference.as_deref(), image)?;
        let mut out = Output::create(&self.file)?;
        write(image, &reference, 0, &*self.watch, &mut out)?;
        out.finish()?;
        let (digest, _) = blob::config(image)?;
        Ok(Published { reference, digest, unchanged: false })
    }
}

/// The name to give the image: the one asked for, or its own.
pub fn reference(asked: Option<&str>, image: &Image) -> Result<String> {
    asked.map(super::destination::with_tag).or_else(|| image.reference()).ok_or_else(|| {
        Failure::new(Kind::Usage, "the image has no name of its own")
            .hint("say what to call it, as in docker-daemon:NAME:TAG")
    })
}

/// Writes the archive to `out`, without the lowest `skip` layers; `watch` is told of each layer.
///
/// A daemon that has those layers already does not miss them: it looks for a layer by the digests
/// of those up to it before it looks into the archive.
pub fn write(
    image: &Image,
    reference: &str,
    skip: usize,
    watch: &dyn Watch,
    out: &mut dyn Write,
) -> Result<()> {
    let (digest, config) = blob::config(image)?;
    let config_name = format!("{}.json", digest.hex());
    bytes(&config_name, &config, out)?;

    let mut names = Vec::with_capacity(image.layers.len());
    for (at, layer) in image.layers.iter().enumerate() {
        let name = format!("{}.tar", layer.diff_id.hex());
        // A layer may occur twice in an image but only once in an archive.
        let item = Item::layer(watch, "", at, image.layers.len()).known(&layer.diff_id, None);
        if at >= skip && !names.contains(&name) {
            let size = blob::tar_size(layer)?;
            let item = Item { size: Some(size), ..item };
            head(&name, size, out)?;
            item.sending(|count| blob::write_tar(layer, &mut count.through(&mut *out)))?;
            end(size, out)?;
            item.tell(Step::Sent);
        } else {
            item.tell(Step::Present);
        }
        names.push(name);
    }
    let manifest = json!([{
        "Config": config_name,
        "RepoTags": [reference],
        "Layers": names,
    }]);
    bytes("manifest.json", manifest.to_string().as_bytes(), out)?;
    raw(&[0; 2 * header::BLOCK], out)
}

fn bytes(name: &str, content: &[u8], out: &mut dyn Write) -> Result<()> {
    head(name, content.len() as u64, out)?;
    raw(content, out)?;
    end(content.len() as u64, out)
}

fn head(name: &str, size: u64, out: &mut dyn Write) -> Result<()> {
    raw(&header::plain(name, header::Kind::Regular, 0o644, size), out)
}

fn end(size: u64, out: &mut dyn Write) -> Result<()> {
    raw([0; header::BLOCK].get(..header::padding(size)).unwrap_or_default(), out)
}

fn raw(bytes: &[u8], out: &mut dyn Write) -> Result<()> {
    out.write_all(bytes).or_fail(Kind::Io, || "cannot write the archive")
}
