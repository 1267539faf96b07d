//! How a line is dressed: what stands in front of it, what behind, how its bytes are written.

use std::io::Write;

use super::mask::Mask;
use super::options::{Format, Options, SourceName, Stream};

/// The name the supervisor's own lines go by; also the least width of the name column.
pub(super) const SYSTEM: &str = "system";

/// The parameters of honcho's colours (SGR), handed out in the order of the sources.
const COLOURS: [&str; 12] =
    ["36", "33", "32", "35", "31", "34", "36;1", "33;1", "32;1", "35;1", "31;1", "34;1"];

/// Everything needed to write the lines of one read of one source.
pub(super) struct Dress<'a> {
    /// In front of every line.
    pub head: &'a [u8],
    /// Behind every line, its newline included.
    pub foot: &'static [u8],
    /// Whether the line stands within a JSON string.
    pub json: bool,
    /// What must not be shown.
    pub mask: &'a Mask,
    /// How many bytes of an unfinished line are kept before it is written in parts.
    pub carry_limit: usize,
}

impl Dress<'_> {
    /// Whether a line of valid UTF-8 can be copied as it is, its `\n` included.
    pub fn is_verbatim(&self) -> bool {
        !self.json && self.mask.is_empty()
    }

    /// Writes one piece of a line: decoded with U+FFFD for what is not UTF-8, escaped in JSON.
    pub fn write_text(&self, text: &[u8], out: &mut Vec<u8>) {
        if text.is_ascii() || std::str::from_utf8(text).is_ok() {
            return self.write_valid(text, out);
        }
        for chunk in text.utf8_chunks() {
            self.write_valid(chunk.valid().as_bytes(), out);
            if !chunk.invalid().is_empty() {
                out.extend_from_slice("\u{fffd}".as_bytes());
            }
        }
    }

    fn write_valid(&self, text: &[u8], out: &mut Vec<u8>) {
        if self.json { escape(text, out) } else { out.extend_from_slice(text) }
    }
}

/// The part in front of a line that does not depend on the time.
#[derive(Clone, Debug, Default)]
pub(super) struct Heading {
    before_time: String,
    after_time: String,
}

impl Heading {
    /// For the output of one source. `index` chooses the colour, `width` is that of the column.
    pub fn of_source(
        options: &Options,
        name: &SourceName,
        stream: Stream,
        index: usize,
        width: usize,
    ) -> Self {
        if options.format == Format::Json {
            let mut process = Vec::new();
            escape(name.process.as_bytes(), &mut process);
            return Self {
                before_time: r#"{"time":""#.to_owned(),
                after_time: format!(
                    r#"","process":"{}","replica":{},"stream":"{}","message":""#,
                    String::from_utf8_lossy(&process),
                    name.replica,
                    stream.name(),
                ),
            };
        }
        let mut heading = Self::of_text(options, &name.to_string(), width);
        if options.colour && !options.bare {
            let colour = COLOURS.get(index % COLOURS.len()).copied().unwrap_or_default();
            heading.before_time = format!("\x1b[0m\x1b[{colour}m{}", heading.before_time);
            heading.after_time.push_str("\x1b[0m");
        }
        heading
    }

    /// For the output of one source in a file of its own: the time alone, and never a colour.
    pub fn in_file(options: &Options, name: &SourceName, stream: Stream, index: usize) -> Self {
        if options.format == Format::Json {
            return Self::of_source(options, name, stream, index, 0);
        }
        let after_time = if options.bare { String::new() } else { " ".to_owned() };
        Self { before_time: String::new(), after_time }
    }

    /// For the supervisor's own lines as text: never coloured.
    pub fn of_system(options: &Options, width: usize) -> Self {
        Self::of_text(options, SYSTEM, width)
    }

    fn of_text(options: &Options, name: &str, width: usize) -> Self {
        if options.bare {
            return Self::default();
        }
        let gap = if options.timestamps.0.is_some() { " " } else { "" };
        Self { before_time: String::new(), after_time: format!("{gap}{name:width$} | ") }
    }

    /// Puts the time in. `head` is replaced.
    pub fn at(&self, time: &str, head: &mut Vec<u8>) {
        head.clear();
        head.extend_from_slice(self.before_time.as_bytes());
        // A bare line has no bar and so no place for the time.
        if !self.after_time.is_empty() {
            head.extend_from_slice(time.as_bytes());
        }
        head.extend_from_slice(self.after_time.as_bytes());
    }
}

/// The width of the name column: the longest name in characters, and room for `system`.
pub(super) fn width(sources: &[SourceName]) -> usize {
    let longest = sources.iter().map(|name| name.to_string().chars().count()).max();
    longest.unwrap_or(0).max(SYSTEM.len())
}

/// Writes valid UTF-8 as the inside of a JSON string (RFC 8259, section 7).
fn escape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = first_to_escape(rest) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, behind)) = special.split_first() else { return };
        match byte {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            b'\t' => out.extend_from_slice(br"\t"),
            0x08 => out.extend_from_slice(br"\b"),
            // Writing to a vector cannot fail.
            byte => drop(write!(out, "\\u{byte:04x}")),
        }
        rest = behind;
    }
    out.extend_from_slice(rest);
}

/// Where the first byte is that may not stand in a JSON string as it is.
fn first_to_escape(text: &[u8]) -> Option<usize> {
    let (words, _) = text.as_chunks::<8>();
    let clean = 8 * words.iter().take_while(|word| !any_to_escape(**word)).count();
    let special = |byte: &u8| matches!(byte, 0..0x20 | b'"' | b'\\');
    Some(clean + text.get(clean..)?.iter().position(special)?)
}

/// Whether one of eight bytes is below 0x20, a quote or a backslash, all looked at together: a byte
/// below `n` borrows from its top bit when `n` is taken from each, and two bytes are equal
/// when what differs between them is below 1.
fn any_to_escape(bytes: [u8; 8]) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = ONES << 7;
    let word = u64::from_le_bytes(bytes);
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | equal(b'"') | equal(b'\\')) & TOPS != 0
}

#[cfg(test)]
mod tests {
    use super::super::options::Timestamps;
    use super::*;

    fn name(process: &str) -> SourceName {
        SourceName { process: process.to_owned(), replica: 1, quiet: false }
    }

    fn head(options: &Options, index: usize) -> String {
        let mut head = Vec::new();
        Heading::of_source(options, &name("web"), Stream::Stdout, index, 8)
            .at("06:30:06", &mut head);
        String::from_utf8(head).unwrap()
    }

    #[test]
    fn text_heads_are_those_of_honcho() {
        let plain = Options::default();
        assert_eq!(head(&plain, 0), "06:30:06 web.1    | ");
        let colour = Options { colour: true, ..Options::default() };
        assert_eq!(head(&colour, 0), "\x1b[0m\x1b[36m06:30:06 web.1    | \x1b[0m");
        assert_eq!(head(&colour, 6), "\x1b[0m\x1b[36;1m06:30:06 web.1    | \x1b[0m");
        assert_eq!(head(&colour, 12), head(&colour, 0));
        let bare = Options { bare: true, colour: true, ..Options::default() };
        assert_eq!(head(&bare, 0), "");
        let timeless = Options { timestamps: Timestamps::none(), ..Options::default() };
        let mut out = Vec::new();
        Heading::of_source(&timeless, &name("web"), Stream::Stdout, 0, 8).at("", &mut out);
        assert_eq!(out, b"web.1    | ");
    }

    #[test]
    fn the_name_column_has_room_for_system() {
        assert_eq!(width(&[]), 6);
        assert_eq!(width(&[name("a")]), 6);
        assert_eq!(width(&[name("a"), name("hello-docker")]), 14);
    }

    #[test]
    fn escaped_text_is_read_back_by_a_json_parser() {
        let round_trip = |text: &str| {
            let mut out = b"\"".to_vec();
            escape(text.as_bytes(), &mut out);
            out.push(b'"');
            serde_json::from_slice::<String>(&out).unwrap()
        };
        let all: String = (0..0x80u8).map(char::from).chain("é\u{7f}😀".chars()).collect();
        assert_eq!(round_trip(&all), all);
        for byte in 0..0x80u8 {
            for at in 0..20 {
                let mut text = "é".repeat(10);
                text.insert(2 * (at / 2), char::from(byte));
                assert_eq!(round_trip(&text), text, "{byte:#x} at {at}");
            }
        }
    }
}
