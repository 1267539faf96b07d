//! What is expensive to learn about layers, remembered: which digest store paths pack to, and what
//! a layer comes to when it is compressed.
//!
//! Kept as [`Notes`], named by everything an answer depends on.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::image::draft::DraftPath;
use crate::image::{Codec, Layer};
use crate::notes::Notes;

/// Names the form of the tar stream. It changes when the bytes a store path packs to do, and when what
/// could be packed is refused from then on.
const FORM: &str = "tar 2";

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
pub struct Cache(Notes);

impl Cache {
    /// The cache below `XDG_CACHE_HOME`.
    pub fn of_user() -> Self {
        Self(Notes::of_user("layers"))
    }

    /// A cache in a directory of its own.
    #[cfg(test)]
    pub fn at(directory: PathBuf) -> Self {
        Self(Notes::at(directory))
    }

    /// No cache: everything is worked out.
    pub fn none() -> Self {
        Self(Notes::none())
    }

    /// Where it is; `None` when there is none.
    pub fn directory(&self) -> Option<&Path> {
        self.0.directory()
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
        self.read(&described(draft))
    }

    /// Remembers it.
    pub fn put_description(&self, draft: &Path, description: &Path) {
        self.write(&described(draft), &description);
    }

    fn read<T: DeserializeOwned>(&self, question: &str) -> Option<T> {
        serde_json::from_str(&self.0.read(question)?).ok()
    }

    fn write<T: Serialize>(&self, question: &str, answer: &T) {
        if let Ok(answer) = serde_json::to_vec(answer) {
            self.0.write(question, &answer);
        }
    }
}

fn described(draft: &Path) -> String {
    format!("description of {FORM}\n{}", draft.display())
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
            tar_size: None,
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
        std::fs::write(cache.0.file(&compressed(&layer)).unwrap(), "{").unwrap();
        assert_eq!(cache.compressed(&layer), None);
        let nowhere = Cache::none();
        nowhere.put_compressed(&layer, &answer);
        assert_eq!(nowhere.compressed(&layer), None);
    }
}
