//! Who is pushing: credentials from the command line, from the environment, from Docker's and Podman's
//! files, and from credential helpers. None is ever logged or handed to another program's arguments.
//!
//! The first of these that says something about a registry counts:
//!
//! 1. the command line: credentials, a token, or the one file to look in;
//! 2. `DOCKER_AUTH_CONFIG`, the content of a `config.json`, which for Docker's client, too, comes before
//!    its file, and leaves to the file what it does not speak of;
//! 3. Podman's files: that of `REGISTRY_AUTH_FILE`, `containers/auth.json` in `XDG_RUNTIME_DIR` and in
//!    `XDG_CONFIG_HOME`;
//! 4. `config.json` in `DOCKER_CONFIG`, or in `.docker` of the home directory.

use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::helper;
use super::reference::Reference;
use crate::error::{Context as _, Failure, Kind, Result};

/// The variable that holds credentials itself.
const CONTENT: &str = "DOCKER_AUTH_CONFIG";

/// The variable that names Podman's file.
const NAMED: &str = "REGISTRY_AUTH_FILE";

/// The way out when credentials that may not be needed cannot be had.
pub(super) const WITHOUT: &str = "give others with --copy-args '--dest-creds USER:PASSWORD', or none with \
     --copy-args --dest-no-creds";

/// What to show a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing.
    Anonymous,
    /// User and password.
    Password {
        /// The user's name.
        user: String,
        /// The password or access token.
        password: String,
    },
    /// A token to be exchanged for others (OAuth 2 refresh token).
    Identity(String),
    /// A token that is shown as it is.
    Bearer(String),
}

/// Secrets stay out of debugging output.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::Password { user, .. } => write!(f, "Password({user}, …)"),
            Self::Identity(_) => f.write_str("Identity(…)"),
            Self::Bearer(_) => f.write_str("Bearer(…)"),
        }
    }
}

impl Credentials {
    /// Reads `user:password`.
    ///
    /// # Errors
    /// When there is no colon.
    pub fn parse(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some((user, password)) if !user.is_empty() => {
                Ok(Self::Password { user: user.to_owned(), password: password.to_owned() })
            }
            _ => Err(Failure::new(Kind::Usage, "credentials are written USER:PASSWORD")),
        }
    }

    /// Looks for credentials for `reference` in `file`, or in the environment and in the files Podman
    /// and Docker use.
    ///
    /// # Errors
    /// When a file is named and is not there, or any cannot be read or is broken, or a helper fails.
    /// Going on without would end in a refusal that hides the reason.
    pub fn find(reference: &Reference, file: Option<&Path>) -> Result<Self> {
        if let Some(path) = file {
            let doing = || format!("cannot read {}", path.display());
            let text = fs::read_to_string(path).or_fail(Kind::NoInput, doing)?;
            let found = within(&text, &path.display(), reference)?;
            return Ok(found.unwrap_or(Self::Anonymous));
        }
        if let Some(text) = env::var_os(CONTENT).filter(|text| !text.is_empty()) {
            let text = text.to_str().ok_or("it is not UTF-8");
            let text = text.or_fail(Kind::Data, || format!("cannot use {CONTENT}"))?;
            if let Some(found) = within(text, &CONTENT, reference)? {
                return Ok(found);
            }
        }
        if let Some(path) = variable(NAMED) {
            let doing = || format!("cannot read {}, which {NAMED} names", path.display());
            let text = fs::read_to_string(&path);
            let text = text.or_fail(Kind::NoInput, doing).map_err(|f| f.hint(WITHOUT))?;
            if let Some(found) = within(&text, &path.display(), reference)? {
                return Ok(found);
            }
        }
        for path in default_files() {
            let text = match fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) if is_absence(&error) => continue,
                Err(error) => {
                    let message =
                        format!("cannot read the credentials in {}: {error}", path.display());
                    return Err(Failure::new(Kind::Permission, message).hint(WITHOUT));
                }
            };
            if let Some(found) = within(&text, &path.display(), reference)? {
                return Ok(found);
            }
        }
        Ok(Self::Anonymous)
    }
}

/// What a text of Docker's format, which `name` names, or a helper it refers to says.
fn within(
    text: &str,
    name: &dyn fmt::Display,
    reference: &Reference,
) -> Result<Option<Credentials>> {
    let found = search(text, &reference.credential_keys())
        .map_err(|failure| failure.context(format!("cannot use {name}")))?;
    match found {
        Some(Found::Here(credentials)) => Ok(Some(credentials)),
        Some(Found::Helper { program, key }) => helper::ask(&program, &key),
        None => Ok(None),
    }
}

/// The value of a Basic authorization header (RFC 7617).
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Whether there is no such file, be it for want of its directory.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn default_files() -> Vec<PathBuf> {
    let directory = variable;
    let home = directory("HOME");
    let mut files = Vec::new();
    files.extend(directory("XDG_RUNTIME_DIR").map(|base| base.join("containers/auth.json")));
    files.extend(
        directory("XDG_CONFIG_HOME")
            .or_else(|| home.as_ref().map(|home| home.join(".config")))
            .map(|base| base.join("containers/auth.json")),
    );
    files.extend(
        directory("DOCKER_CONFIG")
            .or_else(|| home.map(|home| home.join(".docker")))
            .map(|base| base.join("config.json")),
    );
    files
}

/// Where credentials were found.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Here(Credentials),
    Helper { program: String, key: String },
}

/// Looks through a file of Docker's format: a helper for one registry, credentials in the file, a
/// helper for all.
fn search(text: &str, keys: &[String]) -> Result<Option<Found>> {
    let file: Value = serde_json::from_str(text).or_fail(Kind::Data, || "not JSON")?;
    let helper = |name: &str, key: &str| {
        Some(Found::Helper { program: format!("docker-credential-{name}"), key: key.to_owned() })
    };
    for key in keys {
        let own = file.get("credHelpers").and_then(|helpers| helpers.get(key)?.as_str());
        if let Some(name) = own {
            return Ok(helper(name, key));
        }
        let Some(entry) = entry(&file, key) else { continue };
        let text = |name: &str| entry.get(name)?.as_str().filter(|text| !text.is_empty());
        if let Some(token) = text("identitytoken") {
            return Ok(Some(Found::Here(Credentials::Identity(token.to_owned()))));
        }
        if let Some(encoded) = text("auth") {
            let broken =
                || Failure::new(Kind::Data, format!("the credentials of {key} are broken"));
            let decoded = STANDARD.decode(encoded.trim()).map_err(|_| broken())?;
            let decoded = String::from_utf8(decoded).map_err(|_| broken())?;
            return Credentials::parse(decoded.trim_end_matches('\0'))
                .map(|credentials| Some(Found::Here(credentials)))
                .map_err(|_| broken());
        }
        if let (Some(user), Some(password)) = (text("username"), text("password")) {
            return Ok(Some(Found::Here(Credentials::Password {
                user: user.to_owned(),
                password: password.to_owned(),
            })));
        }
    }
    let store = file.get("credsStore").and_then(Value::as_str).filter(|name| !name.is_empty());
    let host = keys
        .iter()
        .find(|key| key.starts_with("https://index."))
        .or_else(|| keys.iter().find(|key| !key.contains('/')));
    Ok(store.zip(host).and_then(|(name, key)| helper(name, key)))
}

/// What `auths` holds under a key: as it is or, of a host, as the address of an interface of its, which
/// is how `docker login` used to write it and still reads it (`https://HOST/v1/`).
fn entry<'a>(file: &'a Value, key: &str) -> Option<&'a Value> {
    let auths = file.get("auths")?.as_object()?;
    let host_of = |written: &'a String| {
        let rest = written.strip_prefix("https://").or_else(|| written.strip_prefix("http://"))?;
        rest.split('/').next()
    };
    auths.get(key).or_else(|| {
        auths.iter().find(|(written, _)| host_of(written) == Some(key)).map(|(_, entry)| entry)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Vec<String> {
        Reference::parse("registry.example.com/me/app").unwrap().credential_keys()
    }

    #[test]
    fn files_of_docker_and_podman_are_understood() {
        let here = |user: &str, password: &str| {
            Found::Here(Credentials::Password { user: user.into(), password: password.into() })
        };
        for (file, expected) in [
            (
                r#"{"auths": {"registry.example.com": {"auth": "bWU6cGE6c3M="}}}"#,
                Some(here("me", "pa:ss")),
            ),
            (
                r#"{"auths": {"registry.example.com": {"auth": "bWU6eA=="}, "registry.example.com/me": {"auth": "eW91Onk="}}}"#,
                Some(here("you", "y")),
            ),
            (
                r#"{"auths": {"registry.example.com": {"identitytoken": "t"}}}"#,
                Some(Found::Here(Credentials::Identity("t".into()))),
            ),
            (
                r#"{"auths": {"registry.example.com": {}}, "credsStore": "pass"}"#,
                Some(Found::Helper {
                    program: "docker-credential-pass".into(),
                    key: "registry.example.com".into(),
                }),
            ),
            (
                r#"{"credHelpers": {"registry.example.com": "gh"}, "credsStore": "pass"}"#,
                Some(Found::Helper {
                    program: "docker-credential-gh".into(),
                    key: "registry.example.com".into(),
                }),
            ),
            (
                r#"{"auths": {"https://registry.example.com/v1/": {"auth": "bWU6eA=="}}}"#,
                Some(here("me", "x")),
            ),
            (
                r#"{"auths": {"http://registry.example.com": {"auth": "bWU6eA=="}}}"#,
                Some(here("me", "x")),
            ),
            (
                r#"{"auths": {"http://registry.example.com": {"auth": "bWU6eA=="},
                              "registry.example.com": {"auth": "eW91Onk="}}}"#,
                Some(here("you", "y")),
            ),
            (r#"{"auths": {"https://registry.example.com.evil/": {"auth": "bWU6eA=="}}}"#, None),
            (r#"{"auths": {"other": {"auth": "bWU6eA=="}}}"#, None),
        ] {
            assert_eq!(search(file, &keys()).unwrap(), expected, "{file}");
        }
        assert!(search(r#"{"auths": {"registry.example.com": {"auth": "%%"}}}"#, &keys()).is_err());
    }

    #[test]
    fn secrets_do_not_show() {
        let credentials = Credentials::parse("me:secret").unwrap();
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
