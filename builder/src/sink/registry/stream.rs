//! The bytes of a blob on their way to a registry: made while they are sent, and counted.

use std::io::{self, BufWriter, PipeReader, Read};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::cache::Cache;
use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::room::Permit;
use crate::image::{Layer, blob};
use crate::progress::counting::Counting;

/// The compressed bytes of a layer, made by a thread while they are read.
pub struct Compressing {
    /// `None` once nobody reads any more.
    pipe: Option<PipeReader>,
    /// Taken once the bytes have come to their end.
    maker: Option<JoinHandle<Result<(Digest, u64)>>>,
    expected: Digest,
    /// Who said what to expect.
    cache: Cache,
}

impl Compressing {
    /// Begins to compress `layer`, which comes to `expected` as `cache` knows.
    pub fn start(
        layer: Layer,
        permit: &Arc<Permit>,
        expected: Digest,
        cache: &Cache,
    ) -> Result<Self> {
        let permit = Arc::clone(permit);
        let (pipe, writer) =
            io::pipe().or_fail(Kind::System, || "cannot make a pipe for the layer")?;
        let maker = thread::spawn(move || {
            let mut out = BufWriter::with_capacity(256 * 1024, writer);
            let made = blob::write(&layer, &permit, &mut out)?;
            io::Write::flush(&mut out).or_fail(Kind::Io, || "cannot hand on a layer")?;
            Ok(made)
        });
        Ok(Self { pipe: Some(pipe), maker: Some(maker), expected, cache: cache.clone() })
    }

    /// Whether the bytes that came were the right ones.
    fn judge(&mut self) -> Result<()> {
        let Some(maker) = self.maker.take() else { return Ok(()) };
        let internal = |why: String| Failure::new(Kind::Internal, why);
        let (digest, _) = maker
            .join()
            .map_err(|_| internal("the compression of a layer broke down".to_owned()))??;
        if digest == self.expected {
            return Ok(());
        }
        let why = format!("a layer was compressed to {digest}, and to {} before", self.expected);
        Err(match self.cache.directory() {
            Some(place) => {
                internal(why).hint(format!("remove the cache: rm -r {}", place.display()))
            }
            None => internal(why),
        })
    }
}

impl Read for Compressing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.pipe.as_mut().map_or(Ok(0), |pipe| pipe.read(out))?;
        if count == 0 && !out.is_empty() {
            self.judge().map_err(io::Error::other)?;
        }
        Ok(count)
    }
}

impl Drop for Compressing {
    /// Whoever stops in the middle may begin anew, and must not take the codec's memory twice: its next
    /// bytes find nobody, which ends it.
    fn drop(&mut self) {
        self.pipe = None;
        if let Some(maker) = self.maker.take() {
            let _ = maker.join();
        }
    }
}

/// Tells how far a reader is, and notices when it has more or fewer bytes than it should.
pub struct Exact<'a, R> {
    inner: R,
    length: u64,
    counting: Counting<'a>,
}

impl<'a, R: Read> Exact<'a, R> {
    /// Watches `inner`, which has `length` bytes.
    pub fn new(inner: R, length: u64, tell: &'a (dyn Fn(u64) + Sync)) -> Self {
        Self { inner, length, counting: Counting::from(0, length, tell) }
    }
}

impl<R: Read> Read for Exact<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let wrong = |why: String| io::Error::other(Failure::new(Kind::Internal, why));
        let count = self.inner.read(out)?;
        let sum = self.counting.count() + count as u64;
        if count == 0 && !out.is_empty() && sum < self.length {
            return Err(wrong(format!("a layer has {sum} bytes and not {}", self.length)));
        }
        // The last bytes are judged before they are handed on: whoever gets as many as announced
        // never asks whether there are more.
        let more =
            sum > self.length || sum == self.length && count > 0 && self.inner.read(&mut [0])? > 0;
        if more {
            return Err(wrong(format!("a layer has more than {} bytes", self.length)));
        }
        self.counting.add(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::image::{Codec, History, Source, codec};

    fn failure(error: &io::Error) -> String {
        error.get_ref().and_then(|e| e.downcast_ref::<Failure>()).unwrap().to_string()
    }

    #[test]
    fn as_many_bytes_as_announced_are_handed_on_and_no_others() {
        let told = AtomicU64::new(u64::MAX);
        let tell = |sent| told.store(sent, Ordering::Relaxed);
        let read = |length| {
            let mut out = Vec::new();
            Exact::new(&b"12345"[..], length, &tell).read_to_end(&mut out).map(|_| out)
        };
        assert_eq!(read(5).unwrap(), b"12345");
        assert_eq!(told.load(Ordering::Relaxed), 5, "the last bytes are told, too");
        assert!(failure(&read(6).unwrap_err()).contains("5 bytes and not 6"));
        assert!(failure(&read(4).unwrap_err()).contains("more than 4"));
    }

    #[test]
    fn a_layer_that_cannot_be_made_says_why_and_wrong_bytes_are_found_out() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("layer");
        let layer = Layer {
            digest: Digest::of(b"x"),
            size: 1,
            diff_id: Digest::of(b"x"),
            tar_size: None,
            media_type: codec::TAR.to_owned(),
            source: Source::File(file.clone()),
            history: History::default(),
            codec: Codec::default(),
        };
        let read = || {
            let cache = Cache::at(directory.path().join("cache"));
            let (permit, other) = (Arc::new(layer.codec.permit()), Digest::of(b"other"));
            let mut reader = Compressing::start(layer.clone(), &permit, other, &cache).unwrap();
            failure(&io::copy(&mut reader, &mut io::sink()).unwrap_err())
        };
        assert!(read().contains("cannot read layer"));
        std::fs::write(&file, "x").unwrap();
        let told = read();
        assert!(told.contains("to sha256:"), "{told}");
        let way_out = format!("rm -r {}", directory.path().join("cache").display());
        assert!(told.contains(&way_out), "{told}");
        std::fs::write(&file, "y").unwrap();
        assert!(read().contains("has changed"));
    }
}
