//! Why something is in an image: the shortest chain of references to it from what the project asked
//! for, all that keep it, and what would go with it.

use std::collections::BTreeMap;

use super::contents::Item;
use super::graph::{Graph, Node, TOP};
use crate::nix::References;

/// Something that needs a part of the image by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// What it is, for people: `process web`, `variable PATH`.
    pub what: String,
    /// The path of the part it needs.
    pub path: String,
    /// Whether it needs the one that is placed elsewhere than in the store.
    pub placed: bool,
}

/// All parts of an image with the reasons they are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The one that would save most first.
    pub paths: Vec<Explained>,
    /// In the order of the roots.
    pub reasons: Vec<Reason>,
}

/// What keeps parts of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What it is, for people.
    pub what: String,
    /// Bytes that would go with it: those of what nothing else keeps.
    pub saves: u64,
    /// Bytes of all it keeps.
    pub keeps: u64,
}

/// A part of an image with the reason it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The part.
    pub item: Item,
    /// What needs the first path of the chain; `None` when nobody is known to.
    pub root: Option<String>,
    /// From that path to this one, both included.
    pub chain: Vec<String>,
    /// Everything that keeps this part, by whatever chain, as places in [`Explanation::reasons`].
    pub kept_by: Vec<usize>,
    /// Bytes that would go if only this part went: its own and those of everything that is there
    /// for its sake alone.
    pub exclusive: u64,
    /// The nearest part without which this one would not be there, as a place in
    /// [`Explanation::paths`].
    pub within: Option<usize>,
}

impl Explanation {
    /// The names of what keeps a part.
    pub fn keepers(&self, one: &Explained) -> Vec<&str> {
        let reason = |at: &usize| self.reasons.get(*at).map(|reason| reason.what.as_str());
        one.kept_by.iter().filter_map(reason).collect()
    }

    /// The parts that take the most, at most `count` of them. Of one and the single thing it brings,
    /// which makes up nine tenths of it or more, only the latter is named: it is what takes the room.
    pub fn culprits(&self, count: usize) -> Vec<&Explained> {
        let mut named: Vec<usize> = Vec::new();
        for (at, one) in self.paths.iter().enumerate() {
            let is_what_it_brings = |whole: &usize| {
                let whole_size = self.paths.get(*whole).map_or(0, |whole| whole.exclusive);
                self.is_within(at, *whole)
                    && one.exclusive.saturating_mul(10) >= whole_size.saturating_mul(9)
            };
            match named.iter().position(is_what_it_brings) {
                Some(whole) => named[whole] = at,
                None if named.len() < count => named.push(at),
                None => {}
            }
        }
        named.into_iter().filter_map(|at| self.paths.get(at)).collect()
    }

    fn is_within(&self, mut at: usize, whole: usize) -> bool {
        while let Some(above) = self.paths.get(at).and_then(|one| one.within) {
            if above == whole {
                return true;
            }
            at = above;
        }
        false
    }
}

/// Explains every part.
///
/// Of several equally short chains the one of the root that comes first counts.
pub fn explain(items: Vec<Item>, references: &References, roots: &[Root]) -> Explanation {
    let net = Net::new(&items, references, roots);
    let nearest = net.graph.dominators();
    let before = net.graph.reach(TOP);

    let mut keepers: BTreeMap<Node, Vec<usize>> = BTreeMap::new();
    for at in 0..net.reasons.len() {
        for node in net.graph.reach(net.reason(at)).into_keys() {
            keepers.entry(node).or_default().push(at);
        }
    }

    // What goes with a node: a node takes along whatever is below it, as deep as that is.
    let mut goes: BTreeMap<Node, u64> = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        let mut node = net.item(at);
        loop {
            *goes.entry(node).or_default() += item.size;
            match nearest.get(&node) {
                Some(above) if *above != node => node = *above,
                _ => break,
            }
        }
    }

    let mut order: Vec<usize> = (0..items.len()).collect();
    let saves = |at: usize| goes.get(&net.item(at)).copied().unwrap_or_default();
    order.sort_by(|a, b| {
        let key = |at: usize| items.get(at).map(|item| (saves(at), item.size));
        let path = |at: usize| items.get(at).map(|item| &item.path);
        (key(*b), path(*a)).cmp(&(key(*a), path(*b)))
    });
    let place: BTreeMap<Node, usize> =
        order.iter().enumerate().map(|(place, at)| (net.item(*at), place)).collect();
    let within = |node: Node| {
        let mut above = nearest.get(&node)?;
        loop {
            match place.get(above) {
                Some(place) => return Some(*place),
                None if *above == TOP => return None,
                None => above = nearest.get(above)?,
            }
        }
    };

    let reasons = net.reasons.iter().enumerate().map(|(at, what)| Reason {
        what: (*what).to_owned(),
        saves: goes.get(&net.reason(at)).copied().unwrap_or_default(),
        keeps: (items.iter().enumerate())
            .filter(|(item, _)| {
                keepers.get(&net.item(*item)).is_some_and(|keepers| keepers.contains(&at))
            })
            .map(|(_, item)| item.size)
            .sum(),
    });
    let reasons = reasons.collect();
    let mut explained: BTreeMap<usize, Explained> = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        let node = net.item(at);
        let (root, chain) = net.chain(&before, node, &item.path);
        let one = Explained {
            item: item.clone(),
            root,
            chain,
            kept_by: keepers.remove(&node).unwrap_or_default(),
            exclusive: saves(at),
            within: within(node),
        };
        explained.insert(place.get(&node).copied().unwrap_or_default(), one);
    }
    Explanation { paths: explained.into_values().collect(), reasons }
}

/// The reasons, the parts and what they refer to as a graph: first come the reasons, then the parts, then
/// paths that are referred to and no part of the image.
struct Net<'a> {
    graph: Graph,
    reasons: Vec<&'a str>,
    /// The path of each node that is one.
    paths: BTreeMap<Node, &'a str>,
}

impl<'a> Net<'a> {
    fn new(items: &'a [Item], references: &'a References, roots: &'a [Root]) -> Self {
        let mut graph = Graph::default();
        let mut reasons: Vec<&str> = Vec::new();
        let mut by_name: BTreeMap<&str, Node> = BTreeMap::new();
        for root in roots {
            by_name.entry(&root.what).or_insert_with(|| {
                reasons.push(&root.what);
                let node = graph.add();
                graph.need(TOP, node);
                node
            });
        }
        let mut paths: BTreeMap<Node, &str> = BTreeMap::new();
        // The contents of one path may be in several places.
        let mut by_path: BTreeMap<(&str, bool), Vec<Node>> = BTreeMap::new();
        for item in items {
            let node = graph.add();
            paths.insert(node, &item.path);
            by_path.entry((&item.path, item.is_placed())).or_default().push(node);
        }
        // Who refers to a path means the one in the store.
        for (from, targets) in references {
            for path in [from].into_iter().chain(targets) {
                by_path.entry((path, false)).or_insert_with(|| {
                    let node = graph.add();
                    paths.insert(node, path);
                    vec![node]
                });
            }
        }
        for (from, targets) in references {
            for from in
                [false, true].iter().filter_map(|kind| by_path.get(&(from, *kind))).flatten()
            {
                for to in targets.iter().filter_map(|path| by_path.get(&(path, false))).flatten() {
                    graph.need(*from, *to);
                }
            }
        }
        for root in roots {
            let needed = by_path.get(&(&root.path, root.placed));
            let needed = needed.or_else(|| by_path.get(&(&root.path, !root.placed)));
            if let Some(reason) = by_name.get(root.what.as_str()) {
                needed.into_iter().flatten().for_each(|needed| graph.need(*reason, *needed));
            }
        }
        Self { graph, reasons, paths }
    }

    fn reason(&self, at: usize) -> Node {
        TOP + 1 + at
    }

    fn item(&self, at: usize) -> Node {
        TOP + 1 + self.reasons.len() + at
    }

    /// How a node was reached first; of one that was not, the node alone.
    fn chain(
        &self,
        before: &BTreeMap<Node, Node>,
        node: Node,
        path: &str,
    ) -> (Option<String>, Vec<String>) {
        let mut chain = vec![path.to_owned()];
        let mut at = node;
        while let Some(referrer) = before.get(&at) {
            match self.paths.get(referrer) {
                Some(path) => chain.push((*path).to_owned()),
                None => {
                    let reason = referrer.checked_sub(TOP + 1).and_then(|at| self.reasons.get(at));
                    chain.reverse();
                    return (reason.map(|what| (*what).to_owned()), chain);
                }
            }
            at = *referrer;
        }
        chain.reverse();
        (None, chain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understand::contents::What;

    fn item(path: &str, size: u64) -> Item {
        Item { path: path.to_owned(), size, what: What::Stored, parts: Vec::new() }
    }

    fn root(what: &str, path: &str) -> Root {
        Root { what: what.into(), path: path.into(), placed: false }
    }

    fn references(edges: &[(&str, &[&str])]) -> References {
        let owned = |targets: &[&str]| targets.iter().map(|path| (*path).to_owned()).collect();
        edges.iter().map(|(from, to)| ((*from).to_owned(), owned(to))).collect()
    }

    fn sample() -> Explanation {
        let items = vec![item("app", 10), item("lib", 100), item("libc", 50), item("stray", 1)];
        let references = references(&[("app", &["lib", "libc"]), ("lib", &["libc"])]);
        explain(items, &references, &[root("process web", "app"), root("variable PATH", "libc")])
    }

    fn named<'a>(explanation: &'a Explanation, path: &str) -> &'a Explained {
        explanation.paths.iter().find(|one| one.item.path == path).unwrap()
    }

    #[test]
    fn the_shortest_chain_from_what_was_asked_for_is_told() {
        let explained = sample();
        assert_eq!(named(&explained, "lib").chain, ["app", "lib"]);
        assert_eq!(named(&explained, "lib").root.as_deref(), Some("process web"));
        assert_eq!(named(&explained, "libc").root.as_deref(), Some("variable PATH"));
        assert_eq!(named(&explained, "stray").root, None);
        assert_eq!(named(&explained, "stray").chain, ["stray"]);
    }

    #[test]
    fn everything_that_keeps_a_path_is_told() {
        let explained = sample();
        let keepers = |path| explained.keepers(named(&explained, path));
        assert_eq!(keepers("libc"), ["process web", "variable PATH"]);
        assert_eq!(keepers("lib"), ["process web"]);
        assert_eq!(keepers("stray"), [""; 0]);
    }

    #[test]
    fn what_would_be_saved_counts_what_only_serves_the_path_or_the_reason() {
        let explained = sample();
        let saves = ["app", "lib", "libc", "stray"].map(|path| named(&explained, path).exclusive);
        assert_eq!(saves, [110, 100, 50, 1]);
        assert_eq!(named(&explained, "lib").within, Some(0));
        assert_eq!(named(&explained, "libc").within, None);
        let reasons: Vec<(u64, u64)> =
            explained.reasons.iter().map(|reason| (reason.saves, reason.keeps)).collect();
        assert_eq!(reasons, [(110, 160), (0, 50)]);
    }

    #[test]
    fn a_path_in_the_store_and_its_contents_elsewhere_are_two_parts() {
        let mut placed = item("app", 30);
        placed.what = What::Placed("/env".to_owned());
        let items = vec![item("app", 30), placed, item("lib", 5)];
        let copied = Root { placed: true, ..root("copyToRoot", "app") };
        let explained = explain(
            items,
            &references(&[("app", &["lib"])]),
            &[copied, root("the command", "app")],
        );
        let why: Vec<(&str, Vec<&str>)> = explained
            .paths
            .iter()
            .map(|one| (one.root.as_deref().unwrap(), explained.keepers(one)))
            .collect();
        assert!(why.contains(&("copyToRoot", vec!["copyToRoot"])), "{why:?}");
        assert!(why.contains(&("the command", vec!["the command"])), "{why:?}");
        assert_eq!(explained.keepers(named(&explained, "lib")), ["copyToRoot", "the command"]);
    }

    #[test]
    fn contents_in_several_places_have_the_same_reason() {
        let placed = |place: &str| Item {
            what: What::Placed(place.to_owned()),
            ..item("tree", place.len() as u64)
        };
        let copied = Root { placed: true, ..root("copyToRoot", "tree") };
        let items = vec![placed("/"), placed("/env"), item("lib", 1)];
        let explained = explain(items, &references(&[("tree", &["lib"])]), &[copied]);
        for one in &explained.paths {
            assert_eq!(one.root.as_deref(), Some("copyToRoot"), "{one:?}");
        }
    }

    #[test]
    fn the_way_may_lead_through_what_was_left_out() {
        let edges = references(&[("app", &["gone"]), ("gone", &["lib"])]);
        let explained =
            explain(vec![item("app", 1), item("lib", 2)], &edges, &[root("the command", "app")]);
        let lib = named(&explained, "lib");
        assert_eq!(lib.chain, ["app", "gone", "lib"]);
        assert_eq!(explained.paths[lib.within.unwrap()].item.path, "app");
        assert_eq!(named(&explained, "app").exclusive, 3);
    }

    /// A tree of links leads to an application, that brings a library and another one.
    #[test]
    fn a_tree_and_what_it_holds_are_one_culprit() {
        let named = |sizes: [u64; 5], count| -> Vec<String> {
            let names = ["tree", "app", "lib", "more", "own"];
            let items = std::iter::zip(names, sizes).map(|(path, size)| item(path, size)).collect();
            let edges = references(&[("tree", &["app"]), ("app", &["lib", "more"])]);
            let roots = [root("process web", "tree"), root("process web", "own")];
            let explained = explain(items, &edges, &roots);
            explained.culprits(count).iter().map(|one| one.item.path.clone()).collect()
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
