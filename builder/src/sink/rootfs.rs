//! The files of an image in a directory, as a container would see them.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

use super::{Published, Sink};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::{Image, Source, blob, pack};
use crate::tar::options::Ownership;
use crate::tar::tree::Content;
use crate::temporary;

/// A directory that does not exist yet, or is empty.
#[derive(Debug)]
pub struct RootFs {
    directory: PathBuf,
}

impl RootFs {
    /// Unpacks images into `directory`.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }
}

impl Sink for RootFs {
    /// Owners are set by root only; for anybody else every file is their own.
    fn put(&self, image: &Image) -> Result<Published> {
        let doing = || format!("cannot unpack into {}", self.directory.display());
        // What is there belongs to somebody; files of two images must not be mixed.
        let taken = fs::read_dir(&self.directory).is_ok_and(|mut files| files.next().is_some());
        if taken {
            return Err(Failure::new(Kind::CannotCreate, format!("{}: it is not empty", doing()))
                .hint("name a directory that does not exist yet"));
        }
        let directory = match self.directory.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let unfinished = temporary::Directory::new_in(directory, ".rootfs-")
            .or_fail(Kind::CannotCreate, doing)?;
        let unpacked = unpack(image, unfinished.path());
        let Err(failure) = unpacked.and_then(|()| {
            fs::rename(unfinished.path(), &self.directory).or_fail(Kind::CannotCreate, doing)
        }) else {
            unfinished.keep();
            let (digest, _) = blob::config(image)?;
            let reference = format!("rootfs:{}", self.directory.display());
            return Ok(Published { reference, digest, unchanged: false });
        };
        // Directories nobody may write to could not be emptied.
        temporary::unlock(unfinished.path());
        Err(failure)
    }
}

fn unpack(image: &Image, root: &Path) -> Result<()> {
    let as_root = ::nix::unistd::geteuid().is_root();
    fs::set_permissions(root, Permissions::from_mode(0o755))
        .or_fail(Kind::Io, || format!("cannot unpack into {}", root.display()))?;
    // A directory gets its mode last: one without write permission could not be filled.
    let mut directories: Vec<(PathBuf, Ownership)> = Vec::new();
    for layer in &image.layers {
        let Source::Paths(paths) = &layer.source else {
            return Err(Failure::new(
                Kind::Data,
                format!("cannot unpack layer {}: it is an archive", layer.diff_id),
            )
            .hint("copy to oci:DIR and unpack that with `umoci unpack`"));
        };
        pack::tree(paths)?.walk(&mut |entry| {
            let place = root.join(entry.path().strip_prefix("/").unwrap_or(entry.path()));
            let doing = || format!("cannot write {}", place.display());
            let Some(file) = entry.file else {
                return directory(&place).or_fail(Kind::CannotCreate, doing);
            };
            // As in a container, the topmost layer's file is the one that is seen.
            let is_directory = file.content == Content::Directory;
            if !is_directory && fs::symlink_metadata(&place).is_ok() {
                fs::remove_file(&place).or_fail(Kind::CannotCreate, doing)?;
            }
            match &file.content {
                Content::Directory => directory(&place).or_fail(Kind::CannotCreate, doing)?,
                Content::Symlink(target) => symlink(std::ffi::OsStr::from_bytes(target), &place)
                    .or_fail(Kind::CannotCreate, doing)?,
                Content::Regular(_) => {
                    fs::copy(&file.source, &place).or_fail(Kind::CannotCreate, doing)?;
                }
            }
            if is_directory {
                directories.push((place.clone(), file.ownership.clone()));
                return Ok(());
            }
            let linked = matches!(file.content, Content::Symlink(_));
            finish(&place, &file.ownership, as_root, linked).or_fail(Kind::Io, doing)
        })?;
    }
    for (place, ownership) in directories.iter().rev() {
        finish(place, ownership, as_root, false)
            .or_fail(Kind::Io, || format!("cannot set the mode of {}", place.display()))?;
    }
    Ok(())
}

fn directory(place: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o755).create(place) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created,
    }
}

/// The owner comes first: a change of it takes set-user-ID bits away.
fn finish(place: &Path, ownership: &Ownership, as_root: bool, linked: bool) -> io::Result<()> {
    if as_root {
        let id = |number: u64| u32::try_from(number).map_err(io::Error::other);
        lchown(place, Some(id(ownership.uid)?), Some(id(ownership.gid)?))?;
    }
    if linked {
        return Ok(());
    }
    fs::set_permissions(place, Permissions::from_mode(ownership.mode))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Cache;
    use crate::image::draft::{DraftLayer, DraftPath};
    use crate::image::{Config, History};
    use crate::tar::{Options, Perm, Rewrite};

    fn image(files: &Path) -> Image {
        let options = Options {
            rewrite: Rewrite { regex: format!("^{}", files.display()), repl: "/".to_owned() },
            perms: vec![Perm {
                regex: "/locked$".to_owned(),
                mode: "0555".to_owned(),
                ..Perm::default()
            }],
        };
        let path = DraftPath {
            path: files.display().to_string(),
            hash: String::new(),
            options: Some(options),
        };
        let plan = [DraftLayer { size: 0, paths: vec![path] }];
        Image {
            name: None,
            tag: None,
            architecture: "amd64".to_owned(),
            annotations: Default::default(),
            created: None,
            config: Config::default(),
            layers: pack::all(&plan, &History::default(), &Cache::none()).unwrap(),
        }
    }

    #[test]
    fn the_files_are_there_with_their_modes_and_are_not_mixed_with_others() {
        let world = tempfile::tempdir().unwrap();
        let files = world.path().join("files");
        fs::create_dir_all(files.join("etc/locked")).unwrap();
        fs::write(files.join("etc/locked/motd"), "hello").unwrap();
        symlink("locked/motd", files.join("etc/link")).unwrap();
        let image = image(&files);
        let target = world.path().join("root");

        let sink = RootFs::new(target.clone());
        sink.put(&image).unwrap();
        assert_eq!(fs::read_to_string(target.join("etc/link")).unwrap(), "hello");
        let mode = fs::metadata(target.join("etc/locked")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o555);
        assert_eq!(sink.put(&image).unwrap_err().kind(), Kind::CannotCreate);

        // A failure leaves nothing behind, not even in a directory nobody may write to.
        let other = RootFs::new(world.path().join("other"));
        let mut broken = image.clone();
        let mut above = broken.layers[0].clone();
        above.source = Source::File(files.join("none"));
        broken.layers.push(above);
        assert!(other.put(&broken).is_err());
        assert_eq!(fs::read_dir(world.path()).unwrap().count(), 2);
        fs::set_permissions(target.join("etc/locked"), Permissions::from_mode(0o755)).unwrap();
    }
}
