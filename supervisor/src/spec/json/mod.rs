//! JSON as it is written: with every entry of an object, also one whose key is there already, and
//! with each number digit by digit.
//!
//! [`read`] makes it of text, [`typed`] makes the types of the contract of it. Both say where in the
//! document something is wrong, with the name of the process, which a line and a column in a file
//! that Nix wrote on one line do not tell.

pub mod read;
pub mod typed;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use super::error::Problem;

/// A JSON value that keeps the order and the duplicates of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as it is written, by the grammar of RFC 8259: no type of ours holds them all.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// What it is, for messages: `a text`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// The value of the first entry with a key; `None` also of what is no object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The place of an item in a list, with its name where it has one: `[2] (web)`.
    #[must_use]
    pub fn place(&self, index: usize) -> String {
        match self.get("name") {
            Some(Self::Text(name)) => format!("[{index}] ({})", name.escape_debug()),
            _ => format!("[{index}]"),
        }
    }

    /// Notes every key that is in one object twice, here and anywhere below. `path` is where this is.
    pub fn note_duplicates(&self, path: &str, problems: &mut Vec<Problem>) {
        match self {
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.note_duplicates(&format!("{path}{}", item.place(index)), problems);
                }
            }
            Self::Object(entries) => {
                let mut found: BTreeMap<&str, &Self> = BTreeMap::new();
                for (key, value) in entries {
                    let below = below(path, key);
                    if found.insert(key, value).is_some() {
                        let what = "is there twice".to_owned();
                        problems.push(Problem { path: below.clone(), what, hint: None });
                    }
                    value.note_duplicates(&below, problems);
                }
            }
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => {}
        }
    }
}

/// The path of an entry of the object at `path`.
fn below(path: &str, key: &str) -> String {
    let dot = if path.is_empty() { "" } else { "." };
    format!("{path}{dot}{}", key.escape_debug())
}

/// Without blanks, as it is put into variables.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(text) => f.write_str(text),
            Self::Text(text) => write_text(f, text),
            Self::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    f.write_str(if index > 0 { "," } else { "" })?;
                    item.fmt(f)?;
                }
                f.write_str("]")
            }
            Self::Object(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    f.write_str(if index > 0 { "," } else { "" })?;
                    write_text(f, key)?;
                    f.write_str(":")?;
                    value.fmt(f)?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

/// What is wrong, and where in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// As in `processes[2] (web).restart`; empty for the document itself.
    pub path: String,
    /// A fragment.
    pub what: String,
}

impl Fault {
    /// Something is wrong with the value at hand.
    fn new(what: impl Into<String>) -> Self {
        Self { path: String::new(), what: what.into() }
    }

    /// The same, seen from the list or the object around: the path grows at its front on the way out.
    #[must_use]
    pub fn within(mut self, place: &dyn fmt::Display) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{place}{dot}{}", self.path);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{}{colon}{}", self.path, self.what)
    }
}

impl std::error::Error for Fault {}
