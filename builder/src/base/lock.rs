//! `devenv-container.lock`: which image of a registry a name stands for, until somebody decides
//! otherwise.
//!
//! ```json
//! { "images": { "debian:12": { "amd64": { "digest": "sha256:…", "hash": "sha256:…" } } } }
//! ```
//!
//! `digest` is the registry's, of the image's manifest; `hash` is Nix's, of the layout it becomes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::{Context as _, Kind, Result};

/// The name of the file, beside the project's.
pub const FILE: &str = "devenv-container.lock";

/// The name of the layouts in the store, as `nix/base.nix` has it.
pub const STORE_NAME: &str = "base-image";

/// The contents of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// By the name in the registry, and the architecture in Go's spelling.
    pub images: BTreeMap<String, BTreeMap<String, Locked>>,
}

/// One image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// The digest of its manifest.
    pub digest: Digest,
    /// The hash of its layout, as Nix writes it.
    pub hash: String,
}

impl Lock {
    /// Reads the file's text.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).or_fail(Kind::Data, || format!("cannot read {FILE}"))
    }

    /// The file's text: the same for the same images, in order of their names.
    pub fn write(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self)
            .or_fail(Kind::Internal, || format!("cannot write {FILE}"))?;
        Ok(text + "\n")
    }

    /// What is known of the image.
    pub fn get(&self, image: &str, architecture: &str) -> Option<&Locked> {
        self.images.get(image)?.get(architecture)
    }

    /// Sets what the image is, and returns what it was.
    pub fn set(&mut self, image: &str, architecture: &str, locked: Locked) -> Option<Locked> {
        self.images.entry(image.to_owned()).or_default().insert(architecture.to_owned(), locked)
    }

    /// Forgets what is known for this architecture of all images but these. What other architectures
    /// build on may have other names, which are not known here.
    pub fn keep(&mut self, images: &[&str], architecture: &str) {
        self.images.retain(|image, known| {
            if !images.contains(&image.as_str()) {
                known.remove(architecture);
            }
            !known.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_others_are_kept_apart() {
        let locked = |text: &[u8]| Locked { digest: Digest::of(text), hash: "sha256:x".into() };
        let mut lock = Lock::default();
        assert_eq!(lock.set("b:1", "amd64", locked(b"1")), None);
        assert_eq!(lock.set("b:1", "arm64", locked(b"2")), None);
        assert_eq!(lock.set("a", "amd64", locked(b"3")), None);
        assert_eq!(lock.set("a", "amd64", locked(b"4")), Some(locked(b"3")));
        let has = |lock: &Lock, image, architecture| lock.get(image, architecture).is_some();
        assert!(has(&lock, "b:1", "arm64") && !has(&lock, "a", "arm64"));
        assert!(!has(&lock, "c", "amd64"));
        assert_eq!(Lock::parse(&lock.write().unwrap()).unwrap(), lock);
        // Each architecture may build on images of its own.
        lock.keep(&["a"], "amd64");
        assert!(has(&lock, "a", "amd64") && !has(&lock, "b:1", "amd64"));
        assert!(has(&lock, "b:1", "arm64"));
        lock.keep(&["a"], "arm64");
        assert!(has(&lock, "a", "amd64") && !lock.images.contains_key("b:1"));
        assert!(Lock::parse("{}").unwrap_err().to_string().contains(FILE));
    }
}
