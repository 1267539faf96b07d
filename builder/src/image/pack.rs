//! Turns planned layers into layers with digests, on all cores.

use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{History, Layer, Source};
use crate::digest::Hashing;
use crate::error::{Failure, Kind, Result};
use crate::layers::LayerPath;
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
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<Result<Layer>>>> = plan.iter().map(|_| Mutex::new(None)).collect();
    let workers = thread::available_parallelism().map_or(1, usize::from).min(plan.len());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(paths), Some(slot)) = (plan.get(at), done.get(at)) else { break };
                    let layer = one(paths, history);
                    *slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(layer);
                }
            });
        }
    });
    done.into_iter()
        .map(|slot| {
            slot.into_inner()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .unwrap_or_else(|| Err(Failure::new(Kind::Internal, "a layer was not packed")))
        })
        .collect()
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
