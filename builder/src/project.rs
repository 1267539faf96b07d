//! Finds the project and the package set it wants.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::Value;

use crate::error::{Context as _, Failure, Kind, Result};

/// The file that makes a directory a project.
const MARKER: &str = "devenv.nix";

/// Where the package set comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nixpkgs {
    /// A directory.
    Directory(PathBuf),
    /// An expression that fetches it.
    Fetched(String),
    /// Whatever `<nixpkgs>` means to Nix.
    SearchPath,
}

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
            .hint("change into a devenv project or name it with -C DIR")
        })
}

/// The package set of the project at `directory`, by its `devenv.yaml` and `devenv.lock`.
///
/// # Errors
/// When one of them cannot be read or makes no sense.
pub fn nixpkgs(directory: &Path) -> Result<Nixpkgs> {
    let yaml = directory.join("devenv.yaml");
    let url = match read_if_there(&yaml)? {
        Some(text) => nixpkgs_url(&text)
            .map_err(|failure| failure.context(format!("cannot read {}", yaml.display())))?,
        None => None,
    };
    if let Some(path) = url.as_deref().and_then(|url| url.strip_prefix("path:")) {
        let given = directory.join(path);
        let found = fs::canonicalize(&given).or_fail(Kind::NoInput, || {
            format!("cannot find nixpkgs at {}, named in {}", given.display(), yaml.display())
        })?;
        return Ok(Nixpkgs::Directory(found));
    }
    let lock = directory.join("devenv.lock");
    let locked = match read_if_there(&lock)? {
        Some(text) => locked_nixpkgs(&text)
            .map_err(|failure| failure.context(format!("cannot read {}", lock.display())))?,
        None => None,
    };
    Ok(locked.unwrap_or(Nixpkgs::SearchPath))
}

fn read_if_there(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).or_fail(Kind::Io, || format!("cannot read {}", path.display())),
    }
}

/// `inputs.nixpkgs.url` of a devenv.yaml.
fn nixpkgs_url(text: &str) -> Result<Option<String>> {
    let documents = Yaml::load_from_str(text).or_fail(Kind::Data, || "not YAML")?;
    let Some(document) = documents.first() else { return Ok(None) };
    let url = ["inputs", "nixpkgs", "url"]
        .iter()
        .try_fold(document, |node, key| node.as_mapping_get(key));
    match url {
        None => Ok(None),
        Some(url) => url
            .as_str()
            .map(|url| Some(url.to_owned()))
            .ok_or_else(|| Failure::new(Kind::Data, "inputs.nixpkgs.url is no text")),
    }
}

/// The `nixpkgs` input of the root of a devenv.lock, which has the format of flake.lock.
fn locked_nixpkgs(text: &str) -> Result<Option<Nixpkgs>> {
    let lock: Value = serde_json::from_str(text).or_fail(Kind::Data, || "not JSON")?;
    let text_at = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
    let Some(root) = text_at(&lock, "root") else { return Ok(None) };
    let node = lock
        .pointer(&format!("/nodes/{root}/inputs/nixpkgs"))
        .and_then(Value::as_str)
        .and_then(|name| lock.get("nodes")?.get(name)?.get("locked"));
    let Some(locked) = node else { return Ok(None) };
    let kind = text_at(locked, "type").unwrap_or_default();
    let required = |key: &str| {
        text_at(locked, key).ok_or_else(|| {
            Failure::new(Kind::Data, format!("the locked nixpkgs of type {kind} has no {key}"))
        })
    };
    let url = match kind.as_str() {
        "path" => return Ok(Some(Nixpkgs::Directory(required("path")?.into()))),
        "github" => {
            let (owner, repo, rev) = (required("owner")?, required("repo")?, required("rev")?);
            format!("https://github.com/{owner}/{repo}/archive/{rev}.tar.gz")
        }
        "gitlab" => {
            let (owner, repo, rev) = (required("owner")?, required("repo")?, required("rev")?);
            format!("https://gitlab.com/{owner}/{repo}/-/archive/{rev}/{repo}-{rev}.tar.gz")
        }
        "tarball" => required("url")?,
        other => {
            return Err(Failure::new(
                Kind::Data,
                format!("nixpkgs is locked as `{other}`, which cannot be fetched here"),
            )
            .hint("name a local copy with --nixpkgs PATH"));
        }
    };
    let hash = required("narHash")?;
    Ok(Some(Nixpkgs::Fetched(format!(
        "builtins.fetchTarball {{ url = {}; sha256 = {}; }}",
        nix_string(&url),
        nix_string(&hash)
    ))))
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
    fn the_url_of_nixpkgs_is_found_in_devenv_yaml() {
        let text = "inputs:\n  nixpkgs:\n    url: path:../nixpkgs\n  other:\n    url: x\n";
        assert_eq!(nixpkgs_url(text).unwrap().as_deref(), Some("path:../nixpkgs"));
        for text in ["", "inputs: {}", "inputs:\n  other:\n    url: x\n", "- a\n"] {
            assert_eq!(nixpkgs_url(text).unwrap(), None, "{text}");
        }
        assert!(nixpkgs_url("inputs: [").is_err());
        assert!(nixpkgs_url("inputs:\n  nixpkgs:\n    url: [a]\n").is_err());
    }

    #[test]
    fn a_locked_nixpkgs_is_fetched_by_its_hash() {
        let text = r#"{"root": "root", "nodes": {
            "root": {"inputs": {"nixpkgs": "nixpkgs_2"}},
            "nixpkgs_2": {"locked": {"type": "github", "owner": "o", "repo": "r",
                "rev": "abc", "narHash": "sha256-x="}}}}"#;
        assert_eq!(
            locked_nixpkgs(text).unwrap(),
            Some(Nixpkgs::Fetched(
                "builtins.fetchTarball { url = \"https://github.com/o/r/archive/abc.tar.gz\"; \
                 sha256 = \"sha256-x=\"; }"
                    .to_owned()
            ))
        );
        let failure = locked_nixpkgs(&text.replace("narHash", "other")).unwrap_err();
        assert!(failure.to_string().contains("has no narHash"), "{failure}");
        assert_eq!(locked_nixpkgs("{}").unwrap(), None);
    }

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
