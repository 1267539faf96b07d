//! What a project is made of: its devenv.yaml together with those of the folders it imports, and
//! its devenv.lock.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::yaml::{self, Settings};
use crate::error::{Context as _, Failure, Kind, Result};

/// The file that holds the revisions of inputs.
pub const LOCK: &str = "devenv.lock";

/// An input as `inputs.nix` takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Declared {
    /// The folder it is; `None` for what the lock names.
    pub path: Option<PathBuf>,
    /// The folder within it that counts; empty: itself.
    pub dir: String,
    /// Whether its flake.nix is evaluated.
    pub flake: bool,
    /// The input it stands for.
    pub follows: Option<Vec<String>>,
    /// What its own inputs follow.
    pub inputs: BTreeMap<String, Vec<String>>,
}

/// A module that belongs to the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Import {
    /// The input it is part of; `None`: of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Where it is.
    pub path: String,
}

/// All inputs and modules of a project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inputs {
    /// The inputs by name.
    pub declared: BTreeMap<String, Declared>,
    /// The modules beside the project's own devenv.nix.
    pub imports: Vec<Import>,
    /// The lock file, when there is one.
    pub lock: Option<PathBuf>,
    /// The names of the inputs at the root of the lock.
    pub locked: BTreeSet<String>,
    /// The inputs as they are written.
    pub written: BTreeMap<String, yaml::Input>,
    /// The `config` of the package set.
    pub nixpkgs_config: BTreeMap<String, Value>,
}

impl Inputs {
    /// Whether the project has an input of this name, declared or locked, that Nix can get at.
    pub fn has(&self, name: &str) -> bool {
        self.locked.contains(name)
            || self
                .declared
                .get(name)
                .is_some_and(|input| input.path.is_some() || input.follows.is_some())
    }

    /// Takes the folder `path` for the input `name`, whatever the project says.
    pub fn replace(&mut self, name: &str, path: PathBuf) {
        let folder = Declared { path: Some(path), flake: true, ..Declared::default() };
        self.declared.insert(name.to_owned(), folder);
    }
}

/// Reads what the project at `directory` is made of.
///
/// # Errors
/// When a file cannot be read or makes no sense, or names a folder that does not exist.
pub fn read(directory: &Path) -> Result<Inputs> {
    let mut inputs = Inputs::default();
    add(directory, &mut inputs, &mut BTreeSet::new())?;
    inputs.locked = read_locked(directory)?;
    inputs.lock = Some(directory.join(LOCK)).filter(|lock| lock.exists());
    Ok(inputs)
}

/// The names of the inputs that the project's lock has; none without one.
///
/// # Errors
/// When it cannot be read or makes no sense.
pub fn read_locked(directory: &Path) -> Result<BTreeSet<String>> {
    let lock = directory.join(LOCK);
    match read_if_there(&lock)? {
        None => Ok(BTreeSet::new()),
        Some(text) => locked(&text)
            .map_err(|failure| failure.context(format!("cannot read {}", lock.display()))),
    }
}

/// Adds what the devenv.yaml of `directory` says. What is there already was said by a folder that
/// imports this one, and wins.
fn add(directory: &Path, inputs: &mut Inputs, seen: &mut BTreeSet<PathBuf>) -> Result<()> {
    if !seen.insert(directory.to_owned()) {
        return Ok(());
    }
    let file = directory.join("devenv.yaml");
    let Some(text) = read_if_there(&file)? else { return Ok(()) };
    let reading = |failure: Failure| failure.context(format!("cannot read {}", file.display()));
    let Settings { inputs: declared, imports, nixpkgs_config } =
        yaml::parse(&text).map_err(reading)?;
    for (name, input) in declared {
        let declared = declare(directory, &input)
            .map_err(|failure| reading(failure.context(format!("inputs.{name}"))))?;
        inputs.declared.entry(name.clone()).or_insert(declared);
        inputs.written.entry(name).or_insert(input);
    }
    for (option, value) in nixpkgs_config {
        inputs.nixpkgs_config.entry(option).or_insert(value);
    }
    for import in imports {
        let Some(path) = local(&import) else {
            let (input, path) = import.split_once('/').unwrap_or((&import, ""));
            inputs.imports.push(Import { input: Some(input.to_owned()), path: path.to_owned() });
            continue;
        };
        let path = resolve(directory, path).map_err(|f| reading(f.context("imports")))?;
        let text = utf8(&path).map_err(reading)?;
        if seen.contains(&path) {
            continue;
        }
        if path.is_dir() {
            add(&path, inputs, seen)?;
        }
        // A folder may be there for its devenv.yaml alone.
        if !path.is_dir() || path.join(super::MARKER).is_file() {
            inputs.imports.push(Import { input: None, path: text });
        }
    }
    Ok(())
}

fn declare(directory: &Path, input: &yaml::Input) -> Result<Declared> {
    let names = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (path, dir) = match input.url.as_deref().and_then(local) {
        None => (None, String::new()),
        Some(url) => {
            let (path, dir) = url.split_once("?dir=").unwrap_or((url, ""));
            let path = resolve(directory, path)?;
            utf8(&path)?;
            (Some(path), dir.to_owned())
        }
    };
    Ok(Declared {
        path,
        dir,
        flake: input.flake,
        follows: input.follows.as_deref().map(names),
        inputs: input.inputs.iter().map(|(name, path)| (name.clone(), names(path))).collect(),
    })
}

/// The path a reference to something on this machine holds; `None` when it is of elsewhere.
pub fn local(reference: &str) -> Option<&str> {
    match reference.strip_prefix("path:") {
        Some(path) => Some(path),
        None => (reference.starts_with('.') || reference.starts_with('/')).then_some(reference),
    }
}

fn resolve(directory: &Path, path: &str) -> Result<PathBuf> {
    let given = directory.join(path);
    fs::canonicalize(&given).or_fail(Kind::NoInput, || format!("cannot find {}", given.display()))
}

fn utf8(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::new(
            Kind::Data,
            format!("cannot hand {} to Nix: the path is not UTF-8", path.display()),
        )
    })
}

/// The names of the inputs at the root of a devenv.lock, which has the format of flake.lock.
fn locked(text: &str) -> Result<BTreeSet<String>> {
    let lock: Value = serde_json::from_str(text).or_fail(Kind::Data, || "not JSON")?;
    let root = lock.get("root").and_then(Value::as_str).ok_or_else(|| {
        Failure::new(Kind::Data, "no lock file: it has no root")
            .hint("make it anew: devenv-container lock --update")
    })?;
    let inputs = lock.get("nodes").and_then(|nodes| nodes.get(root)?.get("inputs")?.as_object());
    Ok(inputs.into_iter().flatten().map(|(name, _)| name.clone()).collect())
}

fn read_if_there(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).or_fail(Kind::Io, || format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn imported_folders_bring_their_inputs_and_imports_along() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            &[
                (
                    "app/devenv.yaml",
                    "imports: [../web, tools/x/y]\ninputs:\n  a:\n    url: ./mine\n",
                ),
                ("app/mine/flake.nix", ""),
                ("web/devenv.nix", "{ }"),
                // It imports the one that imports it, which is no reason to go round for ever.
                (
                    "web/devenv.yaml",
                    "imports: [../app, ./extra.nix]\ninputs:\n  a:\n    url: ./b\n  b:\n    url: path:./b?dir=sub\n",
                ),
                ("web/b/sub/x", ""),
                ("web/extra.nix", "{ }"),
            ],
        );
        let inputs = read(&root.path().join("app")).unwrap();
        let at = |path: &str| root.path().join(path);
        assert_eq!(inputs.declared["a"].path, Some(at("app/mine")));
        assert_eq!(inputs.declared["b"].path, Some(at("web/b")));
        assert_eq!(inputs.declared["b"].dir, "sub");
        let imports: Vec<(Option<&str>, PathBuf)> = inputs
            .imports
            .iter()
            .map(|import| (import.input.as_deref(), PathBuf::from(&import.path)))
            .collect();
        assert_eq!(
            imports,
            [(None, at("web/extra.nix")), (None, at("web")), (Some("tools"), "x/y".into())]
        );
    }

    #[test]
    fn the_inputs_at_the_root_of_the_lock_are_known() {
        let root = tempfile::tempdir().unwrap();
        let lock = r#"{"root": "root", "nodes": {"root": {"inputs": {"nixpkgs": "n_2"}}}}"#;
        write(
            root.path(),
            &[("devenv.lock", lock), ("devenv.yaml", "inputs:\n  x:\n    url: github:o/r\n")],
        );
        let inputs = read(root.path()).unwrap();
        assert!(inputs.has("nixpkgs") && !inputs.has("x") && !inputs.has("devenv"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (files, named) in [
            ([("devenv.yaml", "inputs:\n  a:\n    url: path:./none\n")], "inputs.a: cannot find"),
            ([("devenv.yaml", "imports: [./none]")], "imports: cannot find"),
            ([("devenv.lock", "{")], "devenv.lock: not JSON"),
            ([("devenv.lock", "{}")], "it has no root"),
        ] {
            let root = tempfile::tempdir().unwrap();
            write(root.path(), &files);
            let failure = read(root.path()).unwrap_err();
            assert!(failure.to_string().contains(named), "{failure}");
        }
    }
}
