//! The arguments of `skopeo copy` as flags of our own: whoever is used to them writes them as ever.
//!
//! They become the same words as those of `--copy-args`, for the one parser there is. The verbs that
//! copy nothing do not have them, so that their help stays short.

use clap::error::Error;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

const HEADING: &str = "Options as skopeo copy has them";

/// Flags with a value: name, what the value is, and what it is for.
const WITH_VALUE: [(&str, &str, &str); 10] = [
    (
        "dest-creds",
        "USER[:PASSWORD]",
        "Log in as this user; lists of processes show a password that is given here, and not one of \
         --password-stdin",
    ),
    ("dest-username", "USER", "Log in as this user, with --dest-password or --password-stdin"),
    ("dest-password", "PASSWORD", "Password of --dest-username"),
    ("dest-registry-token", "TOKEN", "Show this token instead of logging in"),
    ("dest-authfile", "FILE", "Credentials, as docker login and podman login leave them"),
    (
        "dest-cert-dir",
        "DIR",
        "Certificates for the registry, or for the engine, and to show to it; of a registry otherwise \
         HOST[:PORT] in ~/.config/containers/certs.d, /etc/containers/certs.d or /etc/docker/certs.d",
    ),
    ("dest-daemon-host", "HOST", "Docker Engine to copy to in place of the usual one"),
    ("digestfile", "FILE", "Write the digest to this file, too"),
    ("retry-times", "NUMBER", "How often to try again what failed for a moment [default: 5]"),
    (
        "format",
        "FORMAT",
        "Manifests as OCI has them (oci) or, in registries, as Docker had them before (v2s2) [default: oci]",
    ),
];

/// Flags that are on or off: name, and what is so when they are on.
const SWITCHES: [(&str, &str); 2] = [
    ("dest-tls-verify", "Trust a registry only by TLS and its certificate [default: true]"),
    ("dest-no-creds", "Do not log in"),
];

/// Flags with a value that change nothing here, or are known by another name as well.
const SILENT_WITH_VALUE: [&str; 9] = [
    "authfile",
    "src-authfile",
    "src-cert-dir",
    "src-creds",
    "src-daemon-host",
    "src-password",
    "src-registry-token",
    "src-shared-blob-dir",
    "src-username",
];

/// Switches that ask for what is so anyway.
const SILENT_SWITCHES: [&str; 8] = [
    "insecure-policy",
    "preserve-digests",
    "remove-signatures",
    "dest-precompute-digests",
    "dest-oci-accept-uncompressed-layers",
    "all",
    "src-no-creds",
    "src-tls-verify",
];

/// The flags that were given, each as `--name=value`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// In the order of the lists, and those of one name in their own.
    pub words: Vec<String>,
}

fn with_value(name: &'static str) -> Arg {
    // What is given twice counts as it was given last, as with skopeo; the parser sees to that.
    Arg::new(name).long(name).action(ArgAction::Append).help_heading(HEADING)
}

fn switch(name: &'static str) -> Arg {
    with_value(name)
        .value_name("BOOL")
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let shown = WITH_VALUE.map(|(name, value, what)| {
            with_value(name).value_name(value).help(what).allow_hyphen_values(true)
        });
        let switches = SWITCHES.map(|(name, what)| switch(name).help(what));
        let silent = SILENT_WITH_VALUE.map(|name| with_value(name).hide(true));
        command
            .args(shown)
            .args(switches)
            .args(silent)
            .args(SILENT_SWITCHES.map(|name| switch(name).hide(true)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for name in names() {
            let values = matches.get_many::<String>(name).into_iter().flatten();
            self.words.extend(values.map(|value| format!("--{name}={value}")));
        }
        Ok(())
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    let shown = WITH_VALUE.iter().map(|(name, ..)| *name);
    let switches = SWITCHES.iter().map(|(name, _)| *name);
    shown.chain(switches).chain(SILENT_WITH_VALUE).chain(SILENT_SWITCHES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::copy_arguments::CopyArguments;

    fn words(given: &[&str]) -> Result<Vec<String>, Error> {
        let command = Flags::augment_args(Command::new("copy").no_binary_name(true));
        let matches = command.try_get_matches_from(given)?;
        Ok(Flags::from_arg_matches(&matches)?.words)
    }

    #[test]
    fn flags_become_the_words_of_copy_args_in_every_spelling() {
        let expected = ["--dest-creds=me:x", "--retry-times=3", "--dest-tls-verify=false"];
        for given in [
            &["--dest-tls-verify=false", "--dest-creds", "me:x", "--retry-times=3"][..],
            &["--retry-times", "3", "--dest-creds=me:x", "--dest-tls-verify=false"],
        ] {
            assert_eq!(words(given).unwrap(), expected, "{given:?}");
        }
        let twice = words(&["--dest-no-creds", "--digestfile=a", "--digestfile", "-b"]).unwrap();
        assert_eq!(twice, ["--digestfile=a", "--digestfile=-b", "--dest-no-creds=true"]);
        assert!(words(&[]).unwrap().is_empty());
        assert!(words(&["--sign-by=x"]).is_err());
    }

    /// Nothing that is offered is left to another program, whose absence would then be an error.
    #[test]
    fn every_flag_is_understood_without_skopeo() {
        for name in names() {
            let value = match name {
                "retry-times" => "1",
                "format" => "oci",
                "dest-tls-verify" | "dest-no-creds" => "true",
                _ => "a",
            };
            let given = words(&[&format!("--{name}={value}")]).unwrap();
            let parsed = CopyArguments::parse(given.iter().map(String::as_str), &|_| None).unwrap();
            assert!(parsed.for_skopeo.is_empty(), "{name}: {parsed:?}");
        }
    }
}
