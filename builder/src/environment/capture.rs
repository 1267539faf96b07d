//! A captured environment: the JSON of `nix print-dev-env --json` and of mk-shell-bin.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Context as _, Failure, Kind, Result};

/// The variables of a shell that has sourced everything a development shell sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capture {
    /// By name.
    pub variables: BTreeMap<String, Value>,
    /// Words of shell variables and arrays that are not exported, to learn about the toolchain.
    pub words: BTreeMap<String, Vec<String>>,
}

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Part of the environment.
    Exported(String),
    /// Only the shell's own: arrays cannot be exported, and the rest was not.
    Shell,
}

#[derive(Deserialize)]
struct Document {
    variables: BTreeMap<String, Variable>,
}

#[derive(Deserialize)]
struct Variable {
    r#type: String,
    #[serde(default)]
    value: serde_json::Value,
}

/// Reads a captured environment. Functions in it are ignored: an environment has none.
///
/// # Errors
/// When it is not that JSON, or an exported variable has no text for a value.
pub fn parse(text: &str) -> Result<Capture> {
    let document: Document = serde_json::from_str(text)
        .or_fail(Kind::Data, || "cannot read the captured environment")?;
    let mut capture = Capture::default();
    for (name, variable) in document.variables {
        let words = match &variable.value {
            serde_json::Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
            serde_json::Value::Array(items) => {
                items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        };
        let value = match (variable.r#type.as_str(), variable.value) {
            ("exported", serde_json::Value::String(value)) => Value::Exported(value),
            ("exported", _) => {
                return Err(Failure::new(
                    Kind::Data,
                    format!("cannot read the captured environment: the value of {name} is no text"),
                ));
            }
            _ => Value::Shell,
        };
        capture.words.insert(name.clone(), words);
        capture.variables.insert(name, value);
    }
    Ok(capture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_capture_is_refused() {
        assert!(parse("{}").is_err());
        let number = r#"{"variables": {"A": {"type": "exported", "value": 1}}}"#;
        assert!(parse(number).unwrap_err().to_string().contains("the value of A"));
    }
}
