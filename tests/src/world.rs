//! A place of its own for a test: files that vanish with it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory that any user may enter and that is removed at the end.
#[derive(Debug)]
pub struct World {
    directory: TempDir,
}

impl World {
    /// An empty one.
    ///
    /// # Panics
    /// When there is no room for it.
    #[must_use]
    pub fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("devenv-test-")
            .tempdir()
            .expect("a temporary directory");
        open_to_all(directory.path());
        Self { directory }
    }

    /// The path of something in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file, readable by all, and the directories above it.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        let parent = path.parent().expect("a file has a directory");
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, content))
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        path
    }

    /// Makes a directory any user may write to.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).expect("a directory in the world");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("our own directory");
        path
    }

    /// Copies a directory into the world.
    ///
    /// # Panics
    /// When it cannot be copied.
    pub fn copy(&self, from: &Path, name: &str) -> PathBuf {
        let target = self.path(name);
        copy_tree(from, &target);
        target
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

fn open_to_all(directory: &Path) {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("our own directory");
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory in the world");
    let entries = fs::read_dir(from).unwrap_or_else(|e| panic!("no {}: {e}", from.display()));
    for entry in entries {
        let entry = entry.expect("a readable file");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a readable file");
        }
    }
}
