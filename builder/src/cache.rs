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
use crate::image::{Codec, Layer};
use crate::nix::base_directory;

/// Names the form of the tar stream. It changes when the bytes a store path packs to do.
const FORM: &str = "tar 1";

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

    /// Where it is; `None` when there is none.
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// What compressing the layer with its codec came to.
    pub fn compressed(&self, layer: &Layer) -> Option<Compressed> {
        self.read(&compressed(layer))
    }

    /// Remembers it.
    pub fn put_compressed(&self, layer: &Layer, compressed_to: &Compressed) {
        self.write(&compressed(layer), compressed_to);
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

/// A blob that is sent as it is was compressed by somebody in some way: its own digest names it.
fn compressed(layer: &Layer) -> String {
    let of = if layer.codec == Codec::AsIs { &layer.digest } else { &layer.diff_id };
    format!("{of}\n{}", layer.codec.id())
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
    use crate::image::{History, Source};

    fn layer(content: &[u8]) -> Layer {
        Layer {
            digest: Digest::of(content),
            size: 0,
            diff_id: Digest::of(content),
            media_type: String::new(),
            source: Source::Paths(Vec::new()),
            history: History::default(),
            codec: Codec::default(),
        }
    }

    #[test]
    fn an_answer_counts_for_its_layer_and_codec_only() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path().join("deep"));
        let answer = Compressed { digest: Digest::of(b"gz"), size: 7 };
        let mut one = layer(b"layer");
        assert_eq!(cache.compressed(&one), None);
        cache.put_compressed(&one, &answer);
        assert_eq!(cache.compressed(&one), Some(answer));
        assert_eq!(cache.compressed(&layer(b"other")), None);
        for codec in [Codec::None, Codec::AsIs, Codec::Gzip(9), Codec::Zstd(6)] {
            one.codec = codec;
            assert_eq!(cache.compressed(&one), None, "{codec:?}");
        }
    }

    #[test]
    fn what_is_broken_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path().to_owned());
        let layer = layer(b"layer");
        let answer = Compressed { digest: Digest::of(b"gz"), size: 7 };
        cache.put_compressed(&layer, &answer);
        fs::write(cache.file(&compressed(&layer)).unwrap(), "{").unwrap();
        assert_eq!(cache.compressed(&layer), None);
        let nowhere = Cache::none();
        nowhere.put_compressed(&layer, &answer);
        assert_eq!(nowhere.compressed(&layer), None);
    }
}
