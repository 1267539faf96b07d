//! Which engine is meant: by the environment, by the context Docker's client was told to use, or
//! where engines listen by default.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Endpoint;
use super::tls::Identity;
use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};

/// The context that stands for no context.
const DEFAULT: &str = "default";

/// What the environment says about Docker, as its client understands it.
#[derive(Clone, Debug, Default)]
struct Settings {
    /// `DOCKER_HOST`.
    host: Option<String>,
    /// `DOCKER_CONTEXT`.
    context: Option<String>,
    /// Whether `DOCKER_TLS_VERIFY` is anything.
    verify: bool,
    /// `DOCKER_CERT_PATH`.
    certificates: Option<PathBuf>,
    /// `DOCKER_CONFIG`, or `.docker` in the home directory.
    config: Option<PathBuf>,
}

impl Settings {
    fn of_environment() -> Self {
        let text = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            host: text("DOCKER_HOST"),
            context: text("DOCKER_CONTEXT"),
            verify: text("DOCKER_TLS_VERIFY").is_some(),
            certificates: text("DOCKER_CERT_PATH").map(PathBuf::from),
            config: text("DOCKER_CONFIG")
                .map(PathBuf::from)
                .or_else(|| Some(PathBuf::from(text("HOME")?).join(".docker"))),
        }
    }

    /// Who we are to an engine at an address, where it is to be encrypted.
    fn identity(&self) -> Option<Identity> {
        let directory = || self.certificates.clone().or_else(|| self.config.clone());
        self.verify.then(directory).flatten().map(Identity::of_directory)
    }
}

/// The engine this user means.
///
/// # Errors
/// When it is said in a way that makes no sense, or names a context that does not exist.
pub fn endpoint() -> Result<Endpoint> {
    Ok(named()?.unwrap_or_else(|| usual().0))
}

/// The engine this user has named: with a variable, or with a context that is in use.
///
/// # Errors
/// As for [`endpoint`].
pub fn named() -> Result<Option<Endpoint>> {
    choose(&Settings::of_environment())
}

/// The engine of those who have named none, and what its client calls it: the client knows of one
/// place only.
pub fn usual() -> (Endpoint, String) {
    let socket = default_socket();
    let host = format!("unix://{}", socket.display());
    (Endpoint::Unix(socket), host)
}

/// The engine at an address that was given in place of `DOCKER_HOST`. A TCP address is encrypted
/// with the files in `certificates` where they are given, otherwise where and as the environment has
/// it for `DOCKER_HOST`; `http://` asks for clear text.
///
/// # Errors
/// When the address makes no sense.
pub fn at(host: &str, certificates: Option<&Path>) -> Result<Endpoint> {
    given(host, certificates, &Settings::of_environment())
}

fn given(host: &str, certificates: Option<&Path>, settings: &Settings) -> Result<Endpoint> {
    let identity = match certificates {
        Some(directory) => Some(Identity::of_directory(directory.to_owned())),
        None => settings.identity(),
    };
    Endpoint::parse(host, identity.filter(|_| !host.starts_with("http://")))
}

/// What is said: `DOCKER_HOST` wins, then `DOCKER_CONTEXT`, then the context in use.
fn choose(settings: &Settings) -> Result<Option<Endpoint>> {
    if let Some(host) = &settings.host {
        return Endpoint::parse(host, settings.identity()).map(Some);
    }
    let Some(config) = &settings.config else { return Ok(None) };
    let name = settings.context.clone().or_else(|| in_use(config));
    match name.filter(|name| name != DEFAULT) {
        Some(name) => of_context(config, &name).map(Some),
        None => Ok(None),
    }
}

/// The context `docker context use` has left in the client's configuration.
fn in_use(config: &Path) -> Option<String> {
    let text = fs::read_to_string(config.join("config.json")).ok()?;
    let file: Value = serde_json::from_str(&text).ok()?;
    Some(file.get("currentContext")?.as_str().filter(|name| !name.is_empty())?.to_owned())
}

/// A context is kept under the digest of its name.
fn of_context(config: &Path, name: &str) -> Result<Endpoint> {
    let doing = || format!("cannot use Docker's context {name}");
    let key = Digest::of(name.as_bytes());
    let contexts = config.join("contexts");
    let file = contexts.join("meta").join(key.hex()).join("meta.json");
    let text = fs::read_to_string(&file).map_err(|error| {
        Failure::new(Kind::Unavailable, format!("{}: {}: {error}", doing(), file.display()))
            .hint("`docker context ls` shows those there are")
    })?;
    let meta: Value = serde_json::from_str(&text).or_fail(Kind::Data, doing)?;
    let broken = |why: &str| Failure::new(Kind::Data, format!("{}: {why}", doing()));
    let docker = meta.pointer("/Endpoints/docker").ok_or_else(|| broken("no endpoint in it"))?;
    let host = docker.get("Host").and_then(Value::as_str).ok_or_else(|| broken("no host in it"))?;
    if docker.get("SkipTLSVerify").and_then(Value::as_bool) == Some(true) {
        return Err(broken("it does not say whom to believe (skip-tls-verify)")
            .hint("update the context with `ca=FILE`"));
    }
    let tls = contexts.join("tls").join(key.hex()).join("docker");
    Endpoint::parse(host, tls.is_dir().then(|| Identity::of_directory(tls)))
        .map_err(|failure| failure.context(doing()))
}

/// The system's engine, otherwise the user's own.
fn default_socket() -> PathBuf {
    let system = PathBuf::from("/var/run/docker.sock");
    let rootless = env::var_os("XDG_RUNTIME_DIR")
        .map(|directory| PathBuf::from(directory).join("docker.sock"))
        .filter(|socket| !system.exists() && socket.exists());
    rootless.unwrap_or(system)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(config: &Path, name: &str, host: &str) {
        let directory = config.join("contexts/meta").join(Digest::of(name.as_bytes()).hex());
        fs::create_dir_all(&directory).unwrap();
        let meta = serde_json::json!({"Name": name, "Endpoints": {"docker": {"Host": host}}});
        fs::write(directory.join("meta.json"), meta.to_string()).unwrap();
    }

    #[test]
    fn the_environment_wins_over_the_context_in_use() {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path();
        context(config, "one", "unix:///one");
        context(config, "two", "unix:///two");
        let of = |host: Option<&str>, context: Option<&str>| {
            choose(&Settings {
                host: host.map(str::to_owned),
                context: context.map(str::to_owned),
                config: Some(config.to_owned()),
                ..Settings::default()
            })
        };
        let unix = |path: &str| Some(Endpoint::Unix(path.into()));
        assert_eq!(of(None, None).unwrap(), None);
        fs::write(config.join("config.json"), r#"{"currentContext": "one"}"#).unwrap();
        assert_eq!(of(None, None).unwrap(), unix("/one"));
        assert_eq!(of(None, Some("two")).unwrap(), unix("/two"));
        assert_eq!(of(None, Some("default")).unwrap(), None);
        assert_eq!(of(Some("unix:///h"), Some("two")).unwrap(), unix("/h"));
        assert!(of(None, Some("three")).unwrap_err().to_string().contains("three"));
    }

    #[test]
    fn certificates_are_for_whoever_asks_for_them() {
        let settings = |verify| Settings {
            host: Some("tcp://h".to_owned()),
            verify,
            certificates: Some("/certs".into()),
            ..Settings::default()
        };
        let tls = Endpoint::Tls("h:2376".to_owned(), Identity::of_directory("/certs".into()));
        assert_eq!(choose(&settings(true)).unwrap(), Some(tls));
        assert_eq!(choose(&settings(false)).unwrap(), Some(Endpoint::Tcp("h:2375".to_owned())));

        // So they are at an address that is given in its place, which may bring its own.
        let tls = |directory: &str| {
            Endpoint::Tls("g:2376".to_owned(), Identity::of_directory(directory.into()))
        };
        let own = Some(Path::new("/own"));
        let clear = Endpoint::Tcp("g:2375".to_owned());
        for (host, certificates, verify, expected) in [
            ("tcp://g", None, true, tls("/certs")),
            ("tcp://g", None, false, clear.clone()),
            ("tcp://g", own, false, tls("/own")),
            ("tcp://g", own, true, tls("/own")),
            ("http://g", own, true, clear),
            ("unix:///g", own, true, Endpoint::Unix("/g".into())),
        ] {
            let endpoint = given(host, certificates, &settings(verify)).unwrap();
            assert_eq!(endpoint, expected, "{host} {certificates:?} {verify}");
        }

        // A context has its certificates beside it.
        let directory = tempfile::tempdir().unwrap();
        context(directory.path(), "c", "tcp://h:1");
        let certificates = directory.path().join("contexts/tls").join(Digest::of(b"c").hex());
        let certificates = certificates.join("docker");
        fs::create_dir_all(&certificates).unwrap();
        let settings = Settings {
            context: Some("c".to_owned()),
            config: Some(directory.path().to_owned()),
            ..Settings::default()
        };
        let expected = Endpoint::Tls("h:1".to_owned(), Identity::of_directory(certificates));
        assert_eq!(choose(&settings).unwrap(), Some(expected));
    }
}
