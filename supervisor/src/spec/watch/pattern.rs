//! Patterns of paths: `*`, `?`, `[a-z]`, `{a,b}` within a name, `**` for any names.

/// The most that alternatives in braces may multiply to.
const MOST: usize = 256;

/// One pattern without alternatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// By name; `**` stands for any number of names.
    names: Vec<Vec<char>>,
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
        let mut names: Vec<Vec<char>> = trimmed
            .split('/')
            .filter(|name| !name.is_empty())
            .map(|name| name.chars().collect())
            .collect();
        if !trimmed.contains('/') {
            names.insert(0, vec!['*', '*']);
        }
        names.dedup_by(|one, before| one == before && one.as_slice() == ['*', '*']);
        Self { names }
    }

    /// Whether it fits the whole path.
    pub fn fits(&self, path: &[&str]) -> bool {
        fits_path(&self.names, path)
    }
}

fn fits_path(pattern: &[Vec<char>], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((any, rest)) if any.as_slice() == ['*', '*'] => {
            // At the end it is for what is below, and not for the directory itself.
            let least = usize::from(rest.is_empty());
            (least..=path.len())
                .filter_map(|skip| path.get(skip..))
                .any(|path| fits_path(rest, path))
        }
        Some((name, rest)) => path.split_first().is_some_and(|(first, path)| {
            let first: Vec<char> = first.chars().collect();
            fits_name(name, &first) && fits_path(rest, path)
        }),
    }
}

/// Goes back to the latest `*` only, so that no name takes longer than the product of the lengths.
fn fits_name(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        let rest = pattern.get(at..).unwrap_or_default();
        match (rest.split_first(), name.get(from)) {
            (Some(('*', _)), _) => {
                star = Some((at + 1, from));
                at += 1;
                continue;
            }
            (None, None) => return true,
            (Some(_), Some(letter)) => {
                if let Some(length) = fits_one(rest, *letter) {
                    (at, from) = (at + length, from + 1);
                    continue;
                }
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
        match star {
            Some((after, taken)) if taken < name.len() => {
                star = Some((after, taken + 1));
                (at, from) = (after, taken + 1);
            }
            _ => return false,
        }
    }
}

/// How long the piece of the pattern is that fits one letter.
fn fits_one(pattern: &[char], letter: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', escaped, ..] => (*escaped == letter).then_some(2),
        ['[', set @ ..] => {
            let negated = matches!(set.first(), Some('!' | '^'));
            let first = usize::from(negated);
            // A bracket that comes first is one of the set (POSIX, XCU 2.14.1).
            let end = set.iter().skip(first + 1).position(|c| *c == ']').map(|at| at + first + 1);
            let Some(end) = end else { return (letter == '[').then_some(1) };
            let members = set.get(first..end).unwrap_or_default();
            (is_member(members, letter) != negated).then_some(end + 2)
        }
        [plain, ..] => (*plain == letter).then_some(1),
        [] => None,
    }
}

fn is_member(mut set: &[char], letter: char) -> bool {
    loop {
        match set {
            [low, '-', high, rest @ ..] => {
                if (*low..=*high).contains(&letter) {
                    return true;
                }
                set = rest;
            }
            [one, rest @ ..] => {
                if *one == letter {
                    return true;
                }
                set = rest;
            }
            [] => return false,
        }
    }
}

/// Writes out the alternatives in braces.
fn alternatives(text: &str) -> Result<Vec<String>, &'static str> {
    let Some((before, inner, behind)) = braces(text)? else { return Ok(vec![text.to_owned()]) };
    let mut all = Vec::new();
    for choice in inner {
        all.extend(alternatives(&format!("{before}{choice}{behind}"))?);
        if all.len() > MOST {
            return Err("there are too many alternatives");
        }
    }
    Ok(all)
}

/// What stands before, in, and behind the first pair of braces.
type Braces<'a> = (&'a str, Vec<&'a str>, &'a str);

fn braces(text: &str) -> Result<Option<Braces<'_>>, &'static str> {
    let (mut depth, mut open, mut cuts) = (0u32, 0, Vec::new());
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match letter {
            '\\' => escaped = true,
            '{' => {
                if depth == 0 {
                    open = at;
                    cuts.push(at);
                }
                depth += 1;
            }
            ',' if depth == 1 => cuts.push(at),
            '}' if depth == 1 => {
                cuts.push(at);
                let choices = cuts.windows(2).filter_map(|pair| match pair {
                    [from, to] => text.get(from + 1..*to),
                    _ => None,
                });
                let behind = text.get(at + 1..).unwrap_or_default();
                return Ok(Some((text.get(..open).unwrap_or_default(), choices.collect(), behind)));
            }
            '}' if depth > 1 => depth -= 1,
            _ => {}
        }
    }
    if depth > 0 { Err("a brace is not closed") } else { Ok(None) }
}
