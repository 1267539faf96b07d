//! The files of base images, unpacked once: `$XDG_CACHE_HOME/devenv-container/trees/<digest>`.
//!
//! A tree is named by the digests of its layers and by who unpacked it, as only root can give files
//! their owners. It appears all at once and is not changed any more. Whoever uses one holds a lock
//! on it, shared with others; trees nobody has used for a month are removed when another is made.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::unistd::geteuid;

use crate::digest::Digest;
use crate::error::{Context as _, Kind, Result};
use crate::image::Layer;
use crate::nix::base_directory;
use crate::{temporary, unpack};

/// How long a tree is kept that nobody uses.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The version of what unpacking makes of a layer; another one makes new trees.
const VERSION: u32 = 1;

/// The tree of these layers, from the lowest up, and the lock that keeps it while it is used.
///
/// # Errors
/// When they cannot be unpacked, or the cache cannot be written.
pub fn tree(layers: &[Layer]) -> Result<(PathBuf, File)> {
    let cache = base_directory("XDG_CACHE_HOME", ".cache")?.join("trees");
    of(&cache, layers, SystemTime::now())
}

fn of(cache: &Path, layers: &[Layer], now: SystemTime) -> Result<(PathBuf, File)> {
    let doing = || format!("cannot keep the files of the base in {}", cache.display());
    // Programs in it may have the power of their owner; others must not get at them here.
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(cache)
        .or_fail(Kind::CannotCreate, doing)?;
    let place = cache.join(name(layers));
    if let Some(lock) = hold(&place, now) {
        return Ok((place.join("root"), lock));
    }
    sweep(cache, now);
    let unfinished =
        temporary::Directory::new_in(cache, ".tree-").or_fail(Kind::CannotCreate, doing)?;
    let root = unfinished.path().join("root");
    fs::create_dir(&root).or_fail(Kind::CannotCreate, doing)?;
    unpack::unpack(layers, &root).map_err(|failure| failure.context(doing()))?;
    match fs::rename(unfinished.path(), &place) {
        Ok(()) => unfinished.keep(),
        // Another process was first; its files are the same.
        Err(_) if place.is_dir() => drop(unfinished),
        Err(error) => return Err(error).or_fail(Kind::CannotCreate, doing),
    }
    let lock = hold(&place, now).ok_or(()).map_err(|()| "it went away again");
    Ok((place.join("root"), lock.or_fail(Kind::Io, doing)?))
}

fn name(layers: &[Layer]) -> String {
    let digests: Vec<String> = layers.iter().map(|layer| layer.diff_id.hex()).collect();
    let key = format!("{VERSION} {} {}", geteuid(), digests.join(" "));
    Digest::of(key.as_bytes()).hex().to_owned()
}

/// Keeps a tree from being removed, and notes that it is used; `None`: there is none.
fn hold(place: &Path, now: SystemTime) -> Option<File> {
    let lock = File::open(place).ok()?;
    lock.lock_shared().ok()?;
    let _ = lock.set_modified(now);
    // It may have been removed before the lock was there.
    place.join("root").is_dir().then_some(lock)
}

/// Removes trees that nobody has used for a long time. What cannot be removed stays.
fn sweep(cache: &Path, now: SystemTime) {
    for place in fs::read_dir(cache).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let Ok(lock) = File::open(&place) else { continue };
        let age = lock.metadata().and_then(|about| about.modified()).ok();
        let is_old = age
            .and_then(|modified| now.duration_since(modified).ok())
            .is_some_and(|age| age > KEPT);
        if is_old && !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
            temporary::unlock(&place);
            let _ = fs::remove_dir_all(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;
    use crate::image::{Codec, History, Source, codec};

    fn layer(folder: &Path, file: &str) -> Layer {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(1);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        archive.append_data(&mut header, file, &b"x"[..]).unwrap();
        let archive = archive.into_inner().unwrap();
        let digest = Digest::of(&archive);
        let path = folder.join(file);
        fs::write(&path, &archive).unwrap();
        Layer {
            digest: digest.clone(),
            size: 0,
            diff_id: digest,
            media_type: codec::TAR.to_owned(),
            source: Source::File(path),
            history: History::default(),
            codec: Codec::None,
        }
    }

    #[test]
    fn layers_are_unpacked_once_and_removed_when_nobody_wants_them_any_more() {
        let world = tempfile::tempdir().unwrap();
        let cache = world.path().join("cache");
        let [a, b] = ["a", "b"].map(|name| layer(world.path(), name));
        let now = SystemTime::now();
        let trees = || fs::read_dir(&cache).unwrap().count();

        let (first, held) = of(&cache, &[a.clone(), b.clone()], now).unwrap();
        assert!(first.join("a").is_file() && first.join("b").is_file());
        // What is there is not read again: the layer may even be gone.
        fs::remove_file(world.path().join("b")).unwrap();
        assert_eq!(of(&cache, &[a.clone(), b.clone()], now).unwrap().0, first);
        assert!(of(&cache, &[b], now).is_err());
        assert_eq!(trees(), 1, "what could not be unpacked is gone");

        // In use, it stays however old it is.
        let later = now + KEPT + KEPT;
        let (other, _) = of(&cache, slice::from_ref(&a), later).unwrap();
        assert_ne!(other, first);
        assert!(first.is_dir());
        drop(held);
        fs::remove_dir_all(other.parent().unwrap()).unwrap();
        let _ = of(&cache, &[a], later).unwrap();
        assert_eq!((first.is_dir(), trees()), (false, 1));
    }
}
