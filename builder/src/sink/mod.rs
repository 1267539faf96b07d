//! Where images go.

pub mod destination;
pub mod docker;
pub mod docker_archive;
pub mod file;
pub mod oci_archive;
pub mod oci_layout;
pub mod podman;
pub mod registry;
pub mod rootfs;

use crate::digest::Digest;
use crate::error::Result;
use crate::image::Image;

/// What became of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// What to call it there, such as `myapp:latest`.
    pub reference: String,
    /// The digest it has there: of its manifest, or of its configuration where there is none.
    pub digest: Digest,
    /// Whether it was there already, so that nothing was sent.
    pub unchanged: bool,
}

/// Something that takes several images of one name, each for a platform of its own.
pub trait IndexSink {
    /// Sends all of them under one index. Either all of it arrives or what was there before stays in
    /// place.
    fn put_index(&self, images: &[Image]) -> Result<Published>;
}

/// Something that takes images.
pub trait Sink {
    /// Sends the image. Either all of it arrives or what was there before stays in place.
    fn put(&self, image: &Image) -> Result<Published>;
}
