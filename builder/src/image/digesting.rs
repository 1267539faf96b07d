//! The digests of many layers: on all cores, two layers at a time on each.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::pack;
use crate::cache::Packed;
use crate::error::{Failure, Kind, Result};
use crate::lanes::{self, BLOCK, Lane};
use crate::layers::LayerPath;
use crate::parallel;
use crate::tar::stream::Stream;

/// How many bytes of a layer are read, then hashed. Two buffers stay in a core's own cache.
const CHUNK: usize = 128 * 1024;

/// A layer on its way.
struct Layer {
    /// Its place among all.
    at: usize,
    stream: Stream,
    hash: Lane,
    size: u64,
    buffer: Vec<u8>,
    filled: usize,
}

/// The layers nobody has begun yet, and what has become of the others.
struct Work<'a> {
    tell: &'a (dyn Fn(usize, &Packed) + Sync),
    left: Mutex<std::iter::Enumerate<std::slice::Iter<'a, Vec<LayerPath>>>>,
    done: Vec<Mutex<Option<Result<Packed>>>>,
    failed: AtomicBool,
}

/// The digests of layers in their order. They are begun in this order as well, so the largest should
/// come first. `tell` hears of each as soon as it is known, with its place among all.
///
/// # Errors
/// One of the failures; what has not been begun when one fails is left undone.
pub fn all(
    layers: &[Vec<LayerPath>],
    tell: &(dyn Fn(usize, &Packed) + Sync),
) -> Result<Vec<Packed>> {
    let work = Work {
        tell,
        left: Mutex::new(layers.iter().enumerate()),
        done: layers.iter().map(|_| Mutex::new(None)).collect(),
        failed: AtomicBool::new(false),
    };
    thread::scope(|scope| {
        for _ in 0..parallel::cores().min(layers.len()) {
            scope.spawn(|| work.carry_out());
        }
    });
    let done: Vec<Option<Result<Packed>>> = work
        .done
        .into_iter()
        .map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect();
    if let Some(failure) = done.iter().flatten().find_map(|result| result.as_ref().err()) {
        return Err(failure.clone());
    }
    let undone = || Failure::new(Kind::Internal, "a layer was left undone");
    done.into_iter().map(|slot| slot.unwrap_or_else(|| Err(undone()))).collect()
}

impl Work<'_> {
    /// Digests layers, two at a time, until none is left.
    fn carry_out(&self) {
        let (mut one, mut other) = (None, None);
        loop {
            for lane in [&mut one, &mut other] {
                self.advance(lane);
            }
            match (&mut one, &mut other) {
                (Some(one), Some(other)) => Layer::hash_both(one, other),
                (Some(layer), None) | (None, Some(layer)) => layer.hash(),
                (None, None) => break,
            }
        }
    }

    /// Brings the next bytes of a layer into its buffer; when there are none, those of another one.
    fn advance(&self, lane: &mut Option<Layer>) {
        loop {
            if let Some(layer) = lane {
                match layer.fill() {
                    Ok(true) => return,
                    Ok(false) => {}
                    Err(failure) => {
                        self.put(layer.at, Err(failure));
                        *lane = None;
                        continue;
                    }
                }
            }
            if let Some(layer) = lane.take() {
                self.put(layer.at, Ok(layer.finish()));
            }
            match self.begin() {
                Some(layer) => *lane = Some(layer),
                None => return,
            }
        }
    }

    fn begin(&self) -> Option<Layer> {
        loop {
            if self.failed.load(Ordering::Relaxed) {
                return None;
            }
            let (at, paths) = self.left.lock().unwrap_or_else(PoisonError::into_inner).next()?;
            match pack::tree(paths) {
                Ok(tree) => return Some(Layer::new(at, Stream::new(tree))),
                Err(failure) => self.put(at, Err(failure)),
            }
        }
    }

    fn put(&self, at: usize, result: Result<Packed>) {
        match &result {
            Ok(packed) => (self.tell)(at, packed),
            Err(_) => self.failed.store(true, Ordering::Relaxed),
        }
        if let Some(slot) = self.done.get(at) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    }
}

impl Layer {
    fn new(at: usize, stream: Stream) -> Self {
        Self { at, stream, hash: Lane::new(), size: 0, buffer: vec![0; CHUNK], filled: 0 }
    }

    /// Reads the next bytes, which are all hashed by then; false when only the end is left, less
    /// than a buffer.
    fn fill(&mut self) -> Result<bool> {
        self.filled = self.stream.fill(&mut self.buffer)?;
        self.size += self.filled as u64;
        Ok(self.filled == CHUNK)
    }

    fn blocks(&mut self) -> (&mut Lane, &[[u8; BLOCK]]) {
        let (blocks, _) = self.buffer.get(..self.filled).unwrap_or_default().as_chunks();
        (&mut self.hash, blocks)
    }

    fn hash(&mut self) {
        let (hash, blocks) = self.blocks();
        hash.update(blocks);
    }

    fn hash_both(one: &mut Self, other: &mut Self) {
        lanes::update_both(one.blocks(), other.blocks());
    }

    fn finish(self) -> Packed {
        let rest = self.buffer.get(..self.filled).unwrap_or_default();
        Packed { diff_id: self.hash.finish(rest), size: self.size }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::digest::Digest;
    use crate::tar;

    fn paths(path: &Path) -> Vec<LayerPath> {
        vec![LayerPath { path: path.display().to_string(), options: None }]
    }

    /// Sizes round that of a buffer, so that layers that are hashed together end at different times.
    #[test]
    fn every_layer_has_the_digest_of_its_own_stream() {
        let world = tempfile::tempdir().unwrap();
        let head = 3 * 512;
        let sizes = [0, 1, 511, CHUNK - head, CHUNK, CHUNK - head + 1, 9 * CHUNK - head, 5 * CHUNK];
        let layers: Vec<Vec<LayerPath>> = (0..40)
            .map(|at: usize| {
                let file = world.path().join(format!("{at}"));
                fs::write(&file, vec![at as u8; sizes[at % sizes.len()]]).unwrap();
                paths(&file)
            })
            .collect();
        let told = Mutex::new(0);
        let packed = all(&layers, &|_, _| *told.lock().unwrap() += 1).unwrap();
        assert_eq!((packed.len(), told.into_inner().unwrap()), (40, 40));
        for (layer, packed) in layers.iter().zip(packed) {
            let mut stream = Vec::new();
            tar::write::write(pack::tree(layer).unwrap(), &mut stream).unwrap();
            let expected = Packed { diff_id: Digest::of(&stream), size: stream.len() as u64 };
            assert_eq!(packed, expected, "{}", layer[0].path);
        }
    }

    #[test]
    fn a_layer_that_cannot_be_read_is_named() {
        let world = tempfile::tempdir().unwrap();
        let file = world.path().join("there");
        fs::write(&file, "there").unwrap();
        let layers = [paths(&file), paths(&world.path().join("gone")), paths(&file)];
        let failure = all(&layers, &|_, _| ()).unwrap_err();
        assert!(failure.to_string().contains("gone"), "{failure}");
        assert!(all(&[], &|_, _| ()).unwrap().is_empty());
    }
}
