//! Asks the installed Nix for what a project defines and has it build images.

mod embedded;
mod graph;
mod roots;
mod run;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::error::{Context as _, Failure, Kind, Result};
use crate::project::{Inputs, nix_string};

pub use graph::References;
pub use roots::base_directory;
pub use run::Nix;

/// One project, ready to be evaluated.
#[derive(Debug)]
pub struct Evaluation {
    /// The programs of Nix.
    pub nix: Nix,
    /// The project's directory.
    pub project: PathBuf,
    /// The project's inputs, the package set among them.
    pub inputs: Inputs,
    /// The program that will be PID 1 in the image.
    pub init: PathBuf,
    /// This program, which builds our derivations.
    pub own: PathBuf,
    /// The system of the image; `None`: this machine's.
    pub system: Option<String>,
}

/// Asks the store who refers to whom among `paths` and what they need.
///
/// # Errors
/// When Nix is not there or does not know one of the paths.
pub fn references(paths: &[String]) -> Result<References> {
    let mut arguments = vec!["--query".to_owned(), "--graph".to_owned()];
    arguments.extend_from_slice(paths);
    let dot = Nix::find(false)?
        .store(&arguments)
        .map_err(|failure| failure.context("cannot ask the store for references"))?;
    Ok(graph::parse(&dot, "/nix/store"))
}

/// A container of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its name in the project.
    pub name: String,
    /// The name of its image.
    pub image: String,
    /// The tag of its image.
    pub version: String,
    /// Where `copy` sends it unless told otherwise, such as `docker://registry.example/`.
    #[serde(default)]
    pub registry: Option<String>,
    /// Arguments of `copy` when it is given none, as words of bash.
    #[serde(default, rename = "copyArgs")]
    pub copy_arguments: Vec<String>,
}

impl Evaluation {
    /// The project's containers in order of their names.
    ///
    /// # Errors
    /// When the project cannot be evaluated.
    pub fn containers(&self) -> Result<Vec<Container>> {
        let mut arguments = vec!["--eval".to_owned(), "--strict".to_owned(), "--json".to_owned()];
        arguments.extend(self.arguments(None)?);
        arguments.extend(["-A".to_owned(), "names".to_owned()]);
        let json = self
            .nix
            .instantiate(&arguments)
            .map_err(|failure| failure.context(format!("cannot evaluate {}", self.place())))?;
        serde_json::from_str(&json)
            .or_fail(Kind::Internal, || "cannot read the list of containers from Nix")
    }

    /// Builds everything a container's image consists of, and its draft. Returns the draft's path in
    /// the store, and the link to make to the description, which protects it from garbage collection
    /// until the next build of the same container.
    ///
    /// # Errors
    /// [`Kind::NoInput`] when there is no such container, naming those there are.
    pub fn draft(&self, container: &str) -> Result<(PathBuf, PathBuf)> {
        let root = roots::path(&self.project, container)?;
        let draft_root = root.with_extension("draft");
        let mut arguments = self.arguments(Some(container))?;
        arguments.extend([
            "-A".to_owned(),
            format!("images.{}.draft", nix_string(container)),
            "-o".to_owned(),
            draft_root.display().to_string(),
        ]);
        let built = self.nix.build(&arguments);
        let failure = match built {
            Ok(output) => return Ok((PathBuf::from(output.trim()), root)),
            Err(failure) => failure,
        };
        // Only now is it worth asking again: a name that does not exist gets a better answer
        // than Nix's complaint about a missing attribute.
        match self.containers() {
            Ok(known) if !known.iter().any(|known| known.name == container) => {
                let names: Vec<&str> = known.iter().map(|known| known.name.as_str()).collect();
                Err(Failure::new(
                    Kind::NoInput,
                    format!("no container `{container}` in {}", self.place()),
                )
                .hint(format!("there are: {}", names.join(", "))))
            }
            _ => {
                self.nix.replay();
                Err(failure
                    .context(format!("cannot build container `{container}` of {}", self.place())))
            }
        }
    }

    /// The arguments of `copy` for a container, as its project has bash make them of
    /// [`Container::copy_arguments`] at this moment.
    ///
    /// # Errors
    /// When they cannot be built, or when a command among them fails.
    pub fn copy_arguments(&self, container: &str) -> Result<Vec<String>> {
        let doing = || {
            let option = format!("containers.{}.defaultCopyArgs", nix_string(container));
            format!("cannot find out `{option}` of {}", self.place())
        };
        let mut arguments = self.arguments(None)?;
        let attribute = format!("copyArguments.{}", nix_string(container));
        arguments.extend(["-A".to_owned(), attribute, "--no-out-link".to_owned()]);
        let program = self.nix.build(&arguments).map_err(|failure| {
            self.nix.replay();
            failure.context(doing())
        })?;
        let said = Command::new(program.trim())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .or_fail(Kind::System, doing)?;
        if !said.status.success() {
            let why = format!("a command in it failed with {}", said.status);
            return Err(Failure::new(Kind::Data, format!("{}: {why}", doing())));
        }
        let text = String::from_utf8(said.stdout).or_fail(Kind::Data, doing)?;
        Ok(text.split_terminator('\0').map(str::to_owned).collect())
    }

    fn arguments(&self, container: Option<&str>) -> Result<Vec<String>> {
        let mut arguments = vec![text(&embedded::file(embedded::ENTRY)?)?];
        let mut string = |name: &str, value: String| {
            arguments.extend(["--argstr".to_owned(), name.to_owned(), value]);
        };
        string("project", text(&self.project)?);
        string("initProgram", text(&self.init)?);
        string("containerProgram", text(&self.own)?);
        if let Some(container) = container {
            string("container", container.to_owned());
        }
        if let Some(system) = &self.system {
            string("system", system.clone());
        }
        for (name, expression) in self.expressions(&text(&embedded::file(embedded::INPUTS)?)?)? {
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
            nix_string(&text(&self.project)?),
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

    fn place(&self) -> String {
        self.project.display().to_string()
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
