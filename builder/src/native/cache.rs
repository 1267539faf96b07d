//! The directory in which the files of images are unpacked: whose it is, and what goes when.
//!
//! Whoever uses an entry holds a lock on it, shared with others. What nobody holds is removed once
//! nobody has used it for a month, and at once where it was to be temporary. It gets another name
//! first, so that it is gone as a whole whenever the removal ends.
//!
//! On a file system that knows no locks everything works but that nothing is ever removed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, SystemTime};

use nix::libc;
use nix::unistd::{Uid, geteuid};

use crate::error::{Failure, Kind, Result};
use crate::nix::base_directory;
use crate::temporary;

/// How long an entry is kept that nobody uses.
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What the names of entries begin with that are removed as soon as nobody holds them.
const TEMPORARY: &str = ".temporary-";

/// How often a new entry is made that another process takes for one left behind.
const TRIES: usize = 10;

/// The directory.
#[derive(Clone, Debug)]
pub struct Cache {
    place: PathBuf,
}

/// Keeps an entry from being removed, as far as the file system can.
#[derive(Debug)]
pub struct Held {
    _directory: File,
}

/// A directory that goes with the value, or after this program has been killed.
#[derive(Debug)]
pub struct Scratch {
    directory: temporary::Directory,
    held: Held,
}

impl Cache {
    /// The one of this user.
    ///
    /// # Errors
    /// As [`Cache::at`].
    pub fn of_user() -> Result<Self> {
        let base = base_directory("XDG_CACHE_HOME", ".cache")?;
        // It may have been made with whatever mask: who may write to it is not asked.
        match fs::metadata(&base) {
            Ok(about) => ours(&about).map_err(|why| refused(&base, Kind::Permission, &why))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(refused(&base, Kind::CannotCreate, &error.to_string())),
        }
        Self::at(base.join("trees"))
    }

    /// The one at `place`, made where it is missing.
    ///
    /// # Errors
    /// When it cannot be made, or is not this user's alone: what is in it is run.
    pub fn at(place: PathBuf) -> Result<Self> {
        // Programs in it may have the power of their owner; others must not get at them here.
        let about = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&place)
            .and_then(|()| open(&place)?.metadata())
            .map_err(|error| refused(&place, Kind::CannotCreate, &error.to_string()))?;
        ours(&about)
            .and_then(|()| closed(&about))
            .map_err(|why| refused(&place, Kind::Permission, &why))?;
        Ok(Self { place })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.place
    }

    /// Keeps an entry from being removed, and notes that it is used; `None`: there is none.
    pub fn hold(&self, name: &str, now: SystemTime) -> Option<Held> {
        let path = self.place.join(name);
        let directory = open(&path).ok()?;
        let about = directory.metadata().ok()?;
        ours(&about).and_then(|()| closed(&about)).ok()?;
        let held = lock(directory, &path)?;
        let _ = held._directory.set_modified(now);
        Some(held)
    }

    /// A new directory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn scratch(&self) -> io::Result<Scratch> {
        for _ in 0..TRIES {
            let directory = temporary::Directory::new_in(&self.place, TEMPORARY)?;
            // Another process may have removed it before it was held.
            let held = open(directory.path()).ok().and_then(|open| lock(open, directory.path()));
            if let Some(held) = held {
                return Ok(Scratch { directory, held });
            }
        }
        Err(io::Error::other("others keep removing it"))
    }

    /// Makes an entry called `name` of a directory, unless there is one by now.
    ///
    /// # Errors
    /// When it can be neither moved there nor used.
    pub fn keep(&self, name: &str, made: Scratch, now: SystemTime) -> io::Result<Held> {
        let Scratch { directory, held } = made;
        match fs::rename(directory.path(), self.place.join(name)) {
            Ok(()) => {
                directory.keep();
                Ok(held)
            }
            // Another process was first; its files are the same.
            Err(error) => self.hold(name, now).ok_or(error),
        }
    }

    /// Removes what nobody holds and is temporary, or has not been used for a long time. What cannot
    /// be removed stays.
    pub fn sweep(&self, now: SystemTime) {
        for entry in fs::read_dir(&self.place).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let Ok(directory) = open(&path) else { continue };
            let used = directory.metadata().and_then(|about| about.modified()).ok();
            let age = used.and_then(|used| now.duration_since(used).ok());
            let is_old = name.starts_with(TEMPORARY) || age.is_some_and(|age| age > KEPT);
            if is_old && directory.try_lock().is_ok() && is_at(&directory, &path) {
                let Ok(aside) = self.set_aside(&path, &name) else { continue };
                temporary::unlock(&aside);
                let _ = fs::remove_dir_all(&aside);
            }
        }
    }

    /// Gives an entry the name of one that may go at any time.
    fn set_aside(&self, path: &Path, name: &str) -> io::Result<PathBuf> {
        let aside = self.place.join(format!("{TEMPORARY}{}-{name}", process::id()));
        fs::rename(path, &aside).map(|()| aside)
    }
}

impl Scratch {
    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

fn open(path: &Path) -> io::Result<File> {
    let only = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    OpenOptions::new().read(true).custom_flags(only).open(path)
}

/// Locks a directory, waiting for whoever removes it; `None`: it is not at `path` any more.
fn lock(directory: File, path: &Path) -> Option<Held> {
    // Where there are no locks, nobody could remove it either.
    while directory.lock_shared().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {}
    is_at(&directory, path).then_some(Held { _directory: directory })
}

fn is_at(directory: &File, path: &Path) -> bool {
    let there = fs::symlink_metadata(path).ok();
    let open = directory.metadata().ok();
    let key = |about: fs::Metadata| (about.dev(), about.ino());
    there.map(key).is_some_and(|there| Some(there) == open.map(key))
}

fn ours(about: &fs::Metadata) -> std::result::Result<(), String> {
    if Uid::from_raw(about.uid()) == geteuid() {
        return Ok(());
    }
    Err(format!("it belongs to user {}, and you are {}", about.uid(), geteuid()))
}

fn closed(about: &fs::Metadata) -> std::result::Result<(), String> {
    match about.mode() & 0o022 {
        0 => Ok(()),
        _ => Err(format!("others may write to it (mode {:04o})", about.mode() & 0o7777)),
    }
}

fn refused(place: &Path, kind: Kind, why: &str) -> Failure {
    let place = place.display();
    Failure::new(kind, format!("cannot keep files of images in {place}: {why}"))
        .hint("set XDG_CACHE_HOME to a directory of your own")
}

/// Says how to go on when there was no room for what was to be unpacked here.
pub fn with_way_out(failure: Failure, cache: &Cache) -> Failure {
    use nix::errno::Errno;
    let is_full = [Errno::ENOSPC, Errno::EDQUOT]
        .into_iter()
        .any(|error| failure.message().ends_with(&io::Error::from(error).to_string()));
    if !is_full {
        return failure;
    }
    failure.hint(format!(
        "set XDG_CACHE_HOME to a directory with more room, or remove what is in {} while no \
         container runs (after chmod -R u+w)",
        cache.path().display()
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::error::Context as _;

    fn names(cache: &Cache) -> Vec<String> {
        let entries = fs::read_dir(cache.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_is_left_behind_goes_at_once_and_what_is_held_never() {
        let world = tempfile::tempdir().unwrap();
        let cache = Cache::at(world.path().join("deep/cache")).unwrap();
        let now = SystemTime::now();
        let held = cache.scratch().unwrap();
        // As after a removal, or an unpacking, that was killed in its midst.
        for folder in ["left/root/bin", ".temporary-7-left/root", "kept/root"] {
            fs::create_dir_all(cache.path().join(folder)).unwrap();
        }
        set_mode(&cache.path().join("left/root"), 0o555);
        set_mode(&cache.path().join("kept"), 0o700);
        cache.sweep(now);
        let name = held.path().file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(names(&cache), [name, "kept".to_owned(), "left".to_owned()]);
        let kept = cache.hold("kept", now + KEPT).unwrap();
        drop(held);
        cache.sweep(now + KEPT + KEPT);
        assert_eq!(names(&cache), ["kept"]);
        drop(kept);
        cache.sweep(now + KEPT + KEPT);
        assert_eq!(names(&cache), ["kept"], "used since");
        cache.sweep(now + KEPT + KEPT + KEPT);
        assert!(names(&cache).is_empty());
    }

    #[test]
    fn an_entry_that_is_being_removed_is_not_there_any_more() {
        let world = tempfile::tempdir().unwrap();
        let cache = Cache::at(world.path().join("cache")).unwrap();
        let (path, now) = (cache.path().join("old"), SystemTime::now());
        let make = || {
            fs::create_dir_all(path.join("root")).unwrap();
            set_mode(&path, 0o700);
        };
        make();
        let opened = open(&path).unwrap();
        let aside = cache.set_aside(&path, "old").unwrap();
        assert!(cache.hold("old", now).is_none());
        // Whoever opened it before holds nothing, even if there is another one meanwhile.
        make();
        assert!(lock(opened, &path).is_none());
        // A removal that was ended is taken up again, and leaves the other one alone.
        assert!(aside.is_dir());
        cache.sweep(now);
        assert_eq!(names(&cache), ["old"]);
        assert!(cache.hold("old", now).is_some());
    }

    #[test]
    fn what_others_may_have_written_is_not_used() {
        let world = tempfile::tempdir().unwrap();
        let place = world.path().join("cache");
        let cache = Cache::at(place.clone()).unwrap();
        fs::create_dir_all(place.join("tree/root")).unwrap();
        set_mode(&place.join("tree"), 0o755);
        assert!(cache.hold("tree", SystemTime::now()).is_some());
        set_mode(&place.join("tree"), 0o777);
        assert!(cache.hold("tree", SystemTime::now()).is_none());
        set_mode(&place, 0o770);
        let failure = Cache::at(place.clone()).unwrap_err();
        assert!(failure.message().ends_with(": others may write to it (mode 0770)"), "{failure}");
        assert!(failure.way_out().unwrap().contains("XDG_CACHE_HOME"));
        set_mode(&place, 0o700);
        if geteuid().is_root() {
            std::os::unix::fs::chown(&place, Some(65_534), None).unwrap();
            let failure = Cache::at(place).unwrap_err();
            assert!(
                failure.message().ends_with("belongs to user 65534, and you are 0"),
                "{failure}"
            );
            assert_eq!(failure.code(), 77);
        }
    }

    #[test]
    fn where_there_is_no_room_the_way_out_is_told() {
        let world = tempfile::tempdir().unwrap();
        let cache = Cache::at(world.path().join("cache")).unwrap();
        let failed = |number: i32| -> Failure {
            let error = io::Error::from_raw_os_error(number);
            Err::<(), _>(error).or_fail(Kind::Io, || "cannot write it").unwrap_err()
        };
        let hint = |number| with_way_out(failed(number), &cache).way_out().map(str::to_owned);
        for full in [libc::ENOSPC, libc::EDQUOT] {
            assert!(hint(full).unwrap().contains("XDG_CACHE_HOME"));
        }
        assert_eq!(hint(libc::EIO), None);
    }
}
