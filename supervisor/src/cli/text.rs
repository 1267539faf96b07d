//! Writing to the terminal without the panics of `println!`, which a closed pipe would cause.

use std::io::Write;

use crate::machine::exit;

/// Writes help, a version or a result to standard output and returns the code of success. A reader
/// that is gone has read what it wanted.
pub(super) fn to_stdout(text: &str) -> u8 {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    exit::OK
}

/// Writes an error. That nobody reads it changes nothing.
pub(super) fn to_stderr(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
