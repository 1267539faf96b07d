//! Everything that can be wrong with a spec, said with the field's path and a way out.

use std::fmt;

use super::wire::VERSION;

/// Why a spec was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecError {
    /// It is not JSON.
    Syntax(String),
    /// It is of another version of the contract.
    Version {
        /// The version the file names.
        found: u32,
    },
    /// It is JSON of another shape: an unknown or missing field, a wrong type.
    Shape(String),
    /// It has the right shape and breaks rules; every broken rule is listed, never only the first.
    Problems(Vec<Problem>),
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, as a path into the JSON with the process named: `processes[2] (web).after[0]`.
    pub path: String,
    /// What is wrong, as a fragment.
    pub what: String,
    /// What to do about it, when that can be told.
    pub hint: Option<String>,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(cause) => write!(f, "not JSON: {cause}"),
            Self::Version { found } if *found > VERSION => write!(
                f,
                "spec version {found} is newer than this program reads ({VERSION})\n\
                 hint: builder and supervisor must be of one release; rebuild the image with both"
            ),
            Self::Version { found } => write!(
                f,
                "spec version {found} is not the one this program reads ({VERSION})\n\
                 hint: rebuild the image"
            ),
            Self::Shape(cause) => f.write_str(cause),
            Self::Problems(problems) => {
                for (index, problem) in problems.iter().enumerate() {
                    if index > 0 {
                        f.write_str("\n")?;
                    }
                    write!(f, "{problem}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SpecError {}
