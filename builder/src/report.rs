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
