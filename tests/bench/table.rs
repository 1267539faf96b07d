//! What was measured, beside what it is compared with and the bar it must keep.

use std::fmt;

/// One comparison.
struct Row {
    what: String,
    ours: String,
    beside: String,
    /// How ours relates to what stands beside it, in words.
    relation: String,
    bar: String,
    kept: bool,
}

/// All comparisons, in the order they were made.
#[derive(Default)]
pub struct Table(Vec<Row>);

impl Table {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a comparison and prints a line at once, as the whole takes a while.
    pub fn add(
        &mut self,
        what: &str,
        ours: String,
        beside: String,
        relation: String,
        bar: &str,
        kept: bool,
    ) {
        eprintln!("{what}: {ours}, beside {beside}");
        let (what, bar) = (what.to_owned(), bar.to_owned());
        self.0.push(Row { what, ours, beside, relation, bar, kept });
    }

    /// Whether every bar was kept.
    pub fn all_kept(&self) -> bool {
        self.0.iter().all(|row| row.kept)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["case", "ours", "beside it", "relation", "bar", ""];
        let mut rows = vec![head.map(str::to_owned)];
        rows.extend(self.0.iter().map(|row| {
            let kept = match (row.kept, row.bar.is_empty()) {
                (true, true) => "",
                (true, false) => "kept",
                (false, _) => "MISSED",
            };
            [&row.what, &row.ours, &row.beside, &row.relation, &row.bar]
                .map(Clone::clone)
                .into_iter()
                .chain([kept.to_owned()])
                .collect::<Vec<_>>()
                .try_into()
                .unwrap_or_default()
        }));
        let widths: Vec<usize> = (0..head.len())
            .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
            .collect();
        for row in &rows {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())))
                .collect();
            writeln!(f, "{}", cells.join("  ").trim_end())?;
        }
        Ok(())
    }
}
