//! Where blobs have been seen: repositories of a registry from which one can be mounted instead of
//! being sent.
//!
//! Kept as [`Notes`], one for a blob and a registry.

use std::collections::BTreeSet;
#[cfg(test)]
use std::path::PathBuf;

use crate::digest::Digest;
use crate::notes::Notes;

/// How many repositories are remembered for a blob; a registry rarely refuses more than one.
const REMEMBERED: usize = 3;

/// What this user has pushed so far; without a home directory nothing is known.
#[derive(Clone, Debug)]
pub struct Places {
    notes: Notes,
    /// Repositories the user names: they are asked for every blob.
    named: Vec<String>,
    /// The repository of the image that is built on, and what it has.
    base: Option<(String, BTreeSet<Digest>)>,
}

impl Places {
    /// Those below `XDG_CACHE_HOME`, and the repositories `named`.
    pub fn of_user(named: Vec<String>) -> Self {
        Self { notes: Notes::of_user("blobs"), named, base: None }
    }

    /// Kept in a directory of their own.
    #[cfg(test)]
    pub fn at(directory: PathBuf, named: Vec<String>) -> Self {
        Self { notes: Notes::at(directory), named, base: None }
    }

    /// These, and `repository` of the registry that is pushed to, which has these blobs: they came from
    /// there.
    #[must_use]
    pub fn with_base(self, repository: String, blobs: BTreeSet<Digest>) -> Self {
        Self { base: Some((repository, blobs)), ..self }
    }

    /// Repositories of `host` other than `repository` that may have the blob, the likeliest first.
    pub fn of(&self, host: &str, digest: &Digest, repository: &str) -> Vec<String> {
        let mut places = self.read(host, digest);
        let base = self.base.iter().filter(|(_, blobs)| blobs.contains(digest));
        places.extend(base.map(|(repository, _)| repository.clone()));
        places.extend(self.named.iter().cloned());
        let mut seen = BTreeSet::new();
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
        self.write(host, digest, &places);
    }

    /// Forgets it: the blob was not there.
    pub fn remove(&self, host: &str, digest: &Digest, repository: &str) {
        let mut places = self.read(host, digest);
        let before = places.len();
        places.retain(|place| place != repository);
        if places.len() < before {
            self.write(host, digest, &places);
        }
    }

    fn read(&self, host: &str, digest: &Digest) -> Vec<String> {
        let text = self.notes.read(&question(host, digest));
        text.unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn write(&self, host: &str, digest: &Digest, places: &[String]) {
        let lines: String = places.iter().map(|place| format!("{place}\n")).collect();
        self.notes.write(&question(host, digest), lines.as_bytes());
    }
}

fn question(host: &str, digest: &Digest) -> String {
    format!("{host}\n{digest}")
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

    #[test]
    fn a_base_has_its_own_blobs_and_no_others() {
        let directory = tempfile::tempdir().unwrap();
        let (blob, other) = (Digest::of(b"blob"), Digest::of(b"other"));
        let places = Places::at(directory.path().to_owned(), vec!["named".into()]);
        let places = places.with_base("team/base".into(), [blob.clone()].into());
        assert_eq!(places.of("host", &blob, "app"), ["team/base", "named"]);
        assert_eq!(places.of("host", &blob, "team/base"), ["named"]);
        assert_eq!(places.of("host", &other, "app"), ["named"]);
    }
}
