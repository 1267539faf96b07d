//! Asks the installed Nix for what a project defines and has it build images.

mod ask;
mod base32;
mod complaint;
mod embedded;
mod flake;
mod graph;
pub mod nar;
pub mod program;
mod project;
mod roots;
mod run;
pub mod system;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::base::lock::{self, Lock};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::project::nix_string;
use crate::remembered::Memory;

pub use embedded::TEMPLATE;
pub use flake::{Flake, split as split_flake};
pub use graph::References;
pub use project::Project;
pub use roots::base_directory;
pub use run::Nix;

/// Where containers are described, ready to be evaluated.
#[derive(Debug)]
pub struct Evaluation {
    /// The programs of Nix.
    pub nix: Nix,
    /// What describes them.
    pub source: Source,
    /// The system of the image; `None`: this machine's.
    pub system: Option<String>,
}

/// What describes containers.
#[derive(Debug)]
pub enum Source {
    /// A devenv project.
    Project(Project),
    /// The outputs of a flake.
    Flake(Flake),
}

/// What was built of an image.
#[derive(Debug)]
pub enum Built {
    /// Everything it consists of.
    Draft {
        /// Where its draft is in the store.
        path: PathBuf,
        /// The link to make to the description, which protects it from garbage collection until
        /// the next build of the same container; `None` where nothing can be kept.
        root: Option<PathBuf>,
    },
    /// Its description, at this path in the store.
    Description(PathBuf),
}

/// Asks the store who refers to whom among `paths` and what they need.
///
/// # Errors
/// When Nix is not there or does not know one of the paths.
pub fn references(paths: &[String]) -> Result<References> {
    let mut arguments = vec!["--query".to_owned(), "--graph".to_owned()];
    arguments.extend_from_slice(paths);
    let dot = Nix::find(false, Memory::none())?
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
    /// The image of a registry it builds on, such as `debian:12`.
    #[serde(default, rename = "fromRegistry", skip_serializing_if = "Option::is_none")]
    pub from_registry: Option<String>,
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
            .evaluate(&arguments)
            .map_err(|failure| failure.context(format!("cannot evaluate {}", self.place())))?;
        serde_json::from_str(&json)
            .or_fail(Kind::Internal, || "cannot read the list of containers from Nix")
    }

    /// Builds everything a container's image consists of, and what describes it. Flakes have
    /// images of any make, so theirs are described by their own derivations.
    ///
    /// # Errors
    /// [`Kind::NoInput`] when there is no such container, naming those there are.
    pub fn build(&self, container: &str) -> Result<Built> {
        // Images of one container for several systems do not replace each other.
        let held = match &self.system {
            Some(system) => format!("{container} {system}"),
            None => container.to_owned(),
        };
        let root = roots::path(&self.key(), &held);
        let quoted = nix_string(container);
        let (attribute, link) = match &self.source {
            Source::Project(_) => (
                format!("images.{quoted}.draft"),
                root.as_ref().map(|root| root.with_extension("draft")),
            ),
            Source::Flake(_) => (format!("images.{quoted}"), root.clone()),
        };
        let mut arguments = self.arguments(Some(container))?;
        arguments.extend(["-A".to_owned(), attribute]);
        let failure = match self.nix.build(&arguments, link.as_deref()) {
            Ok(path) => {
                return Ok(match &self.source {
                    Source::Project(_) => Built::Draft { path, root },
                    Source::Flake(_) => Built::Description(path),
                });
            }
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
            known => {
                let doing = || format!("cannot build container `{container}` of {}", self.place());
                let known = known.unwrap_or_default();
                let of_registry =
                    |known: &Container| known.name == container && known.from_registry.is_some();
                if known.iter().any(of_registry)
                    && let Err(damaged) = self.lock()
                {
                    return Err(damaged.context(doing()));
                }
                self.nix.replay();
                Err(failure.context(doing()))
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
        arguments.extend(["-A".to_owned(), attribute]);
        let program = self.nix.build(&arguments, None).map_err(|failure| {
            self.nix.replay();
            failure.context(doing())
        })?;
        let said = Command::new(program)
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

    /// What is written down about the images of registries; nothing for a flake, which Nix reads alone.
    fn lock(&self) -> Result<Lock> {
        match &self.source {
            Source::Project(project) => Lock::read(&project.directory.join(lock::FILE)),
            Source::Flake(_) => Ok(Lock::default()),
        }
    }

    fn arguments(&self, container: Option<&str>) -> Result<Vec<String>> {
        let mut arguments = match &self.source {
            Source::Project(project) => project.arguments(container, &self.nix)?,
            Source::Flake(flake) => flake.arguments(&self.nix)?,
        };
        if let Some(system) = &self.system {
            arguments.extend(["--argstr".to_owned(), "system".to_owned(), system.clone()]);
        }
        Ok(arguments)
    }

    fn place(&self) -> String {
        match &self.source {
            Source::Project(project) => project.place().display().to_string(),
            Source::Flake(flake) => flake.reference.clone(),
        }
    }

    /// What tells the containers of this source from those of others.
    fn key(&self) -> PathBuf {
        match &self.source {
            Source::Project(project) => project.place().to_owned(),
            Source::Flake(flake) => PathBuf::from(&flake.identity),
        }
    }
}
