//! Patterns of paths, as shells and Git have them: what `exec_if_modified` names, and what `watch`
//! ignores.
//!
//! `*` and `?` stand for anything but `/`, `[a-z]` and `[!a-z]` for one character, `**` between slashes
//! for any number of names, `{a,b}` for either, `\` takes a meaning away.

/// The most that alternatives in braces may multiply to.
const MOST: usize = 256;

/// Why a pattern is none that has more.
pub const TOO_MANY: &str = "there are too many alternatives";

/// Writes out the alternatives in braces.
///
/// # Errors
/// Why they are none: a brace is not closed, or there are too many of them.
pub fn alternatives(text: &str) -> Result<Vec<String>, &'static str> {
    let Some((before, choices, behind)) = braces(text)? else { return Ok(vec![text.to_owned()]) };
    let mut all = Vec::new();
    for choice in choices {
        all.extend(alternatives(&format!("{before}{choice}{behind}"))?);
        if all.len() > MOST {
            return Err(TOO_MANY);
        }
    }
    Ok(all)
}

/// What stands before, in, and behind the first pair of braces.
type Braces<'a> = (&'a str, Vec<&'a str>, &'a str);

fn braces(text: &str) -> Result<Option<Braces<'_>>, &'static str> {
    let (mut depth, mut open, mut from) = (0u32, 0, 0);
    let mut choices = Vec::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
            }
            '{' => {
                if depth == 0 {
                    (open, from) = (at, at + 1);
                }
                depth += 1;
            }
            ',' | '}' if depth == 1 => {
                choices.push(text.get(from..at).unwrap_or_default());
                from = at + 1;
                if letter == '}' {
                    let before = text.get(..open).unwrap_or_default();
                    return Ok(Some((before, choices, text.get(from..).unwrap_or_default())));
                }
            }
            '}' if depth > 1 => depth -= 1,
            _ => {}
        }
    }
    if depth > 0 { Err("a brace is not closed") } else { Ok(None) }
}

/// Whether a pattern without alternatives, name by name, fits a whole path.
pub fn fits_path<P: AsRef<str>, N: AsRef<[u8]>>(pattern: &[P], path: &[N]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((any, rest)) if any.as_ref() == "**" => {
            // At the end it is for what is below, and not for the directory itself.
            let least = usize::from(rest.is_empty());
            (least..=path.len())
                .filter_map(|skip| path.get(skip..))
                .any(|path| fits_path(rest, path))
        }
        Some((name, rest)) => path.split_first().is_some_and(|(first, path)| {
            fits_name(name.as_ref(), first.as_ref()) && fits_path(rest, path)
        }),
    }
}

/// Whether one name fits; goes back to the latest `*` only, which is enough (as every earlier one has
/// already taken as little as it could), so that no name takes longer than the product of the lengths.
fn fits_name(pattern: &str, name: &[u8]) -> bool {
    let (mut pattern, mut name) = (pattern, name);
    let mut again: Option<(&str, &[u8])> = None;
    loop {
        if let Some(rest) = pattern.strip_prefix('*') {
            again = Some((rest, name));
            pattern = rest;
            continue;
        }
        let step = match first_letter(name) {
            None if pattern.is_empty() => return true,
            None => None,
            Some((letter, after)) => fits_letter(pattern, letter).map(|rest| (rest, after)),
        };
        (pattern, name) = match (step, again) {
            (Some(step), _) => step,
            (None, Some((rest, taken))) => match first_letter(taken) {
                Some((_, after)) => {
                    again = Some((rest, after));
                    (rest, after)
                }
                None => return false,
            },
            (None, None) => return false,
        };
    }
}

/// The first letter of a name and what is behind it. A byte that is none, which names may hold, is one
/// that no pattern has.
fn first_letter(name: &[u8]) -> Option<(char, &[u8])> {
    let first = *name.first()?;
    let length = match first {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => 1,
    };
    let text = name.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok());
    match text.and_then(|text| text.chars().next()) {
        Some(letter) => Some((letter, name.get(length..)?)),
        None => Some((char::REPLACEMENT_CHARACTER, name.get(1..)?)),
    }
}

/// What is left of the pattern after the part that fits one letter.
fn fits_letter(pattern: &str, letter: char) -> Option<&str> {
    let mut letters = pattern.chars();
    match letters.next()? {
        '?' => Some(letters.as_str()),
        '[' => match set(letters.as_str()) {
            Some((negated, members, rest)) => (is_in(members, letter) != negated).then_some(rest),
            // Without an end it is a bracket like any other character.
            None => (letter == '[').then_some(letters.as_str()),
        },
        '\\' => (letters.next()? == letter).then_some(letters.as_str()),
        plain => (plain == letter).then_some(letters.as_str()),
    }
}

/// Takes apart what follows a `[`: whether it is negated, its members, and the rest.
fn set(inside: &str) -> Option<(bool, &str, &str)> {
    let members = inside.strip_prefix(['!', '^']);
    let (negated, members) = (members.is_some(), members.unwrap_or(inside));
    // A bracket that comes first is a member (POSIX, XCU 2.14.1).
    let (end, _) = members.char_indices().skip(1).find(|(_, letter)| *letter == ']')?;
    Some((negated, members.get(..end)?, members.get(end + 1..)?))
}

fn is_in(members: &str, letter: char) -> bool {
    let mut rest = members.chars();
    while let Some(low) = rest.next() {
        let mut behind = rest.clone();
        let high = match (behind.next(), behind.next()) {
            (Some('-'), Some(high)) => {
                rest = behind;
                high
            }
            _ => low,
        };
        if (low..=high).contains(&letter) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, path: &[u8]) -> bool {
        let path: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
        let all = alternatives(pattern).expect("a pattern");
        all.iter().any(|one| fits_path(&one.split('/').collect::<Vec<_>>(), &path))
    }

    #[test]
    fn letters_are_whole_characters_and_names_need_not_be_text() {
        for (pattern, path, want) in [
            ("\u{e4}?", "\u{e4}\u{f6}".as_bytes(), true),
            ("[\u{e4}-\u{f6}]", "\u{f0}".as_bytes(), true),
            ("[!a]", "\u{20ac}".as_bytes(), true),
            ("a?b", b"a\xffb", true),
            ("a*b", b"a\xff\xe4b", true),
            ("a", b"\xff", false),
            ("\\", b"\\", false),
        ] {
            assert_eq!(fits(pattern, path), want, "{pattern} {path:?}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!fits("*a*a*a*a*a*a*a*a*a*a*a*a*b", "a".repeat(200).as_bytes()));
    }

    #[test]
    fn braces_multiply_up_to_a_limit() {
        assert_eq!(alternatives("{a,b{c,d}}e").expect("some"), ["ae", "bce", "bde"]);
        assert_eq!(alternatives(r"\{a,b}").expect("none"), [r"\{a,b}"]);
        assert!(alternatives("{a").is_err());
        assert_eq!(alternatives(&"{a,b}".repeat(8)).map(|all| all.len()), Ok(256));
        assert!(alternatives(&"{a,b}".repeat(9)).is_err());
    }
}
