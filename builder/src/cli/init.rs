//! `init`: adds what a folder lacks to be a project.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::common::ProjectArguments;
use crate::error::{Context as _, Kind, Result};
use crate::nix::{self, Nix};
use crate::project::init::{Found, Step, Wishes, is_unlocked, plan};
use crate::project::inputs;
use crate::remembered::Memory;
use crate::report;

/// What to add.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Have the command line of devenv make these images, too, by our module from here, as in
    /// path:/somewhere/devenv-init
    #[arg(long, value_name = "URL")]
    module: Option<String>,
}

/// Says a line about each file.
pub fn run(arguments: &Arguments, project: &ProjectArguments) -> Result<ExitCode> {
    let directory = match &project.directory {
        Some(directory) => directory.clone(),
        None => PathBuf::from("."),
    };
    let directory = fs::canonicalize(&directory)
        .or_fail(Kind::NoInput, || format!("cannot open {}", directory.display()))?;
    let nixpkgs = project.nixpkgs.as_deref().map(url_of).transpose()?;
    let wishes = Wishes { nixpkgs, module: arguments.module.clone() };
    let steps = plan(&look(&directory)?, &wishes, nix::TEMPLATE)
        .map_err(|failure| failure.context(format!("cannot prepare {}", directory.display())))?;
    for step in &steps {
        report::line(format_args!("{}", carry_out(&directory, step)?))?;
    }
    if is_unlocked(&steps) {
        eprintln!(
            "inputs.nixpkgs is not locked yet: run `devenv-container lock`, or give --nixpkgs PATH"
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn look(directory: &Path) -> Result<Found> {
    let yaml = directory.join("devenv.yaml");
    let devenv_yaml = match fs::read_to_string(&yaml) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(error).or_fail(Kind::Io, || format!("cannot read {}", yaml.display()));
        }
    };
    let locked = inputs::read_locked(directory)?.contains("nixpkgs");
    Ok(Found {
        name: directory
            .file_name()
            .map_or_else(|| "app".to_owned(), |name| name.to_string_lossy().into_owned()),
        devenv_nix: directory.join("devenv.nix").exists(),
        devenv_yaml,
        packages: locked || Nix::find(false, Memory::none()).is_ok_and(|nix| nix.finds("nixpkgs")),
    })
}

/// A folder of packages as devenv.yaml names it.
fn url_of(path: &Path) -> Result<String> {
    let current = env::current_dir().or_fail(Kind::Io, || "cannot find the working directory")?;
    let path = fs::canonicalize(current.join(path))
        .or_fail(Kind::NoInput, || format!("cannot find nixpkgs at {}", path.display()))?;
    Ok(format!("path:{}", path.display()))
}

/// Does one step and says so.
fn carry_out(directory: &Path, step: &Step) -> Result<String> {
    match step {
        Step::Create { file, text } => {
            let path = directory.join(file);
            let doing = || format!("cannot create {}", path.display());
            // Whoever made it in the meantime keeps it.
            let mut created = fs::File::create_new(&path).or_fail(Kind::CannotCreate, doing)?;
            created.write_all(text.as_bytes()).or_fail(Kind::Io, doing)?;
            Ok(format!("{file} is created"))
        }
        Step::Extend { file, text, added } => {
            let path = directory.join(file);
            let doing = || format!("cannot add lines to {}", path.display());
            // All at once, so that nobody ever sees a part of it.
            let permissions = fs::metadata(&path).or_fail(Kind::Io, doing)?.permissions();
            let mut new =
                tempfile::NamedTempFile::new_in(directory).or_fail(Kind::CannotCreate, doing)?;
            new.write_all(text.as_bytes()).or_fail(Kind::Io, doing)?;
            fs::set_permissions(new.path(), permissions).or_fail(Kind::Io, doing)?;
            new.persist(&path).or_fail(Kind::CannotCreate, doing)?;
            Ok(format!("{file} has more lines: {}", added.join(", ")))
        }
        Step::Keep { file } => Ok(format!("{file} is there, nothing to add")),
    }
}
