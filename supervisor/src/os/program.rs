//! Which files may be the program of a command: the search along `PATH`, before any process exists.
//!
//! Only the names are worked out here. Which of them can be executed is found by trying, in the
//! child: looking first and executing later would ask the file system twice and could get two
//! answers.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;

/// Where programs are looked for when the environment has no `PATH`, as in the C library.
const DEFAULT_PATH: &[u8] = b"/bin:/usr/bin";

/// The files to try, in order (POSIX, XBD 8.3 `PATH`).
///
/// A name with a slash is a file and is not searched for. An empty entry of the path stands for
/// the working directory. Empty for names that can be no file's.
#[must_use]
pub fn candidates(program: &OsStr, path: Option<&OsStr>) -> Vec<CString> {
    let name = program.as_bytes();
    if name.is_empty() {
        return Vec::new();
    }
    if name.contains(&b'/') {
        return CString::new(name).ok().into_iter().collect();
    }
    let path = path.map_or(DEFAULT_PATH, OsStr::as_bytes);
    let join = |directory: &[u8]| {
        let directory = if directory.is_empty() { b"." } else { directory };
        CString::new([directory, b"/", name].concat()).ok()
    };
    path.split(|byte| *byte == b':').filter_map(join).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_searched_and_files_are_not() {
        for (program, path, want) in [
            ("sh", Some("/a:/b"), vec!["/a/sh", "/b/sh"]),
            ("sh", Some(":/b"), vec!["./sh", "/b/sh"]),
            ("sh", None, vec!["/bin/sh", "/usr/bin/sh"]),
            ("./sh", Some("/a"), vec!["./sh"]),
            ("/x/sh", Some("/a"), vec!["/x/sh"]),
            ("", Some("/a"), vec![]),
            ("a\0b", Some("/a"), vec![]),
        ] {
            let found = candidates(OsStr::new(program), path.map(OsStr::new));
            let found: Vec<_> = found.iter().filter_map(|file| file.to_str().ok()).collect();
            assert_eq!(found, want, "{program:?} in {path:?}");
        }
    }
}
