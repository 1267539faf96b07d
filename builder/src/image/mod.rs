//! An image as a value: its configuration and its layers, before any of it is sent anywhere.

pub mod blob;
pub mod check;
pub mod codec;
pub mod config;
pub mod dense;
mod digesting;
pub mod draft;
pub mod gzip;
pub mod index;
pub mod json;
pub mod manifest;
pub mod nix2container;
pub mod origin;
pub mod pack;
pub mod room;
pub mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::digest::Digest;
use crate::layers::LayerPath;

pub use codec::Codec;
pub use config::{Config, History};
pub use origin::Origin;

/// Everything an image is, its bytes left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The name it is known by in a registry or engine, without tag; unknown in files of others.
    pub name: Option<String>,
    /// Its tag.
    pub tag: Option<String>,
    /// The architecture in Go's spelling: `amd64`, `arm64`.
    pub architecture: String,
    /// RFC 3339; never the time of the build.
    pub created: Option<String>,
    /// What to run and how.
    pub config: Config,
    /// Anything about the image that registries and tools may want to know.
    pub annotations: BTreeMap<String, String>,
    /// Why some of it is there, for `explain` alone.
    pub origin: Origin,
    /// From the lowest to the topmost.
    pub layers: Vec<Layer>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The digest of its blob as it is stored.
    pub digest: Digest,
    /// The blob's size in bytes; 0 when whoever wrote the description did not know.
    pub size: u64,
    /// The digest of the tar stream within.
    pub diff_id: Digest,
    /// The size of that stream in bytes, where the blob is compressed and somebody has read it.
    pub tar_size: Option<u64>,
    /// The blob's media type.
    pub media_type: String,
    /// Where its bytes come from.
    pub source: Source,
    /// How it came about.
    pub history: History,
    /// How it is compressed where blobs are.
    pub codec: Codec,
}

/// Where the bytes of a layer come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// From store paths, packed anew each time they are needed.
    Paths(Vec<LayerPath>),
    /// From a file that holds the blob.
    File(PathBuf),
}

impl Image {
    /// `name:tag`, as engines call it; `None` when the image has no name.
    pub fn reference(&self) -> Option<String> {
        let name = self.name.as_ref()?;
        Some(format!("{name}:{}", self.tag.as_deref().unwrap_or("latest")))
    }

    /// What it is for, as `linux/amd64`.
    pub fn platform(&self) -> String {
        format!("linux/{}", self.architecture)
    }

    /// The image with its layers compressed by `codec`, but for those that are sent as they are.
    pub fn compressed_by(mut self, codec: Codec) -> Self {
        for layer in self.layers.iter_mut().filter(|layer| layer.codec != Codec::AsIs) {
            layer.codec = codec;
        }
        self
    }
}
