//! What an image consists of, with the room each part takes: store paths, and layers of its base.

use crate::error::Result;
use crate::image::{Image, Source, blob, pack};
use crate::layers::LayerPath;
use crate::tar;

/// A part of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// `/nix/store/<hash>-<name>`; of a layer the digest of its tar stream.
    pub path: String,
    /// Bytes of its tar stream.
    pub size: u64,
    /// What it is.
    pub what: What,
}

/// What a part of an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A store path in its place.
    Stored,
    /// A store path that is placed elsewhere than in the store.
    Placed,
    /// A layer that is an archive, as those of a base are: the how manieth of these, from 1.
    Layer(usize),
}

impl Item {
    /// What people call it.
    pub fn label(&self) -> String {
        match self.what {
            What::Layer(number) => format!("layer {number} of the base"),
            What::Stored | What::Placed => name(&self.path).to_owned(),
        }
    }

    /// Whether it is a layer of the base.
    pub fn is_of_base(&self) -> bool {
        matches!(self.what, What::Layer(_))
    }
}

/// Every part, from the lowest layer up.
pub fn of(image: &Image) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    let mut archives = 0;
    for layer in &image.layers {
        match &layer.source {
            Source::Paths(paths) => {
                for path in paths {
                    items.push(stored(path)?);
                }
            }
            Source::File(_) => {
                archives += 1;
                items.push(Item {
                    path: layer.diff_id.to_string(),
                    size: blob::tar_size(layer)?,
                    what: What::Layer(archives),
                });
            }
        }
    }
    Ok(items)
}

fn stored(path: &LayerPath) -> Result<Item> {
    let tree = pack::tree(std::slice::from_ref(path))?;
    let placed = path.options.as_ref().is_some_and(|options| !options.rewrite.regex.is_empty());
    let what = if placed { What::Placed } else { What::Stored };
    Ok(Item { path: path.path.clone(), size: tar::write::size(&tree)?, what })
}

/// Bytes of all layers, uncompressed.
pub fn total(image: &Image) -> Result<u64> {
    image.layers.iter().map(blob::tar_size).sum()
}

/// How many parts there are, for people.
pub fn count<'a>(items: impl Iterator<Item = &'a Item>) -> String {
    let (base, own): (Vec<_>, Vec<_>) = items.partition(|item| item.is_of_base());
    match base.len() {
        0 => format!("{} store paths", own.len()),
        1 => format!("{} store paths and 1 layer of the base", own.len()),
        layers => format!("{} store paths and {layers} layers of the base", own.len()),
    }
}

/// The name of a store path: what follows the hash.
pub fn name(path: &str) -> &str {
    let base = path.rsplit('/').next().unwrap_or(path);
    base.split_once('-').map_or(base, |(_, name)| name)
}

/// The store paths mentioned in a text, in order, each once.
pub fn mentioned<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found: Vec<(usize, &str)> =
        known.filter_map(|path| text.find(path).map(|at| (at, path))).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_come_in_the_order_of_the_text() {
        let known = ["/nix/store/a-x", "/nix/store/b-y", "/nix/store/c-z"];
        let text = "/nix/store/c-z/bin:/nix/store/a-x/bin:/nix/store/c-z/sbin";
        assert_eq!(mentioned(text, known.into_iter()), ["/nix/store/c-z", "/nix/store/a-x"]);
        assert_eq!(name("/nix/store/a-x-1.0"), "x-1.0");
    }
}
