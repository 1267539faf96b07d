//! `nix-image`: digests the layers of a draft and writes the image's description.
//!
//! In the sandbox there is no cache, so every layer is read. The other verbs finish a draft
//! outside of it; both come to the same bytes.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Deserialize;

use super::attrs;
use crate::cache::Cache;
use crate::error::{Context as _, Kind, Result};
use crate::image::draft::Draft;
use crate::image::nix2container;

#[derive(Deserialize)]
struct Attributes {
    draft: PathBuf,
}

/// Writes the image's description to the derivation's output.
pub fn run() -> Result<ExitCode> {
    let (attributes, out) = attrs::read::<Attributes>()?;
    let draft = attributes.draft;
    let text = fs::read_to_string(&draft)
        .or_fail(Kind::NoInput, || format!("cannot read {}", draft.display()))?;
    let image = Draft::parse(&text)?.digest(&Cache::none())?;
    fs::write(&out, nix2container::write(&image)?)
        .or_fail(Kind::CannotCreate, || format!("cannot write {}", out.display()))?;
    Ok(ExitCode::SUCCESS)
}
