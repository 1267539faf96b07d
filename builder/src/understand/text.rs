//! The tree of an image as lines of text, with their sizes in columns.

use super::contents::name;
use super::explain::Explanation;
use super::outline::{About, Outline};
use super::size::human;

/// The lines to show of a tree under a heading: those `chosen`. Of `detailed` lines all is told of why they
/// are there.
pub fn tree(
    explanation: &Explanation,
    outline: &Outline,
    chosen: &[bool],
    detailed: &[usize],
) -> Vec<String> {
    let shown = |at: &usize| chosen.get(*at) == Some(&true);
    let last = last_ones(outline, chosen);
    let mut lines = vec![row("saves", "itself", "what is there, and why")];
    for (at, line) in outline.lines.iter().enumerate().filter(|(at, _)| shown(at)) {
        let way: Vec<usize> = outline.above(at).collect();
        // The uppermost has no rail of its own.
        let mut rails = String::new();
        for above in way.iter().rev().skip(1) {
            rails.push_str(if last.contains(above) { "   " } else { "\u{2502}  " });
        }
        let (itself, branch) = match &line.about {
            About::Reasons(_) => (String::new(), ""),
            _ => {
                let differs = line.itself != line.saves;
                let branch =
                    if last.contains(&at) { "\u{2514}\u{2500} " } else { "\u{251c}\u{2500} " };
                (if differs { human(line.itself) } else { String::new() }, branch)
            }
        };
        let text = format!("{rails}{branch}{}{}", line.label, note(explanation, outline, at));
        lines.push(row(&human(line.saves), &itself, &text));
        if detailed.contains(&at) {
            let rail = if last.contains(&at) { "   " } else { "\u{2502}  " };
            for detail in details(explanation, &line.about) {
                lines.push(row("", "", &format!("{rails}{rail}{detail}")));
            }
        }
    }
    lines
}

/// What is not shown of the reasons, in a line; nothing when all are.
pub fn rest(outline: &Outline, chosen: &[bool]) -> Option<String> {
    let left = outline
        .lines
        .iter()
        .enumerate()
        .filter(|(at, line)| line.about.is_reason() && chosen.get(*at) != Some(&true));
    let (count, bytes) =
        left.fold((0, 0), |(count, bytes), (_, line)| (count + 1, bytes + line.saves));
    let what = if count == 1 { "1 more reason" } else { &format!("{count} more reasons") };
    (count > 0).then(|| row(&human(bytes), "", &format!("for {what}, shown with a higher -n")))
}

fn row(saves: &str, itself: &str, text: &str) -> String {
    format!("{saves:>10}  {itself:>10}  {text}").trim_end().to_owned()
}

/// What is said behind a label: the way to it, or what a reason has in common with others.
fn note(explanation: &Explanation, outline: &Outline, at: usize) -> String {
    let Some(line) = outline.lines.get(at) else { return String::new() };
    if !line.way.is_empty() {
        let more = match line.more {
            0 => String::new(),
            1 => "; 1 more reason".to_owned(),
            more => format!("; {more} more reasons"),
        };
        return format!(" (via {}{more})", line.way.join(" -> "));
    }
    match &line.about {
        About::Reasons(keepers) => match keepers.as_slice() {
            [only] => match explanation.reasons.get(*only) {
                Some(reason) if reason.keeps > reason.saves => {
                    let shared = human(reason.keeps - reason.saves);
                    format!(" (and {shared} that others keep, too)")
                }
                _ => String::new(),
            },
            _ => String::new(),
        },
        _ => String::new(),
    }
}

/// All that is known of why a part is there: the shortest way to it, and what else keeps it.
fn details(explanation: &Explanation, about: &About) -> Vec<String> {
    let About::Path(at) = about else { return Vec::new() };
    let Some(one) = explanation.paths.get(*at) else { return Vec::new() };
    let Some(root) = one.root.as_deref() else { return Vec::new() };
    let chain: Vec<&str> = match one.item.is_of_base() {
        true => Vec::new(),
        false => one.chain.iter().map(|path| name(path)).collect(),
    };
    let mut details = vec![[&[root], chain.as_slice()].concat().join(" -> ")];
    let others: Vec<&str> =
        explanation.keepers(one).into_iter().filter(|keeper| *keeper != root).collect();
    if !others.is_empty() {
        details.push(format!("also kept by {}", others.join(", ")));
    }
    details
}

/// The shown lines after which none of the same level follows.
fn last_ones(outline: &Outline, chosen: &[bool]) -> Vec<usize> {
    let mut last = std::collections::BTreeMap::new();
    for (at, line) in outline.lines.iter().enumerate() {
        if chosen.get(at) == Some(&true) {
            last.insert(line.above, at);
        }
    }
    last.into_values().collect()
}
