//! Small answers to questions that are expensive to ask, kept in files of a directory.
//!
//! One file an answer, named by everything the answer depends on. A file that cannot be read or
//! written only costs time, so every failure here is silence. Answers nobody has wanted for a long
//! time are removed: images change, and what their layers were is never asked for again.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::digest::Digest;
use crate::nix::base_directory;

/// How long an answer is kept that nobody wants.
const KEPT: Duration = Duration::from_secs(30 * DAY.as_secs());
/// How exactly the last use of an answer is known, and how often old ones are looked for.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The file whose age tells when old answers were looked for last.
const SWEPT: &str = ".swept";

/// A directory of answers, or none.
#[derive(Clone, Debug)]
pub struct Notes {
    directory: Option<PathBuf>,
}

impl Notes {
    /// Those of this user in `$XDG_CACHE_HOME/devenv-container/<name>`; none without a home
    /// directory.
    pub fn of_user(name: &str) -> Self {
        let base = base_directory("XDG_CACHE_HOME", ".cache").ok();
        Self { directory: base.map(|base| base.join(name)) }
    }

    /// Those in a directory.
    #[cfg(test)]
    pub fn at(directory: PathBuf) -> Self {
        Self { directory: Some(directory) }
    }

    /// None, and none are kept.
    pub fn none() -> Self {
        Self { directory: None }
    }

    /// Where they are; `None` when there are none.
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// The answer to a question.
    pub fn read(&self, question: &str) -> Option<String> {
        let mut file = File::open(self.file(question)?).ok()?;
        let mut answer = String::new();
        file.read_to_string(&mut answer).ok()?;
        let now = SystemTime::now();
        if age(&file, now).is_some_and(|age| age > DAY) {
            let _ = file.set_modified(now);
        }
        Some(answer)
    }

    /// Keeps the answer to a question.
    pub fn write(&self, question: &str, answer: &[u8]) {
        let _ = self.try_write(question, answer);
    }

    fn try_write(&self, question: &str, answer: &[u8]) -> Option<()> {
        let directory = self.directory.as_ref()?;
        fs::create_dir_all(directory).ok()?;
        let mut temporary = tempfile::NamedTempFile::new_in(directory).ok()?;
        temporary.write_all(answer).ok()?;
        temporary.persist(self.file(question)?).ok()?;
        sweep(directory, SystemTime::now())
    }

    /// The file that holds the answer to a question.
    pub fn file(&self, question: &str) -> Option<PathBuf> {
        Some(self.directory.as_ref()?.join(Digest::of(question.as_bytes()).hex()))
    }
}

/// Removes what has not been used for a long time, also what was never finished, once a day.
fn sweep(directory: &Path, now: SystemTime) -> Option<()> {
    let swept = directory.join(SWEPT);
    if File::open(&swept).ok().and_then(|file| age(&file, now)).is_some_and(|age| age < DAY) {
        return Some(());
    }
    File::create(&swept).ok()?.set_modified(now).ok()?;
    for path in fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path()) {
        let last = File::open(&path).ok().and_then(|file| age(&file, now));
        if last.is_some_and(|age| age > KEPT) {
            let _ = fs::remove_file(path);
        }
    }
    Some(())
}

/// How long ago a file was written or used; `None` when that is to come.
fn age(file: &File, now: SystemTime) -> Option<Duration> {
    now.duration_since(file.metadata().ok()?.modified().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_kept_while_somebody_wants_them() {
        let directory = tempfile::tempdir().unwrap();
        let notes = Notes::at(directory.path().join("deep"));
        let files = || fs::read_dir(directory.path().join("deep")).unwrap().count();
        let now = SystemTime::now();
        for question in ["wanted", "unwanted"] {
            notes.write(question, question.as_bytes());
            let file = File::open(notes.file(question).unwrap()).unwrap();
            file.set_modified(now - KEPT + DAY).unwrap();
        }
        assert_eq!(files(), 3, "with the time of the sweep");
        assert_eq!(notes.read("wanted").unwrap(), "wanted");

        let place = notes.directory().unwrap();
        // Too early for another look, whatever there is.
        sweep(place, now + DAY / 2).unwrap();
        assert_eq!(files(), 3);
        sweep(place, now + 2 * DAY).unwrap();
        assert_eq!(files(), 2);
        assert_eq!(
            (notes.read("wanted").as_deref(), notes.read("unwanted")),
            (Some("wanted"), None)
        );
        sweep(place, now + KEPT + 2 * DAY).unwrap();
        assert_eq!(notes.read("wanted"), None);
    }

    #[test]
    fn a_write_looks_for_what_is_old() {
        let directory = tempfile::tempdir().unwrap();
        let unfinished = directory.path().join(".tmpA");
        File::create(&unfinished).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        Notes::at(directory.path().to_owned()).write("question", b"answer");
        assert!(!unfinished.exists());
    }

    #[test]
    fn without_a_directory_nothing_is_known() {
        Notes::none().write("question", b"answer");
        assert_eq!(Notes::none().read("question"), None);
    }
}
