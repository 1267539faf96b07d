//! Hides secret values in output that arrives in pieces.

use memchr::memmem::Finder;

use super::separators;

/// What takes the place of a secret.
const MASK: &[u8] = b"***";

/// Lines of a secret shorter than this are not looked for.
const SHORTEST: usize = 4;

/// As many lines are looked for at most that became known later. Tasks may run any number of times and
/// export something new each time; the oldest are forgotten first.
const MOST_LEARNT: usize = 256;

/// The values to hide. Empty in most containers, and then it costs nothing.
#[derive(Default)]
pub(super) struct Mask {
    finders: Vec<Finder<'static>>,
    /// As many of them, from the front, as were known from the beginning.
    fixed: usize,
    longest: usize,
}

/// How far a text that arrives in pieces has been handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handled {
    /// Bytes from the front that need not be shown again.
    pub consumed: usize,
    /// Bytes after those that belong to a secret whose mask has already been written.
    pub covered: usize,
}

/// Whether some of a value would be shown: a line of it that is too short to be looked for.
#[must_use]
pub fn shows_some(secret: &[u8]) -> bool {
    separators::split(secret).iter().any(|line| !line.is_empty() && line.len() < SHORTEST)
}

impl Mask {
    /// Looks for every line of every value; see [`super::Options::secrets`].
    pub fn new(secrets: &[Vec<u8>]) -> Self {
        let lines = lines(secrets);
        let finders: Vec<_> = lines.iter().map(|line| Finder::new(line).into_owned()).collect();
        Self { fixed: finders.len(), longest: longest(&finders), finders }
    }

    /// Looks for the lines of these values as well.
    pub fn and(&self, secrets: &[Vec<u8>]) -> Self {
        let mut finders = self.finders.clone();
        for line in lines(secrets).into_iter().take(MOST_LEARNT) {
            if !finders.iter().any(|finder| finder.needle() == line) {
                finders.push(Finder::new(line).into_owned());
            }
        }
        let surplus = (finders.len() - self.fixed).saturating_sub(MOST_LEARNT);
        finders.drain(self.fixed..self.fixed + surplus);
        Self { fixed: self.fixed, longest: longest(&finders), finders }
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.finders.is_empty()
    }

    /// Hands the text to `emit`, piece by piece, with [`MASK`] for every run of overlapping
    /// occurrences.
    ///
    /// `covered` bytes at the front belong to a mask written before. Unless this is the `last` of
    /// the text, bytes that could be the beginning of a secret are held back: the caller shows
    /// what was not consumed again, with more behind it. However the text is cut, the pieces put
    /// together are the same.
    pub fn apply(
        &self,
        text: &[u8],
        covered: usize,
        last: bool,
        emit: &mut impl FnMut(&[u8]),
    ) -> Handled {
        let decided = if last {
            text.len()
        } else {
            whole_characters(text, text.len().saturating_sub(self.longest.saturating_sub(1)))
        };
        let mut shown = covered;
        let mut next: Vec<usize> = self.finders.iter().map(|f| find_from(f, text, 0)).collect();
        while let Some(start) = next.iter().copied().min().filter(|start| *start < decided) {
            if start >= shown {
                emit(text.get(shown..start).unwrap_or_default());
                emit(MASK);
            }
            for (finder, at) in self.finders.iter().zip(&mut next) {
                if *at == start {
                    shown = shown.max(start + finder.needle().len());
                    *at = find_from(finder, text, start + 1);
                }
            }
        }
        if decided > shown {
            emit(text.get(shown..decided).unwrap_or_default());
        }
        Handled { consumed: decided, covered: shown.saturating_sub(decided) }
    }
}

/// Where `finder`'s value begins, at `from` or later; `usize::MAX` for nowhere.
fn find_from(finder: &Finder<'_>, text: &[u8], from: usize) -> usize {
    text.get(from..).and_then(|rest| finder.find(rest)).map_or(usize::MAX, |at| from + at)
}

/// The longest prefix of `text` that has at most `limit` bytes and does not end within a UTF-8
/// character that further bytes could complete. Decoding it and the rest one after the other gives
/// the same as decoding the whole.
pub(super) fn whole_characters(text: &[u8], limit: usize) -> usize {
    let head = text.get(..limit).unwrap_or(text);
    let tail = head.iter().rev().take(3).position(|byte| !(0x80..0xc0).contains(byte));
    let Some(behind) = tail else { return head.len() };
    let start = head.len() - behind - 1;
    match std::str::from_utf8(head.get(start..).unwrap_or_default()) {
        Err(error) if error.error_len().is_none() => start,
        _ => head.len(),
    }
}

/// Every line of every value that is looked for, each once.
fn lines(secrets: &[Vec<u8>]) -> Vec<&[u8]> {
    let lines = secrets.iter().flat_map(|secret| separators::split(secret));
    let mut lines: Vec<&[u8]> = lines.filter(|line| line.len() >= SHORTEST).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

fn longest(finders: &[Finder<'_>]) -> usize {
    finders.iter().map(|finder| finder.needle().len()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_learnt_is_hidden_as_well_and_the_oldest_of_it_is_forgotten() {
        let hidden = |mask: &Mask, text: &str| {
            let mut out = Vec::new();
            mask.apply(text.as_bytes(), 0, true, &mut |piece| out.extend_from_slice(piece));
            out == MASK
        };
        let secret = |number: usize| format!("secret {number:04}");
        let mut mask = Mask::new(&[b"from the beginning".to_vec()]);
        assert!(!hidden(&mask, &secret(0)));
        for number in 0..=MOST_LEARNT {
            mask = mask.and(&[secret(number).into_bytes(), b"from the beginning".to_vec()]);
            assert!(hidden(&mask, &secret(number)));
        }
        assert!(hidden(&mask, "from the beginning") && hidden(&mask, &secret(1)));
        assert!(!hidden(&mask, &secret(0)));
        assert_eq!(mask.finders.len(), MOST_LEARNT + 1);
        let many = (0..9000).map(secret).collect::<Vec<_>>().join("\n");
        assert_eq!(mask.and(&[many.into_bytes()]).finders.len(), MOST_LEARNT + 1);
    }

    fn masked(secrets: &[&str], text: &str) -> String {
        let mask = Mask::new(&secrets.iter().map(|s| s.as_bytes().to_vec()).collect::<Vec<_>>());
        let mut out = Vec::new();
        mask.apply(text.as_bytes(), 0, true, &mut |piece| out.extend_from_slice(piece));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hides_every_occurrence() {
        assert_eq!(masked(&["hunter2"], "hunter2, hunter2!"), "***, ***!");
        assert_eq!(masked(&["abcd", "cdef"], "xabcdefx"), "x***x", "overlap");
        assert_eq!(masked(&["abcd", "abcdef"], "abcdef"), "***", "prefix of another");
        assert_eq!(masked(&["aaaa"], "aaaaaaa-"), "***-", "overlap with itself");
        assert_eq!(masked(&["line one\nline two"], "line two"), "***", "line by line");
        assert_eq!(masked(&["", "1", "abc"], "1 abc"), "1 abc", "too short");
        assert_eq!(masked(&["hunter2"], "hunter"), "hunter");
    }

    #[test]
    fn holds_back_unfinished_characters_only() {
        let cases: [(&[u8], usize); 8] = [
            (b"", 0),
            (b"ab", 2),
            ("aé".as_bytes(), 3),
            (b"a\xc3", 1),
            (b"a\xe2\x80", 1),
            (b"a\xf0\x9f\x98", 1),
            (b"a\x80\x80\x80", 4),
            (b"a\xff\xe0\x80", 4),
        ];
        for (text, expected) in cases {
            assert_eq!(whole_characters(text, text.len()), expected, "{text:?}");
        }
    }
}
