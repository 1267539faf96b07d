//! What is expensive to learn about layers, remembered: which digest store paths pack to, and what
//! a layer comes to when it is compressed.
//!
//! One small file an answer, named by everything the answer depends on. A file that cannot be read
//! or written only costs time, so every failure here is silence.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::image::draft::DraftPath;
use crate::nix::base_directory;

/// Names the form of the tar stream. It changes when the bytes a store path packs to do.
const FORM: &str = "tar 1";

/// Names the codec and everything that decides its bytes. It changes when they do, so that no
/// answer of another codec is ever taken for this one's.
pub const GZIP: &str = "gzip-6/262144 flate2-1.1.11 zlib-rs-0.6.8";

/// Digest and size of a compressed layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compressed {
    /// The digest of the compressed blob.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Digest and size of a layer's tar stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// The digest of the stream.
    pub diff_id: Digest,
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

    /// No cache: everything is worked out.
    pub fn none() -> Self {
        Self { directory: None }
    }

    /// What compressing the layer `diff_id` with `codec` came to.
    pub fn get(&self, diff_id: &Digest, codec: &str) -> Option<Compressed> {
        self.read(&compressed(diff_id, codec))
    }

    /// Remembers it.
    pub fn put(&self, diff_id: &Digest, codec: &str, compressed_to: &Compressed) {
        self.write(&compressed(diff_id, codec), compressed_to);
    }

    /// What the layer of these paths packs to.
    pub fn packed(&self, paths: &[DraftPath]) -> Option<Packed> {
        self.read(&packed(paths)?)
    }

    /// Remembers it.
    pub fn put_packed(&self, paths: &[DraftPath], packed_to: &Packed) {
        if let Some(question) = packed(paths) {
            self.write(&question, packed_to);
        }
    }

    /// The store path of the description that was made from this draft.
    pub fn description(&self, draft: &Path) -> Option<PathBuf> {
        self.read(&format!("description\n{}", draft.display()))
    }

    /// Remembers it.
    pub fn put_description(&self, draft: &Path, description: &Path) {
        self.write(&format!("description\n{}", draft.display()), &description);
    }

    fn read<T: DeserializeOwned>(&self, question: &str) -> Option<T> {
        let text = fs::read_to_string(self.file(question)?).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn write<T: Serialize>(&self, question: &str, answer: &T) {
        let _ = self.try_write(question, answer);
    }

    fn try_write<T: Serialize>(&self, question: &str, answer: &T) -> Option<()> {
        let file = self.file(question)?;
        let directory = file.parent()?;
        fs::create_dir_all(directory).ok()?;
        let mut temporary = tempfile::NamedTempFile::new_in(directory).ok()?;
        temporary.write_all(&serde_json::to_vec(answer).ok()?).ok()?;
        temporary.persist(file).ok().map(|_| ())
    }

    fn file(&self, question: &str) -> Option<PathBuf> {
        Some(self.directory.as_ref()?.join(Digest::of(question.as_bytes()).hex()))
    }
}

fn compressed(diff_id: &Digest, codec: &str) -> String {
    format!("{diff_id}\n{codec}")
}

/// A path may be built anew with other contents, so its name alone says nothing: `None` when a
/// hash is missing.
fn packed(paths: &[DraftPath]) -> Option<String> {
    if paths.iter().any(|path| path.hash.is_empty()) {
        return None;
    }
    Some(format!("{FORM}\n{}", serde_json::to_string(paths).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_for_its_layer_and_codec_only() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path().join("deep"));
        let (layer, other) = (Digest::of(b"layer"), Digest::of(b"other"));
        let answer = Compressed { digest: Digest::of(b"gz"), size: 7 };
        assert_eq!(cache.get(&layer, GZIP), None);
        cache.put(&layer, GZIP, &answer);
        assert_eq!(cache.get(&layer, GZIP), Some(answer));
        assert_eq!(cache.get(&other, GZIP), None);
        assert_eq!(cache.get(&layer, "zstd"), None);
    }

    #[test]
    fn what_is_broken_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path().to_owned());
        let layer = Digest::of(b"layer");
        cache.put(&layer, GZIP, &Compressed { digest: Digest::of(b"gz"), size: 7 });
        fs::write(cache.file(&compressed(&layer, GZIP)).unwrap(), "{").unwrap();
        assert_eq!(cache.get(&layer, GZIP), None);
        let nowhere = Cache::none();
        nowhere.put(&layer, GZIP, &Compressed { digest: Digest::of(b"gz"), size: 7 });
        assert_eq!(nowhere.get(&layer, GZIP), None);
    }
}
