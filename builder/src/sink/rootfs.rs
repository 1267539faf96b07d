//! The files of an image in a directory, as a container would see them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Published, Sink};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::{Image, blob};
use crate::progress::{Silent, Watch};
use crate::{temporary, unpack};

/// A directory that does not exist yet, or is empty.
#[derive(Debug)]
pub struct RootFs {
    directory: PathBuf,
    watch: Arc<dyn Watch>,
}

impl RootFs {
    /// Unpacks images into `directory`.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, watch: Arc::new(Silent) }
    }

    /// Tells `watch` what becomes of each layer.
    pub fn watched(self, watch: Arc<dyn Watch>) -> Self {
        Self { watch, ..self }
    }
}

impl Sink for RootFs {
    /// Owners are set by root only; for anybody else every file is their own, and no program keeps its
    /// set-user-ID bit, by which everybody could act as them. Device files are left out.
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
        unpack::unpack_for_all(&image.layers, unfinished.path(), &*self.watch)
            .map_err(|failure| failure.context(doing()))?;
        fs::rename(unfinished.path(), &self.directory).or_fail(Kind::CannotCreate, doing)?;
        unfinished.keep();
        let (digest, _) = blob::config(image)?;
        let reference = format!("rootfs:{}", self.directory.display());
        Ok(Published { reference, digest, unchanged: false })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::cache::Cache;
    use crate::image::draft::{DraftLayer, DraftPath};
    use crate::image::{Config, History, Source, pack};
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
            origin: Default::default(),
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
