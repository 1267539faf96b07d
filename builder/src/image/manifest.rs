//! Manifests and indexes (OCI image-spec, `manifest.md` and `image-index.md`).

use std::collections::BTreeMap;

use serde::Serialize;

use super::json;
use crate::digest::Digest;
use crate::error::{Context as _, Kind, Result};

/// The media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of a configuration.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// A blob as others refer to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// The number of its bytes.
    pub size: u64,
    /// Anything; in an index `org.opencontainers.image.ref.name` is the tag.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The machine it is for, in an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

/// A kind of machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Platform {
    /// Go's name of the processor.
    pub architecture: String,
    /// Go's name of the operating system.
    pub os: String,
}

impl Descriptor {
    /// Describes `size` bytes of `digest`.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            annotations: BTreeMap::new(),
            platform: None,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u32,
    media_type: &'static str,
    config: &'a Descriptor,
    layers: &'a [Descriptor],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u32,
    media_type: &'static str,
    manifests: &'a [Descriptor],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

/// The bytes of a manifest.
pub fn manifest(
    config: &Descriptor,
    layers: &[Descriptor],
    annotations: &BTreeMap<String, String>,
) -> Result<Vec<u8>> {
    let manifest =
        Manifest { schema_version: 2, media_type: MANIFEST, config, layers, annotations };
    json::compact(&manifest)
        .map(String::into_bytes)
        .or_fail(Kind::Internal, || "cannot write the manifest")
}

/// The bytes of an index.
pub fn index(manifests: &[Descriptor], annotations: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let index = Index { schema_version: 2, media_type: INDEX, manifests, annotations };
    json::compact(&index)
        .map(String::into_bytes)
        .or_fail(Kind::Internal, || "cannot write the index")
}
