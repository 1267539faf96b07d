//! Arguments of `skopeo copy` that people pass with `--copy-args`, understood without skopeo.

use std::io::BufRead;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Context as _, Failure, Kind, Result};
use crate::registry::{Credentials, Options, Reference};

/// The arguments that are followed by a value.
const WITH_VALUE: [&str; 10] = [
    "--dest-creds",
    "--dest-username",
    "--dest-password",
    "--dest-authfile",
    "--authfile",
    "--dest-cert-dir",
    "--digestfile",
    "--retry-times",
    "--format",
    "-f",
];

/// The arguments that mean something here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopyArguments {
    credentials: Option<String>,
    user: Option<String>,
    password: Option<String>,
    anonymous: bool,
    authfile: Option<PathBuf>,
    certificates: Option<PathBuf>,
    skip_verification: bool,
    retries: Option<u32>,
    /// Where the digest is written to.
    pub digest_file: Option<PathBuf>,
    /// Whether nothing but errors is said.
    pub quiet: bool,
}

impl CopyArguments {
    /// Reads arguments, each its own word or several words in one, as in `--copy-args "-a -b"`.
    ///
    /// # Errors
    /// When one is unknown, naming it, or lacks its value.
    pub fn parse<'a>(given: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        Self::from_words(given.into_iter().flat_map(str::split_whitespace))
    }

    /// The same of words that a shell has made: spaces within them are theirs.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut parsed = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let (name, joined) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word, None),
            };
            if parsed.switch(name, joined.as_deref())? {
                continue;
            }
            if !WITH_VALUE.contains(&name) {
                return Err(Failure::new(Kind::Usage, format!("unknown copy argument {name}"))
                    .hint(
                        "for what only skopeo can do, copy to oci:DIR and use skopeo from there",
                    ));
            }
            let value = joined.or_else(|| words.next().map(str::to_owned)).ok_or_else(|| {
                Failure::new(Kind::Usage, format!("copy argument {name} needs a value"))
            })?;
            parsed.option(name, value)?;
        }
        Ok(parsed)
    }

    /// Arguments that are on or off; whether `name` is one of them.
    fn switch(&mut self, name: &str, value: Option<&str>) -> Result<bool> {
        let on = match value {
            None | Some("true") => true,
            Some("false") => false,
            Some(other) if matches!(name, "--dest-tls-verify" | "--dest-no-creds" | "--quiet") => {
                return Err(Failure::new(
                    Kind::Usage,
                    format!("copy argument {name} is true or false, not {other}"),
                ));
            }
            Some(_) => return Ok(false),
        };
        match name {
            "--dest-tls-verify" => self.skip_verification = !on,
            "--dest-no-creds" => self.anonymous = on,
            "--quiet" | "-q" => self.quiet = on,
            // What these ask for is so in any case: nothing is signed, digests do not change, and
            // no policy is read.
            "--insecure-policy" | "--preserve-digests" | "--remove-signatures" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn option(&mut self, name: &str, value: String) -> Result<()> {
        match name {
            "--dest-creds" => self.credentials = Some(value),
            "--dest-username" => self.user = Some(value),
            "--dest-password" => self.password = Some(value),
            "--dest-authfile" | "--authfile" => self.authfile = Some(PathBuf::from(value)),
            "--dest-cert-dir" => self.certificates = Some(PathBuf::from(value)),
            "--digestfile" => self.digest_file = Some(PathBuf::from(value)),
            "--retry-times" => {
                let number = value.parse().map_err(|_| {
                    Failure::new(
                        Kind::Usage,
                        format!("copy argument {name}: `{value}` is no number"),
                    )
                })?;
                self.retries = Some(number);
            }
            "--format" | "-f" if value == "oci" => {}
            "--format" | "-f" => {
                return Err(Failure::new(
                    Kind::Usage,
                    format!("copy argument {name}: images are written as oci, not as {value}"),
                ));
            }
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
    /// When there is none to read, or no user it could belong to.
    pub fn read_password(&mut self, input: &mut dyn BufRead) -> Result<()> {
        if self.user.is_none() {
            return Err(Failure::new(Kind::Usage, "a password without a user")
                .hint("add --copy-args --dest-username=USER"));
        }
        let mut line = String::new();
        input.read_line(&mut line).or_fail(Kind::Io, || "cannot read the password")?;
        self.password = Some(line.trim_end_matches(['\r', '\n']).to_owned());
        Ok(())
    }

    /// How to talk to the registry of `reference`.
    pub fn registry_options(&self, reference: &Reference) -> Result<Options> {
        let credentials = match (&self.credentials, &self.user) {
            _ if self.anonymous => Credentials::Anonymous,
            (Some(text), _) => Credentials::parse(text)?,
            (None, Some(user)) => Credentials::Password {
                user: user.clone(),
                password: self.password.clone().unwrap_or_default(),
            },
            (None, None) => Credentials::find(reference, self.authfile.as_deref())?,
        };
        Ok(Options {
            credentials,
            verify_tls: !self.skip_verification,
            certificates: self.certificates.clone(),
            retries: self.retries.unwrap_or(5),
            pause: Duration::from_millis(400),
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
            skip_verification: true,
            retries: Some(3),
            digest_file: Some("d".into()),
            ..CopyArguments::default()
        };
        for given in [
            vec![
                "--dest-creds=me:x --dest-tls-verify=false",
                "--retry-times",
                "3",
                "--digestfile=d",
            ],
            vec!["--dest-creds", "me:x", "--dest-tls-verify=false --retry-times=3 --digestfile d"],
        ] {
            assert_eq!(CopyArguments::parse(given).unwrap(), expected);
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
            assert!(CopyArguments::parse([name, value]).is_ok(), "{name}");
        }
    }

    #[test]
    fn an_unknown_flag_is_named() {
        for (given, named) in [
            ("--dest-shared-blob-dir x", "--dest-shared-blob-dir"),
            ("--frob", "--frob"),
            ("--dest-creds", "needs a value"),
            ("--dest-tls-verify=maybe", "maybe"),
            ("--format=v2s2", "v2s2"),
            ("--retry-times=x", "`x`"),
        ] {
            let failure = CopyArguments::parse([given]).unwrap_err();
            assert!(failure.to_string().contains(named), "{failure}");
        }
    }
}
