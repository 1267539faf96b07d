//! The room of an image as a page: a map of nested rectangles and the same as a table, in one file that needs
//! nothing else. The map is laid out by the page's own script, which knows the size of the window.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::contents::{self, What, name};
use super::explain::{Explained, Explanation};
use super::outline::{About, Line, Outline, few};
use super::size::human;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// What the page may load: nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// The whole page of an image that takes `total` bytes.
pub fn page(title: &str, total: u64, explanation: &Explanation) -> String {
    let outline = Outline::new(explanation, &|_| true);
    let size = human(total);
    let count = contents::count(explanation.paths.iter().map(|one| &one.item));
    let lines: Vec<Value> = outline.lines.iter().map(|line| as_json(explanation, line)).collect();
    let reasons: Vec<&str> =
        explanation.reasons.iter().map(|reason| reason.what.as_str()).collect();
    // In a script only `<` could end it.
    let data = json!({ "title": title, "total": total, "reasons": reasons, "lines": lines })
        .to_string()
        .replace('<', "\\u003c");
    let rows = rows(explanation, &outline);
    let title = escape(title);
    format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{title}</title>
<style>
{STYLE}</style></head><body>
<header><h1>{title}</h1>
<p>{size} in {count}.</p></header>
<main>
<section id="view" aria-label="Map" hidden>
<div id="bar"><nav id="way" aria-label="Where the map is"></nav>
<input id="find" type="search" placeholder="Find" aria-label="Find in map and table"></div>
<div id="stage"><div id="map" aria-hidden="true"></div><aside id="about" aria-label="Details"></aside></div>
<div id="legend" role="group" aria-label="Colours of reasons"></div>
<p class="hint">An area is what goes when that goes. A click looks into it; Escape or the path above the map leads
back.</p>
</section>
<section aria-label="Table">
<table><caption>Everything, what would save the most first</caption>
<thead><tr><th scope="col">what</th><th scope="col" class="n">saves</th>
<th scope="col" class="n">itself</th><th scope="col">why it is there</th></tr></thead><tbody>
{rows}</tbody></table>
</section>
</main>
<script type="application/json" id="data">{data}</script>
<script>
{SCRIPT}</script>
</body></html>
"#
    )
}

/// A line as the script reads it: what it is below (`u`), its name (`n`), what goes with it (`s`), its own
/// bytes (`o`), and of a part of the image its path (`p`), its place (`a`), its chain (`c`) and its keepers
/// (`k`). A reason has keepers alone, a folder or file nothing of these.
fn as_json(explanation: &Explanation, line: &Line) -> Value {
    let mut value = json!({ "u": line.above, "n": line.label, "s": line.saves, "o": line.itself });
    let mut set = |key: &str, field: Value| {
        if let Some(fields) = value.as_object_mut() {
            fields.insert(key.to_owned(), field);
        }
    };
    match &line.about {
        About::Reasons(keepers) => set("k", json!(keepers)),
        About::Path(at) => {
            if let Some(one) = explanation.paths.get(*at) {
                set("p", json!(one.item.path));
                set("c", json!(chain(one)));
                set("k", json!(one.kept_by));
                if let What::Placed(place) = &one.item.what {
                    set("a", json!(place));
                }
            }
        }
        About::Inside => {}
    }
    value
}

/// A row for each part of the image; `data-n` is its line.
fn rows(explanation: &Explanation, outline: &Outline) -> String {
    let mut paths: Vec<(usize, usize)> = (outline.lines.iter().enumerate())
        .filter_map(|(at, line)| match line.about {
            About::Path(path) => Some((path, at)),
            About::Reasons(_) | About::Inside => None,
        })
        .collect();
    paths.sort_unstable();
    let mut rows = String::new();
    for (path, at) in paths {
        let Some(one) = explanation.paths.get(path) else { continue };
        let root = one.root.as_deref().unwrap_or_default();
        let others: Vec<&str> =
            explanation.keepers(one).into_iter().filter(|keeper| *keeper != root).collect();
        let others = match others.as_slice() {
            [] => String::new(),
            others => format!("<br><small>also kept by {}</small>", escape(&few(others))),
        };
        let _ = writeln!(
            rows,
            "<tr data-n=\"{at}\"><th scope=\"row\" title=\"{}\">{}</th><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td>{}{others}</td></tr>",
            escape(&one.item.path),
            escape(&one.item.title()),
            human(one.exclusive),
            human(one.item.size),
            escape(&chain(one).join(" \u{2192} ")),
        );
    }
    rows
}

/// Why a part is there: a reason and the names of the paths that lead to it.
fn chain(one: &Explained) -> Vec<&str> {
    let root = one.root.as_deref().unwrap_or("nothing that is known");
    let names = one.chain.iter().map(|path| name(path));
    // The digest of a layer would tell nobody anything.
    [root].into_iter().chain(names.filter(|_| !one.item.is_of_base())).collect()
}

fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, letter| {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understand::contents::Item;
    use crate::understand::explain::{Root, explain};

    #[test]
    fn a_page_names_everything_and_lets_no_text_be_markup() {
        let item = Item {
            path: "/nix/store/h-lib".into(),
            size: 2048,
            what: What::Stored,
            parts: Vec::new(),
        };
        let root =
            |what: &str| Root { what: what.into(), path: "/nix/store/h-lib".into(), placed: false };
        let roots = [root("variable <A>"), root("label </script>")];
        let explanation = explain(vec![item], &Default::default(), &roots);
        let page = page("a & b", 3072, &explanation);
        for text in [
            "<title>a &amp; b</title>",
            "<p>3.0 KiB in 1 store paths.</p>",
            "variable &lt;A&gt; \u{2192} lib",
            "also kept by label &lt;/script&gt;",
            "\"reasons\":[\"variable \\u003cA>\",\"label \\u003c/script>\"]",
        ] {
            assert!(page.contains(text), "{text}: {page}");
        }
        assert!(!page.contains("<A>"), "{page}");
        assert_eq!(page.matches("</script>").count(), 2, "{page}");
    }
}
