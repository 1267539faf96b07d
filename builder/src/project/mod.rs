//! Finds the project and reads what it is made of.

pub mod init;
pub mod inputs;
pub mod lock;
mod yaml;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Context as _, Failure, Kind, Result};

pub use inputs::Inputs;

/// The file that makes a directory a project.
const MARKER: &str = "devenv.nix";

/// The directory of the project: `start` when it was given, otherwise the nearest one upwards.
///
/// # Errors
/// When there is no project.
pub fn find(given: Option<&Path>, current: &Path) -> Result<PathBuf> {
    if let Some(directory) = given {
        let directory = fs::canonicalize(directory)
            .or_fail(Kind::NoInput, || format!("cannot open project {}", directory.display()))?;
        return if directory.join(MARKER).is_file() {
            Ok(directory)
        } else {
            Err(Failure::new(Kind::NoInput, format!("no {MARKER} in {}", directory.display()))
                .hint("name the directory of a devenv project with -C DIR"))
        };
    }
    current
        .ancestors()
        .find(|directory| directory.join(MARKER).is_file())
        .map(Path::to_owned)
        .ok_or_else(|| {
            Failure::new(
                Kind::NoInput,
                format!("no {MARKER} in {} nor above it", current.display()),
            )
            .hint(
                "change into a devenv project, name one with -C DIR, or make one here: devenv-container init",
            )
        })
}

/// The directory of the project that is described by `file`, and the file.
///
/// # Errors
/// When there is no such file.
pub fn of_file(file: &Path) -> Result<(PathBuf, PathBuf)> {
    let doing = || format!("cannot open {}", file.display());
    let absolute = fs::canonicalize(file).or_fail(Kind::NoInput, doing)?;
    match absolute.parent() {
        Some(directory) if absolute.is_file() => Ok((directory.to_owned(), absolute)),
        _ => Err(Failure::new(Kind::NoInput, format!("{}: it is no file", doing()))
            .hint("name the directory of a project with -C DIR")),
    }
}

/// Writes text as a string of the Nix language.
pub fn nix_string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\' | '$') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_nix_cannot_end_early() {
        assert_eq!(nix_string(r#"a"b\${c}"#), r#""a\"b\\\${c}""#);
    }

    #[test]
    fn a_project_is_searched_upwards() {
        let root = tempfile::tempdir().unwrap();
        let below = root.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        fs::write(root.path().join(MARKER), "{ }").unwrap();
        assert_eq!(find(None, &below).unwrap(), root.path());
        assert_eq!(find(Some(&below), root.path()).unwrap_err().kind(), Kind::NoInput);
    }
}
