//! Which store path goes into which layer: a pure plan with a stable order.
//!
//! Paths of the store come first, the most popular ones in layers of their own, so that images
//! share them. What was made for this image only (its root tree, the copy of the project) comes
//! last: a registry and a container engine keep every layer below the first that changed.

use crate::closure::Closure;
use crate::error::{Failure, Kind, Result};
use crate::tar::Options;

/// How many layers container engines take at the most (overlay file systems of Docker stop at
/// 128 directories, one of which is the container's own).
pub const MAX_LAYERS: usize = 127;

/// A store path in a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Whether a rewritten path is shipped at its place in the store as well.
    pub keep: bool,
}

impl Special {
    fn is_rewritten(&self) -> bool {
        !self.options.rewrite.regex.is_empty()
    }
}

/// Distributes a closure over at most `max_layers` layers, none of them empty.
///
/// # Errors
/// When `max_layers` is 0 or more than engines take, when a special path is not in the closure
/// or is given twice.
pub fn plan(
    closure: &Closure,
    special: &[Special],
    max_layers: usize,
) -> Result<Vec<Vec<LayerPath>>> {
    if !(1..=MAX_LAYERS).contains(&max_layers) {
        return Err(Failure::new(
            Kind::Data,
            format!("cannot make an image of {max_layers} layers"),
        )
        .hint(format!("set maxLayers to a number from 1 to {MAX_LAYERS}")));
    }
    for (at, entry) in special.iter().enumerate() {
        if !closure.contains(&entry.path) {
            return Err(Failure::new(
                Kind::Data,
                format!("{} has options but is not in the closure", entry.path),
            ));
        }
        if special.iter().take(at).any(|other| other.path == entry.path) {
            return Err(Failure::new(Kind::Data, format!("{} has options twice", entry.path)));
        }
    }

    let mut popular: Vec<LayerPath> = Vec::new();
    for path in closure.by_popularity()? {
        let options = special.iter().find(|entry| entry.path == path.path);
        match options {
            Some(entry) if entry.is_rewritten() => {
                if entry.keep {
                    popular.push(LayerPath { path: path.path.clone(), options: None });
                }
            }
            Some(entry) => popular
                .push(LayerPath { path: path.path.clone(), options: Some(entry.options.clone()) }),
            None => popular.push(LayerPath { path: path.path.clone(), options: None }),
        }
    }
    let own: Vec<LayerPath> = special
        .iter()
        .filter(|entry| entry.is_rewritten())
        .map(|entry| LayerPath { path: entry.path.clone(), options: Some(entry.options.clone()) })
        .collect();

    let mut layers: Vec<Vec<LayerPath>>;
    if max_layers == 1 {
        popular.extend(own);
        layers = vec![popular];
    } else {
        let singles = if own.is_empty() { max_layers - 1 } else { max_layers - 2 };
        let rest = popular.split_off(singles.min(popular.len()));
        layers = popular.into_iter().map(|path| vec![path]).collect();
        layers.push(rest);
        layers.push(own);
    }
    layers.retain(|layer| !layer.is_empty());
    Ok(layers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closure::StorePath;
    use crate::tar::Rewrite;

    fn chain() -> Closure {
        let paths = [("app", "lib"), ("lib", "libc"), ("libc", ""), ("root", "")];
        Closure::new(
            paths
                .iter()
                .map(|(path, reference)| StorePath {
                    path: (*path).to_owned(),
                    references: Some((*reference).to_owned())
                        .filter(|reference| !reference.is_empty())
                        .into_iter()
                        .collect(),
                    nar_hash: String::new(),
                    nar_size: 0,
                })
                .collect(),
        )
        .unwrap()
    }

    fn root(keep: bool) -> Special {
        let rewrite = Rewrite { regex: "^root".to_owned(), repl: String::new() };
        Special { path: "root".to_owned(), options: Options { rewrite, perms: Vec::new() }, keep }
    }

    fn names(layers: &[Vec<LayerPath>]) -> Vec<Vec<&str>> {
        layers.iter().map(|layer| layer.iter().map(|path| path.path.as_str()).collect()).collect()
    }

    #[test]
    fn popular_paths_get_layers_of_their_own_and_the_images_own_tree_comes_last() {
        for (max, expected) in [
            (1, vec![vec!["libc", "lib", "app", "root"]]),
            (2, vec![vec!["libc", "lib", "app"], vec!["root"]]),
            (3, vec![vec!["libc"], vec!["lib", "app"], vec!["root"]]),
            (4, vec![vec!["libc"], vec!["lib"], vec!["app"], vec!["root"]]),
            (9, vec![vec!["libc"], vec!["lib"], vec!["app"], vec!["root"]]),
        ] {
            let layers = plan(&chain(), &[root(false)], max).unwrap();
            assert_eq!(names(&layers), expected, "{max} layers");
        }
    }

    #[test]
    fn a_rewritten_path_is_shipped_in_the_store_only_when_asked_for() {
        let shipped = |keep| {
            plan(&chain(), &[root(keep)], 1)
                .unwrap()
                .iter()
                .flatten()
                .filter(|path| path.path == "root")
                .map(|path| path.options.is_some())
                .collect::<Vec<_>>()
        };
        assert_eq!(shipped(false), [true]);
        assert_eq!(shipped(true), [false, true]);
    }

    #[test]
    fn wrong_requests_are_refused() {
        assert!(plan(&chain(), &[], 0).is_err());
        assert!(plan(&chain(), &[], MAX_LAYERS + 1).is_err());
        assert!(plan(&chain(), &[root(false), root(false)], 1).is_err());
        let stranger = Special { path: "stranger".to_owned(), ..root(false) };
        assert!(plan(&chain(), &[stranger], 1).is_err());
    }
}
