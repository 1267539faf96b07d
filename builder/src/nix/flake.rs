//! A flake as arguments of Nix.

use std::path::Path;

use serde::Deserialize;

use super::embedded;
use super::run::{Nix, find};
use crate::error::{Context as _, Kind, Result};

/// What Nix must allow: in the versions people have, flakes are still experimental.
const FEATURES: [&str; 3] = ["--option", "extra-experimental-features", "nix-command flakes"];

/// One flake, ready to be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flake {
    /// As it was asked for: `.` or `github:owner/repo`.
    pub reference: String,
    /// Where it is, whatever its revision.
    pub identity: String,
    /// Where exactly it is, as Nix writes it.
    url: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resolved_url: String,
    url: String,
}

impl Flake {
    /// Finds a flake, and has Nix lock its inputs as any of its own commands would.
    ///
    /// # Errors
    /// When there is no such flake, or when an input cannot be locked.
    pub fn find(nix: &Nix, reference: &str) -> Result<Self> {
        let mut arguments = FEATURES.map(str::to_owned).to_vec();
        arguments.extend(["flake", "metadata", "--json", reference].map(str::to_owned));
        let json = nix
            .command(&arguments)
            .map_err(|failure| failure.context(format!("cannot find the flake {reference}")))?;
        Self::parse(reference, &json)
            .map_err(|failure| failure.context(format!("cannot read about the flake {reference}")))
    }

    /// Reads what `nix flake metadata --json` says.
    fn parse(reference: &str, json: &str) -> Result<Self> {
        let metadata: Metadata =
            serde_json::from_str(json).or_fail(Kind::Internal, || "not what Nix used to say")?;
        Ok(Self {
            reference: reference.to_owned(),
            identity: metadata.resolved_url,
            url: metadata.url,
        })
    }

    /// The file to evaluate and its arguments.
    pub fn arguments(&self, nix: &Nix) -> Result<Vec<String>> {
        let mut arguments = FEATURES.map(str::to_owned).to_vec();
        let file = nix.file(embedded::OUTPUTS)?;
        arguments.push(file.display().to_string());
        arguments.extend(["--argstr".to_owned(), "flake".to_owned(), self.url.clone()]);
        Ok(arguments)
    }
}

impl Nix {
    /// Writes flake.lock for the flake in a folder, keeping what is in it already.
    ///
    /// # Errors
    /// When an input cannot be found.
    pub fn lock(&self, folder: &Path) -> Result<()> {
        let mut arguments = FEATURES.map(str::to_owned).to_vec();
        let flake = format!("path:{}", folder.display());
        arguments.extend(["flake".to_owned(), "lock".to_owned(), flake]);
        self.run_quietly(&find("nix")?, &arguments).map(|_| ())
    }
}

/// Takes `FLAKE#NAME` apart; `None` for a name without a flake.
pub fn split(name: &str) -> Option<(&str, &str)> {
    let (flake, name) = name.split_once('#')?;
    // As for Nix, nothing before the hash is the flake around here.
    Some((if flake.is_empty() { "." } else { flake }, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_of_a_flake_is_named_after_a_hash() {
        assert_eq!(split(".#web"), Some((".", "web")));
        assert_eq!(split("#web"), Some((".", "web")));
        assert_eq!(split("github:o/r?dir=a#web"), Some(("github:o/r?dir=a", "web")));
        assert_eq!(split("./image.json"), None);
    }

    #[test]
    fn a_flake_is_one_flake_at_all_of_its_revisions() {
        let json = r#"{"resolvedUrl": "path:/a", "url": "path:/a?narHash=x", "locks": {}}"#;
        let flake = Flake::parse(".", json).unwrap();
        assert_eq!((flake.identity.as_str(), flake.url.as_str()), ("path:/a", "path:/a?narHash=x"));
        assert!(Flake::parse(".", "{}").is_err());
    }
}
