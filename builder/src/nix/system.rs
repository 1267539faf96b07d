//! Which system an image is for, and whether someone can build for it.
//!
//! Images hold Linux. On macOS they are built for Linux on the same processor, which Nix leaves to a
//! builder that runs Linux: another machine, or a virtual one on this machine.

use std::env;
use std::fs;

use crate::error::{Failure, Kind, Result};

/// What Nix is configured to build for, beside this machine's own system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `builders`: builders separated by `;`, or `@` and a file of them.
    builders: String,
    /// `extra-platforms`: what this machine runs besides, as by emulation.
    platforms: Vec<String>,
}

impl Settings {
    /// Reads what `nix show-config` says; a file of builders is read by `read`, which has nothing
    /// to say about one that does not exist.
    pub fn parse(text: &str, read: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name: &str| {
            text.lines().find_map(|line| {
                let (found, value) = line.split_once('=')?;
                (found.trim() == name).then(|| value.trim().to_owned())
            })
        };
        let builders = value("builders").unwrap_or_default();
        let builders = match builders.strip_prefix('@') {
            Some(file) => read(file).unwrap_or_default(),
            None => builders,
        };
        let platforms = value("extra-platforms").unwrap_or_default();
        Self { builders, platforms: platforms.split_whitespace().map(str::to_owned).collect() }
    }

    /// Whether it can be built for `system`.
    fn reach(&self, system: &str) -> bool {
        // The second word of a builder is a list of its systems.
        let of_builders = self.builders.split([';', '\n']).filter_map(|builder| {
            let mut words = builder.split('#').next()?.split_whitespace();
            words.nth(1)
        });
        self.platforms.iter().any(|platform| platform == system)
            || of_builders.flat_map(|systems| systems.split(',')).any(|one| one == system)
    }
}

/// Reads a file of builders.
pub fn read_builders(file: &str) -> Option<String> {
    fs::read_to_string(file).ok()
}

/// This machine's system, in the words of Nix.
pub fn of_this_machine() -> String {
    let os = if env::consts::OS == "macos" { "darwin" } else { env::consts::OS };
    format!("{}-{os}", env::consts::ARCH)
}

/// The system to build for: the one that was asked for, without question; `None` for this machine's
/// own, when that is Linux; otherwise Linux on the same processor. `settings` are only asked for then.
///
/// # Errors
/// [`Kind::Unavailable`] when nobody is known to build for it.
pub fn decide(
    machine: &str,
    asked: Option<&str>,
    settings: impl FnOnce() -> Result<Settings>,
) -> Result<Option<String>> {
    if let Some(asked) = asked {
        return Ok(Some(asked.to_owned()));
    }
    let processor = match machine.rsplit_once('-') {
        Some((processor, os)) if os != "linux" => processor,
        _ => return Ok(None),
    };
    let system = format!("{processor}-linux");
    if settings()?.reach(&system) {
        return Ok(Some(system));
    }
    Err(Failure::new(
        Kind::Unavailable,
        format!("cannot build for {system} on {machine}: Nix has no builder for it"),
    )
    .hint(format!(
        "set one up, such as nix-darwin's `nix.linux-builder.enable = true;`, or a line in \
         /etc/nix/machines; when Nix reaches one in another way: --system {system}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        Settings::parse(text, |file| {
            (file == "/etc/nix/machines").then(|| {
                "# mine\nssh-ng://builder@linux-builder aarch64-linux,i686-linux /key 4 # one\n"
                    .to_owned()
            })
        })
    }

    fn on_a_mac(asked: Option<&str>, text: &str) -> Result<Option<String>> {
        decide("aarch64-darwin", asked, || Ok(settings(text)))
    }

    #[test]
    fn linux_builds_for_itself_and_asks_nobody() {
        let decided = decide("x86_64-linux", None, || panic!("Nix was asked"));
        assert_eq!(decided.unwrap(), None);
    }

    #[test]
    fn a_mac_builds_for_linux_on_its_processor_where_a_builder_does() {
        let linux = Some("aarch64-linux".to_owned());
        for text in [
            "builders = @/etc/nix/machines\nsystem = aarch64-darwin",
            "builders = ssh://a x86_64-linux ; ssh://b aarch64-linux",
            "builders = \nextra-platforms = x86_64-darwin aarch64-linux",
        ] {
            assert_eq!(on_a_mac(None, text).unwrap(), linux, "{text}");
        }
        let intel =
            decide("x86_64-darwin", None, || Ok(settings("builders = ssh://a x86_64-linux")));
        assert_eq!(intel.unwrap().as_deref(), Some("x86_64-linux"));
    }

    #[test]
    fn a_mac_without_a_builder_says_what_is_missing() {
        for text in [
            "",
            "builders = @/etc/nowhere",
            "builders = ssh://a x86_64-linux",
            "builders = ssh://aarch64-linux -",
            "builders = # ssh://a aarch64-linux",
        ] {
            let failure = on_a_mac(None, text).unwrap_err();
            assert_eq!(failure.kind(), Kind::Unavailable, "{text}");
            let said = failure.to_string();
            assert!(said.contains("for aarch64-linux on aarch64-darwin"), "{said}");
            assert!(said.contains("linux-builder") && said.contains("--system"), "{said}");
        }
    }

    #[test]
    fn what_is_asked_for_is_built_without_question() {
        assert_eq!(on_a_mac(Some("x86_64-linux"), "").unwrap().as_deref(), Some("x86_64-linux"));
    }
}
