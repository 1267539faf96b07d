//! A devenv project as arguments of Nix.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::embedded;
use super::run::Nix;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::project::{Inputs, nix_string};

/// One project, ready to be evaluated.
#[derive(Debug)]
pub struct Project {
    /// Its directory.
    pub directory: PathBuf,
    /// The file that describes it in place of the devenv.nix of the directory.
    pub file: Option<PathBuf>,
    /// Its inputs, the package set among them.
    pub inputs: Inputs,
    /// The program that will be PID 1 in the image; `None` where no image is asked for.
    pub init: Option<PathBuf>,
    /// This program, which builds our derivations.
    pub own: PathBuf,
}

impl Project {
    /// What people call it by.
    pub fn place(&self) -> &Path {
        self.file.as_deref().unwrap_or(&self.directory)
    }

    /// The file to evaluate and its arguments; `container` is the one being built.
    pub fn arguments(&self, container: Option<&str>, nix: &Nix) -> Result<Vec<String>> {
        let mut arguments = vec![text(&nix.file(embedded::ENTRY)?)?];
        let mut string = |name: &str, value: String| {
            arguments.extend(["--argstr".to_owned(), name.to_owned(), value]);
        };
        string("project", text(&self.directory)?);
        if let Some(file) = &self.file {
            string("file", text(file)?);
        }
        if let Some(init) = &self.init {
            string("initProgram", text(init)?);
        }
        string("containerProgram", text(&self.own)?);
        if let Some(container) = container {
            string("container", container.to_owned());
        }
        for (name, expression) in self.expressions(&text(&nix.file(embedded::INPUTS)?)?)? {
            arguments.extend(["--arg".to_owned(), name.to_owned(), expression]);
        }
        Ok(arguments)
    }

    /// The arguments that are values of the Nix language, by name. `file` is `inputs.nix`.
    fn expressions(&self, file: &str) -> Result<Vec<(&'static str, String)>> {
        let inputs = &self.inputs;
        let lock = match &inputs.lock {
            Some(lock) => nix_string(&text(lock)?),
            None => "null".to_owned(),
        };
        let resolved = format!(
            "(import {} {{ project = {}; lockFile = {lock}; declared = {}; imports = {}; }})",
            nix_string(file),
            nix_string(&text(&self.directory)?),
            nix_value(&inputs.declared)?,
            nix_value(&inputs.imports)?,
        );
        let mut expressions = vec![("inputs", format!("{resolved}.inputs"))];
        // Without one, cli.nix falls back to `<nixpkgs>` and to the core modules.
        if inputs.has("nixpkgs") {
            expressions.push(("nixpkgs", format!("{resolved}.nixpkgs")));
        }
        if inputs.has("devenv") {
            expressions.push(("devenvModules", format!("{resolved}.devenvModules")));
        }
        if !inputs.imports.is_empty() {
            expressions.push(("imports", format!("{resolved}.imports")));
        }
        if !inputs.nixpkgs_config.is_empty() {
            expressions.push(("nixpkgsConfig", nix_value(&inputs.nixpkgs_config)?));
        }
        Ok(expressions)
    }
}

fn text(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::new(
            Kind::Data,
            format!("cannot hand {} to Nix: the path is not UTF-8", path.display()),
        )
    })
}

/// An expression of the Nix language that has the value `value`.
fn nix_value(value: &impl Serialize) -> Result<String> {
    let json =
        serde_json::to_string(value).or_fail(Kind::Internal, || "cannot hand the inputs to Nix")?;
    Ok(format!("(builtins.fromJSON {})", nix_string(&json)))
}
