//! What is below everything else in the root of a container: nothing, the files of a base, or all
//! files of the image, unpacked.

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::trees;
use crate::error::{Context as _, Kind, Result};
use crate::image::{Image, Layer, Source};
use crate::{temporary, unpack};

/// Files of the host that the root of a container consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// None: everything comes from the store.
    Nothing,
    /// Those of the layers below, which the container may change without changing them here.
    Below(PathBuf),
    /// All there are, for this container alone.
    Whole(PathBuf),
}

/// A ground, and what keeps it there while a container runs on it.
#[derive(Debug)]
pub struct Standing {
    /// What there is.
    pub ground: Ground,
    _kept: Kept,
}

#[derive(Debug)]
enum Kept {
    Nothing,
    Locked { _lock: File },
    Temporary { _directory: temporary::Directory },
}

impl Standing {
    /// What an image stands on when its paths of the store are mounted where they are. Layers that
    /// are archives are unpacked, those below all others once and for all containers.
    ///
    /// # Errors
    /// When a layer cannot be unpacked.
    pub fn of(image: &Image) -> Result<Self> {
        let is_archive = |layer: &Layer| matches!(layer.source, Source::File(_));
        let below = image.layers.iter().take_while(|layer| is_archive(layer)).count();
        let (below, above) = image.layers.split_at_checked(below).unwrap_or_default();
        if above.iter().any(is_archive) {
            // It may hide something of the store, which a mount would show again.
            return Self::unpacked(image);
        }
        if below.is_empty() {
            return Ok(Self { ground: Ground::Nothing, _kept: Kept::Nothing });
        }
        let (root, lock) = trees::tree(below)?;
        Ok(Self { ground: Ground::Below(root), _kept: Kept::Locked { _lock: lock } })
    }

    /// All files of the image, as whoever pulls it gets them, in a directory that goes with the value.
    ///
    /// # Errors
    /// When a layer cannot be unpacked.
    pub fn unpacked(image: &Image) -> Result<Self> {
        let doing = || "cannot make a temporary directory";
        let directory = temporary::Directory::new_in(&room(), ".devenv-container-")
            .or_fail(Kind::CannotCreate, doing)?;
        // Nobody else may enter the directory itself, but any user of the container its root.
        let root = directory.path().join("root");
        std::fs::create_dir(&root).or_fail(Kind::CannotCreate, doing)?;
        unpack::unpack(&image.layers, &root)?;
        let ground = Ground::Whole(root);
        Ok(Self { ground, _kept: Kept::Temporary { _directory: directory } })
    }
}

/// Where large files go: `/tmp` may be in memory.
fn room() -> PathBuf {
    let large = Path::new("/var/tmp");
    if env::var_os("TMPDIR").is_none() && large.is_dir() {
        large.to_owned()
    } else {
        env::temp_dir()
    }
}
