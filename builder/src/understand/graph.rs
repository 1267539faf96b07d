//! Who needs whom in an image: what is reached from which reason, by which way, and what would be there
//! without what.

use std::collections::{BTreeMap, VecDeque};

/// A node by its number.
pub type Node = usize;

/// The node everything is reached from.
pub const TOP: Node = 0;

/// Nodes and what each needs.
#[derive(Clone, Debug)]
pub struct Graph {
    needs: Vec<Vec<Node>>,
}

impl Default for Graph {
    fn default() -> Self {
        Self { needs: vec![Vec::new()] }
    }
}

impl Graph {
    /// A new node, which nothing needs yet.
    pub fn add(&mut self) -> Node {
        self.needs.push(Vec::new());
        self.needs.len() - 1
    }

    /// Says that one node needs another.
    pub fn need(&mut self, from: Node, to: Node) {
        if let Some(needs) = self.needs.get_mut(from) {
            needs.push(to);
        }
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.needs.len()
    }

    fn needs(&self, node: Node) -> &[Node] {
        self.needs.get(node).map(Vec::as_slice).unwrap_or_default()
    }

    /// For each node that is reached from `start`, the one before it on the shortest way; that of `start`
    /// is itself. Of ways of one length the one whose first step was said first counts.
    pub fn reach(&self, start: Node) -> BTreeMap<Node, Node> {
        let mut before = BTreeMap::from([(start, start)]);
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for next in self.needs(node) {
                before.entry(*next).or_insert_with(|| {
                    queue.push_back(*next);
                    node
                });
            }
        }
        before
    }

    /// For each node that is reached from [`TOP`], the nearest one without which it would not be: its
    /// dominator. (Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm".)
    pub fn dominators(&self) -> BTreeMap<Node, Node> {
        let order = self.reverse_postorder();
        let rank: BTreeMap<Node, usize> =
            order.iter().enumerate().map(|(rank, node)| (*node, rank)).collect();
        let mut referrers: BTreeMap<Node, Vec<Node>> = BTreeMap::new();
        for node in &order {
            for next in self.needs(*node) {
                referrers.entry(*next).or_default().push(*node);
            }
        }
        let mut nearest = BTreeMap::from([(TOP, TOP)]);
        // Once is enough where nothing needs itself by a detour.
        let mut changed = true;
        while changed {
            changed = false;
            for node in order.iter().filter(|node| **node != TOP) {
                let known = referrers.get(node).into_iter().flatten();
                let common = known
                    .filter(|referrer| nearest.contains_key(referrer))
                    .copied()
                    .reduce(|one, other| common(&nearest, &rank, one, other));
                if let Some(common) = common
                    && nearest.insert(*node, common) != Some(common)
                {
                    changed = true;
                }
            }
        }
        nearest
    }

    /// What is reached from [`TOP`], each before all it needs.
    fn reverse_postorder(&self) -> Vec<Node> {
        let mut order = Vec::new();
        let mut seen = vec![false; self.len()];
        let mut way: Vec<(Node, usize)> = vec![(TOP, 0)];
        if let Some(seen) = seen.get_mut(TOP) {
            *seen = true;
        }
        while let Some((node, done)) = way.last_mut() {
            match self.needs(*node).get(*done) {
                Some(next) => {
                    *done += 1;
                    if let Some(seen @ false) = seen.get_mut(*next) {
                        *seen = true;
                        way.push((*next, 0));
                    }
                }
                None => {
                    order.push(*node);
                    way.pop();
                }
            }
        }
        order.reverse();
        order
    }
}

/// The lowest node that is above both.
fn common(
    nearest: &BTreeMap<Node, Node>,
    rank: &BTreeMap<Node, usize>,
    mut one: Node,
    mut other: Node,
) -> Node {
    let above = |node: Node| nearest.get(&node).copied().unwrap_or(TOP);
    let rank = |node: Node| rank.get(&node).copied().unwrap_or_default();
    while one != other {
        if rank(one) > rank(other) {
            one = above(one);
        } else {
            other = above(other);
        }
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(nodes: usize, edges: &[(Node, Node)]) -> Graph {
        let mut graph = Graph::default();
        for _ in 1..nodes {
            let _ = graph.add();
        }
        for (from, to) in edges {
            graph.need(*from, *to);
        }
        graph
    }

    #[test]
    fn what_two_need_is_there_for_neither_alone() {
        // A diamond with a tail, and something nobody needs.
        let graph = graph(7, &[(0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (4, 5), (6, 5)]);
        let nearest = graph.dominators();
        let expected = [(0, 0), (1, 0), (2, 1), (3, 1), (4, 1), (5, 4)];
        assert_eq!(nearest, BTreeMap::from(expected));
        assert_eq!(graph.reach(TOP)[&4], 2);
    }

    /// By definition: a node is above another when the other is not reached without it.
    #[test]
    fn dominators_are_those_without_which_a_node_is_not_reached() {
        // Pseudo-random graphs, circles included, always the same.
        let mut state = 1_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for _ in 0..200 {
            let nodes = 2 + random(9);
            let edges: Vec<(Node, Node)> =
                (0..random(20)).map(|_| (random(nodes), random(nodes))).collect();
            let whole = graph(nodes, &edges);
            let reached = whole.reach(TOP);
            let nearest = whole.dominators();
            assert_eq!(nearest.len(), reached.len(), "{edges:?}");
            for without in (1..nodes).filter(|node| reached.contains_key(node)) {
                let rest: Vec<(Node, Node)> = edges
                    .iter()
                    .filter(|(from, to)| *from != without && *to != without)
                    .copied()
                    .collect();
                let left = graph(nodes, &rest).reach(TOP);
                for node in reached.keys().filter(|node| **node != without) {
                    let mut above = *node;
                    while above != TOP && above != without {
                        above = nearest[&above];
                    }
                    assert_eq!(above == without, !left.contains_key(node), "{edges:?} {node}");
                }
            }
        }
    }
}
