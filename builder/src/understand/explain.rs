//! Why something is in an image: the shortest chain of references to it from what the project
//! asked for.

use std::collections::{BTreeMap, VecDeque};

use super::contents::Item;
use crate::nix::References;

/// Something that needs a store path by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// What it is, for people: `process web`, `variable PATH`.
    pub what: String,
    /// The store path it needs.
    pub path: String,
}

/// A store path with the reason it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The path.
    pub item: Item,
    /// What needs the first path of the chain; `None` when nobody is known to.
    pub root: Option<String>,
    /// From that path to this one, both included.
    pub chain: Vec<String>,
    /// Everything that keeps this path, by whatever chain, in the order of the roots.
    pub kept_by: Vec<String>,
    /// Bytes that would go if only this path went: its own and those of everything that is there
    /// for its sake alone.
    pub exclusive: u64,
    /// The other paths without each of which this one would not be there.
    pub only_for: Vec<String>,
}

/// The paths that take the most, at most `count` of them. Of one and the single thing it brings, which
/// makes up nine tenths of it or more, only the latter is named: it is what takes the room.
pub fn culprits(explained: &[Explained], count: usize) -> Vec<&Explained> {
    let mut named: Vec<&Explained> = Vec::new();
    for one in explained {
        let is_what_it_brings = |whole: &&Explained| {
            one.only_for.contains(&whole.item.path)
                && one.exclusive.saturating_mul(10) >= whole.exclusive.saturating_mul(9)
        };
        match named.iter().position(is_what_it_brings) {
            Some(whole) => named[whole] = one,
            None if named.len() < count => named.push(one),
            None => {}
        }
    }
    named
}

/// Explains every path, the one that would save most first.
///
/// Of several equally short chains the one of the root that comes first counts.
pub fn explain(items: &[Item], references: &References, roots: &[Root]) -> Vec<Explained> {
    let reached = reach(references, roots, None);
    let keepers = keepers(references, roots);
    let mut only_for: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut explained: Vec<Explained> = items
        .iter()
        .map(|item| {
            let (root, chain) = chain(&reached, &item.path);
            // What is not reached without this path is there for its sake alone.
            let without = reach(references, roots, Some(&item.path));
            let gone = items.iter().filter(|other| {
                reached.contains_key(other.path.as_str())
                    && !without.contains_key(other.path.as_str())
            });
            let mut exclusive = 0;
            for other in gone {
                exclusive += other.size;
                if other.path != item.path {
                    only_for.entry(&other.path).or_default().push(item.path.clone());
                }
            }
            let exclusive = exclusive.max(item.size);
            let kept_by = keepers
                .iter()
                .filter(|(_, kept)| kept.contains_key(item.path.as_str()))
                .map(|(what, _)| (*what).to_owned())
                .collect();
            let only_for = Vec::new();
            Explained { item: item.clone(), root, chain, kept_by, exclusive, only_for }
        })
        .collect();
    for one in &mut explained {
        one.only_for = only_for.remove(one.item.path.as_str()).unwrap_or_default();
    }
    explained.sort_by(|a, b| {
        (b.exclusive, b.item.size, &a.item.path).cmp(&(a.exclusive, a.item.size, &b.item.path))
    });
    explained
}

/// How a path was reached first.
#[derive(Clone, Copy, Debug)]
enum Origin<'a> {
    Root(&'a str),
    Referrer(&'a str),
}

/// What each thing that needs something by itself reaches, in the order of the roots.
fn keepers<'a>(
    references: &'a References,
    roots: &'a [Root],
) -> Vec<(&'a str, BTreeMap<&'a str, Origin<'a>>)> {
    let mut names: Vec<&str> = Vec::new();
    for root in roots {
        if !names.contains(&root.what.as_str()) {
            names.push(&root.what);
        }
    }
    let reached_by =
        |what: &str| reach(references, roots.iter().filter(|root| root.what == what), None);
    names.into_iter().map(|what| (what, reached_by(what))).collect()
}

fn reach<'a>(
    references: &'a References,
    roots: impl IntoIterator<Item = &'a Root>,
    without: Option<&str>,
) -> BTreeMap<&'a str, Origin<'a>> {
    let mut reached = BTreeMap::new();
    let mut queue = VecDeque::new();
    for root in roots {
        if Some(root.path.as_str()) != without && !reached.contains_key(root.path.as_str()) {
            reached.insert(root.path.as_str(), Origin::Root(&root.what));
            queue.push_back(root.path.as_str());
        }
    }
    while let Some(path) = queue.pop_front() {
        for target in references.get(path).into_iter().flatten() {
            if Some(target.as_str()) != without && !reached.contains_key(target.as_str()) {
                reached.insert(target.as_str(), Origin::Referrer(path));
                queue.push_back(target.as_str());
            }
        }
    }
    reached
}

fn chain(reached: &BTreeMap<&str, Origin<'_>>, path: &str) -> (Option<String>, Vec<String>) {
    let mut chain = vec![path.to_owned()];
    let mut at = path;
    loop {
        match reached.get(at) {
            Some(Origin::Referrer(referrer)) => {
                chain.push((*referrer).to_owned());
                at = referrer;
            }
            Some(Origin::Root(what)) => {
                chain.reverse();
                return (Some((*what).to_owned()), chain);
            }
            None => return (None, chain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understand::contents::What;

    fn explained() -> BTreeMap<String, Explained> {
        let item = |path: &str, size| Item { path: path.to_owned(), size, what: What::Stored };
        let items = [item("app", 10), item("lib", 100), item("libc", 50), item("stray", 1)];
        let references = [("app", vec!["lib", "libc"]), ("lib", vec!["libc"])]
            .map(|(from, to)| (from.to_owned(), to.into_iter().map(str::to_owned).collect()))
            .into();
        let root = |what: &str, path: &str| Root { what: what.into(), path: path.into() };
        let roots = [root("process web", "app"), root("variable PATH", "libc")];
        explain(&items, &references, &roots)
            .into_iter()
            .map(|explained| (explained.item.path.clone(), explained))
            .collect()
    }

    #[test]
    fn the_shortest_chain_from_what_was_asked_for_is_told() {
        let explained = explained();
        assert_eq!(explained["lib"].chain, ["app", "lib"]);
        assert_eq!(explained["lib"].root.as_deref(), Some("process web"));
        assert_eq!(explained["libc"].root.as_deref(), Some("variable PATH"));
        assert_eq!(explained["stray"].root, None);
    }

    #[test]
    fn everything_that_keeps_a_path_is_told() {
        let explained = explained();
        assert_eq!(explained["libc"].kept_by, ["process web", "variable PATH"]);
        assert_eq!(explained["lib"].kept_by, ["process web"]);
        assert!(explained["stray"].kept_by.is_empty());
    }

    #[test]
    fn what_would_be_saved_counts_what_only_serves_the_path() {
        let explained = explained();
        assert_eq!(explained["app"].exclusive, 110);
        assert_eq!(explained["lib"].exclusive, 100);
        assert_eq!(explained["libc"].exclusive, 50);
        assert_eq!(explained["stray"].exclusive, 1);
    }

    /// A tree of links leads to an application, that brings a library and another one.
    #[test]
    fn a_tree_and_what_it_holds_are_one_culprit() {
        let named = |sizes: [u64; 5], count| -> Vec<String> {
            let names = ["tree", "app", "lib", "more", "own"];
            let items: Vec<Item> = std::iter::zip(names, sizes)
                .map(|(path, size)| Item { path: path.to_owned(), size, what: What::Stored })
                .collect();
            let references = [("tree", vec!["app"]), ("app", vec!["lib", "more"])]
                .map(|(from, to)| (from.to_owned(), to.into_iter().map(str::to_owned).collect()))
                .into();
            let root = |path: &str| Root { what: "process web".into(), path: path.into() };
            let explained = explain(&items, &references, &[root("tree"), root("own")]);
            culprits(&explained, count).iter().map(|one| one.item.path.clone()).collect()
        };
        // The application is all there is to the tree; its libraries are halves of it.
        assert_eq!(named([1, 100, 500, 400, 50], 3), ["app", "lib", "more"]);
        assert_eq!(named([1, 100, 500, 400, 50], 1), ["app"]);
        // Down to what takes the room.
        assert_eq!(named([1, 2, 500, 3, 50], 3), ["lib", "own", "more"]);
        // What takes as much by itself is named, too.
        assert_eq!(named([500, 2, 500, 3, 50], 2), ["tree", "lib"]);
        assert_eq!(named([0; 5], 0), [""; 0]);
    }
}
