//! What is below everything else in the root of a container: nothing, the files of a base, or all
//! files of the image, unpacked.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use nix::unistd::{AccessFlags, access};

use super::cache::{Cache, Held, Scratch, with_way_out};
use super::plan::{Plan, Request};
use super::trees;
use crate::error::{Context as _, Kind, Result};
use crate::image::{Image, Layer, Source};
use crate::temporary;
use crate::unpack::{self, Sole};

/// Files of the host that the root of a container consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// None: everything comes from the store.
    Nothing,
    /// Those of the layers below, which the container may change without changing them here.
    Below {
        /// Where they are.
        lower: PathBuf,
        /// An empty directory, for what it changes where that cannot be kept in memory.
        beside: PathBuf,
    },
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
    // Dropped in this order: what is temporary goes last.
    Tree { _tree: Held, _beside: Scratch, _cache: Place },
    Whole { _directory: Scratch, _cache: Place },
}

/// Where files are unpacked.
#[derive(Debug)]
struct Place {
    cache: Cache,
    /// Where the cache goes with this value.
    _temporary: Option<temporary::Directory>,
}

impl Standing {
    /// What an image stands on when its paths of the store are mounted where they are. Layers that
    /// are archives are unpacked, those below all others once and for all containers.
    ///
    /// Modes are for `sole`, where there is one.
    ///
    /// # Errors
    /// When a layer cannot be unpacked.
    pub fn of(image: &Image, sole: Option<&Sole>) -> Result<Self> {
        let below = image.layers.iter().take_while(|layer| is_archive(layer)).count();
        let (below, above) = image.layers.split_at_checked(below).unwrap_or_default();
        if above.iter().any(is_archive) {
            // It may hide something of the store, which a mount would show again.
            return Self::unpacked(image, sole);
        }
        if below.is_empty() {
            return Ok(Self { ground: Ground::Nothing, _kept: Kept::Nothing });
        }
        let (place, now) = swept()?;
        let (lower, tree) = trees::tree(&place.cache, below, sole, now)?;
        let beside = place.cache.scratch().or_fail(Kind::CannotCreate, TEMPORARY)?;
        let ground = Ground::Below { lower, beside: beside.path().to_owned() };
        Ok(Self { ground, _kept: Kept::Tree { _tree: tree, _beside: beside, _cache: place } })
    }

    /// All files of the image, as whoever pulls it gets them, in a directory that goes with the value.
    /// Modes are for `sole`, where there is one.
    ///
    /// # Errors
    /// When a layer cannot be unpacked.
    pub fn unpacked(image: &Image, sole: Option<&Sole>) -> Result<Self> {
        let (place, _) = swept()?;
        let directory = place.cache.scratch().or_fail(Kind::CannotCreate, TEMPORARY)?;
        // Nobody else may enter the directory itself, but any user of the container its root.
        let root = directory.path().join("root");
        fs::create_dir(&root).or_fail(Kind::CannotCreate, TEMPORARY)?;
        unpack::unpack(&image.layers, &root, sole)
            .map_err(|failure| with_way_out(failure, &place.cache))?;
        let ground = Ground::Whole(root);
        Ok(Self { ground, _kept: Kept::Whole { _directory: directory, _cache: place } })
    }
}

/// What the container is to be, and what it stands on.
///
/// # Errors
/// As [`Standing::of`] and [`Plan::new`].
pub fn prepare(image: &Image, request: &Request) -> Result<(Plan, Standing)> {
    // Whom the modes of a base are for is known from its accounts, unless the image has its own.
    let mut sole = None;
    if image.layers.iter().any(is_archive) {
        let alone = Plan::new(image, Ground::Nothing, request.clone());
        sole = alone.ok().and_then(|plan| plan.sole);
    }
    loop {
        let standing = Standing::of(image, sole.as_ref())?;
        let plan = Plan::new(image, standing.ground.clone(), request.clone())?;
        if plan.sole == sole || standing.ground == Ground::Nothing {
            return Ok((plan, standing));
        }
        // Who the user is does not depend on modes, so this is the last time.
        sole = plan.sole;
    }
}

fn is_archive(layer: &Layer) -> bool {
    matches!(layer.source, Source::File(_))
}

const TEMPORARY: fn() -> &'static str = || "cannot make a temporary directory";

/// The cache, without what nobody needs any more; where there can be none, one for this time only.
fn swept() -> Result<(Place, SystemTime)> {
    let now = SystemTime::now();
    match Cache::of_user().and_then(writable) {
        Ok(cache) => {
            cache.sweep(now);
            Ok((Place { cache, _temporary: None }, now))
        }
        // Whoever may write to it decides what is run.
        Err(failure) if failure.kind() == Kind::Permission => Err(failure),
        Err(_) => {
            let temporary = temporary::Directory::new_in(&env::temp_dir(), ".devenv-container-")
                .or_fail(Kind::CannotCreate, TEMPORARY)?;
            let cache = Cache::at(temporary.path().join("trees"))?;
            Ok((Place { cache, _temporary: Some(temporary) }, now))
        }
    }
}

/// The cache, when something can be made in it.
fn writable(cache: Cache) -> Result<Cache> {
    access(cache.path(), AccessFlags::W_OK).or_fail(Kind::CannotCreate, TEMPORARY)?;
    Ok(cache)
}
