//! Which store path goes into which layer: a pure plan with a stable order.
//!
//! The layers a project asks for come first, then what else the image needs: popular store paths
//! in layers of their own, so that images share them, and the others together. What changes with the
//! project comes last, first what the project builds, then what was made for this image only (its root
//! tree, the copy of the project): a container engine keeps every layer below the first that changed.

use std::collections::HashSet;

use crate::closure::{self, Closure};
use crate::digest::Digest;
use crate::error::{Failure, Kind, Result};
use crate::tar::Options;

/// How many layers container engines take at the most: Docker's limit, which is lower than that of the
/// file systems it lays them on.
pub const MAX_LAYERS: usize = 125;

/// How many layers are made at the most where nobody says: enough for a change to be small, and few
/// enough for an engine to start quickly.
const USUAL: usize = 60;

/// Packages below this size, in bytes, are not worth a layer where nobody says: they share one.
const SMALL: u64 = 128 << 10;

/// A store path in a layer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LayerPath {
    /// `/nix/store/<hash>-<name>`.
    pub path: String,
    /// Where it goes and whose it is; `None`: where it is in the store, root's.
    pub options: Option<Options>,
}

/// A store path that is treated in its own way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Special {
    /// `/nix/store/<hash>-<name>`.
    pub path: String,
    /// Where it goes and whose it is.
    pub options: Options,
}

impl Special {
    fn is_rewritten(&self) -> bool {
        !self.options.rewrite.regex.is_empty()
    }
}

/// What becomes some neighbouring layers: store paths with all they need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The paths whose closures belong to it.
    pub roots: Vec<String>,
    /// Paths with a place or permissions of their own; their closures belong to it, too.
    pub special: Vec<Special>,
    /// A path to leave out, though not what it needs.
    pub ignore: Option<String>,
    /// How many layers it becomes at the most; `None`: as many as are worth it.
    pub max_layers: Option<usize>,
}

/// Distributes store paths over layers, none of them empty: those of each group in turn.
///
/// What an earlier group has already, in the same place, is not repeated. `repeat` lets all groups
/// but the last keep what they have, as people ask for who want a layer to stay the same whatever
/// comes before it.
///
/// # Errors
/// When a group asks for no layer or more than engines take, when a special path is not in the
/// closure or is given twice, or when the image, with the `below` layers of its base, has too many.
pub fn plan(
    closure: &Closure,
    groups: &[Group],
    repeat: bool,
    below: usize,
) -> Result<Vec<Vec<LayerPath>>> {
    let mut layers = Vec::new();
    let mut placed: HashSet<LayerPath> = HashSet::new();
    for (at, group) in groups.iter().enumerate() {
        let is_last = at + 1 == groups.len();
        let nothing = HashSet::new();
        let known = if repeat && !is_last { &nothing } else { &placed };
        let left = MAX_LAYERS.saturating_sub(below + layers.len());
        let more = group_layers(closure, group, known, left)?;
        placed.extend(more.iter().flatten().cloned());
        layers.extend(more);
    }
    let count = below + layers.len();
    if count > MAX_LAYERS {
        let base = if below > 0 { format!(", {below} of its base") } else { String::new() };
        let hint = if below < MAX_LAYERS {
            "lower maxLayers of the container, or of its layers"
        } else {
            "build on an image with fewer layers; `docker export` and `docker import` make one of them"
        };
        return Err(Failure::new(
            Kind::Data,
            format!("the image would have {count} layers{base}; engines take {MAX_LAYERS}"),
        )
        .hint(hint));
    }
    Ok(layers)
}

fn group_layers(
    closure: &Closure,
    group: &Group,
    known: &HashSet<LayerPath>,
    left: usize,
) -> Result<Vec<Vec<LayerPath>>> {
    if let Some(asked) = group.max_layers
        && !(1..=MAX_LAYERS).contains(&asked)
    {
        return Err(Failure::new(Kind::Data, format!("cannot make an image of {asked} layers"))
            .hint(format!("set maxLayers to a number from 1 to {MAX_LAYERS}")));
    }
    for (at, entry) in group.special.iter().enumerate() {
        if !closure.contains(&entry.path) {
            return Err(Failure::new(
                Kind::Data,
                format!("{} has options but is not in the closure", entry.path),
            ));
        }
        if group.special.iter().take(at).any(|other| other.path == entry.path) {
            return Err(Failure::new(Kind::Data, format!("{} has options twice", entry.path)));
        }
    }

    let special = group.special.iter().map(|entry| entry.path.as_str());
    let part = closure.of(group.roots.iter().map(String::as_str).chain(special))?;
    let mut popular: Vec<LayerPath> = Vec::new();
    for path in part.by_popularity()? {
        let options = match group.special.iter().find(|entry| entry.path == path.path) {
            // Whoever refers to it looks for it in the store.
            Some(entry) if entry.is_rewritten() => {
                if !part.is_needed(&path.path) && !group.roots.contains(&path.path) {
                    continue;
                }
                None
            }
            special => special.map(|entry| entry.options.clone()),
        };
        popular.push(LayerPath { path: path.path.clone(), options });
    }
    let rewritten = group.special.iter().filter(|entry| entry.is_rewritten());
    let mut own: Vec<LayerPath> = rewritten
        .map(|entry| LayerPath { path: entry.path.clone(), options: Some(entry.options.clone()) })
        .collect();

    let wanted =
        |path: &LayerPath| !known.contains(path) && group.ignore.as_ref() != Some(&path.path);
    popular.retain(wanted);
    own.retain(wanted);
    // What the project builds comes after what it uses.
    popular.sort_by_key(|path| package(&path.path).is_none());
    let mut layers = match group.max_layers {
        Some(1) => {
            popular.extend(own);
            return Ok(if popular.is_empty() { Vec::new() } else { vec![popular] });
        }
        Some(asked) => spread(popular, asked - usize::from(!own.is_empty())),
        None => {
            let packages = popular.partition_point(|path| package(&path.path).is_some());
            let built = popular.split_off(packages);
            let is_small = |path: &LayerPath| {
                let size = closure.get(&path.path).map_or(0, |known| known.nar_size);
                (1..SMALL).contains(&size)
            };
            let (small, large) = popular.into_iter().partition(is_small);
            // The small packages, what is built and what is copied have a layer each.
            let mut layers = spread(large, USUAL.min(left).saturating_sub(3).max(1));
            layers.extend([small, built]);
            layers
        }
    };
    layers.push(own);
    layers.retain(|layer| !layer.is_empty());
    Ok(layers)
}

/// Spreads paths, the most popular first, over `count` layers: each has its own when there are
/// enough. When there are not, half of the layers go to the most popular, and the other paths share
/// what is left by their names. A package stays in its layer when its version changes and when
/// others come and go, so that a small change of the image is a small change of its layers.
/// What has no version was most likely made for the project: it shares the last layer.
fn spread(mut paths: Vec<LayerPath>, count: usize) -> Vec<Vec<LayerPath>> {
    let shared = if paths.len() <= count { 0 } else { count.div_ceil(2) };
    let rest = paths.split_off((count - shared).min(paths.len()));
    let mut layers: Vec<Vec<LayerPath>> = paths.into_iter().map(|path| vec![path]).collect();
    let mut buckets: Vec<Vec<LayerPath>> = vec![Vec::new(); shared];
    for path in rest {
        let last = shared.saturating_sub(1);
        let at = match package(&path.path) {
            Some(package) if last > 0 => bucket(package, last),
            _ => last,
        };
        if let Some(bucket) = buckets.get_mut(at) {
            bucket.push(path);
        }
    }
    layers.extend(buckets);
    layers
}

/// The name of the package in a store path, without its version; `None` when it has no version, and so
/// changes with the project. Ours has none and changes with our releases only.
fn package(path: &str) -> Option<&str> {
    let named = closure::name(path);
    if named == "devenv-init" {
        return Some(named);
    }
    let dashes = named.match_indices('-');
    let mut versions = dashes.filter(|(at, _)| {
        named.get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    named.get(..versions.next()?.0)
}

/// A number below `count` that is the same for a name on every machine.
fn bucket(name: &str, count: usize) -> usize {
    let hex = Digest::of(name.as_bytes()).hex();
    let number = hex.get(..8).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or_default();
    number as usize % count
}

#[cfg(test)]
mod tests;
