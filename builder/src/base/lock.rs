//! `devenv-container.lock`: which image of a registry a name stands for, until somebody decides
//! otherwise.
//!
//! ```json
//! { "images": { "debian:12": { "amd64": { "digest": "sha256:…", "hash": "sha256:…" } } } }
//! ```
//!
//! `digest` is the registry's, of the image's manifest; `hash` is Nix's, of the layout it becomes, and
//! follows from it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};

/// The name of the file, beside the project's.
pub const FILE: &str = "devenv-container.lock";

/// How many digits Nix writes a hash with.
const HASH_DIGITS: usize = 52;

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
    #[serde(deserialize_with = "hash")]
    pub hash: String,
}

impl Locked {
    /// The name of its layout in the store, as `nix/base.nix` has it.
    pub fn store_name(&self) -> String {
        store_name(&self.digest)
    }
}

/// The name in the store of the layout of an image. Nix takes what it has by name and hash alone, so all
/// of the digest is in it: another one never means what is there already.
pub fn store_name(digest: &Digest) -> String {
    format!("base-image-{}", digest.hex())
}

/// `sha256:` and 52 digits of Nix's.
fn hash<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_digit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    match text.strip_prefix("sha256:") {
        Some(digits) if digits.len() == HASH_DIGITS && digits.bytes().all(is_digit) => Ok(text),
        _ => Err(serde::de::Error::custom(format!("`{text}` is not a hash of Nix"))),
    }
}

impl Lock {
    /// Reads the file; without one, nothing is written down.
    ///
    /// # Errors
    /// When it is damaged, or cannot be read.
    pub fn read(file: &Path) -> Result<Self> {
        let doing = || format!("cannot read {}", file.display());
        match fs::read(file) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| {
                Failure::new(Kind::Data, format!("{}: {error}", doing())).hint(
                    "put back the last version that was kept with the project, or remove the file and \
                     run `devenv-container lock`",
                )
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).or_fail(Kind::Io, doing),
        }
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

    fn locked(text: &[u8]) -> Locked {
        let hash = format!("sha256:{}", "0".repeat(HASH_DIGITS));
        Locked { digest: Digest::of(text), hash }
    }

    #[test]
    fn what_is_written_is_read_and_others_are_kept_apart() {
        let mut lock = Lock::default();
        assert_eq!(lock.set("b:1", "amd64", locked(b"1")), None);
        assert_eq!(lock.set("b:1", "arm64", locked(b"2")), None);
        assert_eq!(lock.set("a", "amd64", locked(b"3")), None);
        assert_eq!(lock.set("a", "amd64", locked(b"4")), Some(locked(b"3")));
        let has = |lock: &Lock, image, architecture| lock.get(image, architecture).is_some();
        assert!(has(&lock, "b:1", "arm64") && !has(&lock, "a", "arm64"));
        assert!(!has(&lock, "c", "amd64"));
        let world = tempfile::tempdir().unwrap();
        let file = world.path().join(FILE);
        assert_eq!(Lock::read(&file).unwrap(), Lock::default());
        fs::write(&file, lock.write().unwrap()).unwrap();
        assert_eq!(Lock::read(&file).unwrap(), lock);
        // Each architecture may build on images of its own.
        lock.keep(&["a"], "amd64");
        assert!(has(&lock, "a", "amd64") && !has(&lock, "b:1", "amd64"));
        assert!(has(&lock, "b:1", "arm64"));
        lock.keep(&["a"], "arm64");
        assert!(has(&lock, "a", "amd64") && !lock.images.contains_key("b:1"));
    }

    #[test]
    fn a_damaged_file_is_named_with_a_way_out() {
        let world = tempfile::tempdir().unwrap();
        let file = world.path().join(FILE);
        let mut lock = Lock::default();
        lock.set("a", "amd64", locked(b"1"));
        let whole = lock.write().unwrap();
        let hash = format!("\"sha256:{}\"", "0".repeat(HASH_DIGITS));
        assert!(whole.contains(&hash));
        for (text, why) in [
            ("{".to_owned(), "EOF"),
            ("{}".to_owned(), "missing field `images`"),
            ("[]".to_owned(), "invalid"),
            (whole.replace("hash", "hsah"), "unknown field `hsah`"),
            (whole.replace("sha256:0", "sha512:0"), "is not a hash of Nix"),
            (whole.replace(&hash, "5"), "invalid type"),
            (whole.replace(&format!("{}", Digest::of(b"1")), "sha256:1"), "is not a sha256 digest"),
        ] {
            fs::write(&file, &text).unwrap();
            let failure = Lock::read(&file).unwrap_err();
            assert!(failure.message().contains(&format!("{}: ", file.display())), "{failure}");
            assert!(failure.message().contains(why), "{why}: {failure}");
            assert!(failure.to_string().contains("\nhint: put back the last"), "{failure}");
            assert_eq!(failure.kind(), Kind::Data);
        }
    }

    #[test]
    fn all_of_the_digest_is_in_the_name() {
        let (one, other) = (locked(b"1"), locked(b"2"));
        assert_eq!(one.store_name(), format!("base-image-{}", one.digest.hex()));
        assert_ne!(one.store_name(), other.store_name());
    }
}
