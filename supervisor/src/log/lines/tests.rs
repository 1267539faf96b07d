//! Honcho's cases as a table, and a plain reference that any bytes in any chunks must agree with.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::mask::Mask;
use super::*;

struct Setting {
    json: bool,
    mask: Mask,
    carry_limit: usize,
}

impl Setting {
    fn text() -> Self {
        Self { json: false, mask: Mask::default(), carry_limit: usize::MAX }
    }

    fn dressed<'a>(&self, chunks: impl IntoIterator<Item = &'a [u8]>) -> String {
        let dress = Dress {
            head: if self.json { b"\"" } else { b"> " },
            foot: if self.json { b"\"\n" } else { b"\n" },
            json: self.json,
            mask: &self.mask,
            carry_limit: self.carry_limit,
        };
        let mut lines = Lines::default();
        let mut page = Page::default();
        for chunk in chunks {
            lines.push(chunk, &dress, &mut page);
        }
        lines.flush(&dress, &mut page);
        assert!(!lines.is_open());
        assert!(lines.carry.is_empty() && lines.carry.capacity() <= KEPT_CAPACITY);
        let text = String::from_utf8(page.bytes).expect("the log is always valid UTF-8");
        assert_eq!(page.lines, text.matches('\n').count() as u64);
        text
    }
}

/// What Python does: decode with replacement, `str.splitlines`, one head a line.
fn reference(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut chars = text.chars().peekable();
    let mut unfinished = false;
    while let Some(char) = chars.next() {
        unfinished = true;
        match char {
            '\r'
            | '\n'
            | '\x0b'
            | '\x0c'
            | '\x1c'..='\x1e'
            | '\u{85}'
            | '\u{2028}'
            | '\u{2029}' => {
                if char == '\r' && chars.peek() == Some(&'\n') {
                    chars.next();
                }
                lines.push(std::mem::take(&mut line));
                unfinished = false;
            }
            char => line.push(char),
        }
    }
    if unfinished {
        lines.push(line);
    }
    lines
}

#[test]
fn lines_are_those_of_honcho() {
    let cases: [(&[u8], &str); 16] = [
        (b"", ""),
        (b"one\n", "> one\n"),
        (b"one\ntwo\n", "> one\n> two\n"),
        (b"no newline", "> no newline\n"),
        (b"\n", "> \n"),
        (b"a\n\nb\n", "> a\n> \n> b\n"),
        (b"one\r\ntwo\r\n", "> one\n> two\n"),
        (b"10%\r20%\r30%\n", "> 10%\n> 20%\n> 30%\n"),
        (b"last\r", "> last\n"),
        (b"a\x0bb\x0cc\x1cd\x1de\x1ef\n", "> a\n> b\n> c\n> d\n> e\n> f\n"),
        ("a\u{85}b\u{2028}c\u{2029}d\n".as_bytes(), "> a\n> b\n> c\n> d\n"),
        (b"caf\xc3\xa9\n", "> café\n"),
        (b"\xfe\xff\n", "> \u{fffd}\u{fffd}\n"),
        (b"cut \xe2\x82\nand on\n", "> cut \u{fffd}\n> and on\n"),
        (b"\xed\xa0\x80\xf0\x80\n", "> \u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\n"),
        (b"nul \0 tab \t esc \x1b[1m\x1f\n", "> nul \0 tab \t esc \x1b[1m\x1f\n"),
    ];
    for (bytes, expected) in cases {
        assert_eq!(Setting::text().dressed([bytes]), expected, "{bytes:?}");
        let one_by_one = Setting::text().dressed(bytes.chunks(1));
        assert_eq!(one_by_one, expected, "{bytes:?}, byte by byte");
    }
}

#[test]
fn a_line_is_written_as_soon_as_it_ends() {
    let mask = Mask::default();
    let dress = Dress { head: b"> ", foot: b"\n", json: false, mask: &mask, carry_limit: 8 };
    let mut lines = Lines::default();
    let mut step = |chunk: &[u8]| {
        let mut page = Page::default();
        lines.push(chunk, &dress, &mut page);
        (String::from_utf8(page.bytes).unwrap(), lines.is_open())
    };
    assert_eq!(step(b"50%"), (String::new(), false));
    assert_eq!(step(b"\r"), ("> 50%\n".into(), false), "a progress bar is not held back");
    assert_eq!(step(b"\n"), (String::new(), false), "the same line end");
    assert_eq!(step(b"12345678"), (String::new(), false));
    assert_eq!(step(b"9"), ("> 123456789".into(), true), "beyond the limit");
    assert_eq!(step(b"\xe2\x82"), (String::new(), true), "half a character");
    assert_eq!(step(b"\xac"), ("€".into(), true));
    assert_eq!(step(b".\nx"), (".\n".into(), false));
}

#[test]
fn a_flushed_line_goes_on_as_a_new_one() {
    let mask = Mask::default();
    let dress = Dress { head: b"> ", foot: b"\n", json: false, mask: &mask, carry_limit: 2 };
    let mut lines = Lines::default();
    let mut page = Page::default();
    lines.push(b"abcd", &dress, &mut page);
    lines.flush(&dress, &mut page);
    lines.flush(&dress, &mut page);
    lines.push(b"ef\n", &dress, &mut page);
    assert_eq!(page.bytes, b"> abcd\n> ef\n");
}

#[test]
fn a_secret_that_ends_in_half_a_separator_hides_nothing_of_the_next_line() {
    let mask = Mask::new(&[b"abc\xc2".to_vec()]);
    let dress = Dress { head: b"> ", foot: b"\n", json: false, mask: &mask, carry_limit: 0 };
    let mut lines = Lines::default();
    let mut page = Page::default();
    lines.push(b"abc\xc2", &dress, &mut page);
    lines.push(b"\x85next\n", &dress, &mut page);
    assert_eq!(page.bytes, b"> ***\n> next\n");
}

/// Bytes with many separators, parts of characters and secrets, so that cuts fall within them.
fn output() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        4 => prop::sample::select(vec![
            &b"\n"[..], b"\r", b"\r\n", b"\x0b", b"\x1c", b"\xc2\x85", b"\xe2\x80\xa8",
            b"\xe2\x80\xa9", b"\xe2\x80", b"\xe2", b"\xc2", b"\x80", b"\xf0\x9f\x98\x80",
            b"\xf0\x9f", b"\xff", b"\0", b"\"", b"\\", "é".as_bytes(), "’".as_bytes(),
        ]).prop_map(<[u8]>::to_vec),
        4 => prop::sample::select(vec![&b"abab"[..], b"ababab", b"secret", b"sec", b"ret", b"a"])
            .prop_map(<[u8]>::to_vec),
        2 => vec(any::<u8>(), 0..4),
        1 => vec(0x20..0x7fu8, 0..40),
    ];
    vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

fn chunks<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut from = 0;
    cuts.push(bytes.len());
    cuts.into_iter().map(|to| &bytes[std::mem::replace(&mut from, to)..to]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn text_agrees_with_the_reference(
        bytes in output(),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
        carry_limit in prop::sample::select(vec![0, 1, 5, usize::MAX]),
    ) {
        let setting = Setting { carry_limit, ..Setting::text() };
        let expected: String = reference(&bytes).iter().map(|l| format!("> {l}\n")).collect();
        prop_assert_eq!(setting.dressed(chunks(&bytes, &cuts)), expected);
    }

    #[test]
    fn json_is_read_back_as_the_reference(
        bytes in output(),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
        carry_limit in prop::sample::select(vec![0, 5, usize::MAX]),
    ) {
        let setting = Setting { json: true, carry_limit, ..Setting::text() };
        let text = setting.dressed(chunks(&bytes, &cuts));
        let lines: Vec<String> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        prop_assert_eq!(lines, reference(&bytes));
    }

    #[test]
    fn no_cut_shows_a_secret(
        bytes in output(),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
        carry_limit in prop::sample::select(vec![0, 5, usize::MAX]),
    ) {
        let secrets = [b"abab".to_vec(), b"secret".to_vec(), b"bsec".to_vec()];
        let setting = |carry_limit| Setting {
            json: false, mask: Mask::new(&secrets), carry_limit,
        };
        let cut = setting(carry_limit).dressed(chunks(&bytes, &cuts));
        prop_assert_eq!(&cut, &setting(usize::MAX).dressed([bytes.as_slice()]));
        for secret in ["abab", "secret", "bsec"] {
            prop_assert!(!cut.contains(secret), "{cut:?}");
        }
    }
}
