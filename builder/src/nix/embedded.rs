//! The Nix files this program carries, written out once for Nix to read.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::digest::Hashing;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::temporary;

use super::roots::base_directory;

/// How long the files of a version are kept that nobody uses.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Relative path and content of every file of `nix/`.
const COLLECTED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/nix_files.rs"));

/// The devenv.nix of a new project, which is called `myapp`.
pub const TEMPLATE: &str = include_str!("../../../nix/template/devenv.nix");

/// The file Nix is asked to evaluate.
pub const ENTRY: &str = "cli.nix";

/// The file that makes a project's inputs. It is not part of `nix/`, as those who have flakes or
/// devenv's command line get their inputs from these.
pub const INPUTS: &str = "builder-inputs.nix";

/// The function that adds a text to the store. Not part of `nix/` either: nobody else needs it.
pub const REGISTER: &str = "builder-register.nix";

/// The file that finds containers among the outputs of a flake.
pub const OUTPUTS: &str = "builder-outputs.nix";

fn files() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    COLLECTED.iter().copied().chain([
        (INPUTS, &include_bytes!("inputs.nix")[..]),
        (OUTPUTS, &include_bytes!("outputs.nix")[..]),
        (REGISTER, &include_bytes!("register.nix")[..]),
    ])
}

/// The files, written out.
#[derive(Debug)]
pub struct Files {
    directory: PathBuf,
    /// Where they go with this value.
    _temporary: Option<temporary::Directory>,
}

impl Files {
    /// Writes the files to the cache where they are not yet. It only saves time, so where there can
    /// be none they are written for this value alone.
    ///
    /// The directory is named by the digest of its contents and appears all at once, so programs of
    /// several versions may run at the same time.
    ///
    /// # Errors
    /// When there is no place for them at all.
    pub fn write() -> Result<Self> {
        let cached = base_directory("XDG_CACHE_HOME", ".cache").and_then(|cache| in_cache(&cache));
        if let Ok(directory) = cached {
            return Ok(Self { directory, _temporary: None });
        }
        let temporary = temporary::Directory::new_in(&env::temp_dir(), ".devenv-container-")
            .or_fail(Kind::CannotCreate, || "cannot make a temporary directory")?;
        let directory = temporary.path().join("nix");
        write(temporary.path(), &directory)?;
        Ok(Self { directory, _temporary: Some(temporary) })
    }

    /// The path of the one called `name`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

fn in_cache(cache: &Path) -> Result<PathBuf> {
    let target = cache.join(format!("nix-{}", digest()?));
    if !target.is_dir() {
        write(cache, &target)?;
        forget(cache, SystemTime::now());
    }
    // Only a cache that cannot be written to forgets how long this was used.
    let _ = File::open(&target).and_then(|used| used.set_modified(SystemTime::now()));
    Ok(target)
}

/// Removes the files of versions nobody has used for a long time.
fn forget(cache: &Path, now: SystemTime) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let used = entry.metadata().and_then(|about| about.modified()).ok();
        let age = used.and_then(|used| now.duration_since(used).ok());
        if age.is_none_or(|age| age <= KEPT) {
            continue;
        }
        // Under another name first: a removal that is ended leaves nothing that looks whole.
        let aside = cache.join(format!(".{name}"));
        if name.starts_with("nix-") && fs::rename(entry.path(), &aside).is_ok() {
            let _ = fs::remove_dir_all(aside);
        } else if name.starts_with(".nix-") {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Twenty digits name the content well enough for a directory.
fn digest() -> Result<String> {
    use std::io::Write as _;
    let mut hashing = Hashing::new(std::io::sink());
    for (name, content) in files() {
        for part in [name.as_bytes(), &content.len().to_le_bytes(), content] {
            hashing.write_all(part).or_fail(Kind::Internal, || "cannot digest our own files")?;
        }
    }
    let (_, digest, _) = hashing.finish();
    Ok(digest.hex().chars().take(20).collect())
}

fn write(cache: &Path, target: &Path) -> Result<()> {
    let doing = || format!("cannot write {}", target.display());
    fs::create_dir_all(cache).or_fail(Kind::CannotCreate, doing)?;
    let temporary =
        temporary::Directory::new_in(cache, ".nix-").or_fail(Kind::CannotCreate, doing)?;
    for (name, content) in files() {
        let path = temporary.path().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).or_fail(Kind::CannotCreate, doing)?;
        }
        fs::write(&path, content).or_fail(Kind::CannotCreate, doing)?;
    }
    // Nothing in it is secret, and whoever may enter the cache may read it.
    fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o755))
        .or_fail(Kind::CannotCreate, doing)?;
    match fs::rename(temporary.path(), target) {
        Ok(()) => {
            temporary.keep();
            Ok(())
        }
        // Another process was first; its files are the same.
        Err(_) if target.is_dir() => Ok(()),
        Err(error) => Err(Failure::new(Kind::CannotCreate, format!("{}: {error}", doing()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_versions_are_kept_while_somebody_uses_them() {
        let cache = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        for (name, used) in [("nix-a", now - KEPT), ("nix-b", now), (".nix-c", now - KEPT)] {
            fs::create_dir_all(cache.path().join(name).join("modules")).unwrap();
            File::open(cache.path().join(name)).unwrap().set_modified(used).unwrap();
        }
        fs::create_dir(cache.path().join("layers")).unwrap();
        let there = |now| {
            forget(cache.path(), now);
            let mut names: Vec<_> = fs::read_dir(cache.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        assert_eq!(there(now).len(), 4);
        assert_eq!(there(now + Duration::from_secs(60)), ["layers", "nix-b"]);
        assert_eq!(there(now + KEPT + KEPT), ["layers"]);
    }

    #[test]
    fn the_files_are_written_whole_and_only_once() {
        let cache = tempfile::tempdir().unwrap();
        let target = cache.path().join("nix-x");
        write(cache.path(), &target).unwrap();
        write(cache.path(), &target).unwrap();
        for (name, content) in files() {
            assert_eq!(fs::read(target.join(name)).unwrap(), content, "{name}");
        }
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
    }
}
