//! Arguments of `skopeo copy` that people pass with `--copy-args`: those that are understood here,
//! and those that only skopeo can carry out.

use std::io::BufRead;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::compression::CompressionOptions;
use super::skopeo_names::{
    ABOUT_THE_SOURCE, SKOPEO_SWITCHES, SKOPEO_WITH_VALUE, SO_ANYWAY, WITH_VALUE,
};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::manifest::Format;
use crate::image::{Codec, codec};
use crate::registry::client::SILENCE;
use crate::registry::retry::Policy;
use crate::registry::{Credentials, Options, Reference};

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
    /// Whether TLS and a valid certificate are insisted on, where something is said about it.
    pub verify_tls: Option<bool>,
    retries: Option<u32>,
    compression: Option<String>,
    compression_level: Option<u8>,
    /// How manifests in a registry are written.
    pub format: Format,
    /// Whether the image for one platform is asked for in so many words.
    one_platform: bool,
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
    /// Reads arguments, each a word of its own; those that are not known here are asked about at
    /// `others`, which tells whether skopeo has them, and with a value.
    ///
    /// # Errors
    /// When one lacks its value or has one that makes no sense, naming it.
    pub fn parse<'a>(
        given: impl IntoIterator<Item = &'a str>,
        others: &dyn Fn(&str) -> Option<bool>,
    ) -> Result<Self> {
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
            } else if SKOPEO_SWITCHES.contains(&name) {
                parsed.for_skopeo.push(word.to_owned());
            } else if let Some(takes_value) = others(name) {
                if may_be_secret(name) {
                    return Err(Failure::new(
                        Kind::Usage,
                        format!("cannot hand {name} to skopeo without showing it to everybody"),
                    )
                    .hint("give what is secret by a file, where skopeo has such an argument"));
                }
                if takes_value {
                    let value = value()?;
                    parsed.for_skopeo.extend([name.to_owned(), value]);
                } else {
                    parsed.for_skopeo.push(word.to_owned());
                }
            } else {
                return Err(unknown(word));
            }
        }
        Ok(parsed)
    }

    /// The codec that is asked for here, in place of that of the command line's own options.
    ///
    /// # Errors
    /// When those ask for one as well, or there is no such level.
    pub fn codec(&self, options: &CompressionOptions) -> Result<Option<Codec>> {
        let foreign = |word: &String| word.starts_with("--dest-compress-format");
        let asked = self.compression.is_some() || self.compression_level.is_some();
        // The level of a format of skopeo's is none of ours.
        if !asked || self.for_skopeo.iter().any(foreign) {
            return Ok(None);
        }
        if options.given() {
            return Err(Failure::new(
                Kind::Usage,
                "cannot compress both as --compression and as --dest-compress-format say",
            )
            .hint("leave out one of them"));
        }
        let format = self.compression.as_deref().unwrap_or("gzip");
        Codec::new(format, self.compression_level).map(Some)
    }

    /// Checks that the format of manifests has a word for what `codec` makes.
    ///
    /// # Errors
    /// When it has none.
    pub fn check_format(&self, codec: Codec) -> Result<()> {
        self.format.layer(codec.media_type(codec::TAR)).map(drop)
    }

    /// Checks that the platforms asked for are as many as these arguments are about.
    ///
    /// # Errors
    /// When there are several and one is asked for.
    pub fn check_platforms(&self, several: bool) -> Result<()> {
        if several && self.one_platform {
            return Err(Failure::new(
                Kind::Usage,
                "cannot copy --multi-arch=system for several platforms",
            )
            .hint("give one --platform, or leave --multi-arch out"));
        }
        Ok(())
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
            // The words that Go has for it.
            None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => true,
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => false,
            Some(other) => {
                let other = shown(other);
                return Err(Failure::new(
                    Kind::Usage,
                    format!("copy argument {name} is true or false, not {other}"),
                ));
            }
        };
        match name {
            "--dest-tls-verify" => self.verify_tls = Some(on),
            "--dest-no-creds" => self.anonymous = on,
            _ => {
                self.quiet = on;
                return Ok(true);
            }
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
                self.retries = Some(number(name, &value)?);
                self.also_for_skopeo.push(also);
            }
            "--dest-compress-format" if matches!(value.as_str(), "gzip" | "zstd") => {
                self.compression = Some(value);
                self.also_for_skopeo.push(also);
            }
            "--dest-compress-format" => self.for_skopeo.push(also),
            "--dest-compress-level" => {
                self.compression_level = Some(number(name, &value)?);
                self.also_for_skopeo.push(also);
            }
            // The images there are: those for the platforms that were asked for.
            "--multi-arch" if value == "all" => {}
            "--multi-arch" if value == "system" => self.one_platform = true,
            "--multi-arch" => self.for_skopeo.push(also),
            "--format" | "-f" => {
                self.format = Format::parse(&value)?;
                self.also_for_skopeo.push(format!("--format={value}"));
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
    /// When there is none to read, it is empty, or no user it could belong to; or when there is
    /// another one.
    pub fn read_password(&mut self, input: &mut dyn BufRead) -> Result<()> {
        let joined = self.credentials.as_ref().is_some_and(|credentials| credentials.contains(':'));
        for (given, name) in [
            (joined, "--dest-creds"),
            (self.password.is_some(), "--dest-password"),
            (self.token.is_some(), "--dest-registry-token"),
            (self.anonymous, "--dest-no-creds"),
        ] {
            if given {
                return Err(Failure::new(
                    Kind::Usage,
                    format!("cannot log in both as {name} says and with --password-stdin"),
                )
                .hint(
                    "leave out one of them; --dest-creds=USER alone goes with --password-stdin",
                ));
            }
        }
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
        Ok(self.options_as(self.credentials(reference)?))
    }

    /// How to talk to a registry with these credentials.
    pub fn options_as(&self, credentials: Credentials) -> Options {
        Options {
            credentials,
            verify_tls: self.verify_tls,
            certificates: self.certificates.clone(),
            policy: Policy { times: self.retries.unwrap_or(5), pause: Duration::from_millis(400) },
            silence: SILENCE,
        }
    }
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T> {
    value.parse().map_err(|_| {
        let value = shown(value);
        Failure::new(Kind::Usage, format!("copy argument {name}: `{value}` is no such number"))
    })
}

/// Whether the value of an argument that is not known here may be a secret, by its name: that of a
/// file is none.
fn may_be_secret(name: &str) -> bool {
    let is_about = ["cred", "password", "passphrase", "secret", "token"];
    !name.ends_with("-file") && is_about.iter().any(|word| name.contains(word))
}

/// An argument nobody knows. It may be a secret that lost what it belongs to, or hold one.
fn unknown(word: &str) -> Failure {
    if !word.starts_with('-') {
        return Failure::new(Kind::Usage, "a copy argument does not begin with a dash")
            .hint("join a value to what it belongs to, as in --dest-creds=USER:PASSWORD");
    }
    Failure::new(Kind::Usage, format!("unknown copy argument {}", shown(word)))
        .hint("`skopeo copy` takes it by another name, or not at all")
}

/// As much of a word as may be shown: its name.
fn shown(word: &str) -> &str {
    word.split(|c: char| c == '=' || c.is_whitespace()).next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
