//! The room of an image as a page: a treemap (Bruls, Huizing and van Wijk, "Squarified Treemaps")
//! and the same as a table, in one file that needs nothing else.

use std::fmt::Write as _;

use super::contents::{self, name};
use super::explain::Explained;
use super::size::human;

/// A rectangle, in hundredths of the map's width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// The whole page of an image that takes `total` bytes. The order of `explained` does not matter.
pub fn page(title: &str, total: u64, explained: &[Explained]) -> String {
    let mut items: Vec<&Explained> = explained.iter().collect();
    items.sort_by(|a, b| (b.item.size, &a.item.path).cmp(&(a.item.size, &b.item.path)));
    let sizes: Vec<f64> = items.iter().map(|one| one.item.size as f64).collect();
    let mut boxes = String::new();
    let mut rows = String::new();
    for (one, area) in items.iter().zip(squarify(&sizes)) {
        let (label, size) = (escape(&one.item.label()), human(one.item.size));
        let why = why(one);
        let _ = writeln!(
            boxes,
            "<div class=\"b\" style=\"left:{:.3}%;top:{:.3}%;width:{:.3}%;height:{:.3}%;\
             background:hsl({} 45% 82%)\" title=\"{label}&#10;{size}&#10;{why}\">{label}<br>{size}</div>",
            area.x,
            area.y,
            area.width,
            area.height,
            hue(one.root.as_deref().unwrap_or_default()),
        );
        let _ = writeln!(
            rows,
            "<tr><td>{label}</td><td class=\"n\">{size}</td><td class=\"n\">{}</td><td>{why}</td></tr>",
            human(one.exclusive)
        );
    }
    let total = human(total);
    let count = contents::count(items.iter().map(|one| &one.item));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n\
         <style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n<p>{total} in {count}. \
         What is needed for the same reason has the same colour.</p>\n<div class=\"m\">\n{boxes}</div>\n\
         <table><thead><tr><th>what</th><th>size</th><th>with what only it needs</th>\
         <th>why it is there</th></tr></thead><tbody>\n{rows}</tbody></table>\n</body></html>\n",
        title = escape(title),
    )
}

const STYLE: &str = "body{font:14px system-ui,sans-serif;margin:1.5em;color:#222}\
    .m{position:relative;width:100%;height:75vh}\
    .b{position:absolute;box-sizing:border-box;overflow:hidden;border:1px solid #fff;padding:2px 4px;\
    font-size:12px;line-height:1.3}\
    table{border-collapse:collapse;margin-top:1.5em}td,th{padding:2px 10px;text-align:left;\
    border-bottom:1px solid #ddd}.n{text-align:right;white-space:nowrap}";

fn why(one: &Explained) -> String {
    let chain: Vec<&str> = one.chain.iter().map(|path| name(path)).collect();
    let root = one.root.as_deref().unwrap_or("nothing that is known");
    escape(&format!("{root} \u{2192} {}", chain.join(" \u{2192} ")))
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

/// A colour for a text, in degrees: the same on every machine.
fn hue(text: &str) -> u32 {
    // FNV-1a, 32 bits.
    let hash = text
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash % 360
}

/// Divides the map among `sizes`, which fall, so that rectangles are as square as they can be.
fn squarify(sizes: &[f64]) -> Vec<Area> {
    let total: f64 = sizes.iter().sum();
    let mut areas = Vec::with_capacity(sizes.len());
    let mut free = Area { x: 0.0, y: 0.0, width: 100.0, height: 100.0 };
    // What is left of the map holds what is left of the sizes, at this many units of area each.
    let scale = if total > 0.0 { 10_000.0 / total } else { 0.0 };
    let mut rest = sizes;
    while !rest.is_empty() {
        let side = free.width.min(free.height);
        // A row grows as long as its worst rectangle gets better.
        let count = (1..rest.len())
            .find(|count| {
                worst(&rest[..*count], side, scale) < worst(&rest[..=*count], side, scale)
            })
            .unwrap_or(rest.len());
        let (row, after) = rest.split_at(count);
        free = lay(row, free, scale, &mut areas);
        rest = after;
    }
    areas
}

/// The worst ratio of sides in a row along `side`.
fn worst(row: &[f64], side: f64, scale: f64) -> f64 {
    let sum: f64 = row.iter().sum::<f64>() * scale;
    let square = side * side;
    row.iter()
        .map(|size| {
            let area = size * scale;
            (square * area / (sum * sum)).max(sum * sum / (square * area))
        })
        .fold(0.0, f64::max)
}

/// Puts a row along the shorter side of `free`; returns what is left.
fn lay(row: &[f64], free: Area, scale: f64, areas: &mut Vec<Area>) -> Area {
    let sum: f64 = row.iter().sum::<f64>() * scale;
    let upright = free.width >= free.height;
    let side = if upright { free.height } else { free.width };
    let depth = if side > 0.0 { sum / side } else { 0.0 };
    let mut along = 0.0;
    for size in row {
        let length = if depth > 0.0 { size * scale / depth } else { 0.0 };
        areas.push(if upright {
            Area { x: free.x, y: free.y + along, width: depth, height: length }
        } else {
            Area { x: free.x + along, y: free.y, width: length, height: depth }
        });
        along += length;
    }
    if upright {
        Area { x: free.x + depth, width: (free.width - depth).max(0.0), ..free }
    } else {
        Area { y: free.y + depth, height: (free.height - depth).max(0.0), ..free }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understand::contents::{Item, What};

    #[test]
    fn the_map_is_covered_once_and_in_proportion() {
        for sizes in [vec![1.0], vec![6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0], vec![900.0, 1.0, 1.0]] {
            let total: f64 = sizes.iter().sum();
            let areas = squarify(&sizes);
            assert_eq!(areas.len(), sizes.len());
            for (at, (area, size)) in areas.iter().zip(&sizes).enumerate() {
                let expected = size / total * 10_000.0;
                assert!((area.width * area.height - expected).abs() < 1e-6, "{area:?}");
                assert!(area.x >= 0.0 && area.x + area.width < 100.000_001, "{area:?}");
                assert!(area.y >= 0.0 && area.y + area.height < 100.000_001, "{area:?}");
                for other in &areas[..at] {
                    let apart =
                        |a: f64, b: f64, c: f64, d: f64| a + b <= c + 1e-6 || c + d <= a + 1e-6;
                    assert!(
                        apart(area.x, area.width, other.x, other.width)
                            || apart(area.y, area.height, other.y, other.height),
                        "{area:?} and {other:?}"
                    );
                }
            }
        }
        assert_eq!(squarify(&[]), []);
    }

    #[test]
    fn a_page_names_everything_and_lets_no_text_be_markup() {
        let one = Explained {
            kept_by: Vec::new(),
            item: Item { path: "/nix/store/h-lib".into(), size: 2048, what: What::Stored },
            root: Some("variable <A>".into()),
            chain: vec!["/nix/store/h-lib".into()],
            exclusive: 4096,
            only_for: Vec::new(),
        };
        let page = page("a & b", 3072, &[one]);
        for text in
            ["a &amp; b", "3.0 KiB in 1 store paths", "variable &lt;A&gt; \u{2192} lib", "4.0 KiB"]
        {
            assert!(page.contains(text), "{text}: {page}");
        }
        assert!(!page.contains("<A>") && !page.contains("http"), "{page}");
    }
}
