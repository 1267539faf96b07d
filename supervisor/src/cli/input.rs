//! Which spec is meant, and reading it into a checked plan.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::machine::exit;
use crate::spec::{self, Plan, SpecError};

/// Names the spec where `--spec` is not given.
const VARIABLE: &str = "DEVENV_INIT_SPEC";

/// The spec that was named, by the option or else by the environment.
pub(super) fn named(option: Option<OsString>) -> Option<PathBuf> {
    let variable = || std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
    option.or_else(variable).map(PathBuf::from)
}

/// Reads and checks the spec that was named.
///
/// # Errors
/// None was named, the file cannot be read, or it is wrong.
pub(super) fn plan(option: Option<OsString>) -> Result<Plan, Failure> {
    match named(option) {
        Some(path) => read(&path),
        None => Err(Failure::new(
            exit::USAGE,
            format!("no spec is named\nhint: give --spec FILE or set {VARIABLE}"),
        )),
    }
}

/// Reads and checks a spec.
///
/// # Errors
/// The file cannot be read, or it is wrong.
pub(super) fn read(path: &Path) -> Result<Plan, Failure> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|error| {
        Failure::new(exit::NO_INPUT, format!("cannot read spec {shown}: {error}"))
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        Failure::new(exit::BAD_SPEC, format!("spec {shown} is wrong: not UTF-8: {error}"))
    })?;
    spec::load(&text).map_err(|error| {
        // Several problems stand below each other, a single one on the same line.
        let between = if matches!(&error, SpecError::Problems(_)) { "\n" } else { " " };
        Failure::new(exit::BAD_SPEC, format!("spec {shown} is wrong:{between}{error}"))
    })
}
