//! What a pattern of `exec_if_modified` names: paths as in `src/**/*.{ts,tsx}`, by devenv's rules.
//!
//! [`crate::pattern`] says what stands for what. A pattern that begins with `!` takes paths away. What
//! begins with a dot is named only by a pattern that has one there. Files that Git ignores are not left out: an image has no repository to ask.

use crate::pattern::{alternatives, fits_path};

/// A pattern as far as it needs no look at the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glob<'a> {
    /// The directory below which everything is that it can name; empty: where patterns begin.
    pub directory: &'a str,
    /// What it says of paths below that directory; empty: the directory itself.
    pub rest: &'a str,
    /// Whether `rest` is one name and nothing else can be meant.
    pub is_name: bool,
}

impl<'a> Glob<'a> {
    /// Takes a pattern apart that takes nothing away.
    #[must_use]
    pub fn parse(pattern: &'a str) -> Self {
        let pattern = without_here(pattern);
        let special = pattern.find(['*', '?', '[', '{']);
        let trimmed = pattern.trim_end_matches('/');
        let pattern = if special.is_some() || trimmed.is_empty() { pattern } else { trimmed };
        let literal = pattern.get(..special.unwrap_or(pattern.len())).unwrap_or_default();
        let (directory, rest) = match literal.rfind('/') {
            Some(0) => ("/", pattern.get(1..).unwrap_or_default()),
            Some(at) => pattern.split_at_checked(at).unwrap_or(("", pattern)),
            None => ("", pattern),
        };
        Self { directory, rest: rest.trim_start_matches('/'), is_name: special.is_none() }
    }

    /// Whether it names a path below its directory.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        matches(self.rest, path)
    }

    /// How deep below its directory what it names can lie; `None`: at any depth.
    #[must_use]
    pub fn depth(&self) -> Option<usize> {
        let any = self.rest.contains("**") || self.rest.contains('{');
        (!any).then(|| self.rest.split('/').count())
    }

    /// Whether it may name what begins with a dot.
    #[must_use]
    pub fn names_hidden(&self) -> bool {
        self.rest.starts_with('.') || self.rest.contains("/.")
    }

    /// Whether a pattern that takes paths away, without its `!`, takes this one below the directory.
    #[must_use]
    pub fn is_taken_by(&self, negative: &str, path: &[u8]) -> bool {
        let negative = without_here(negative);
        let below = negative.strip_prefix(self.directory).filter(|_| !self.directory.is_empty());
        let below = match below {
            Some(rest) if self.directory == "/" => Some(rest),
            Some(rest) => rest.strip_prefix('/'),
            None => None,
        };
        let pattern = below.unwrap_or(negative).trim_end_matches('/');
        matches(pattern, path)
    }
}

/// A pattern without the `./` it begins with, which says nothing; `./` alone is `.`.
fn without_here(pattern: &str) -> &str {
    let mut rest = pattern;
    while let Some(after) = rest.strip_prefix("./") {
        rest = after.trim_start_matches('/');
    }
    if rest.is_empty() && !pattern.is_empty() { "." } else { rest }
}

/// Whether a pattern names a path; both are relative to the same directory. Braces that are no
/// alternatives are what they are.
fn matches(pattern: &str, path: &[u8]) -> bool {
    let path: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    let fits = |pattern: &str| fits_path(&pattern.split('/').collect::<Vec<_>>(), &path);
    match alternatives(pattern) {
        Ok(all) => all.iter().any(|one| fits(one)),
        Err(_) => fits(pattern),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_taken_apart_where_it_stops_being_plain() {
        for (pattern, directory, rest, is_name) in [
            ("src/**/*.ts", "src", "**/*.ts", false),
            ("/env/a/*.ts", "/env/a", "*.ts", false),
            ("/*.ts", "/", "*.ts", false),
            ("*.json", "", "*.json", false),
            ("src*/x", "", "src*/x", false),
            ("a/b{c,d}/e", "a", "b{c,d}/e", false),
            ("package.json", "", "package.json", true),
            ("a/b/", "a", "b", true),
            ("/etc", "/", "etc", true),
            ("/", "/", "", true),
            (".", "", ".", true),
            ("./", "", ".", true),
            ("./src/**", "src", "**", false),
            (".//./a.ts", "", "a.ts", true),
        ] {
            let want = Glob { directory, rest, is_name };
            assert_eq!(Glob::parse(pattern), want, "{pattern}");
        }
    }

    #[test]
    fn names_and_paths() {
        for (pattern, path, want) in [
            ("*.ts", "a.ts", true),
            ("*.ts", "a/b.ts", false),
            ("*.ts", ".ts", true),
            ("*", "", true),
            ("?.ts", "a.ts", true),
            ("?.ts", ".ts", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]a]x", "]x", true),
            ("[ab", "[ab", true),
            ("[a-]x", "-x", true),
            (r"\*.ts", "*.ts", true),
            (r"\*.ts", "a.ts", false),
            ("**/*.ts", "a.ts", true),
            ("**/*.ts", "a/b/c.ts", true),
            ("**", "a/b", true),
            ("a/**", "a/b/c", true),
            ("a/**", "a", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "ab", false),
            ("a**b", "axyb", true),
            ("a**b", "a/b", false),
            ("*.{ts,tsx}", "a.tsx", true),
            ("*.{ts,tsx}", "a.js", false),
            ("{src,test/{a,b}}/*.ts", "test/b/x.ts", true),
            ("{src,test/{a,b}}/*.ts", "test/c/x.ts", false),
            ("{a", "{a", true),
            (r"\{a,b}", "{a,b}", true),
        ] {
            assert_eq!(matches(pattern, path.as_bytes()), want, "{pattern} {path}");
        }
    }

    #[test]
    fn patterns_that_take_away_begin_where_the_others_do() {
        for (pattern, negative, path, want) in [
            ("src/**/*.ts", "**/node_modules/**", "a/node_modules/b.ts", true),
            ("src/**/*.ts", "src/gen/**", "gen/a.ts", true),
            ("src/**/*.ts", "src/gen/", "gen", true),
            ("src/**/*.ts", "*.test.ts", "a.test.ts", true),
            ("src/**/*.ts", "*.test.ts", "a/a.test.ts", false),
            ("/env/**", "/env/tmp/**", "tmp/a", true),
            ("/**", "/env/tmp", "env/tmp", true),
            ("**/*.ts", "srcs/**", "srcs/a.ts", true),
            ("src/**", "srcs/**", "s/a.ts", false),
            ("./src/**", "src/gen/**", "gen/a.ts", true),
            ("src/**", "./src/gen/**", "gen/a.ts", true),
            ("./src/**", "./srcs/**", "s/a.ts", false),
        ] {
            let taken = Glob::parse(pattern).is_taken_by(negative, path.as_bytes());
            assert_eq!(taken, want, "{pattern} !{negative} {path}");
        }
    }

    #[test]
    fn how_deep_to_look() {
        for (pattern, depth) in
            [("*.ts", Some(1)), ("a/*/b.ts", Some(2)), ("**/*.ts", None), ("{a,b/c}", None)]
        {
            assert_eq!(Glob::parse(pattern).depth(), depth, "{pattern}");
        }
    }
}
