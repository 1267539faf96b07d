//! devenv.yaml: which inputs a project has, what it imports, and what its packages may be.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::Value;

use crate::error::{Context as _, Failure, Kind, Result};

/// What a devenv.yaml says, as far as images depend on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// The inputs by name.
    pub inputs: BTreeMap<String, Input>,
    /// Folders, files, or parts of inputs whose modules belong to the project.
    pub imports: Vec<String>,
    /// The `config` of the package set.
    pub nixpkgs_config: BTreeMap<String, Value>,
}

/// One input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Where it comes from, such as `github:owner/repo` or `path:../other`.
    pub url: Option<String>,
    /// The input it stands for, as names joined by `/`.
    pub follows: Option<String>,
    /// Whether its flake.nix is evaluated.
    pub flake: bool,
    /// What its own inputs follow.
    pub inputs: BTreeMap<String, String>,
}

/// The options of nixpkgs that devenv.yaml may set, in the spelling of nixpkgs.
const NIXPKGS_CONFIG: [&str; 6] = [
    "allowUnfree",
    "allowBroken",
    "allowNonSource",
    "cudaSupport",
    "permittedInsecurePackages",
    "permittedUnfreePackages",
];

/// Reads the text of a devenv.yaml.
///
/// What only matters outside images is passed over.
///
/// # Errors
/// When it is no YAML, naming the line, or when a field has a value of the wrong kind.
pub fn parse(text: &str) -> Result<Settings> {
    let documents = Yaml::load_from_str(text).or_fail(Kind::Data, || "not YAML")?;
    let Some(document) = documents.first() else { return Ok(Settings::default()) };
    let mut settings = Settings::default();
    for (name, node) in entries(document, "inputs")? {
        let input = input(node).map_err(|failure| failure.context(format!("inputs.{name}")))?;
        settings.inputs.insert(name, input);
    }
    for entry in list(document, "imports")? {
        let text = entry.as_str().ok_or_else(|| wrong("imports", "a list of texts"))?;
        settings.imports.push(text.to_owned());
    }
    // The older place is the document itself; `nixpkgs` is the newer one and wins.
    let newer = document.as_mapping_get("nixpkgs");
    for place in [Some(document), newer].into_iter().flatten() {
        for option in NIXPKGS_CONFIG {
            let found = [option.to_owned(), snake_case(option)]
                .iter()
                .find_map(|name| place.as_mapping_get(name));
            if let Some(found) = found {
                let value = value(found).ok_or_else(|| wrong(option, "a plain value"))?;
                settings.nixpkgs_config.insert(option.to_owned(), value);
            }
        }
    }
    Ok(settings)
}

fn input(node: &Yaml<'_>) -> Result<Input> {
    let flake = match node.as_mapping_get("flake") {
        None => true,
        Some(flake) => flake.as_bool().ok_or_else(|| wrong("flake", "true or false"))?,
    };
    let mut inputs = BTreeMap::new();
    for (name, inner) in entries(node, "inputs")? {
        if let Some(follows) = text(inner, "follows")? {
            inputs.insert(name, follows);
        }
    }
    Ok(Input { url: text(node, "url")?, follows: text(node, "follows")?, flake, inputs })
}

fn wrong(field: &str, expected: &str) -> Failure {
    Failure::new(Kind::Data, format!("{field} must be {expected}"))
}

fn text(node: &Yaml<'_>, key: &str) -> Result<Option<String>> {
    node.as_mapping_get(key)
        .map(|value| value.as_str().map(str::to_owned).ok_or_else(|| wrong(key, "a text")))
        .transpose()
}

fn list<'a, 'y>(node: &'a Yaml<'y>, key: &str) -> Result<&'a [Yaml<'y>]> {
    match node.as_mapping_get(key) {
        None | Some(Yaml::Value(Scalar::Null)) => Ok(&[]),
        Some(value) => value.as_vec().map(Vec::as_slice).ok_or_else(|| wrong(key, "a list")),
    }
}

/// The entries of the mapping at `key`; none when there is nothing.
fn entries<'a, 'y>(node: &'a Yaml<'y>, key: &str) -> Result<Vec<(String, &'a Yaml<'y>)>> {
    match node.as_mapping_get(key) {
        None | Some(Yaml::Value(Scalar::Null)) => Ok(Vec::new()),
        Some(value) => value
            .as_mapping()
            .ok_or_else(|| wrong(key, "a mapping"))?
            .iter()
            .map(|(name, value)| {
                let name = name.as_str().ok_or_else(|| wrong(key, "a mapping of names"))?;
                Ok((name.to_owned(), value))
            })
            .collect(),
    }
}

/// A truth value, a text, or a list of texts, as JSON.
fn value(node: &Yaml<'_>) -> Option<Value> {
    if let Some(on) = node.as_bool() {
        return Some(Value::from(on));
    }
    if let Some(text) = node.as_str() {
        return Some(Value::from(text));
    }
    let texts = node.as_vec()?.iter().map(|item| item.as_str().map(Value::from));
    texts.collect::<Option<Vec<_>>>().map(Value::from)
}

/// `allowUnfree` as `allow_unfree`.
fn snake_case(name: &str) -> String {
    name.chars().fold(String::new(), |mut text, letter| {
        if letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_imports_and_the_config_of_packages_are_read() {
        let settings = parse(
            "allowUnfree: false\nnixpkgs:\n  allow_unfree: true\n\
             permittedInsecurePackages: [a-1]\nimports: [./web, tools/x]\ninputs:\n\
             \x20 nixpkgs:\n    url: path:../nixpkgs\n\
             \x20 files:\n    url: github:o/r\n    flake: false\n\
             \x20 hooks:\n    follows: devenv/git-hooks\n\
             \x20 rust:\n    url: github:o/rust\n    inputs:\n      nixpkgs:\n        follows: nixpkgs\n",
        )
        .unwrap();
        assert_eq!(settings.imports, ["./web", "tools/x"]);
        assert_eq!(settings.nixpkgs_config["allowUnfree"], Value::from(true));
        assert_eq!(settings.nixpkgs_config["permittedInsecurePackages"], Value::from(vec!["a-1"]));
        let inputs = &settings.inputs;
        assert_eq!(inputs["nixpkgs"].url.as_deref(), Some("path:../nixpkgs"));
        assert!(inputs["nixpkgs"].flake && !inputs["files"].flake);
        assert_eq!(inputs["hooks"].follows.as_deref(), Some("devenv/git-hooks"));
        assert_eq!(inputs["rust"].inputs["nixpkgs"], "nixpkgs");
    }

    #[test]
    fn what_is_empty_says_nothing() {
        for text in ["", "inputs:\n", "inputs: {}", "imports: []", "clean:\n  enabled: true\n"] {
            assert_eq!(parse(text).unwrap(), Settings::default(), "{text}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named() {
        for (text, named) in [
            ("inputs: [a]", "inputs must be a mapping"),
            ("inputs:\n  a:\n    url: [x]\n", "inputs.a: url must be a text"),
            ("inputs:\n  a:\n    flake: maybe\n", "flake must be true or false"),
            ("imports: x", "imports must be a list"),
            ("allowUnfree: {}", "allowUnfree must be a plain value"),
            ("inputs: [", "not YAML"),
        ] {
            let failure = parse(text).unwrap_err();
            assert!(failure.to_string().contains(named), "{failure}");
        }
    }
}
