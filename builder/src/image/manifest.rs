//! Manifests and indexes: OCI's (image-spec, `manifest.md` and `image-index.md`), and Docker's older
//! ones of the same shape ("Image Manifest Version 2, Schema 2").

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Image, codec, json};
use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};

/// The media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of a configuration.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// How manifests are written, and what things are called in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// As OCI has them.
    #[default]
    Oci,
    /// As Docker had them before.
    Docker,
}

/// What Docker calls a layer that is not compressed.
const DOCKER_TAR: &str = "application/vnd.docker.image.rootfs.diff.tar";
/// What Docker calls a layer compressed by gzip.
const DOCKER_TAR_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

impl Format {
    /// The format called `oci` or `v2s2`, the names skopeo has for them.
    ///
    /// # Errors
    /// [`Kind::Usage`] for every other name.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "oci" => Ok(Self::Oci),
            "v2s2" => Ok(Self::Docker),
            "v2s1" => Err(Failure::new(Kind::Usage, "cannot write manifests of format v2s1")
                .hint("registries and engines take it no more: use v2s2, or oci")),
            _ => Err(Failure::new(Kind::Usage, "there is no such format of manifests")
                .hint("use oci or v2s2")),
        }
    }

    /// The media type of a manifest.
    pub fn manifest(self) -> &'static str {
        match self {
            Self::Oci => MANIFEST,
            Self::Docker => "application/vnd.docker.distribution.manifest.v2+json",
        }
    }

    /// The media type of an index, which Docker calls a manifest list.
    pub fn index(self) -> &'static str {
        match self {
            Self::Oci => INDEX,
            Self::Docker => "application/vnd.docker.distribution.manifest.list.v2+json",
        }
    }

    /// The media type of a configuration.
    pub fn config(self) -> &'static str {
        match self {
            Self::Oci => CONFIG,
            Self::Docker => "application/vnd.docker.container.image.v1+json",
        }
    }

    /// What a layer of media type `own` is called.
    ///
    /// # Errors
    /// When this format has no word for it.
    pub fn layer(self, own: &str) -> Result<&str> {
        match (self, own) {
            (Self::Oci, _) => Ok(own),
            (Self::Docker, codec::TAR | DOCKER_TAR) => Ok(DOCKER_TAR),
            (Self::Docker, codec::TAR_GZIP | DOCKER_TAR_GZIP) => Ok(DOCKER_TAR_GZIP),
            (Self::Docker, _) => Err(Failure::new(
                Kind::Usage,
                format!("cannot say in a manifest of format v2s2 that a layer is {own}"),
            )
            .hint("compress with gzip, or leave out --format v2s2")),
        }
    }

    /// Checks that all layers of an image can be spoken of, before any is sent.
    ///
    /// # Errors
    /// As [`Format::layer`].
    pub fn check(self, image: &Image) -> Result<()> {
        let own = |layer: &'_ super::Layer| layer.codec.media_type(&layer.media_type).to_owned();
        image.layers.iter().map(own).try_for_each(|own| self.layer(&own).map(drop))
    }
}

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

/// The bytes of a manifest. Docker's has no place for annotations.
pub fn manifest(
    format: Format,
    config: &Descriptor,
    layers: &[Descriptor],
    annotations: &BTreeMap<String, String>,
) -> Result<Vec<u8>> {
    let none = BTreeMap::new();
    let annotations = if format == Format::Oci { annotations } else { &none };
    let media_type = format.manifest();
    let manifest = Manifest { schema_version: 2, media_type, config, layers, annotations };
    json::compact(&manifest)
        .map(String::into_bytes)
        .or_fail(Kind::Internal, || "cannot write the manifest")
}

/// The bytes of an index. Docker's has no place for annotations.
pub fn index(
    format: Format,
    manifests: &[Descriptor],
    annotations: &BTreeMap<String, String>,
) -> Result<Vec<u8>> {
    let none = BTreeMap::new();
    let annotations = if format == Format::Oci { annotations } else { &none };
    let index = Index { schema_version: 2, media_type: format.index(), manifests, annotations };
    json::compact(&index)
        .map(String::into_bytes)
        .or_fail(Kind::Internal, || "cannot write the index")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_s_words_are_those_of_its_specification() {
        let docker = Format::parse("v2s2").unwrap();
        for own in [codec::TAR_GZIP, DOCKER_TAR_GZIP] {
            let layer = docker.layer(own).unwrap();
            assert_eq!(layer, "application/vnd.docker.image.rootfs.diff.tar.gzip");
        }
        let layer = docker.layer(codec::TAR).unwrap();
        assert_eq!(layer, "application/vnd.docker.image.rootfs.diff.tar");
        let failure = docker.layer(codec::TAR_ZSTD).unwrap_err();
        assert!(failure.way_out().is_some_and(|hint| hint.contains("gzip")), "{failure}");
        assert_eq!(Format::parse("oci").unwrap().layer(codec::TAR_ZSTD).unwrap(), codec::TAR_ZSTD);
        for name in ["v2s1", "docker", ""] {
            let failure = Format::parse(name).unwrap_err();
            assert!(failure.way_out().is_some_and(|hint| hint.contains("v2s2")), "{failure}");
        }
        let config = Descriptor::new(docker.config(), Digest::of(b""), 0);
        let notes = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        for bytes in [manifest(docker, &config, &[], &notes), index(docker, &[], &notes)] {
            let text = String::from_utf8(bytes.unwrap()).unwrap();
            assert!(text.contains("vnd.docker.") && !text.contains("annotations"), "{text}");
        }
    }
}
