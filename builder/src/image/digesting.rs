//! The digests of many layers: on all cores, and on each as many layers at a time as it hashes best.

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

/// How many bytes of a layer are read, then hashed. The buffers of all layers that a core has under
/// way stay in its own cache.
const CHUNK: usize = 64 * 1024;

/// A layer to be digested.
pub struct Wanted {
    /// What it consists of.
    pub paths: Vec<LayerPath>,
    /// About how many bytes it has.
    pub size: u64,
}

/// A layer on its way.
struct Layer {
    /// Its place among all.
    at: usize,
    stream: Stream,
    hash: Lane,
    size: u64,
    /// About how many bytes it will have.
    expected: u64,
    buffer: Vec<u8>,
    filled: usize,
}

/// The layers nobody has begun yet, and what has become of the others.
struct Work<'a> {
    tell: &'a (dyn Fn(usize, &Packed) + Sync),
    left: Mutex<std::iter::Peekable<std::iter::Enumerate<std::slice::Iter<'a, Wanted>>>>,
    done: Vec<Mutex<Option<Result<Packed>>>>,
    failed: AtomicBool,
    /// How many bytes each core has to do when all do equally much.
    share: u64,
}

/// The digests of layers in their order. They are begun in this order as well, so the largest should
/// come first. `tell` hears of each as soon as it is known, with its place among all.
///
/// # Errors
/// One of the failures; what has not been begun when one fails is left undone.
pub fn all(layers: &[Wanted], tell: &(dyn Fn(usize, &Packed) + Sync)) -> Result<Vec<Packed>> {
    let cores = parallel::cores();
    let work = Work {
        tell,
        left: Mutex::new(layers.iter().enumerate().peekable()),
        done: layers.iter().map(|_| Mutex::new(None)).collect(),
        failed: AtomicBool::new(false),
        share: layers.iter().map(|layer| layer.size).sum::<u64>() / cores as u64,
    };
    thread::scope(|scope| {
        for _ in 0..cores.min(layers.len()) {
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
    /// Digests layers, several at a time, until none is left.
    fn carry_out(&self) {
        let mut under_way: Vec<Layer> = Vec::new();
        loop {
            under_way = under_way.into_iter().filter_map(|layer| self.advance(layer)).collect();
            while under_way.len() < lanes::at_once()
                && let Some(layer) = self.begin(&under_way)
            {
                under_way.extend(self.advance(layer));
            }
            if under_way.is_empty() {
                break;
            }
            let mut streams: Vec<_> = under_way.iter_mut().map(Layer::blocks).collect();
            lanes::update(&mut streams);
        }
    }

    /// Brings the next bytes of a layer into its buffer; `None` when there are none left.
    fn advance(&self, mut layer: Layer) -> Option<Layer> {
        match layer.fill() {
            Ok(true) => return Some(layer),
            Ok(false) => self.put(layer.at, Ok(layer.finish())),
            Err(failure) => self.put(layer.at, Err(failure)),
        }
        None
    }

    /// The next layer. There is none for who has enough under way: a core that takes many large layers
    /// is still busy with them when all others have nothing left to do.
    fn begin(&self, under_way: &[Layer]) -> Option<Layer> {
        loop {
            if self.failed.load(Ordering::Relaxed) {
                return None;
            }
            let (at, wanted) = {
                let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
                let ahead: u64 = under_way.iter().map(Layer::ahead).sum();
                let fits = |size| under_way.len() < 2 || ahead + size <= self.share;
                left.next_if(|(_, next)| fits(next.size))?
            };
            match pack::tree(&wanted.paths) {
                Ok(tree) => return Some(Layer::new(at, Stream::new(tree), wanted.size)),
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
    fn new(at: usize, stream: Stream, expected: u64) -> Self {
        let (hash, buffer) = (Lane::new(), vec![0; CHUNK]);
        Self { at, stream, hash, size: 0, expected, buffer, filled: 0 }
    }

    /// About how many bytes are still to be hashed.
    fn ahead(&self) -> u64 {
        self.expected.saturating_sub(self.size)
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

    fn wanted(path: &Path, size: u64) -> Wanted {
        let paths = vec![LayerPath { path: path.display().to_string(), options: None }];
        Wanted { paths, size }
    }

    /// Sizes round that of a buffer, so that layers that are hashed together end at different times.
    #[test]
    fn every_layer_has_the_digest_of_its_own_stream() {
        let world = tempfile::tempdir().unwrap();
        let head = 3 * 512;
        let sizes = [0, 1, 511, CHUNK - head, CHUNK, CHUNK - head + 1, 9 * CHUNK - head, 5 * CHUNK];
        // What is said about sizes decides which layers are hashed together, and nothing else.
        for expected in [|size: usize| size as u64, |_| 0, |_| 1 << 40, |size| size as u64 % 7] {
            let layers: Vec<Wanted> = (0..100)
                .map(|at: usize| {
                    let (file, size) =
                        (world.path().join(format!("{at}")), sizes[at % sizes.len()]);
                    fs::write(&file, vec![at as u8; size]).unwrap();
                    wanted(&file, expected(size))
                })
                .collect();
            let told = Mutex::new(0);
            let packed = all(&layers, &|_, _| *told.lock().unwrap() += 1).unwrap();
            assert_eq!((packed.len(), told.into_inner().unwrap()), (100, 100));
            for (layer, packed) in layers.iter().zip(packed) {
                let mut stream = Vec::new();
                tar::write::write(pack::tree(&layer.paths).unwrap(), &mut stream).unwrap();
                let expected = Packed { diff_id: Digest::of(&stream), size: stream.len() as u64 };
                assert_eq!(packed, expected, "{}", layer.paths[0].path);
            }
        }
    }

    #[test]
    fn a_layer_that_cannot_be_read_is_named() {
        let world = tempfile::tempdir().unwrap();
        let file = world.path().join("there");
        fs::write(&file, "there").unwrap();
        let gone = world.path().join("gone");
        let layers = [wanted(&file, 9), wanted(&gone, 9), wanted(&file, 9)];
        let failure = all(&layers, &|_, _| ()).unwrap_err();
        assert!(failure.to_string().contains("gone"), "{failure}");
        assert!(all(&[], &|_, _| ()).unwrap().is_empty());
    }
}
