//! What is said on standard output: data, line by line.

use std::fmt::Display;
use std::io::{self, Write as _};

use crate::error::{Context as _, Kind, Result};

/// The exit code of a program whose reader has gone, as shells report SIGPIPE.
const READER_GONE: i32 = 141;

/// Prints a line. A reader that wanted no more (`| head`) ends the program without a word.
///
/// # Errors
/// When standard output cannot be written for another reason, such as a full disk.
pub fn line(text: impl Display) -> Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(READER_GONE),
        result => result.or_fail(Kind::Io, || "cannot write to standard output"),
    }
}

/// A text of somebody else's as people can read it: what a terminal would take for a command, or would
/// not show, is written out (`\n`, `\u{1b}`).
pub fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for character in text.chars() {
        match is_unfit(character) {
            true => visible.extend(character.escape_default()),
            false => visible.push(character),
        }
    }
    visible
}

/// Controls, and what turns the order of characters round or shows as nothing.
pub fn is_unfit(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(character, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_reaches_the_terminal_but_letters() {
        for (text, expected) in [
            ("plain ümläut \"x\" \\", "plain ümläut \"x\" \\"),
            ("two\nlines\t", "two\\nlines\\t"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("left\u{202e}right", "left\\u{202e}right"),
        ] {
            assert_eq!(visible(text), expected);
        }
    }
}
