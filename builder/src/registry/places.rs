//! Where blobs have been seen: repositories of a registry from which one can be mounted instead of
//! being sent.
//!
//! One small file a blob and registry. As in every cache, a file that cannot be read or written
//! only costs time.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use crate::digest::Digest;
use crate::nix::base_directory;

/// How many repositories are remembered for a blob; a registry rarely refuses more than one.
const REMEMBERED: usize = 3;

/// What this user has pushed so far; without a home directory nothing is known.
#[derive(Clone, Debug)]
pub struct Places {
    directory: Option<PathBuf>,
    /// Repositories the user names: they are asked for every blob.
    named: Vec<String>,
}

impl Places {
    /// Those below `XDG_CACHE_HOME`, and the repositories `named`.
    pub fn of_user(named: Vec<String>) -> Self {
        let base = base_directory("XDG_CACHE_HOME", ".cache").ok();
        Self { directory: base.map(|base| base.join("blobs")), named }
    }

    /// Kept in a directory of their own.
    #[cfg(test)]
    pub fn at(directory: PathBuf, named: Vec<String>) -> Self {
        Self { directory: Some(directory), named }
    }

    /// Repositories of `host` other than `repository` that may have the blob, the likeliest first.
    pub fn of(&self, host: &str, digest: &Digest, repository: &str) -> Vec<String> {
        let mut places = self.read(host, digest);
        places.extend(self.named.iter().cloned());
        let mut seen = std::collections::BTreeSet::new();
        places.retain(|place| place != repository && seen.insert(place.clone()));
        places
    }

    /// Remembers that `repository` of `host` has the blob.
    pub fn put(&self, host: &str, digest: &Digest, repository: &str) {
        let mut places = self.read(host, digest);
        if places.first().is_some_and(|first| first == repository) {
            return;
        }
        places.retain(|place| place != repository);
        places.insert(0, repository.to_owned());
        places.truncate(REMEMBERED);
        let _ = self.write(host, digest, &places);
    }

    /// Forgets it: the blob was not there.
    pub fn remove(&self, host: &str, digest: &Digest, repository: &str) {
        let mut places = self.read(host, digest);
        let before = places.len();
        places.retain(|place| place != repository);
        if places.len() < before {
            let _ = self.write(host, digest, &places);
        }
    }

    fn read(&self, host: &str, digest: &Digest) -> Vec<String> {
        let text = self.file(host, digest).and_then(|file| fs::read_to_string(file).ok());
        text.unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn write(&self, host: &str, digest: &Digest, places: &[String]) -> Option<()> {
        let file = self.file(host, digest)?;
        let directory = file.parent()?;
        fs::create_dir_all(directory).ok()?;
        let mut temporary = tempfile::NamedTempFile::new_in(directory).ok()?;
        for place in places {
            writeln!(temporary, "{place}").ok()?;
        }
        temporary.persist(file).ok().map(|_| ())
    }

    fn file(&self, host: &str, digest: &Digest) -> Option<PathBuf> {
        let key = Digest::of(format!("{host}\n{digest}").as_bytes());
        Some(self.directory.as_ref()?.join(key.hex()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_places_are_remembered_per_registry_and_blob() {
        let directory = tempfile::tempdir().unwrap();
        let places = Places::at(directory.path().join("deep"), vec!["base".into(), "a".into()]);
        let (blob, other) = (Digest::of(b"blob"), Digest::of(b"other"));
        for place in ["a", "b", "c", "d", "b"] {
            places.put("host", &blob, place);
        }
        assert_eq!(places.of("host", &blob, "new"), ["b", "d", "c", "base", "a"]);
        assert_eq!(places.of("host", &blob, "d"), ["b", "c", "base", "a"]);
        assert_eq!(places.of("host", &other, "a"), ["base"]);
        assert_eq!(places.of("elsewhere", &blob, "a"), ["base"]);
        places.remove("host", &blob, "d");
        assert_eq!(places.of("host", &blob, "a"), ["b", "c", "base"]);
    }
}
