//! What a user is told when something could not be done, and the exit code that goes with it.
//!
//! A [`Failure`] reads as one line, what could not be done first and each cause after a colon,
//! then, where there is a way out, a line with the hint:
//!
//! ```text
//! error: cannot read /home/me/app/devenv.yaml: permission denied (os error 13)
//! hint: make the file readable for you
//! ```

use std::fmt;

/// The kinds of failure, each with the exit code of `sysexits.h` that scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command line made no sense.
    Usage,
    /// The project, its evaluation or its build is at fault.
    Data,
    /// There is no such project, container or file.
    NoInput,
    /// Nix or Docker is not there.
    Unavailable,
    /// A bug of this program.
    Internal,
    /// The operating system refused something a container needs.
    System,
    /// An output could not be created.
    CannotCreate,
    /// Reading or writing failed.
    Io,
    /// The other end of a connection broke its protocol.
    Protocol,
    /// The caller may not do this.
    Permission,
    /// `spec.json` is wrong.
    Spec,
    /// A program was found but could not be run, as a POSIX shell has it.
    NotExecutable,
    /// A program was not found, as a POSIX shell has it.
    NotFound,
}

impl Kind {
    /// The exit code of the process.
    pub fn code(self) -> u8 {
        match self {
            Self::Usage => 64,
            Self::Data => 65,
            Self::NoInput => 66,
            Self::Unavailable => 69,
            Self::Internal => 70,
            Self::System => 71,
            Self::CannotCreate => 73,
            Self::Io => 74,
            Self::Protocol => 76,
            Self::Permission => 77,
            Self::Spec => 78,
            Self::NotExecutable => 126,
            Self::NotFound => 127,
        }
    }
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::Usage,
        Self::Data,
        Self::NoInput,
        Self::Unavailable,
        Self::Internal,
        Self::System,
        Self::CannotCreate,
        Self::Io,
        Self::Protocol,
        Self::Permission,
        Self::Spec,
        Self::NotExecutable,
        Self::NotFound,
    ];

    /// The kind of an exit code; [`Kind::Internal`] for a code that is none of these.
    pub fn from_code(code: u8) -> Self {
        Self::ALL.into_iter().find(|kind| kind.code() == code).unwrap_or(Self::Internal)
    }
}

/// Something that could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    kind: Kind,
    message: String,
    hint: Option<String>,
}

/// The result of everything that can fail.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure that says what could not be done, in lower case and without a full stop.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// Adds the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts what was being done before what went wrong.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    /// What could not be done and why.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The hint, when there is one.
    pub fn way_out(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What went wrong, by kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The exit code of the process.
    pub fn code(&self) -> u8 {
        self.kind.code()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Lets a failure pass through interfaces that know foreign errors only, such as `io::Error`.
impl std::error::Error for Failure {}

/// Names what was being done when a foreign error came up.
pub trait Context<T> {
    /// Turns the error into a [`Failure`] of `kind`; `doing` is asked for only on failure.
    fn or_fail<D: fmt::Display>(self, kind: Kind, doing: impl FnOnce() -> D) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn or_fail<D: fmt::Display>(self, kind: Kind, doing: impl FnOnce() -> D) -> Result<T> {
        self.map_err(|error| Failure::new(kind, format!("{}: {error}", doing())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_known_by_its_code() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_code(kind.code()), kind);
        }
        assert_eq!(Kind::from_code(1), Kind::Internal);
    }

    #[test]
    fn a_failure_reads_outermost_first_with_its_hint_on_a_line_of_its_own() {
        let failure = Failure::new(Kind::NoInput, "no devenv.nix here")
            .hint("create one")
            .context("cannot build web");
        assert_eq!(
            failure.to_string(),
            "error: cannot build web: no devenv.nix here\nhint: create one"
        );
        assert_eq!(failure.code(), 66);
    }
}
