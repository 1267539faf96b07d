//! devenv.lock: which revision each input of a project is at.
//!
//! It has the format of flake.lock, and Nix itself writes it: for a flake that has the project's inputs
//! and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use super::inputs::{Declared, Inputs, local};
use super::nix_string;
use super::yaml::Input;
use crate::error::{Context as _, Kind, Result};

/// The names of the inputs that come from elsewhere, and so have a revision to be written down.
pub fn remote(inputs: &Inputs) -> BTreeSet<&str> {
    let comes_from_elsewhere =
        |input: &Input| input.url.as_deref().is_some_and(|url| local(url).is_none());
    let remote = inputs.written.iter().filter(|(_, input)| comes_from_elsewhere(input));
    remote.map(|(name, _)| name.as_str()).collect()
}

/// The flake.nix with these inputs. Folders of this machine are among them only where another input
/// follows one: a lock that names them would be of no use elsewhere.
pub fn flake(inputs: &Inputs) -> String {
    let mut wanted = remote(inputs);
    let mut found = 0;
    // What follows is followed in turn.
    while found < wanted.len() {
        found = wanted.len();
        let follows: Vec<&str> =
            wanted.iter().filter_map(|name| inputs.written.get(*name)).flat_map(followed).collect();
        wanted.extend(
            inputs.written.keys().map(String::as_str).filter(|name| follows.contains(name)),
        );
    }
    let mut text = "{\n  inputs = {\n".to_owned();
    for name in wanted {
        if let (Some(input), Some(declared)) = (inputs.written.get(name), inputs.declared.get(name))
        {
            entry(&mut text, name, input, declared);
        }
    }
    text.push_str("  };\n  outputs = _: { };\n}\n");
    text
}

/// The first names of what an input and its own inputs follow.
fn followed(input: &Input) -> impl Iterator<Item = &str> {
    let all = input.follows.iter().chain(input.inputs.values());
    all.filter_map(|path| path.split('/').next())
}

fn entry(text: &mut String, name: &str, input: &Input, declared: &Declared) {
    let name = format!("    {}", nix_string(name));
    let mut set = |attribute: &str, value: &str| {
        text.push_str(&format!("{name}.{attribute} = {value};\n"));
    };
    if let Some(follows) = &input.follows {
        set("follows", &nix_string(follows));
        return;
    }
    match (&declared.path, &input.url) {
        (Some(path), _) => {
            let dir = if declared.dir.is_empty() { "" } else { "?dir=" };
            set("url", &nix_string(&format!("path:{}{dir}{}", path.display(), declared.dir)));
        }
        (None, Some(url)) => set("url", &nix_string(url)),
        (None, None) => return,
    }
    if !input.flake {
        set("flake", "false");
    }
    for (inner, follows) in &input.inputs {
        set(&format!("inputs.{}.follows", nix_string(inner)), &nix_string(follows));
    }
}

/// What the inputs at the root of a lock are at: their revisions, or the hashes of those without one.
///
/// # Errors
/// When it is no lock.
pub fn revisions(text: &str) -> Result<BTreeMap<String, String>> {
    let lock: Value = serde_json::from_str(text).or_fail(Kind::Data, || "not JSON")?;
    let node = |name: &Value| lock.get("nodes")?.get(name.as_str()?);
    let root = lock.get("root").and_then(node).and_then(|root| root.get("inputs")?.as_object());
    let mut revisions = BTreeMap::new();
    for (name, target) in root.into_iter().flatten() {
        // A list of names is an input that follows another one.
        let Some(locked) = node(target).and_then(|node| node.get("locked")) else { continue };
        let of = |key| locked.get(key).and_then(Value::as_str);
        if let Some(revision) = of("rev").or(of("narHash")) {
            revisions.insert(name.clone(), revision.to_owned());
        }
    }
    Ok(revisions)
}

/// Where the lock of a project is.
pub fn file(directory: &std::path::Path) -> PathBuf {
    directory.join(super::inputs::LOCK)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::project::inputs::read;

    fn inputs(yaml: &str) -> (tempfile::TempDir, Inputs) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("mine")).unwrap();
        fs::write(folder.path().join("devenv.yaml"), yaml).unwrap();
        let inputs = read(folder.path()).unwrap();
        (folder, inputs)
    }

    #[test]
    fn the_flake_has_what_comes_from_elsewhere_and_what_that_follows() {
        let (folder, inputs) = inputs(
            "inputs:\n  nixpkgs:\n    url: ./mine\n  unused:\n    url: ./mine\n  tool:\n    url: github:a/b?dir=c\n    \
             flake: false\n    inputs:\n      nixpkgs:\n        follows: nixpkgs\n  other:\n    follows: tool\n",
        );
        assert_eq!(remote(&inputs), BTreeSet::from(["tool"]));
        let mine = folder.path().canonicalize().unwrap().join("mine");
        let expected = format!(
            "{{\n  inputs = {{\n    \"nixpkgs\".url = \"path:{}\";\n    \"tool\".url = \"github:a/b?dir=c\";\n    \
             \"tool\".flake = false;\n    \"tool\".inputs.\"nixpkgs\".follows = \"nixpkgs\";\n  }};\n  outputs = _: {{ }};\n}}\n",
            mine.display()
        );
        assert_eq!(flake(&inputs), expected);
    }

    #[test]
    fn revisions_are_those_of_the_inputs_at_the_root() {
        let text = r#"{ "root": "r", "version": 7, "nodes": {
            "r": { "inputs": { "a": "one", "b": "two", "c": ["a", "x"] } },
            "one": { "locked": { "rev": "123", "narHash": "sha256-x" } },
            "two": { "locked": { "narHash": "sha256-y" } },
            "three": { "locked": { "rev": "456" } } } }"#;
        let expected = [("a", "123"), ("b", "sha256-y")];
        let expected = expected.map(|(name, at)| (name.to_owned(), at.to_owned())).into();
        assert_eq!(revisions(text).unwrap(), expected);
        assert!(revisions("{").is_err());
    }
}
