//! What `watch` ignores: patterns as of `.gitignore`, below a watched directory.

use crate::pattern::{alternatives, fits_path};

/// One pattern without alternatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// By name; `**` stands for any number of names.
    names: Vec<String>,
}

impl Pattern {
    /// Reads a pattern; one with alternatives becomes several.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Vec<Self>, &'static str> {
        if text.trim_matches('/').is_empty() || text.contains('\0') {
            return Err("it fits nothing");
        }
        let patterns = alternatives(text)?;
        Ok(patterns.iter().map(|text| Self::single(text)).collect())
    }

    fn single(text: &str) -> Self {
        let trimmed = text.strip_suffix('/').unwrap_or(text);
        let mut names: Vec<String> =
            trimmed.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if !trimmed.contains('/') {
            names.insert(0, "**".to_owned());
        }
        names.dedup_by(|one, before| one == before && one == "**");
        Self { names }
    }

    /// Whether it fits the whole path.
    pub fn fits(&self, path: &[&str]) -> bool {
        fits_path(&self.names, path)
    }
}
