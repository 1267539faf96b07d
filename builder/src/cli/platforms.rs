//! The platforms an image is for: one, or several that go together under one index.

use clap::Args;

use super::common::ProjectArguments;
use crate::error::{Failure, Kind, Result};

/// A kind of machine that images are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Platform {
    /// `linux/amd64`.
    Amd64,
    /// `linux/arm64`.
    Arm64,
}

impl Platform {
    /// The processor in Go's words, as images have it.
    pub fn architecture(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The system in the words of Nix.
    fn system(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-linux",
            Self::Arm64 => "aarch64-linux",
        }
    }

    /// Reads `OS/ARCHITECTURE` or `OS/ARCHITECTURE/VARIANT`, as others write it.
    fn parse(text: &str) -> std::result::Result<Self, String> {
        match text {
            "linux/amd64" => Ok(Self::Amd64),
            // The variant is the only one there is.
            "linux/arm64" | "linux/arm64/v8" => Ok(Self::Arm64),
            _ => Err("there are linux/amd64 and linux/arm64".to_owned()),
        }
    }
}

/// Which platforms.
#[derive(Clone, Debug, Default, Args)]
pub struct PlatformOptions {
    /// What the image is for, linux/amd64 or linux/arm64. Several, with commas between them, are one
    /// index: for build, copy to a registry or an OCI layout or archive, digest, inspect, plan, list and lock
    #[arg(
        long,
        value_name = "PLATFORMS",
        value_delimiter = ',',
        value_parser = Platform::parse,
        conflicts_with = "system",
        global = true
    )]
    platform: Vec<Platform>,
}

impl PlatformOptions {
    /// Each that was asked for, once and in order of their names.
    fn each(&self) -> Vec<Platform> {
        let mut each = self.platform.clone();
        each.sort_unstable();
        each.dedup();
        each
    }

    /// Whether there are several.
    pub fn several(&self) -> bool {
        self.each().len() > 1
    }

    /// The one that was asked for, if any.
    ///
    /// # Errors
    /// When there are several, for what can be done for one only.
    pub fn one(&self) -> Result<Option<Platform>> {
        match self.each().as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(*one)),
            _ => Err(Failure::new(Kind::Usage, "cannot do this for several platforms at once")
                .hint("give --platform a single one")),
        }
    }

    /// The system of the one that was asked for.
    ///
    /// # Errors
    /// As [`PlatformOptions::one`].
    pub fn system(&self) -> Result<Option<&'static str>> {
        Ok(self.one()?.map(Platform::system))
    }
}

impl ProjectArguments {
    /// The same for each of its platforms by itself.
    pub fn for_each_platform(&self) -> Vec<Self> {
        let alone = |platform: Platform| Self {
            platforms: PlatformOptions { platform: vec![platform] },
            ..self.clone()
        };
        match self.platforms.each() {
            none if none.is_empty() => vec![self.clone()],
            each => each.into_iter().map(alone).collect(),
        }
    }

    /// The same for the first of its platforms: for what does not depend on them.
    pub fn for_first_platform(&self) -> Self {
        self.for_each_platform().into_iter().next().unwrap_or_else(|| self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_those_there_are_in_one_order() {
        let options = |texts: &[&str]| PlatformOptions {
            platform: texts.iter().map(|text| Platform::parse(text).unwrap()).collect(),
        };
        let both = options(&["linux/arm64/v8", "linux/amd64", "linux/arm64"]);
        assert_eq!(both.each(), [Platform::Amd64, Platform::Arm64]);
        assert!(both.several() && both.one().is_err());
        let twice = options(&["linux/arm64", "linux/arm64/v8"]);
        assert_eq!(twice.system().unwrap(), Some("aarch64-linux"));
        assert_eq!(options(&[]).system().unwrap(), None);
        for text in ["amd64", "linux/arm", "darwin/arm64", "linux/amd64/v2", ""] {
            assert!(Platform::parse(text).is_err(), "{text}");
        }
    }
}
