//! `nix-pull`: gets the image of a registry that a lock file names; Nix checks what comes out.

use std::process::ExitCode;

use serde::Deserialize;

use super::attrs;
use super::copy_arguments::CopyArguments;
use crate::error::Result;
use crate::registry::{Client, Reference, pull};

#[derive(Deserialize)]
struct Attributes {
    reference: String,
    digest: String,
    arch: String,
}

/// Writes an OCI layout to the derivation's output.
pub fn run() -> Result<ExitCode> {
    let (attributes, out) = attrs::read::<Attributes>()?;
    let (reference, _) = Reference::parse_with_digest(&attributes.reference)?;
    let options = CopyArguments::default().registry_options(&reference)?;
    let client = Client::new(reference, options)?;
    pull::pull(&client, &attributes.digest, &attributes.arch, &out)?;
    Ok(ExitCode::SUCCESS)
}
