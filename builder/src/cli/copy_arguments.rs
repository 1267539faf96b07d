//! Arguments of `skopeo copy` that people pass with `--copy-args`: those that are understood here,
//! and those that only skopeo can carry out.

use std::io::BufRead;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Context as _, Failure, Kind, Result};
use crate::registry::retry::Policy;
use crate::registry::{Credentials, Options, Reference};

/// The arguments understood here that are followed by a value.
const WITH_VALUE: [&str; 12] = [
    "--dest-creds",
    "--dest-username",
    "--dest-password",
    "--dest-registry-token",
    "--dest-authfile",
    "--authfile",
    "--dest-cert-dir",
    "--dest-daemon-host",
    "--digestfile",
    "--retry-times",
    "--format",
    "-f",
];

/// Arguments with a value that ask for something about the source: it is a project here, which
/// nobody logs in to.
const ABOUT_THE_SOURCE: [&str; 8] = [
    "--src-authfile",
    "--src-cert-dir",
    "--src-creds",
    "--src-daemon-host",
    "--src-password",
    "--src-registry-token",
    "--src-shared-blob-dir",
    "--src-username",
];

/// Arguments with a value that only skopeo can carry out. They are told from switches, which have
/// none, so that a value is never taken for an argument of its own.
const SKOPEO_WITH_VALUE: [&str; 15] = [
    "--additional-tag",
    "--decryption-key",
    "--dest-compress-format",
    "--dest-compress-level",
    "--dest-shared-blob-dir",
    "--encrypt-layer",
    "--encryption-key",
    "--multi-arch",
    "--policy",
    "--registries.d",
    "--sign-by",
    "--sign-by-sigstore",
    "--sign-by-sigstore-private-key",
    "--sign-identity",
    "--sign-passphrase-file",
];

/// Switches that ask for what is so in any case: nothing is signed, digests do not change, they
/// are known before anything is sent, no policy is read, and the image is one.
const SO_ANYWAY: [&str; 8] = [
    "--insecure-policy",
    "--preserve-digests",
    "--remove-signatures",
    "--dest-precompute-digests",
    "--dest-oci-accept-uncompressed-layers",
    "--all",
    "-a",
    "--src-no-creds",
];

/// Arguments, sorted by who carries them out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopyArguments {
    credentials: Option<String>,
    user: Option<String>,
    password: Option<String>,
    token: Option<String>,
    anonymous: bool,
    authfile: Option<PathBuf>,
    /// The directory of certificates for the registry, or for the engine.
    pub certificates: Option<PathBuf>,
    verify_tls: Option<bool>,
    retries: Option<u32>,
    /// The Docker Engine to copy to, in place of that of `DOCKER_HOST`.
    pub daemon_host: Option<String>,
    /// Where the digest is written to.
    pub digest_file: Option<PathBuf>,
    /// Whether nothing but errors is said.
    pub quiet: bool,
    /// What only skopeo can do, as it was given.
    pub for_skopeo: Vec<String>,
    /// What is understood here and is nothing secret, in a form skopeo takes as well.
    pub also_for_skopeo: Vec<String>,
}

impl CopyArguments {
    /// Reads arguments, each a word of its own.
    ///
    /// # Errors
    /// When one lacks its value or has one that makes no sense, naming it.
    pub fn parse<'a>(given: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut parsed = Self::default();
        let mut words = given.into_iter();
        while let Some(word) = words.next() {
            let (name, joined) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word, None),
            };
            if parsed.switch(name, joined.as_deref())? {
                continue;
            }
            let mut value = || {
                joined.clone().or_else(|| words.next().map(str::to_owned)).ok_or_else(|| {
                    Failure::new(Kind::Usage, format!("copy argument {name} needs a value"))
                })
            };
            if WITH_VALUE.contains(&name) {
                parsed.option(name, value()?)?;
            } else if ABOUT_THE_SOURCE.contains(&name) {
                value()?;
            } else if SKOPEO_WITH_VALUE.contains(&name) {
                let value = value()?;
                parsed.for_skopeo.extend([name.to_owned(), value]);
            } else {
                parsed.for_skopeo.push(word.to_owned());
            }
        }
        Ok(parsed)
    }

    /// Arguments that are on or off; whether `name` is one of them.
    fn switch(&mut self, name: &str, value: Option<&str>) -> Result<bool> {
        if SO_ANYWAY.contains(&name) || name == "--src-tls-verify" {
            return Ok(true);
        }
        if !matches!(name, "--dest-tls-verify" | "--dest-no-creds" | "--quiet" | "-q") {
            return Ok(false);
        }
        let on = match value {
            None | Some("true") => true,
            Some("false") => false,
            Some(other) => {
                return Err(Failure::new(
                    Kind::Usage,
                    format!("copy argument {name} is true or false, not {other}"),
                ));
            }
        };
        match name {
            "--dest-tls-verify" => self.verify_tls = Some(on),
            "--dest-no-creds" => self.anonymous = on,
            _ => self.quiet = on,
        }
        self.also_for_skopeo.push(format!("{name}={on}"));
        Ok(true)
    }

    fn option(&mut self, name: &str, value: String) -> Result<()> {
        let also = format!("{name}={value}");
        match name {
            "--dest-creds" => self.credentials = Some(value),
            "--dest-username" => self.user = Some(value),
            "--dest-password" => self.password = Some(value),
            "--dest-registry-token" => self.token = Some(value),
            "--dest-authfile" | "--authfile" => self.authfile = Some(PathBuf::from(value)),
            "--digestfile" => self.digest_file = Some(PathBuf::from(value)),
            "--dest-cert-dir" => {
                self.certificates = Some(PathBuf::from(value));
                self.also_for_skopeo.push(also);
            }
            "--dest-daemon-host" => {
                self.daemon_host = Some(value);
                self.also_for_skopeo.push(also);
            }
            "--retry-times" => {
                let number = value.parse().map_err(|_| {
                    Failure::new(
                        Kind::Usage,
                        format!("copy argument {name}: `{value}` is no number"),
                    )
                })?;
                self.retries = Some(number);
                self.also_for_skopeo.push(also);
            }
            "--format" | "-f" if value == "oci" => {
                self.also_for_skopeo.push("--format=oci".to_owned());
            }
            // Images are written as OCI has them; another form is skopeo's to make.
            "--format" | "-f" => self.for_skopeo.push(format!("--format={value}")),
            _ => {
                return Err(Failure::new(
                    Kind::Internal,
                    format!("copy argument {name} is known and means nothing"),
                ));
            }
        }
        Ok(())
    }

    /// Takes the password from `input`: its first line.
    ///
    /// # Errors
    /// When there is none to read, it is empty, or no user it could belong to.
    pub fn read_password(&mut self, input: &mut dyn BufRead) -> Result<()> {
        // `--dest-creds=USER` alone names the user as well as `--dest-username` does.
        if let Some(user) = self.credentials.take_if(|credentials| !credentials.contains(':')) {
            self.user = Some(user);
        }
        if self.user.is_none() {
            return Err(Failure::new(Kind::Usage, "a password without a user")
                .hint("add --copy-args --dest-username=USER"));
        }
        let mut line = String::new();
        input.read_line(&mut line).or_fail(Kind::Io, || "cannot read the password")?;
        let password = line.trim_end_matches(['\r', '\n']);
        if password.is_empty() {
            return Err(Failure::new(Kind::Usage, "there is no password on standard input")
                .hint("pipe it in: pass registry | devenv-container copy ... --password-stdin"));
        }
        self.password = Some(password.to_owned());
        Ok(())
    }

    /// Who is copying to `reference`: as the arguments say, otherwise as the files and variables do
    /// in which people keep credentials.
    pub fn credentials(&self, reference: &Reference) -> Result<Credentials> {
        match (&self.credentials, &self.user, &self.token) {
            _ if self.anonymous => Ok(Credentials::Anonymous),
            (Some(text), _, _) => Credentials::parse(text),
            (None, Some(user), _) => Ok(Credentials::Password {
                user: user.clone(),
                password: self.password.clone().unwrap_or_default(),
            }),
            (None, None, Some(token)) => Ok(Credentials::Bearer(token.clone())),
            (None, None, None) => Credentials::find(reference, self.authfile.as_deref()),
        }
    }

    /// How to talk to the registry of `reference`.
    pub fn registry_options(&self, reference: &Reference) -> Result<Options> {
        Ok(Options {
            credentials: self.credentials(reference)?,
            verify_tls: self.verify_tls,
            certificates: self.certificates.clone(),
            policy: Policy { times: self.retries.unwrap_or(5), pause: Duration::from_millis(400) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_people_use_are_understood_in_every_spelling() {
        let expected = CopyArguments {
            credentials: Some("me:x".into()),
            verify_tls: Some(false),
            retries: Some(3),
            digest_file: Some("d".into()),
            also_for_skopeo: vec!["--dest-tls-verify=false".into(), "--retry-times=3".into()],
            ..CopyArguments::default()
        };
        for given in [
            "--dest-creds=me:x --dest-tls-verify=false --retry-times 3 --digestfile=d",
            "--dest-creds me:x --dest-tls-verify=false --retry-times=3 --digestfile d",
            "--all --dest-creds=me:x --dest-tls-verify=false --src-creds a:b --retry-times 3 \
             --src-tls-verify=false --digestfile d --insecure-policy",
        ] {
            assert_eq!(CopyArguments::parse(given.split(' ')).unwrap(), expected, "{given}");
        }
    }

    #[test]
    fn every_flag_with_a_value_takes_it() {
        for name in WITH_VALUE {
            let value = match name {
                "--retry-times" => "1",
                "--format" | "-f" => "oci",
                _ => "a:b",
            };
            let parsed = CopyArguments::parse([name, value]).unwrap();
            assert!(parsed.for_skopeo.is_empty(), "{name}");
        }
    }

    #[test]
    fn what_only_skopeo_can_do_is_kept_for_it_and_holds_no_secret() {
        let given = "--dest-creds me:secret --sign-by KEY --format=v2s2 --dest-decompress \
                     --dest-password secret --dest-registry-token secret --retry-times 2";
        let parsed = CopyArguments::parse(given.split_whitespace()).unwrap();
        assert_eq!(parsed.for_skopeo, ["--sign-by", "KEY", "--format=v2s2", "--dest-decompress"]);
        assert_eq!(parsed.also_for_skopeo, ["--retry-times=2"]);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (given, named) in [
            ("--dest-creds", "needs a value"),
            ("--sign-by", "needs a value"),
            ("--dest-tls-verify=maybe", "maybe"),
            ("--retry-times=x", "`x`"),
        ] {
            let failure = CopyArguments::parse([given]).unwrap_err();
            assert!(failure.to_string().contains(named), "{failure}");
        }
    }

    #[test]
    fn a_password_from_the_input_belongs_to_whoever_is_named() {
        for given in ["--dest-username=me", "--dest-creds=me"] {
            let mut parsed = CopyArguments::parse([given]).unwrap();
            parsed.read_password(&mut &b"pa:ss\n"[..]).unwrap();
            let reference = Reference::parse("registry.example.com/a").unwrap();
            let expected = Credentials::Password { user: "me".into(), password: "pa:ss".into() };
            assert_eq!(parsed.credentials(&reference).unwrap(), expected);
        }
        assert!(CopyArguments::default().read_password(&mut &b"x"[..]).is_err());
        for nothing in [&b""[..], b"\n", b"\r\n"] {
            let mut parsed = CopyArguments::parse(["--dest-username=me"]).unwrap();
            let failure = parsed.read_password(&mut &*nothing).unwrap_err();
            assert_eq!(failure.kind(), Kind::Usage, "{failure}");
        }
    }
}
