//! The store paths an image needs and how they refer to each other.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use crate::error::{Failure, Kind, Result};

/// One store path, as Nix's `exportReferencesGraph` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StorePath {
    /// `/nix/store/<hash>-<name>`.
    pub path: String,
    /// The paths its contents mention, itself possibly among them.
    #[serde(default)]
    pub references: Vec<String>,
    /// The hash of its archive form, as Nix writes it; empty when it was not asked for.
    #[serde(default, rename = "narHash")]
    pub nar_hash: String,
    /// Bytes of its archive form.
    #[serde(default, rename = "narSize")]
    pub nar_size: u64,
}

/// A set of store paths closed under references.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closure {
    paths: Vec<StorePath>,
    /// For each path the numbers of those it refers to, itself left out.
    edges: Vec<Vec<usize>>,
    by_path: HashMap<String, usize>,
}

impl Closure {
    /// Checks that `paths` is closed; they are kept in order of their names, each once.
    ///
    /// # Errors
    /// When a path refers to one that is not part of it.
    pub fn new(paths: Vec<StorePath>) -> Result<Self> {
        let paths: Vec<StorePath> = paths
            .into_iter()
            .map(|path| (path.path.clone(), path))
            .collect::<BTreeMap<_, _>>()
            .into_values()
            .collect();
        let by_path: HashMap<String, usize> =
            paths.iter().enumerate().map(|(at, path)| (path.path.clone(), at)).collect();

        let mut edges = Vec::with_capacity(paths.len());
        for (from, path) in paths.iter().enumerate() {
            let mut targets = Vec::with_capacity(path.references.len());
            for reference in &path.references {
                let to = *by_path.get(reference).ok_or_else(|| {
                    Failure::new(
                        Kind::Data,
                        format!("{} refers to {reference}, which is not in the closure", path.path),
                    )
                })?;
                if to != from {
                    targets.push(to);
                }
            }
            edges.push(targets);
        }
        Ok(Self { paths, edges, by_path })
    }

    /// Whether `path` is one of the closure's.
    pub fn contains(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// What is known about `path`.
    pub fn get(&self, path: &str) -> Option<&StorePath> {
        self.paths.get(*self.by_path.get(path)?)
    }

    /// The part of the closure that `roots` need, themselves included.
    ///
    /// # Errors
    /// When one of them is not part of it.
    pub fn of<'a>(&self, roots: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut reached = vec![false; self.paths.len()];
        let mut next = Vec::new();
        for root in roots {
            let at = self
                .by_path
                .get(root)
                .ok_or_else(|| Failure::new(Kind::Data, format!("{root} is not in the closure")))?;
            next.push(*at);
        }
        while let Some(at) = next.pop() {
            if let Some(reached @ false) = reached.get_mut(at) {
                *reached = true;
                next.extend(self.edges.get(at).into_iter().flatten());
            }
        }
        let paths = self.paths.iter().zip(reached).filter(|(_, reached)| *reached);
        Self::new(paths.map(|(path, _)| path.clone()).collect())
    }

    /// Whether a path other than itself refers to `path`.
    pub fn is_needed(&self, path: &str) -> bool {
        let at = self.by_path.get(path);
        at.is_some_and(|at| self.edges.iter().flatten().any(|target| target == at))
    }

    /// All paths, those most others depend on first.
    ///
    /// The popularity of a path is one for itself plus that of every path that refers to it, so
    /// a C library comes before the program, and the program before the one thing that changes
    /// with every build. Equal popularity goes by name, and not by hash as in nix2container: a path
    /// that is built anew keeps its place.
    ///
    /// # Errors
    /// When the references form a cycle, which a store cannot have.
    pub fn by_popularity(&self) -> Result<Vec<&StorePath>> {
        let popularity = self.popularity()?;
        let mut order: Vec<usize> = (0..self.paths.len()).collect();
        order.sort_by_key(|at| {
            let popularity = popularity.get(*at).copied().unwrap_or_default();
            let path = self.paths.get(*at).map_or("", |path| path.path.as_str());
            (std::cmp::Reverse(popularity), name(path), path)
        });
        Ok(order.into_iter().filter_map(|at| self.paths.get(at)).collect())
    }

    fn popularity(&self) -> Result<Vec<u64>> {
        let count = self.paths.len();
        let mut referrers = vec![0_usize; count];
        for target in self.edges.iter().flatten() {
            if let Some(referrers) = referrers.get_mut(*target) {
                *referrers += 1;
            }
        }
        let mut ready: Vec<usize> =
            (0..count).filter(|at| referrers.get(*at) == Some(&0)).collect();
        let mut popularity = vec![1_u64; count];
        let mut done = 0;
        while let Some(at) = ready.pop() {
            done += 1;
            let own = popularity.get(at).copied().unwrap_or_default();
            for target in self.edges.get(at).into_iter().flatten() {
                if let Some(theirs) = popularity.get_mut(*target) {
                    *theirs = theirs.saturating_add(own);
                }
                if let Some(left) = referrers.get_mut(*target) {
                    *left -= 1;
                    if *left == 0 {
                        ready.push(*target);
                    }
                }
            }
        }
        if done < count {
            let stuck = self.paths.iter().zip(&referrers).find(|(_, left)| **left > 0);
            let name = stuck.map_or("", |(path, _)| path.path.as_str());
            return Err(Failure::new(
                Kind::Data,
                format!("the closure graph has a cycle through {name}"),
            ));
        }
        Ok(popularity)
    }
}

/// The name in a store path, which stays when what is built changes; without a hash it is all of it.
pub fn name(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split_once('-').map_or(file, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closure(edges: &[(&str, &[&str])]) -> Result<Closure> {
        Closure::new(
            edges
                .iter()
                .map(|(path, references)| StorePath {
                    path: (*path).to_owned(),
                    references: references.iter().map(|path| (*path).to_owned()).collect(),
                    nar_hash: String::new(),
                    nar_size: 0,
                })
                .collect(),
        )
    }

    fn order(closure: &Closure) -> Vec<&str> {
        closure.by_popularity().unwrap().iter().map(|path| path.path.as_str()).collect()
    }

    #[test]
    fn what_most_depend_on_comes_first() {
        let closure = closure(&[
            ("app", &["lib", "libc", "app"]),
            ("tool", &["libc"]),
            ("lib", &["libc"]),
            ("libc", &[]),
        ])
        .unwrap();
        assert_eq!(order(&closure), ["libc", "lib", "app", "tool"]);
    }

    #[test]
    fn a_path_that_is_built_anew_keeps_its_place() {
        let places = |hash: &str| {
            let app = format!("/s/{hash}-app");
            let closure = closure(&[("/s/b-tool", &[]), (&app, &[]), ("/s/y-zip", &[])]).unwrap();
            let order = order(&closure);
            order.iter().position(|path| *path == app)
        };
        assert_eq!(["a", "c", "z"].map(places), [Some(0); 3]);
    }

    #[test]
    fn the_order_does_not_depend_on_the_order_of_the_input() {
        let forward = closure(&[("a", &["c"]), ("b", &["c"]), ("c", &[])]).unwrap();
        let backward = closure(&[("c", &[]), ("b", &["c"]), ("a", &["c"])]).unwrap();
        assert_eq!(order(&forward), order(&backward));
    }

    #[test]
    fn a_reference_out_of_the_closure_and_a_cycle_are_named() {
        let failure = closure(&[("a", &["gone"])]).unwrap_err();
        assert!(failure.to_string().contains("a refers to gone"), "{failure}");
        let failure = closure(&[("a", &["b"]), ("b", &["a"])]).unwrap();
        assert!(failure.by_popularity().unwrap_err().to_string().contains("cycle"));
    }

    #[test]
    fn a_part_of_a_closure_is_what_its_roots_need() {
        let whole =
            closure(&[("a", &["c"]), ("b", &["c", "b"]), ("c", &["d"]), ("d", &[])]).unwrap();
        assert_eq!(order(&whole.of(["b"]).unwrap()), ["d", "c", "b"]);
        assert_eq!(order(&whole.of([]).unwrap()), [""; 0]);
        assert!(whole.of(["x"]).unwrap_err().to_string().contains("x is not in"));
        assert!(whole.is_needed("c") && !whole.is_needed("b"));
    }

    #[test]
    fn a_deep_chain_of_diamonds_does_not_overflow() {
        let names: Vec<String> = (0..200).map(|at| format!("p{at:03}")).collect();
        let paths = (0..200)
            .map(|at| StorePath {
                path: names[at].clone(),
                references: names[at + 1..].to_vec(),
                nar_hash: String::new(),
                nar_size: 0,
            })
            .collect();
        let closure = Closure::new(paths).unwrap();
        let order = order(&closure);
        assert_eq!((order.len(), order.last()), (200, Some(&"p000")));
    }
}
