//! What compressing a layer came to, remembered: an unchanged layer is never compressed again to
//! learn its digest.
//!
//! One small file a layer, named by everything the answer depends on. A file that cannot be read
//! or written only costs time, so every failure here is silence.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::nix::base_directory;

/// Names the codec and everything that decides its bytes. It changes when they do, so that no
/// answer of another codec is ever taken for this one's.
pub const GZIP: &str = "gzip-6 flate2-1.1.11 zlib-rs-0.6";

/// Digest and size of a compressed layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compressed {
    /// The digest of the compressed blob.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// The cache of this user; without a home directory there is none.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: Option<PathBuf>,
}

impl Cache {
    /// The cache below `XDG_CACHE_HOME`.
    pub fn of_user() -> Self {
        Self {
            directory: base_directory("XDG_CACHE_HOME", ".cache")
                .ok()
                .map(|base| base.join("layers")),
        }
    }

    /// A cache in a directory of its own.
    #[cfg(test)]
    pub fn at(directory: PathBuf) -> Self {
        Self { directory: Some(directory) }
    }

    /// What compressing the layer `diff_id` with `codec` came to.
    pub fn get(&self, diff_id: &Digest, codec: &str) -> Option<Compressed> {
        let text = fs::read_to_string(self.file(diff_id, codec)?).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Remembers it.
    pub fn put(&self, diff_id: &Digest, codec: &str, compressed: &Compressed) {
        let _ = self.try_put(diff_id, codec, compressed);
    }

    fn try_put(&self, diff_id: &Digest, codec: &str, compressed: &Compressed) -> Option<()> {
        let file = self.file(diff_id, codec)?;
        let directory = file.parent()?;
        fs::create_dir_all(directory).ok()?;
        let mut temporary = tempfile::NamedTempFile::new_in(directory).ok()?;
        temporary.write_all(&serde_json::to_vec(compressed).ok()?).ok()?;
        temporary.persist(file).ok().map(|_| ())
    }

    fn file(&self, diff_id: &Digest, codec: &str) -> Option<PathBuf> {
        let key = Digest::of(format!("{diff_id}\n{codec}").as_bytes());
        Some(self.directory.as_ref()?.join(key.hex()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_for_its_layer_and_codec_only() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path().join("deep"));
        let (layer, other) = (Digest::of(b"layer"), Digest::of(b"other"));
        let compressed = Compressed { digest: Digest::of(b"gz"), size: 7 };
        assert_eq!(cache.get(&layer, GZIP), None);
        cache.put(&layer, GZIP, &compressed);
        assert_eq!(cache.get(&layer, GZIP), Some(compressed));
        assert_eq!(cache.get(&other, GZIP), None);
        assert_eq!(cache.get(&layer, "zstd"), None);
    }

    #[test]
    fn what_is_broken_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path().to_owned());
        let layer = Digest::of(b"layer");
        cache.put(&layer, GZIP, &Compressed { digest: Digest::of(b"gz"), size: 7 });
        fs::write(cache.file(&layer, GZIP).unwrap(), "{").unwrap();
        assert_eq!(cache.get(&layer, GZIP), None);
        let nowhere = Cache { directory: None };
        nowhere.put(&layer, GZIP, &Compressed { digest: Digest::of(b"gz"), size: 7 });
        assert_eq!(nowhere.get(&layer, GZIP), None);
    }
}
