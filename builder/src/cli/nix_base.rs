//! `nix-base`: makes of an image in any form one that others can build on.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Deserialize;

use super::attrs;
use crate::base::{self, Root};
use crate::error::{Context as _, Kind, Result};
use crate::image::{Codec, Layer, nix2container};

#[derive(Deserialize)]
struct Attributes {
    from: PathBuf,
    arch: String,
}

/// Writes `image.json`, the image's description with the sizes of its layers; `root.json`, what matters of its root; and
/// `blobs`, when the image was an archive.
pub fn run() -> Result<ExitCode> {
    let (attributes, out) = attrs::read::<Attributes>()?;
    let failed = || format!("cannot write {}", out.display());
    fs::create_dir_all(&out).or_fail(Kind::CannotCreate, failed)?;
    let mut image = base::read(&attributes.from, &attributes.arch, &out.join("blobs"))?;
    image.architecture = attributes.arch;
    let (root, sizes) = Root::read(&image)?;
    let compressed = |layer: &Layer| layer.codec == Codec::AsIs;
    for (layer, size) in image.layers.iter_mut().zip(sizes).filter(|(layer, _)| compressed(layer)) {
        layer.tar_size = Some(size);
    }
    let root = serde_json::to_string(&root).or_fail(Kind::Internal, failed)?;
    fs::write(out.join("image.json"), nix2container::write(&image)?)
        .or_fail(Kind::CannotCreate, failed)?;
    fs::write(out.join("root.json"), root).or_fail(Kind::CannotCreate, failed)?;
    Ok(ExitCode::SUCCESS)
}
