//! Turns planned layers into layers with digests, on all cores.

use std::io;
use std::path::Path;

use super::{History, Layer, Source};
use crate::digest::Hashing;
use crate::error::Result;
use crate::layers::LayerPath;
use crate::parallel;
use crate::tar::{self, Options, Tree};

/// The media type of an uncompressed layer.
pub const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

/// The files of some store paths as one tree.
pub fn tree(paths: &[LayerPath]) -> Result<Tree> {
    let plain = Options::default();
    Tree::read(
        paths.iter().map(|path| (Path::new(&path.path), path.options.as_ref().unwrap_or(&plain))),
    )
}

/// Digests every layer. The result does not depend on the number of cores.
pub fn all(plan: Vec<Vec<LayerPath>>, history: &History) -> Result<Vec<Layer>> {
    parallel::map(&plan, parallel::cores(), |paths| one(paths, history))
}

fn one(paths: &[LayerPath], history: &History) -> Result<Layer> {
    let mut hashing = Hashing::new(io::sink());
    tar::write::write(&tree(paths)?, &mut hashing)?;
    let (_, digest, size) = hashing.finish();
    Ok(Layer {
        diff_id: digest.clone(),
        digest,
        size,
        media_type: TAR.to_owned(),
        source: Source::Paths(paths.to_vec()),
        history: history.clone(),
    })
}
