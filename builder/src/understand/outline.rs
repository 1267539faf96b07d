//! An image as a tree: what keeps something, the store paths it keeps, and what these bring, each below the
//! nearest without which it would not be there. So every part is in it once, and what stands below goes with
//! what stands above.

use std::collections::BTreeMap;

use super::contents::{Item, name};
use super::explain::{Explained, Explanation};
use super::parts::Part;

/// How many reasons are named where there is little room.
const FEW: usize = 3;
/// What has more reasons than these is kept together, whatever the reasons are: there are too many sets of
/// them to tell one from the other, and nobody drops so many to be rid of it.
const SEVERAL: usize = FEW + 1;

/// The lines of the tree, each below the one it belongs to, and of one level the largest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// All of them.
    pub lines: Vec<Line>,
}

/// One line of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The line it is below.
    pub above: Option<usize>,
    /// What it is.
    pub about: About,
    /// What people call it.
    pub label: String,
    /// What leads to it from the line above, when there is something between: `process web -> script`.
    pub way: Vec<String>,
    /// How many more reasons it has than the one that is told, where the line above does not say.
    pub more: usize,
    /// Bytes that go with it, those of the lines below included.
    pub saves: u64,
    /// Bytes of itself; of reasons 0.
    pub itself: u64,
}

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// What keeps all that is below, as places in [`Explanation::reasons`]; none when nobody is known to,
    /// or when it is another set of several for each.
    Reasons(Vec<usize>),
    /// A part of the image, as a place in [`Explanation::paths`].
    Path(usize),
    /// A folder or file in what is above.
    Inside,
}

impl Outline {
    /// The tree of an image. Folders and files are looked into of those parts that `opened` says.
    pub fn new(explanation: &Explanation, opened: &dyn Fn(&Item) -> bool) -> Self {
        let mut below: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        // Of several reasons there is one group.
        let mut groups: BTreeMap<Option<&[usize]>, Vec<usize>> = BTreeMap::new();
        for (at, one) in explanation.paths.iter().enumerate() {
            match one.within {
                Some(above) => below.entry(above).or_default().push(at),
                None => {
                    let keepers = Some(one.kept_by.as_slice());
                    let named = keepers.filter(|keepers| keepers.len() <= SEVERAL);
                    groups.entry(named).or_default().push(at);
                }
            }
        }
        let saves = |paths: &[usize]| -> u64 {
            paths.iter().filter_map(|at| explanation.paths.get(*at)).map(|one| one.exclusive).sum()
        };
        let mut groups: Vec<(Option<&[usize]>, Vec<usize>)> = groups.into_iter().collect();
        groups.sort_by_key(|(keepers, paths)| (std::cmp::Reverse(saves(paths)), *keepers));

        let mut lines = Vec::new();
        let mut writer = Writer { explanation, opened, below: &below, lines: &mut lines };
        for (keepers, paths) in groups {
            writer.group(keepers, &paths, saves(&paths));
        }
        Self { lines }
    }

    /// Which lines to show when there is room for `limit` of them beside reasons: the largest. Of `wanted`
    /// lines, when there are any, those, what leads to them and the largest below them.
    pub fn chosen(&self, limit: usize, wanted: Option<&[usize]>) -> Vec<bool> {
        let mut chosen = vec![false; self.lines.len()];
        let mut choose = |from: &mut dyn Iterator<Item = usize>, count: usize| {
            let mut largest: Vec<usize> = from.collect();
            largest.sort_by_key(|at| {
                (std::cmp::Reverse(self.lines.get(*at).map_or(0, |line| line.saves)), *at)
            });
            largest.truncate(count);
            for at in &largest {
                for at in [*at].into_iter().chain(self.above(*at)) {
                    if let Some(chosen) = chosen.get_mut(at) {
                        *chosen = true;
                    }
                }
            }
            largest.len()
        };
        let is_reason = |at: &usize| self.lines.get(*at).is_some_and(|line| line.about.is_reason());
        let mut all = (0..self.lines.len()).filter(|at| !is_reason(at));
        match wanted {
            None => choose(&mut all, limit),
            Some(wanted) => {
                let shown = choose(&mut wanted.iter().copied(), limit);
                let mut below = all.filter(|at| {
                    !wanted.contains(at) && self.above(*at).any(|above| wanted.contains(&above))
                });
                choose(&mut below, limit.saturating_sub(shown))
            }
        };
        chosen
    }

    /// The lines a line is below, the nearest first.
    pub fn above(&self, at: usize) -> impl Iterator<Item = usize> {
        let next = |at: usize| self.lines.get(at).and_then(|line| line.above);
        std::iter::successors(next(at), move |at| next(*at))
    }
}

impl About {
    /// Whether it is what keeps others.
    pub fn is_reason(&self) -> bool {
        matches!(self, Self::Reasons(_))
    }
}

struct Writer<'a> {
    explanation: &'a Explanation,
    opened: &'a dyn Fn(&Item) -> bool,
    below: &'a BTreeMap<usize, Vec<usize>>,
    lines: &'a mut Vec<Line>,
}

impl Writer<'_> {
    fn group(&mut self, keepers: Option<&[usize]>, paths: &[usize], saves: u64) {
        let label = match keepers {
            None => format!("{} reasons or more", SEVERAL + 1),
            Some(keepers) => self.names(keepers),
        };
        let line = self.lines.len();
        self.lines.push(Line {
            above: None,
            about: About::Reasons(keepers.unwrap_or_default().to_vec()),
            label,
            way: Vec::new(),
            more: 0,
            saves,
            itself: 0,
        });
        for at in paths {
            self.path(*at, line, None);
        }
    }

    fn names(&self, keepers: &[usize]) -> String {
        let names: Vec<&str> = keepers
            .iter()
            .filter_map(|at| self.explanation.reasons.get(*at))
            .map(|reason| reason.what.as_str())
            .collect();
        few(&names)
    }

    /// A part of the image below a line, which is that of the part `parent` when there is one.
    fn path(&mut self, at: usize, above: usize, parent: Option<&Explained>) {
        let explanation = self.explanation;
        let Some(one) = explanation.paths.get(at) else { return };
        let line = self.lines.len();
        self.lines.push(Line {
            above: Some(above),
            about: About::Path(at),
            label: one.item.title(),
            way: way(one, parent),
            more: match parent {
                None if one.kept_by.len() > SEVERAL => one.kept_by.len() - 1,
                _ => 0,
            },
            saves: one.exclusive,
            itself: one.item.size,
        });
        if (self.opened)(&one.item) {
            self.parts(&one.item.parts, line);
        }
        for at in self.below.get(&at).into_iter().flatten() {
            self.path(*at, line, Some(one));
        }
    }

    fn parts(&mut self, parts: &[Part], above: usize) {
        for part in parts {
            let line = self.lines.len();
            self.lines.push(Line {
                above: Some(above),
                about: About::Inside,
                label: part.name.clone(),
                way: Vec::new(),
                more: 0,
                saves: part.size,
                itself: part.size,
            });
            self.parts(&part.parts, line);
        }
    }
}

/// What leads to a part from the part above it or, without one, from a reason; nothing when the one above
/// refers to it itself.
fn way(one: &Explained, parent: Option<&Explained>) -> Vec<String> {
    let (_, before) = one.chain.split_last().unwrap_or((&one.item.path, &[]));
    let from = match parent {
        Some(parent) => {
            before.iter().position(|path| *path == parent.item.path).map_or(0, |at| at + 1)
        }
        None => 0,
    };
    let mut way: Vec<String> = before.iter().skip(from).map(|path| name(path).to_owned()).collect();
    let told = one.kept_by.len() == 1 || (way.is_empty() && one.kept_by.len() <= SEVERAL);
    if parent.is_none() && !told {
        way.splice(0..0, one.root.clone());
    }
    way
}

/// Reasons for people, not too many of them.
pub fn few(names: &[&str]) -> String {
    match names {
        [] => "nothing that is known".to_owned(),
        names if names.len() <= SEVERAL => names.join(", "),
        names => {
            let (first, others) = names.split_at(FEW);
            format!("{} and {} others", first.join(", "), others.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understand::contents::What;
    use crate::understand::explain::{Root, explain};

    fn sample() -> (Explanation, Outline) {
        let item = |path: &str, size| Item {
            path: path.to_owned(),
            size,
            what: What::Stored,
            parts: match path {
                "/s/h-app" => vec![Part { name: "share".into(), size: 6, parts: Vec::new() }],
                _ => Vec::new(),
            },
        };
        let items = vec![
            item("/s/h-app", 10),
            item("/s/h-lib", 100),
            item("/s/h-libc", 50),
            item("/s/h-sh", 5),
            item("/s/h-stray", 1),
        ];
        let edges = [
            ("/s/h-app", vec!["/s/h-a", "/s/h-b", "/s/h-sh"]),
            ("/s/h-a", vec!["/s/h-lib"]),
            ("/s/h-b", vec!["/s/h-lib"]),
            ("/s/h-sh", vec!["/s/h-libc"]),
        ];
        let edges = edges
            .map(|(from, to)| (from.to_owned(), to.into_iter().map(str::to_owned).collect()))
            .into();
        let root =
            |what: &str, path: &str| Root { what: what.into(), path: path.into(), placed: false };
        let roots = [root("process web", "/s/h-app"), root("variable SHELL", "/s/h-sh")];
        let explanation = explain(items, &edges, &roots);
        let outline = Outline::new(&explanation, &|_| true);
        (explanation, outline)
    }

    fn shown(outline: &Outline, chosen: &[bool]) -> Vec<String> {
        let lines = outline.lines.iter().enumerate().filter(|(at, _)| chosen[*at]);
        lines
            .map(|(at, line)| {
                let depth = outline.above(at).count();
                let way = line.way.join(">");
                format!("{}{} {} {way}", " ".repeat(depth), line.label, line.saves)
            })
            .collect()
    }

    #[test]
    fn what_goes_with_a_reason_is_below_it_and_what_several_keep_is_by_itself() {
        let (_, outline) = sample();
        let expected = [
            "process web 110 ",
            " app 110 ",
            "  share 6 ",
            "  lib 100 a",
            "process web, variable SHELL 55 ",
            " sh 55 ",
            "  libc 50 ",
            "nothing that is known 1 ",
            " stray 1 ",
        ];
        assert_eq!(shown(&outline, &outline.chosen(99, None)), expected);
    }

    #[test]
    fn the_largest_are_chosen_with_what_they_are_in() {
        let (_, outline) = sample();
        let chosen =
            |limit, wanted: Option<&[usize]>| shown(&outline, &outline.chosen(limit, wanted));
        assert_eq!(chosen(2, None), ["process web 110 ", " app 110 ", "  lib 100 a"]);
        let sh = [5];
        let reason = "process web, variable SHELL 55 ";
        assert_eq!(chosen(1, Some(&sh)), [reason, " sh 55 "]);
        assert_eq!(chosen(2, Some(&sh)), [reason, " sh 55 ", "  libc 50 "]);
        assert_eq!(chosen(9, Some(&[])), [""; 0]);
    }

    #[test]
    fn a_way_of_what_several_keep_begins_with_one_of_them() {
        let item = |path: &str| Item {
            path: path.to_owned(),
            size: 1,
            what: What::Stored,
            parts: Vec::new(),
        };
        let edges = [("a", vec!["c"]), ("b", vec!["c"])]
            .map(|(from, to)| (from.to_owned(), to.into_iter().map(str::to_owned).collect()))
            .into();
        let root =
            |what: &str, path: &str| Root { what: what.into(), path: path.into(), placed: false };
        let roots = [root("process a", "a"), root("process b", "b")];
        let explanation = explain(vec![item("a"), item("b"), item("c")], &edges, &roots);
        let outline = Outline::new(&explanation, &|_| true);
        let line = outline.lines.iter().find(|line| line.label == "c").unwrap();
        assert_eq!(line.way, ["process a", "a"]);
    }

    #[test]
    fn what_has_several_reasons_is_together_and_tells_the_nearest() {
        let item = |path: &str| Item {
            path: path.to_owned(),
            size: 1,
            what: What::Stored,
            parts: Vec::new(),
        };
        let root = |number: usize, path: &str| Root {
            what: format!("process {number}"),
            path: path.into(),
            placed: false,
        };
        let mut roots: Vec<Root> = (0..5).map(|number| root(number, "libc")).collect();
        roots.extend((0..6).map(|number| root(number, "sh")));
        let explanation = explain(vec![item("libc"), item("sh")], &Default::default(), &roots);
        let outline = Outline::new(&explanation, &|_| true);
        let told: Vec<(&str, String, usize)> = outline
            .lines
            .iter()
            .map(|line| (line.label.as_str(), line.way.join(">"), line.more))
            .collect();
        let none = String::new();
        let way = "process 0".to_owned();
        let expected = [("5 reasons or more", none, 0), ("libc", way.clone(), 4), ("sh", way, 5)];
        assert_eq!(told, expected);
    }

    #[test]
    fn of_many_reasons_some_are_named() {
        assert_eq!(few(&[]), "nothing that is known");
        assert_eq!(few(&["a", "b", "c", "d"]), "a, b, c, d");
        assert_eq!(few(&["a", "b", "c", "d", "e"]), "a, b, c and 2 others");
    }
}
