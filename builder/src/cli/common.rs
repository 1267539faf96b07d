//! Options every verb that needs the project has.

use std::env;
use std::path::{Path, PathBuf};

use clap::Args;

use super::compression::CompressionOptions;
use super::evaluations::EvaluationOptions;
use super::platforms::PlatformOptions;
use crate::assemble;
use crate::cache::Cache;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::{Image, nix2container};
use crate::nix::{self, Built, Evaluation, Flake, Nix, Source, program, system};
use crate::project::{self, inputs};

/// Which project, with which packages, for which system.
#[derive(Clone, Debug, Args)]
pub struct ProjectArguments {
    /// Directory of the project; by default the nearest one upwards with a devenv.nix
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// File that describes the project in place of a devenv.nix
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "directory")]
    pub file: Option<PathBuf>,
    /// Flake with the containers, as in `github:owner/repo`; NAME may be FLAKE#NAME as well
    #[arg(long, value_name = "FLAKE", global = true, conflicts_with_all = ["directory", "file"])]
    pub flake: Option<String>,
    /// Package set to use instead of the project's
    #[arg(long, value_name = "PATH", global = true)]
    pub nixpkgs: Option<PathBuf>,
    /// Program to put into the image as PID 1; by default the one beside this program
    #[arg(long, value_name = "PATH", env = "DEVENV_INIT", global = true)]
    pub init: Option<PathBuf>,
    /// System to build for, such as x86_64-linux; by default this machine's, on macOS that of Linux
    /// on the same processor
    #[arg(long, value_name = "SYSTEM", global = true)]
    pub system: Option<String>,
    /// What the image is for.
    #[command(flatten)]
    pub platforms: PlatformOptions,
    /// Show what Nix says while it works
    #[arg(long, global = true)]
    pub verbose: bool,
    /// Whether what was evaluated before counts.
    #[command(flatten)]
    pub evaluations: EvaluationOptions,
    /// How the image's layers are compressed.
    #[command(flatten)]
    pub compression: CompressionOptions,
}

/// What is asked of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// Its images, which need a program that is PID 1.
    Images,
    /// What its containers are called and build on.
    Names,
}

impl ProjectArguments {
    /// Finds everything an evaluation needs.
    pub fn evaluation(&self) -> Result<Evaluation> {
        self.evaluation_of(self.flake.as_deref(), Purpose::Images)
    }

    /// The same for those who ask for names alone: no image is made, and nothing is needed for one.
    pub fn evaluation_of_names(&self) -> Result<Evaluation> {
        self.evaluation_of(self.flake.as_deref(), Purpose::Names)
    }

    /// Finds where the container called `name` on the command line is described, and what it is
    /// called there.
    pub fn locate<'a>(&self, name: &'a str) -> Result<(Evaluation, &'a str)> {
        match nix::split_flake(name) {
            Some((flake, name)) => Ok((self.evaluation_of(Some(flake), Purpose::Images)?, name)),
            None => Ok((self.evaluation()?, name)),
        }
    }

    fn evaluation_of(&self, flake: Option<&str>, purpose: Purpose) -> Result<Evaluation> {
        let asked = self.platforms.system()?.or(self.system.as_deref());
        let nix = Nix::find(self.verbose, self.evaluations.memory())?;
        let system = system::decide(&system::of_this_machine(), asked, || nix.settings())?;
        let source = match flake {
            Some(reference) => Source::Flake(Flake::find(&nix, reference)?),
            None => Source::Project(self.project(system.as_deref(), purpose)?),
        };
        Ok(Evaluation { nix, source, system })
    }

    /// The directory of the project; `None` for a flake.
    pub fn place(&self) -> Result<Option<PathBuf>> {
        if self.flake.is_some() { Ok(None) } else { Ok(Some(self.found()?.0)) }
    }

    /// The directory of the project, and the file that describes it in place of its devenv.nix.
    fn found(&self) -> Result<(PathBuf, Option<PathBuf>)> {
        let current =
            env::current_dir().or_fail(Kind::Io, || "cannot find the working directory")?;
        match &self.file {
            Some(file) => {
                let (directory, file) = project::of_file(file)?;
                Ok((directory, Some(file)))
            }
            None => Ok((project::find(self.directory.as_deref(), &current)?, None)),
        }
    }

    /// The project, for a system that is not this machine's own when it is given.
    fn project(&self, system: Option<&str>, purpose: Purpose) -> Result<nix::Project> {
        let (directory, file) = self.found()?;
        let mut inputs = inputs::read(&directory)?;
        if let Some(path) = &self.nixpkgs {
            let path = path
                .canonicalize()
                .or_fail(Kind::NoInput, || format!("cannot find nixpkgs at {}", path.display()))?;
            inputs.replace("nixpkgs", path);
        }
        let own = env::current_exe().or_fail(Kind::Internal, || "cannot find this program")?;
        let init = match purpose {
            Purpose::Images => Some(self.program_for_images(&own, system)?),
            Purpose::Names => None,
        };
        Ok(nix::Project { directory, file, inputs, init, own })
    }

    /// The program that is PID 1 in images for a system: the one beside `own`, this program, unless
    /// another one is named.
    fn program_for_images(&self, own: &Path, system: Option<&str>) -> Result<PathBuf> {
        let system = system.map_or_else(system::of_this_machine, str::to_owned);
        let init = match &self.init {
            Some(path) => path.clone(),
            None => {
                let [named, plain] = program::beside(own, "devenv-init", &system);
                if named.exists() { named } else { plain }
            }
        };
        let init = init.canonicalize().map_err(|error| {
            Failure::new(Kind::NoInput, format!("cannot find {}: {error}", init.display()))
                .hint("put devenv-init beside this program or name it with --init PATH")
        })?;
        program::check(&init, &system)?;
        Ok(init)
    }

    /// The description of a container's image: of the project's, of a flake's, or, when `name` has
    /// a slash, the one in that file.
    pub fn image(&self, name: &str) -> Result<(PathBuf, Image)> {
        // A wrong level is told before anything is built.
        let codec = self.compression.codec()?;
        let platform = self.platforms.one()?;
        let (file, image) = self.described(name)?;
        match platform {
            Some(platform) if platform.architecture() != image.architecture => Err(Failure::new(
                Kind::Data,
                format!(
                    "{} is for linux/{} and not for linux/{}",
                    file.display(),
                    image.architecture,
                    platform.architecture()
                ),
            )
            .hint("leave out --platform, or name the container to have it built for that one")),
            _ => Ok((file, image.compressed_by(codec))),
        }
    }

    /// As [`ProjectArguments::image`], for each of the platforms that were asked for.
    ///
    /// # Errors
    /// As there, when a name or a tag depends on the platform, or when `name` is a file, which is
    /// for one of them.
    pub fn images(&self, name: &str) -> Result<(Vec<PathBuf>, Vec<Image>)> {
        if self.platforms.several() && is_file(name) {
            return Err(Failure::new(
                Kind::Usage,
                format!("cannot use {name} for several platforms: it is an image for one"),
            )
            .hint("leave out --platform, or name the container in place of its file"));
        }
        let mut found = (Vec::new(), Vec::new());
        for alone in self.for_each_platform() {
            let (file, image) = alone.image(name)?;
            found.0.push(file);
            found.1.push(image);
        }
        let mut names: Vec<String> = found.1.iter().filter_map(Image::reference).collect();
        names.dedup();
        if names.len() > 1 {
            return Err(Failure::new(
                Kind::Data,
                format!("one index has one name: {}", names.join(", ")),
            )
            .hint("set `name` and `version` of the container to the same on every platform"));
        }
        Ok(found)
    }

    fn described(&self, name: &str) -> Result<(PathBuf, Image)> {
        let file = if is_file(name) {
            PathBuf::from(name)
        } else {
            let (evaluation, name) = self.locate(name)?;
            match evaluation.build(name)? {
                Built::Draft { path, root } => {
                    let cache = Cache::of_user();
                    return assemble::assemble(&evaluation.nix, &path, root.as_deref(), &cache);
                }
                Built::Description(file) if file.is_file() => file,
                Built::Description(_) => {
                    return Err(Failure::new(Kind::Data, format!("{name} is not an image"))
                        .hint("`devenv-container list --flake FLAKE` shows those there are"));
                }
            }
        };
        let doing = || format!("cannot read {}", file.display());
        let text = std::fs::read_to_string(&file).or_fail(Kind::NoInput, doing)?;
        let image = nix2container::parse(&text).map_err(|failure| failure.context(doing()))?;
        Ok((file, image))
    }
}

/// Whether a container was named by the file that describes its image. Names of containers may
/// not hold a slash; what has a hash is of a flake.
pub fn is_file(name: &str) -> bool {
    name.contains('/') && nix::split_flake(name).is_none()
}
