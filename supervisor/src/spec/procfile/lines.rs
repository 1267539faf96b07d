//! Cuts text into lines the way Python's `str.splitlines` does, which honcho reads with.

/// Ends a line for honcho. Only the first two do for an editor, so only they are counted.
const ENDS: [char; 10] =
    ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

/// The lines of a text, each with the number an editor shows for it, from 1.
///
/// A byte order mark at the start is no part of the first line. The end of the text after a line
/// end is not one more line.
pub fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut number = 1;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(ENDS).unwrap_or(rest.len());
        let (line, tail) = rest.split_at(end);
        let this = (number, line);
        let after = tail.strip_prefix("\r\n").or_else(|| tail.strip_prefix(['\n', '\r']));
        if after.is_some() {
            number += 1;
        }
        rest = after.or_else(|| tail.strip_prefix(ENDS)).unwrap_or_default();
        Some(this)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_python_and_numbers_those_of_an_editor() {
        for (text, want) in [
            ("", vec![]),
            ("a", vec![(1, "a")]),
            ("a\n", vec![(1, "a")]),
            ("\n\na", vec![(1, ""), (2, ""), (3, "a")]),
            ("a\r\nb\rc\r\r\nd", vec![(1, "a"), (2, "b"), (3, "c"), (4, ""), (5, "d")]),
            ("a\u{c}b\nc\u{2028}", vec![(1, "a"), (1, "b"), (2, "c")]),
            ("\u{feff}a\u{feff}\nb", vec![(1, "a\u{feff}"), (2, "b")]),
        ] {
            assert_eq!(numbered(text).collect::<Vec<_>>(), want, "{text:?}");
        }
    }
}
