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
mod tests {
    use super::*;
    use crate::closure::StorePath;
    use crate::tar::Rewrite;

    fn closure(paths: &[(&str, &[&str])]) -> Closure {
        let path = |(path, references): &(&str, &[&str])| StorePath {
            path: (*path).to_owned(),
            references: references.iter().map(|path| (*path).to_owned()).collect(),
            nar_hash: String::new(),
            nar_size: 0,
        };
        Closure::new(paths.iter().map(path).collect()).unwrap()
    }

    fn chain() -> Closure {
        closure(&[("app", &["lib"]), ("lib", &["libc"]), ("libc", &[]), ("root", &[])])
    }

    fn root() -> Special {
        let rewrite = Rewrite { regex: "^root".to_owned(), repl: String::new() };
        Special { path: "root".to_owned(), options: Options { rewrite, perms: Vec::new() } }
    }

    fn group(roots: &[&str], special: &[Special], max_layers: usize) -> Group {
        let roots = roots.iter().map(|root| (*root).to_owned()).collect();
        Group { roots, special: special.to_vec(), ignore: None, max_layers: Some(max_layers) }
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
            let layers = plan(&chain(), &[group(&["app"], &[root()], max)], false, 0).unwrap();
            assert_eq!(names(&layers), expected, "{max} layers");
        }
    }

    #[test]
    fn a_rewritten_path_is_shipped_in_the_store_only_when_something_refers_to_it() {
        let shipped = |closure: &Closure, roots: &[&str]| {
            plan(closure, &[group(roots, &[root()], 1)], false, 0)
                .unwrap()
                .iter()
                .flatten()
                .filter(|path| path.path == "root")
                .map(|path| path.options.is_some())
                .collect::<Vec<_>>()
        };
        assert_eq!(shipped(&chain(), &[]), [true]);
        assert_eq!(shipped(&chain(), &["root"]), [false, true]);
        let referred = closure(&[("app", &["root"]), ("root", &["root"])]);
        assert_eq!(shipped(&referred, &["app"]), [false, true]);
    }

    #[test]
    fn layers_asked_for_come_first_and_nothing_is_shipped_twice_unless_asked_for() {
        let groups = [group(&["lib"], &[], 2), group(&["libc"], &[], 1), group(&["app"], &[], 9)];
        let closure = chain();
        let shipped = |repeat| {
            let layers = plan(&closure, &groups, repeat, 0).unwrap();
            layers.concat().into_iter().map(|path| path.path).collect::<Vec<_>>()
        };
        assert_eq!(shipped(false), ["libc", "lib", "app"]);
        assert_eq!(shipped(true), ["libc", "lib", "libc", "app"]);
    }

    #[test]
    fn what_is_ignored_is_left_out_without_what_it_needs() {
        let mut ignoring = group(&["app"], &[], 9);
        ignoring.ignore = Some("lib".to_owned());
        assert_eq!(names(&plan(&chain(), &[ignoring], false, 0).unwrap()), [["libc"], ["app"]]);
    }

    /// Which layers two images have in common.
    fn common(one: &[Vec<LayerPath>], other: &[Vec<LayerPath>]) -> usize {
        one.iter().filter(|layer| other.contains(layer)).count()
    }

    #[test]
    fn a_new_version_changes_one_layer_and_what_has_no_version_is_in_the_last() {
        let names: Vec<String> = (0..300).map(|at| format!("/s/h-package{at}x-1.{at}")).collect();
        let plan_of = |packages: &[&str]| {
            let mut paths: Vec<(&str, &[&str])> =
                packages.iter().map(|package| (*package, &[][..])).collect();
            paths.push(("/s/h-profile", packages));
            plan(&closure(&paths), &[group(&["/s/h-profile"], &[], 100)], false, 0).unwrap()
        };
        let packages: Vec<&str> = names.iter().map(String::as_str).collect();
        let before = plan_of(&packages);
        let count = before.len();
        assert!(count > 90 && count <= 100, "{count}");
        assert_eq!(before.iter().map(Vec::len).sum::<usize>(), 301);
        assert!(before.iter().all(|layer| layer.len() < 16), "no layer takes it all");
        assert_eq!(before[count - 1][0].path, "/s/h-profile");

        let shared = before[70][0].path.as_str();
        let renewed = format!("{shared}.1");
        let mut after = packages.clone();
        *after.iter_mut().find(|package| **package == shared).unwrap() = &renewed;
        assert_eq!(common(&before, &plan_of(&after)), count - 1);
        after.retain(|package| *package != renewed);
        assert_eq!(common(&before, &plan_of(&after)), count - 1);
    }

    #[test]
    fn where_nobody_says_each_package_has_a_layer_and_what_changes_is_on_top() {
        let paths: &[(&str, &[&str])] = &[
            ("/s/a-processes-web", &["/s/b-bash-5.2", "/s/c-profile"]),
            ("/s/b-bash-5.2", &["/s/d-glibc-2.40"]),
            ("/s/c-profile", &["/s/b-bash-5.2", "/s/e-devenv-init"]),
            ("/s/d-glibc-2.40", &[]),
            ("/s/e-devenv-init", &[]),
            ("root", &[]),
        ];
        let mut usual = group(&["/s/a-processes-web"], &[root()], 1);
        usual.max_layers = None;
        let layers = plan(&closure(paths), &[usual.clone()], false, 0).unwrap();
        let expected = [
            vec!["/s/d-glibc-2.40"],
            vec!["/s/b-bash-5.2"],
            vec!["/s/e-devenv-init"],
            vec!["/s/c-profile", "/s/a-processes-web"],
            vec!["root"],
        ];
        assert_eq!(names(&layers), expected);
        // Where a base takes most of the room, they share what is left.
        let layers = plan(&closure(paths), &[usual], false, MAX_LAYERS - 4).unwrap();
        assert_eq!(layers.len(), 3);
        assert_eq!(names(&layers)[1..], expected[3..]);
    }

    #[test]
    fn small_packages_share_a_layer() {
        let path = |path: &str, nar_size| StorePath {
            path: path.to_owned(),
            references: Vec::new(),
            nar_hash: String::new(),
            nar_size,
        };
        let sizes =
            [("/s/a-a-1", SMALL), ("/s/b-b-1", SMALL - 1), ("/s/c-c-1", 200), ("/s/d-d", 1)];
        let closure = Closure::new(sizes.map(|(name, size)| path(name, size)).into()).unwrap();
        let usual = Group { max_layers: None, ..group(&sizes.map(|(name, _)| name), &[], 1) };
        let layers = plan(&closure, &[usual], false, 0).unwrap();
        assert_eq!(
            names(&layers),
            [vec!["/s/a-a-1"], vec!["/s/b-b-1", "/s/c-c-1"], vec!["/s/d-d"]]
        );
    }

    #[test]
    fn many_paths_become_no_more_layers_than_is_usual() {
        let names: Vec<String> = (0..300).map(|at| format!("/s/h-package{at}x-1.{at}")).collect();
        let paths: Vec<(&str, &[&str])> =
            names.iter().map(|name| (name.as_str(), &[][..])).collect();
        let roots: Vec<&str> = names.iter().map(String::as_str).collect();
        let usual = Group { max_layers: None, ..group(&roots, &[], 1) };
        let layers = plan(&closure(&paths), &[usual], false, 0).unwrap();
        assert!((50..=USUAL).contains(&layers.len()), "{}", layers.len());
    }

    #[test]
    fn versions_start_at_a_dash_and_a_digit() {
        for (path, expected) in [
            ("/nix/store/abc-openssl-3.0.1", Some("openssl")),
            ("/nix/store/abc-gtk+-2.24-dev", Some("gtk+")),
            ("/nix/store/abc-python3.11-pip-23.0", Some("python3.11-pip")),
            ("/nix/store/abc-profile", None),
            ("app", None),
        ] {
            assert_eq!(package(path), expected, "{path}");
        }
    }

    #[test]
    fn wrong_requests_are_refused() {
        let refused =
            |group: Group, below| plan(&chain(), &[group], false, below).unwrap_err().to_string();
        assert!(refused(group(&[], &[], 0), 0).contains("0 layers"));
        assert!(refused(group(&[], &[], MAX_LAYERS + 1), 0).contains("126 layers"));
        assert!(refused(group(&[], &[root(), root()], 1), 0).contains("options twice"));
        let stranger = Special { path: "stranger".to_owned(), ..root() };
        assert!(refused(group(&[], &[stranger], 1), 0).contains("not in the closure"));
        let many = refused(group(&["app"], &[], 4), 123);
        assert!(
            many.contains("126 layers, 123 of its base") && many.contains("maxLayers"),
            "{many}"
        );
        let full = refused(group(&["app"], &[], 4), 125);
        assert!(full.contains("128 layers, 125 of its base") && full.contains("fewer"), "{full}");
    }
}
