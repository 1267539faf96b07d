//! The store paths of an image, with the room each takes.

use crate::error::Result;
use crate::image::{Image, Source, pack};
use crate::layers::LayerPath;
use crate::tar;

/// A store path of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// `/nix/store/<hash>-<name>`.
    pub path: String,
    /// Bytes of its tar stream.
    pub size: u64,
    /// Whether it is placed elsewhere than in the store.
    pub placed: bool,
}

/// Every store path, from the lowest layer up. Layers that are archives hold none.
pub fn of(image: &Image) -> Result<Vec<Item>> {
    paths(image)
        .map(|path| {
            let tree = pack::tree(std::slice::from_ref(path))?;
            let placed = path.options.as_ref().is_some_and(|o| !o.rewrite.regex.is_empty());
            Ok(Item { path: path.path.clone(), size: tar::write::size(&tree)?, placed })
        })
        .collect()
}

fn paths(image: &Image) -> impl Iterator<Item = &LayerPath> {
    image
        .layers
        .iter()
        .filter_map(|layer| match &layer.source {
            Source::Paths(paths) => Some(paths),
            Source::File(_) => None,
        })
        .flatten()
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
