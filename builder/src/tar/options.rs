//! What may be changed about a store path on its way into a layer: its place, owners and modes.

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use super::re2;
use crate::error::{Context as _, Failure, Kind, Result};

/// Changes to one store path, as nix2container's JSON writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Options {
    /// Where its files go; an empty expression leaves them where they are.
    #[serde(default)]
    pub rewrite: Rewrite,
    /// Owners and modes; of those that match, each overrides the ones before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub perms: Vec<Perm>,
}

/// A substitution on paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rewrite {
    /// A regular expression in RE2's syntax.
    #[serde(default)]
    pub regex: String,
    /// What each match becomes; `$1` and `${name}` stand for groups.
    #[serde(default)]
    pub repl: String,
}

/// Owner and mode of the files whose path in the store matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Perm {
    /// A regular expression, not anchored; an empty one matches every path.
    #[serde(default)]
    pub regex: String,
    /// Octal (`0755`) or in the words of chmod (`u+w`, `a+rX`); empty: as in the store.
    #[serde(default)]
    pub mode: String,
    /// Owner's number.
    #[serde(default)]
    pub uid: u64,
    /// Group's number.
    #[serde(default)]
    pub gid: u64,
    /// Owner's name; empty: as it was.
    #[serde(default)]
    pub uname: String,
    /// Group's name; empty: as it was.
    #[serde(default)]
    pub gname: String,
}

/// [`Options`] with their expressions compiled.
#[derive(Debug)]
pub struct Compiled {
    rewrite: Option<(Regex, Vec<u8>)>,
    perms: Vec<(Regex, Mode, Perm)>,
    source: Options,
}

/// Owner and mode of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// Permission bits, setuid, setgid and sticky included.
    pub mode: u32,
    /// Owner's number.
    pub uid: u64,
    /// Group's number.
    pub gid: u64,
    /// Owner's name.
    pub uname: String,
    /// Group's name.
    pub gname: String,
}

impl Ownership {
    /// What everything has that no rule speaks of: root's, with the mode of the store.
    pub fn root(mode: u32) -> Self {
        Self { mode, uid: 0, gid: 0, uname: "root".to_owned(), gname: "root".to_owned() }
    }
}

impl Compiled {
    /// Compiles `options`, naming the expression or the mode that is wrong.
    pub fn new(options: &Options) -> Result<Self> {
        let expression = |text: &str| {
            Regex::new(&re2::translate(text))
                .or_fail(Kind::Data, || format!("cannot read expression `{text}`"))
        };
        let rewrite = match options.rewrite.regex.as_str() {
            "" => None,
            text => Some((expression(text)?, options.rewrite.repl.clone().into_bytes())),
        };
        let perms = options
            .perms
            .iter()
            .map(|perm| Ok((expression(&perm.regex)?, Mode::parse(&perm.mode)?, perm.clone())))
            .collect::<Result<_>>()?;
        Ok(Self { rewrite, perms, source: options.clone() })
    }

    /// Where the file at `source` goes; empty: nowhere, though what is below it may.
    pub fn destination(&self, source: &[u8]) -> Vec<u8> {
        match &self.rewrite {
            Some((regex, replacement)) => {
                regex.replace_all(source, replacement.as_slice()).into_owned()
            }
            None => source.to_vec(),
        }
    }

    /// Owner and mode of the file at `source`, which has `mode` in the store.
    pub fn ownership(&self, source: &[u8], directory: bool, mode: u32) -> Ownership {
        let mut ownership = Ownership::root(mode);
        for (regex, new_mode, perm) in &self.perms {
            if regex.is_match(source) {
                ownership.uid = perm.uid;
                ownership.gid = perm.gid;
                if !perm.uname.is_empty() {
                    ownership.uname.clone_from(&perm.uname);
                }
                if !perm.gname.is_empty() {
                    ownership.gname.clone_from(&perm.gname);
                }
                ownership.mode = new_mode.apply(ownership.mode, directory);
            }
        }
        ownership
    }

    /// The rules as they were given, to tell whether two paths have the same.
    pub fn perms(&self) -> &[Perm] {
        &self.source.perms
    }
}

/// A change of mode.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mode {
    Keep,
    Exactly(u32),
    Change(Vec<Clause>),
}

/// One clause of chmod's symbolic mode, such as `u+w` (POSIX `chmod`, extended description).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Clause {
    who: u32,
    operator: char,
    bits: u32,
    /// `X`: execute and search, for directories and for what someone may execute already.
    searchable: bool,
}

impl Mode {
    fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self::Keep);
        }
        let wrong = || {
            Failure::new(Kind::Data, format!("`{text}` is not a mode"))
                .hint("write it in octal (`0755`) or as chmod does (`u+w`, `a+rX`)")
        };
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let mode = u32::from_str_radix(text, 8).map_err(|_| wrong())?;
            return if mode <= 0o7777 { Ok(Self::Exactly(mode)) } else { Err(wrong()) };
        }
        let clauses = text.split(',').map(Clause::parse).collect::<Option<_>>();
        clauses.map(Self::Change).ok_or_else(wrong)
    }

    fn apply(&self, mode: u32, directory: bool) -> u32 {
        match self {
            Self::Keep => mode,
            Self::Exactly(exact) => *exact,
            Self::Change(clauses) => {
                clauses.iter().fold(mode, |mode, clause| clause.apply(mode, directory))
            }
        }
    }
}

impl Clause {
    fn parse(text: &str) -> Option<Self> {
        let at = text.find(['+', '-', '='])?;
        let (who, rest) = text.split_at(at);
        let operator = rest.chars().next()?;
        let mut mask = 0;
        for letter in who.chars() {
            mask |= match letter {
                'u' => 0o4700,
                'g' => 0o2070,
                'o' => 0o1007,
                'a' => 0o7777,
                _ => return None,
            };
        }
        if who.is_empty() {
            mask = 0o7777;
        }
        let mut bits = 0;
        let mut searchable = false;
        for letter in rest.chars().skip(1) {
            match letter {
                'r' => bits |= 0o444,
                'w' => bits |= 0o222,
                'x' => bits |= 0o111,
                'X' => searchable = true,
                's' => bits |= 0o6000,
                't' => bits |= 0o1000,
                _ => return None,
            }
        }
        Some(Self { who: mask, operator, bits, searchable })
    }

    fn apply(&self, mode: u32, directory: bool) -> u32 {
        let search = self.searchable && (directory || mode & 0o111 != 0);
        let bits = (self.bits | if search { 0o111 } else { 0 }) & self.who;
        match self.operator {
            '+' => mode | bits,
            '-' => mode & !bits,
            _ => (mode & !(self.who & 0o777)) | bits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, mode: u32, directory: bool) -> u32 {
        Mode::parse(text).unwrap().apply(mode, directory)
    }

    #[test]
    fn modes_are_octal_or_in_the_words_of_chmod() {
        for (text, before, directory, after) in [
            ("", 0o444, false, 0o444),
            ("0755", 0o444, false, 0o755),
            ("1777", 0o555, true, 0o1777),
            ("u+w", 0o444, false, 0o644),
            ("u+w", 0o555, true, 0o755),
            ("u=rwX,go=rX", 0o555, true, 0o755),
            ("u=rwX,go=rX", 0o444, false, 0o644),
            ("u=rwX,go=", 0o555, false, 0o700),
            ("a-x", 0o555, false, 0o444),
            ("u+s", 0o555, false, 0o4555),
        ] {
            assert_eq!(changed(text, before, directory), after, "{text} on {before:o}");
        }
    }

    #[test]
    fn what_is_not_a_mode_is_refused() {
        for text in ["rw", "u+q", "8", "77777", "u"] {
            assert!(Mode::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn later_rules_win_and_numbers_are_always_taken() {
        let options = Options {
            rewrite: Rewrite::default(),
            perms: vec![
                Perm { mode: "0700".into(), uid: 5, uname: "five".into(), ..Perm::default() },
                Perm { regex: "/etc$".into(), gid: 7, ..Perm::default() },
            ],
        };
        let compiled = Compiled::new(&options).unwrap();
        let ownership = compiled.ownership(b"/nix/store/x/etc", true, 0o555);
        assert_eq!(
            ownership,
            Ownership { mode: 0o700, uid: 0, gid: 7, uname: "five".into(), gname: "root".into() }
        );
    }

    #[test]
    fn a_rewrite_replaces_every_match_and_knows_groups() {
        let options = Options {
            rewrite: Rewrite { regex: "^/nix/store/([a-z]+)-".into(), repl: "/opt/$1/".into() },
            perms: Vec::new(),
        };
        let compiled = Compiled::new(&options).unwrap();
        assert_eq!(compiled.destination(b"/nix/store/abc-tool/bin"), b"/opt/abc/tool/bin");
    }
}
