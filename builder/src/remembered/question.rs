//! What an answer is an answer to.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::digest::Digest;

/// Names the form of what is kept, which changes with its meaning.
const FORM: &str = "evaluation 1";

/// Variables that tell one terminal or session from another, or one turn in it from the next. An
/// evaluation that asks for one of these is answered as in the session before.
const SESSION: [&str; 15] = [
    "_",
    "COLUMNS",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LINES",
    "OLDPWD",
    "SHLVL",
    "SSH_CLIENT",
    "SSH_CONNECTION",
    "SSH_TTY",
    "TERM_SESSION_ID",
    "TMUX",
    "TMUX_PANE",
    "WINDOWID",
    "XDG_SESSION_ID",
];

/// A question to Nix: which program is asked, with which arguments, in which directory and with which
/// variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question(String);

impl Question {
    /// What is asked here and now.
    pub fn now(program: &Path, arguments: &[String]) -> Self {
        let variables = env::vars_os();
        let directory = env::current_dir().unwrap_or_default();
        Self::new(program, arguments, &directory, variables)
    }

    fn new(
        program: &Path,
        arguments: &[String],
        directory: &Path,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Self {
        let mut text = Vec::new();
        // Lengths go first, so that no two questions make one text.
        let mut add = |bytes: &[u8]| {
            text.extend(bytes.len().to_le_bytes());
            text.extend(bytes);
        };
        // Nix itself is told by where it is: its files are among those looked at.
        let program = fs::canonicalize(program).unwrap_or_else(|_| PathBuf::from(program));
        add(FORM.as_bytes());
        add(program.as_os_str().as_bytes());
        add(directory.as_os_str().as_bytes());
        add(&arguments.len().to_le_bytes());
        arguments.iter().for_each(|argument| add(argument.as_bytes()));
        let mut variables: Vec<_> =
            variables.filter(|(name, _)| !SESSION.iter().any(|session| name == session)).collect();
        variables.sort();
        for (name, value) in variables {
            add(name.as_bytes());
            add(value.as_bytes());
        }
        Self(Digest::of(&text).hex())
    }

    /// The text that tells it from all others. Values of variables, which may be secret, cannot be
    /// read from it.
    pub fn text(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(arguments: &[&str], variables: &[(&str, &str)]) -> Question {
        let arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        Question::new(Path::new("/bin/nix"), &arguments, Path::new("/"), variables)
    }

    #[test]
    fn whatever_is_asked_differently_is_another_question() {
        let asked = ask(&["a", "b"], &[("HOME", "/me")]);
        assert_eq!(asked, ask(&["a", "b"], &[("HOME", "/me")]));
        for other in [
            ask(&["ab"], &[("HOME", "/me")]),
            ask(&["a", "b"], &[("HOME", "/you")]),
            ask(&["a", "b"], &[("HOM", "E/me")]),
            ask(&["a", "b", "HOME", "/me"], &[]),
        ] {
            assert_ne!(asked, other);
        }
    }

    #[test]
    fn the_terminal_and_the_order_of_variables_do_not_matter() {
        let asked = ask(&[], &[("A", "1"), ("B", "2"), ("TMUX", "x"), ("SHLVL", "1")]);
        assert_eq!(asked, ask(&[], &[("B", "2"), ("SHLVL", "2"), ("A", "1")]));
        assert_ne!(asked, ask(&[], &[("A", "1"), ("B", "2"), ("PWD", "/")]));
    }
}
