//! `nix-pull`: gets the image of a registry that a lock file names; Nix checks what comes out.

use std::process::ExitCode;

use serde::Deserialize;

use super::attrs;
use super::copy_arguments::CopyArguments;
use crate::base::lock::FILE;
use crate::error::{Failure, Kind, Result};
use crate::nix::nar;
use crate::registry::{Client, Reference, pull};

#[derive(Deserialize)]
struct Attributes {
    reference: String,
    digest: String,
    arch: String,
    /// What Nix takes; without it anything is taken.
    #[serde(rename = "outputHash")]
    hash: Option<String>,
}

/// Writes an OCI layout to the derivation's output.
pub fn run() -> Result<ExitCode> {
    let (attributes, out) = attrs::read::<Attributes>()?;
    let (reference, _) = Reference::parse_with_digest(&attributes.reference)?;
    let options = CopyArguments::default().registry_options(&reference)?;
    let client = Client::new(reference, options)?;
    pull::pull(&client, &attributes.digest, &attributes.arch, &out)?;
    // Nix would refuse it as well, and not say what to do.
    let hash = nar::hash(&out)?;
    match attributes.hash {
        Some(expected) if expected != hash => Err(Failure::new(
            Kind::Data,
            format!(
                "{FILE} gives {} the hash {expected}, and {} of it has {hash}",
                attributes.reference, attributes.digest
            ),
        )
        .hint("`devenv-container lock` writes down the hash of the digest")),
        _ => Ok(ExitCode::SUCCESS),
    }
}
