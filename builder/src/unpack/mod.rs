//! The layers of an image as files, one on top of the other (OCI image-spec, `layer.md`).
//!
//! Layers come from anywhere, so nothing in them is trusted: no name and no link leads out of the
//! tree, and a stream that is not the one its image speaks of is refused.

pub mod entries;
mod layer;
#[cfg(test)]
mod odd;
pub mod place;
mod sole;
#[cfg(test)]
mod tests;

use std::io::{self, BufWriter, Read, Write as _};
use std::path::Path;
use std::thread;

use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::{Layer, blob};
use crate::progress::{Item, Silent, Step, Watch};

pub use sole::Sole;

/// How much is written at once into the pipe between packing and unpacking, in bytes.
const CHUNK: usize = 64 * 1024;

/// Unpacks `layers`, from the lowest up, into the directory `root`, which is empty.
///
/// Owners are set by root only, as far as they exist where this runs; for anybody else every file is
/// their own, with modes by which `sole`, where there is one, may do with it what the image lets them.
/// Device files are left out: whatever runs a container brings those it may have. Nobody else may
/// change the tree meanwhile. It is not what the image describes until this has returned.
///
/// # Errors
/// When a layer is not the one the image describes, is no archive, has a name or a hard link that
/// leads out of the tree, has a sparse file in the form of POSIX archives, or cannot be written.
pub fn unpack(layers: &[Layer], root: &Path, sole: Option<&Sole>) -> Result<()> {
    with_rights(layers, root, Rights::OfContainer, sole, &Silent)
}

/// As [`unpack`], into a directory that others on this machine may reach: a program does not run as
/// its owner or group where these are not those of the image. It would run as whoever unpacked it.
/// `watch` is told of each layer.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_for_all(layers: &[Layer], root: &Path, watch: &dyn Watch) -> Result<()> {
    with_rights(layers, root, Rights::OfOwners, None, watch)
}

/// Which programs keep the bits by which they run as the owner or group of their file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rights {
    /// All of them: they run in a container only, where whoever unpacked them is root.
    OfContainer,
    /// Those whose owner and group are the ones of the image.
    OfOwners,
}

fn with_rights(
    layers: &[Layer],
    root: &Path,
    rights: Rights,
    sole: Option<&Sole>,
    watch: &dyn Watch,
) -> Result<()> {
    let mut tree = layer::Tree::new(root, rights, sole)?;
    for (at, layer) in layers.iter().enumerate() {
        let doing = || format!("cannot unpack layer {}", layer.diff_id);
        let item = Item::layer(watch, "", at, layers.len()).known(&layer.diff_id, layer.tar_size);
        let size = one(layer, &item, &mut tree).map_err(|failure| failure.context(doing()))?;
        Item { size: Some(size), ..item }.tell(Step::Sent);
    }
    tree.finish()
}

/// Unpacks one layer while it is made; returns how many bytes its stream has.
fn one(layer: &Layer, item: &Item<'_>, tree: &mut layer::Tree<'_>) -> Result<u64> {
    let (mut reader, writer) = io::pipe().or_fail(Kind::System, || "cannot make a pipe")?;
    thread::scope(|scope| {
        let packing = scope.spawn(move || {
            let mut out = BufWriter::with_capacity(CHUNK, writer);
            let size =
                item.sending(|count| blob::write_tar(layer, &mut count.through(&mut out)))?;
            out.flush().or_fail(Kind::Io, || "cannot pass on the layer")?;
            Ok(size)
        });
        let unpacked = tree.apply(&mut reader);
        // To its end, whatever came of it: the digest is known only then, and explains most.
        let rest = io::copy(&mut reader.by_ref(), &mut io::sink());
        let packed = packing
            .join()
            .unwrap_or_else(|_| Err(Failure::new(Kind::Internal, "packing it went wrong")));
        let size = packed?;
        unpacked?;
        rest.or_fail(Kind::Io, || "cannot read it to its end")?;
        Ok(size)
    })
}
