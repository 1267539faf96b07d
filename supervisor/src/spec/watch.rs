//! Which files matter to a process: extensions, and patterns of what to ignore, as in devenv.
//!
//! Pure: paths come in as they are written below a watched directory, and a verdict comes out.

mod pattern;
#[cfg(test)]
mod tests;

use super::error::Problem;
use super::wire;
use pattern::Pattern;

/// The files a process is started anew for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchRule {
    /// Files and directories; relative to [`super::Plan::working_dir`]. Never empty.
    pub paths: Vec<String>,
    /// Without a dot; none is all.
    pub extensions: Vec<String>,
    ignore: Vec<Pattern>,
    /// As they were written, for people.
    pub ignored: Vec<String>,
}

pub(super) fn check(
    path: &str,
    watch: wire::Watch,
    problems: &mut Vec<Problem>,
) -> Option<WatchRule> {
    let mut wrong = |field: &str, what: String, hint: &str| {
        let path = format!("{path}.{field}");
        problems.push(Problem { path, what, hint: Some(hint.to_owned()) });
    };
    if watch.paths.is_empty() {
        wrong("paths", "is empty".to_owned(), "leave `watch` out");
    }
    for (index, path) in watch.paths.iter().enumerate() {
        if path.is_empty() || path.contains('\0') {
            let what = format!("\"{}\" is no path", path.escape_debug());
            wrong(&format!("paths[{index}]"), what, "`.` is the working directory");
        }
    }
    let mut ignore = Vec::new();
    for (index, text) in watch.ignore.iter().enumerate() {
        match Pattern::parse(text) {
            Ok(patterns) => ignore.extend(patterns),
            Err(why) => {
                let what = format!("\"{}\" is no pattern: {why}", text.escape_debug());
                wrong(&format!("ignore[{index}]"), what, "write it as in `*.log` or `target`");
            }
        }
    }
    let plain = |extension: &String| extension.strip_prefix('.').unwrap_or(extension).to_owned();
    let extensions = watch.extensions.iter().map(plain).collect();
    Some(WatchRule { paths: watch.paths, extensions, ignore, ignored: watch.ignore })
}

/// Why a text is no pattern of what to ignore; `None` when it is one.
pub(super) fn pattern_fault(text: &str) -> Option<&'static str> {
    Pattern::parse(text).err()
}

impl WatchRule {
    /// Whether a path below a watched directory, or one of the directories it is in, is ignored.
    #[must_use]
    pub fn ignores(&self, below: &str) -> bool {
        let names: Vec<&str> = below.split('/').filter(|name| !name.is_empty()).collect();
        (1..=names.len())
            .filter_map(|length| names.get(..length))
            .any(|path| self.ignore.iter().any(|pattern| pattern.fits(path)))
    }

    /// Whether a file of this name matters, as far as its extension goes.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        // What begins with its only dot has no extension.
        let extension = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty());
        self.extensions.is_empty()
            || extension.is_some_and(|(_, found)| self.extensions.iter().any(|one| one == found))
    }
}
