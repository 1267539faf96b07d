//! What comes out of a file of another program: a plan and warnings, or why there is none.

use std::fmt;

use super::error::{Problem, SpecError};
use super::plan::Plan;

/// A plan made from a file of another program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The plan, as checked as one read from a spec.
    pub plan: Plan,
    /// What the file says and the plan does not carry, or what its program would pass over in
    /// silence. In the order of the file.
    pub warnings: Vec<Problem>,
}

/// Why a file of another program gives no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TranslationError {
    /// The file is wrong.
    File(SpecError),
    /// Something was asked for by a name that the file does not have.
    UnknownName {
        /// The name as it was given.
        name: String,
        /// Every name it could have been, in the order of the file.
        known: Vec<String>,
    },
}

impl fmt::Display for TranslationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::UnknownName { name, known } => {
                write!(f, "there is no process \"{}\"\nhint: ", name.escape_debug())?;
                match known.as_slice() {
                    [] => f.write_str("the file has no processes"),
                    known => write!(f, "there are {}", known.join(", ")),
                }
            }
        }
    }
}

impl std::error::Error for TranslationError {}

impl From<SpecError> for TranslationError {
    fn from(error: SpecError) -> Self {
        Self::File(error)
    }
}
