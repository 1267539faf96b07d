//! Why a verb could not do its work: a sentence for people and an exit code for programs.

use std::fmt;

use crate::machine::exit;

/// An error of the command line, of a file it names, or of the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// The command line is wrong.
    #[must_use]
    pub fn usage(what: impl fmt::Display) -> Self {
        Self::new(exit::USAGE, format!("{what}\nhint: see `devenv-init --help`"))
    }

    /// Any other one, with its exit code.
    #[must_use]
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The exit code that stands for it.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::usage(error)
    }
}
