//! Images as a copy would write them: a project may say that its containers are compressed or described
//! in another way than usual.

use std::path::PathBuf;

use super::common::ProjectArguments;
use super::copy;
use super::copy_options::ArgumentOptions;
use crate::error::Result;
use crate::image::Image;
use crate::image::manifest::Format;

/// What a copy would be made of.
pub struct Copied {
    /// The descriptions.
    pub files: Vec<PathBuf>,
    /// The images, with the codec that their layers would be compressed by.
    pub images: Vec<Image>,
    /// How manifests would be written.
    pub format: Format,
}

/// The images of a container for each platform, as `copy` would write them without arguments of its own.
/// What the command line says counts more: its options of compression, and `format`.
///
/// # Errors
/// When they cannot be built, or cannot be written in such a way.
pub fn copied(name: &str, format: Option<&str>, project: &ProjectArguments) -> Result<Copied> {
    let format = format.map(Format::parse).transpose()?;
    let declared = copy::declared(name, &project.for_first_platform())?;
    let copying = ArgumentOptions::default().parse_or(declared.as_ref())?;
    let codec = match project.compression.given() {
        true => None,
        false => copying.codec(&project.compression)?,
    };
    let (files, mut images) = project.images(name)?;
    if let Some(codec) = codec {
        images = images.into_iter().map(|image| image.compressed_by(codec)).collect();
    }
    let format = format.unwrap_or(copying.format);
    images.iter().try_for_each(|image| format.check(image))?;
    Ok(Copied { files, images, format })
}
