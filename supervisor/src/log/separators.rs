//! Where a line ends: the set that Python's `str.splitlines` uses, found in undecoded bytes.
//!
//! Looking at bytes is exact. Every separator is either one ASCII byte, which UTF-8 uses for
//! nothing else, or starts with a lead byte (C2, E2), which can never be the continuation of
//! another character; so a separator is found whole or not at all, also between invalid bytes.

use memchr::{memchr3, memmem};

/// What a piece of output is made of, which decides how it may be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// Only bytes below 0x80.
    pub ascii: bool,
    /// Has no separator but `\n`, so that a search for one byte splits it.
    pub newlines_only: bool,
}

impl Content {
    /// Looks at all of `bytes`, in a few passes that each run at the speed of memory.
    pub fn of(bytes: &[u8]) -> Self {
        let ascii = bytes.is_ascii();
        let special = memchr3(b'\r', 0x0b, 0x0c, bytes).is_some()
            || memchr3(0x1c, 0x1d, 0x1e, bytes).is_some()
            || (!ascii
                && [&b"\xc2\x85"[..], b"\xe2\x80\xa8", b"\xe2\x80\xa9"]
                    .iter()
                    .any(|separator| memmem::find(bytes, separator).is_some()));
        Self { ascii, newlines_only: !special }
    }
}

/// A separator: where it begins and how many bytes it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Separator {
    /// Offset of its first byte.
    pub at: usize,
    /// 1 to 3; `\r\n` is one separator of 2.
    pub len: usize,
}

/// The first separator that is whole within `bytes`.
///
/// A `\r` at the very end is reported as a separator of its own; whether a `\n` follows is not yet
/// known, so a caller that gets more bytes later has to skip that `\n`.
pub(super) fn first(bytes: &[u8]) -> Option<Separator> {
    let mut from = 0;
    loop {
        let rest = bytes.get(from..)?;
        let at = from + rest.iter().position(|byte| CANDIDATE[usize::from(*byte)])?;
        let len = match bytes.get(at..).unwrap_or_default() {
            [b'\r', b'\n', ..] | [0xc2, 0x85, ..] => 2,
            [0xe2, 0x80, 0xa8 | 0xa9, ..] => 3,
            [0xc2 | 0xe2, ..] => {
                from = at + 1;
                continue;
            }
            _ => 1,
        };
        return Some(Separator { at, len });
    }
}

/// The lines of a whole value, without their separators, as `str.splitlines` gives them.
pub(super) fn split(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    while let Some(Separator { at, len }) = first(bytes) {
        lines.push(bytes.get(..at).unwrap_or_default());
        bytes = bytes.get(at + len..).unwrap_or_default();
    }
    if !bytes.is_empty() {
        lines.push(bytes);
    }
    lines
}

/// Bytes that are a separator or the first byte of one.
static CANDIDATE: [bool; 256] = {
    let mut table = [false; 256];
    let starts = [b'\n', b'\r', 0x0b, 0x0c, 0x1c, 0x1d, 0x1e, 0xc2, 0xe2];
    let mut i = 0;
    while i < starts.len() {
        table[starts[i] as usize] = true;
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_python_does() {
        let cases: [(&[u8], &[&[u8]]); 12] = [
            (b"", &[]),
            (b"\n", &[b""]),
            (b"a", &[b"a"]),
            (b"a\n", &[b"a"]),
            (b"a\r\nb", &[b"a", b"b"]),
            (b"a\n\rb", &[b"a", b"", b"b"]),
            (b"a\r\r\n", &[b"a", b""]),
            (b"\x0b\n", &[b"", b""]),
            (b"a\x1cb\x1dc\x1ed\x1fe", &[b"a", b"b", b"c", b"d\x1fe"]),
            ("a\u{85}b\u{2028}c\u{2029}".as_bytes(), &[b"a", b"b", b"c"]),
            ("a\u{86}b\u{2027}c".as_bytes(), &["a\u{86}b\u{2027}c".as_bytes()]),
            (b"\xe2\xc2\x85\xe2\x80\xc2", &[b"\xe2", b"\xe2\x80\xc2"]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(split(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn content_agrees_with_the_search() {
        for byte in 0..=255u8 {
            let bytes = [b'a', byte, b'b'];
            let special = first(&bytes).is_some() && byte != b'\n';
            assert_eq!(Content::of(&bytes).newlines_only, !special, "{byte:#x}");
            assert_eq!(Content::of(&bytes).ascii, byte < 0x80, "{byte:#x}");
        }
        for text in ["\u{85}", "\u{2028}", "\u{2029}"] {
            assert!(!Content::of(text.as_bytes()).newlines_only);
        }
        for text in ["\u{84}", "\u{2027}", "\u{202a}", "é"] {
            assert!(Content::of(text.as_bytes()).newlines_only);
        }
    }
}
