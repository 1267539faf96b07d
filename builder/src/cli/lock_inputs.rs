//! The part of `lock` that is about the project's inputs: devenv.lock.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io;
use std::path::Path;

use crate::error::{Context as _, Kind, Result};
use crate::nix::Nix;
use crate::project::{inputs, lock};
use crate::report;
use crate::temporary;

/// Writes down the revisions of inputs that have none yet, and with `update` those of all; says a
/// line about each that is new or another one.
///
/// # Errors
/// When Nix cannot find out a revision, or the file cannot be read or written.
pub fn lock(directory: &Path, nix: &Nix, update: bool) -> Result<()> {
    let inputs = inputs::read(directory)?;
    let wanted = lock::remote(&inputs);
    let known: BTreeSet<&str> = inputs.locked.iter().map(String::as_str).collect();
    if !update && wanted.is_subset(&known) || wanted.is_empty() {
        return Ok(());
    }
    let file = lock::file(directory);
    let before = match fs::read_to_string(&file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(error).or_fail(Kind::Io, || format!("cannot read {}", file.display()));
        }
    };
    // What is written down already stays, unless all is to be found out anew.
    let kept = before.as_deref().filter(|_| !update);
    let after = written(&lock::flake(&inputs), kept, nix)?;
    let old = before.as_deref().map(lock::revisions).transpose()?.unwrap_or_default();
    for (name, revision) in lock::revisions(&after)? {
        if old.get(&name) != Some(&revision) && wanted.contains(name.as_str()) {
            report::line(format_args!("input {name} is at {revision}"))?;
        }
    }
    if before.as_ref() != Some(&after) {
        super::lock::replace(&file, &after)
            .or_fail(Kind::CannotCreate, || format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// The lock that Nix writes for a flake.
fn written(flake: &str, lock: Option<&str>, nix: &Nix) -> Result<String> {
    let folder = temporary::Directory::new_in(&env::temp_dir(), ".devenv-container-")
        .or_fail(Kind::CannotCreate, || "cannot make a temporary directory")?;
    let file = folder.path().join("flake.lock");
    let doing = || format!("cannot write to {}", folder.path().display());
    fs::write(folder.path().join("flake.nix"), flake).or_fail(Kind::CannotCreate, doing)?;
    if let Some(lock) = lock {
        fs::write(&file, lock).or_fail(Kind::CannotCreate, doing)?;
    }
    nix.lock(folder.path())
        .map_err(|failure| failure.context("cannot find out the revisions of inputs"))?;
    fs::read_to_string(&file).or_fail(Kind::Io, || format!("cannot read {}", file.display()))
}
