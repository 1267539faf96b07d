//! What an image consists of, with the room each part takes: store paths, and layers of its base.

use std::collections::BTreeMap;
use std::path::Path;

use super::parts::{self, Part};
use crate::error::Result;
use crate::image::{Image, Layer, Source, blob, pack};
use crate::layers::LayerPath;
use crate::tar;
use crate::tar::options::Compiled;

/// A part of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// `/nix/store/<hash>-<name>`; of a layer the digest of its tar stream.
    pub path: String,
    /// Bytes of its tar stream; of what is there several times those of all of them.
    pub size: u64,
    /// What it is.
    pub what: What,
    /// The largest folders and files in it.
    pub parts: Vec<Part>,
}

/// What a part of an image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A store path in its place.
    Stored,
    /// A store path whose contents are at this path of the image: `/`, `/env`.
    Placed(String),
    /// A layer that is an archive, as those of a base are.
    Layer {
        /// The how manieth of these, from 1.
        number: usize,
        /// What made it, where the image says so.
        made_by: Option<String>,
    },
}

impl Item {
    /// What people call it.
    pub fn label(&self) -> String {
        match &self.what {
            What::Layer { number, .. } => format!("layer {number} of the base"),
            What::Placed(place) => format!("{} copied to {place}", name(&self.path)),
            What::Stored => name(&self.path).to_owned(),
        }
    }

    /// What it is called where there is room for more: of a layer of the base also what made it.
    pub fn title(&self) -> String {
        match &self.what {
            What::Layer { made_by: Some(by), .. } => format!("{} ({by})", self.label()),
            _ => self.label(),
        }
    }

    /// Whether it is a layer of the base.
    pub fn is_of_base(&self) -> bool {
        matches!(self.what, What::Layer { .. })
    }

    /// Whether it is a store path that is placed elsewhere than in the store.
    pub fn is_placed(&self) -> bool {
        matches!(self.what, What::Placed(_))
    }
}

/// Every part, from the lowest layer up. Store paths that are there several times in the same way, and
/// the pieces of one whose folders go to several places, are one part.
pub fn of(image: &Image) -> Result<Vec<Item>> {
    let mut items: Vec<Item> = Vec::new();
    let mut known: BTreeMap<(String, Option<String>), usize> = BTreeMap::new();
    let mut archives = 0;
    for layer in &image.layers {
        match &layer.source {
            Source::Paths(paths) => {
                for pieces in pieces(paths) {
                    let item = stored(&pieces)?;
                    let place = match &item.what {
                        What::Placed(place) => Some(place.clone()),
                        _ => None,
                    };
                    match known.get(&(item.path.clone(), place.clone())) {
                        Some(at) => items[*at].size += item.size,
                        None => {
                            known.insert((item.path.clone(), place), items.len());
                            items.push(item);
                        }
                    }
                }
            }
            Source::File(_) => {
                archives += 1;
                items.push(Item {
                    path: layer.diff_id.to_string(),
                    size: blob::tar_size(layer)?,
                    what: What::Layer { number: archives, made_by: made_by(layer) },
                    parts: Vec::new(),
                });
            }
        }
    }
    Ok(items)
}

/// The store paths of a layer, each with the pieces of it that have places of their own and come after it.
fn pieces(paths: &[LayerPath]) -> Vec<Vec<LayerPath>> {
    let mut all: Vec<Vec<LayerPath>> = Vec::new();
    for path in paths {
        let whole = all.last_mut().filter(|pieces| {
            pieces.first().is_some_and(|whole| {
                is_rewritten(path)
                    && is_rewritten(whole)
                    && path.path != whole.path
                    && Path::new(&path.path).starts_with(&whole.path)
            })
        });
        match whole {
            Some(whole) => whole.push(path.clone()),
            None => all.push(vec![path.clone()]),
        }
    }
    all
}

fn is_rewritten(path: &LayerPath) -> bool {
    path.options.as_ref().is_some_and(|options| !options.rewrite.regex.is_empty())
}

/// A store path, given by itself or by its pieces, of which the first has the path of the whole.
fn stored(pieces: &[LayerPath]) -> Result<Item> {
    let tree = pack::tree(pieces)?;
    let path = pieces.first().map(|whole| whole.path.clone()).unwrap_or_default();
    let options = pieces.first().and_then(|whole| whole.options.as_ref());
    let what = match options.filter(|options| !options.rewrite.regex.is_empty()) {
        Some(options) => What::Placed(place(&Compiled::new(options)?, &path)),
        None => What::Stored,
    };
    let top = match &what {
        What::Placed(place) => place,
        _ => &path,
    };
    let parts = parts::of(&tree, top)?;
    Ok(Item { size: tar::write::size(&tree)?, path, what, parts })
}

/// Where the contents of a store path go.
fn place(options: &Compiled, path: &str) -> String {
    let place = String::from_utf8_lossy(&options.destination(path.as_bytes())).into_owned();
    match place.trim_end_matches('/') {
        "" => "/".to_owned(),
        place => place.to_owned(),
    }
}

/// What made a layer of the base, in a line: without what Docker puts before it.
fn made_by(layer: &Layer) -> Option<String> {
    /// In letters.
    const ENOUGH: usize = 60;
    let said = layer.history.created_by.as_deref()?;
    let said = said.strip_prefix("/bin/sh -c ").unwrap_or(said);
    let said = said.strip_prefix("#(nop)").unwrap_or(said);
    let line = said.split(|c: char| c.is_whitespace() || c.is_control());
    let line = line.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(ENOUGH) {
        Some((cut, _)) => Some(format!("{}…", line.get(..cut).unwrap_or_default().trim_end())),
        None => Some(line).filter(|line| !line.is_empty()),
    }
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

    #[test]
    fn what_made_a_layer_is_told_in_a_line() {
        let layer = |created_by: &str| Layer {
            digest: crate::digest::Digest::of(b""),
            size: 0,
            diff_id: crate::digest::Digest::of(b""),
            tar_size: None,
            media_type: String::new(),
            source: Source::Paths(Vec::new()),
            history: crate::image::History {
                created_by: Some(created_by.to_owned()),
                ..Default::default()
            },
            codec: Default::default(),
        };
        for (said, told) in [
            ("/bin/sh -c #(nop) ADD file:1 in / ", Some("ADD file:1 in /")),
            ("/bin/sh -c apt-get\tinstall  \n curl", Some("apt-get install curl")),
            ("\u{1b} ", None),
        ] {
            assert_eq!(made_by(&layer(said)).as_deref(), told, "{said}");
        }
        let long = made_by(&layer(&"é".repeat(200))).unwrap();
        assert_eq!(long, format!("{}…", "é".repeat(60)));
    }

    #[test]
    fn pieces_of_a_tree_belong_to_it_and_what_only_has_a_similar_name_does_not() {
        let path = |path: &str, rewritten: bool| LayerPath {
            path: path.to_owned(),
            options: rewritten.then(|| tar::Options {
                rewrite: tar::Rewrite { regex: "^".to_owned(), repl: String::new() },
                perms: Vec::new(),
            }),
        };
        let paths = [
            path("/s/a-lib", false),
            path("/s/b-root", true),
            path("/s/b-root/bin", true),
            path("/s/b-root/lib", true),
            path("/s/b-root-more", true),
            path("/s/b-root", false),
        ];
        let sizes: Vec<usize> = pieces(&paths).iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, 3, 1, 1]);
    }
}
