//! Options every verb that needs the project has.

use std::env;
use std::path::PathBuf;

use clap::Args;

use crate::assemble;
use crate::cache::Cache;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::{Image, nix2container};
use crate::nix::{Evaluation, Nix};
use crate::project::{self, inputs};

/// Which project, with which packages, for which system.
#[derive(Clone, Debug, Args)]
pub struct ProjectArguments {
    /// Directory of the project; by default the nearest one upwards with a devenv.nix
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Package set to use instead of the project's
    #[arg(long, value_name = "PATH", global = true)]
    pub nixpkgs: Option<PathBuf>,
    /// Program to put into the image as PID 1; by default the one beside this program
    #[arg(long, value_name = "PATH", env = "DEVENV_INIT", global = true)]
    pub init: Option<PathBuf>,
    /// System to build for, such as x86_64-linux; by default this machine's
    #[arg(long, value_name = "SYSTEM", global = true)]
    pub system: Option<String>,
    /// Show what Nix says while it works
    #[arg(long, global = true)]
    pub verbose: bool,
}

impl ProjectArguments {
    /// Finds everything an evaluation needs.
    pub fn evaluation(&self) -> Result<Evaluation> {
        let current =
            env::current_dir().or_fail(Kind::Io, || "cannot find the working directory")?;
        let project = project::find(self.directory.as_deref(), &current)?;
        let mut inputs = inputs::read(&project)?;
        if let Some(path) = &self.nixpkgs {
            let path = path
                .canonicalize()
                .or_fail(Kind::NoInput, || format!("cannot find nixpkgs at {}", path.display()))?;
            inputs.replace("nixpkgs", path);
        }
        let own = env::current_exe().or_fail(Kind::Internal, || "cannot find this program")?;
        let init = match &self.init {
            Some(path) => path.clone(),
            None => own.with_file_name("devenv-init"),
        };
        let init = init.canonicalize().map_err(|error| {
            Failure::new(Kind::NoInput, format!("cannot find {}: {error}", init.display()))
                .hint("put devenv-init beside this program or name it with --init PATH")
        })?;
        Ok(Evaluation {
            nix: Nix::find(self.verbose)?,
            project,
            inputs,
            init,
            own,
            system: self.system.clone(),
        })
    }

    /// The description of a container's image: of the project's, or, when `name` has a slash,
    /// the one in that file.
    pub fn image(&self, name: &str) -> Result<(PathBuf, Image)> {
        if !is_file(name) {
            let evaluation = self.evaluation()?;
            let (draft, root) = evaluation.draft(name)?;
            return assemble::assemble(&evaluation.nix, &draft, &root, &Cache::of_user());
        }
        let file = PathBuf::from(name);
        let doing = || format!("cannot read {}", file.display());
        let text = std::fs::read_to_string(&file).or_fail(Kind::NoInput, doing)?;
        let image = nix2container::parse(&text).map_err(|failure| failure.context(doing()))?;
        Ok((file, image))
    }
}

/// Whether a container was named by the file that describes its image. Names of containers may
/// not hold a slash.
pub fn is_file(name: &str) -> bool {
    name.contains('/')
}
