//! Whom to believe and what to show: the certificate authorities of this machine, and the files of a
//! directory as Docker and Podman keep one for each registry.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, InconsistentKeys};

use super::authorities::Authorities;
use super::client::Options;
use super::reference::Reference;
use super::trust::{self, Anyone, Trusted};
use crate::error::{Context as _, Failure, Kind, Result};

/// Where programs look for the certificates of a registry, below the user's own configuration and in
/// these (containers-certs.d(5) and Docker's documentation).
const OF_SYSTEM: [&str; 2] = ["/etc/containers/certs.d", "/etc/docker/certs.d"];

/// How to encrypt a connection to the registry of `reference`: whom to believe, unless nobody is to be
/// asked for a certificate that is worth anything (`verify`), and what to show whoever asks for ours.
/// With it comes what to say of authorities that were named and could not be read.
///
/// # Errors
/// When a file of the registry's directory cannot be read or used, naming it.
pub fn configuration(
    reference: &Reference,
    options: &Options,
    verify: bool,
) -> Result<(ClientConfig, Option<String>)> {
    let provider = Arc::new(ring::default_provider());
    let found = match options.certificates {
        Some(_) => None,
        None => of_registry(reference.certificates_key(), &places())?,
    };
    let directory = options.certificates.as_deref().or(found.as_deref());
    let mut unread = None;
    let verifier: Arc<dyn ServerCertVerifier> = if verify {
        let machine = Authorities::of_this_machine();
        unread = machine.unread;
        let mut given = Vec::new();
        for file in with_ending(directory, "crt")? {
            given.extend(certificates(&file)?);
        }
        Arc::new(Trusted::new(machine.certificates, given, &provider)?)
    } else {
        Arc::new(Anyone::new(&provider))
    };
    let own = own(directory, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .or_fail(Kind::Internal, || "cannot encrypt connections")?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let configuration = match own {
        Some(own) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own))),
        None => builder.with_no_client_auth(),
    };
    Ok((configuration, unread))
}

/// The directories in which each registry has one of its own, the user's first.
fn places() -> Vec<PathBuf> {
    let named = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let configuration =
        named("XDG_CONFIG_HOME").or_else(|| named("HOME").map(|home| home.join(".config")));
    let own = configuration.map(|place| place.join("containers/certs.d"));
    own.into_iter().chain(OF_SYSTEM.map(PathBuf::from)).collect()
}

/// The first directory of a registry that is there. One that others alone may look into says nothing,
/// as with Podman.
fn of_registry(key: &str, places: &[PathBuf]) -> Result<Option<PathBuf>> {
    for directory in places.iter().map(|place| place.join(key)) {
        match fs::read_dir(&directory) {
            Ok(_) => return Ok(Some(directory)),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::PermissionDenied => {}
                _ => {
                    let doing = || format!("cannot read certificates from {}", directory.display());
                    return Err(error).or_fail(Kind::NoInput, doing);
                }
            },
        }
    }
    Ok(None)
}

/// The certificate to show: the first `*.cert` in `directory` with the `*.key` of the same name,
/// as Docker and Podman have it. Whether it is fit for its purpose is the registry's to judge: those
/// written in Go take certificates of X.509 version 1, too, which hold no purpose at all.
fn own(directory: Option<&Path>, provider: &CryptoProvider) -> Result<Option<CertifiedKey>> {
    let Some(file) = with_ending(directory, "cert")?.into_iter().next() else { return Ok(None) };
    let key_file = file.with_extension("key");
    let chain = certificates(&file)?;
    let unusable = || format!("cannot use {}", key_file.display());
    let key = PrivateKeyDer::from_pem_slice(&read(&key_file)?).or_fail(Kind::Data, unusable)?;
    let key = provider.key_provider.load_private_key(key).or_fail(Kind::Data, unusable)?;
    let own = CertifiedKey::new(chain, key);
    match own.keys_match() {
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            let (file, key_file) = (file.display(), key_file.display());
            let message = format!("cannot use {file}: {key_file} is the key of something else");
            Err(Failure::new(Kind::Data, message))
        }
        Err(error) if trust::is_of_old_version(&error) => Ok(Some(own)),
        Err(error) => Err(error).or_fail(Kind::Data, || format!("cannot use {}", file.display())),
        Ok(()) => Ok(Some(own)),
    }
}

fn with_ending(directory: Option<&Path>, ending: &str) -> Result<Vec<PathBuf>> {
    let Some(directory) = directory else { return Ok(Vec::new()) };
    let doing = || format!("cannot read certificates from {}", directory.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).or_fail(Kind::NoInput, doing)? {
        let path = entry.or_fail(Kind::Io, doing)?.path();
        if path.extension().is_some_and(|extension| extension == ending) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// All certificates of a file somebody put there to be used.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let unusable = || format!("cannot use {}", file.display());
    let bytes = read(file)?;
    let read: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = read.or_fail(Kind::Data, unusable)?;
    if found.is_empty() {
        return Err(Failure::new(Kind::Data, "there is no certificate in it").context(unusable()));
    }
    Ok(found)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).or_fail(Kind::NoInput, || format!("cannot read {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_directory_of_a_registry_counts_alone() {
        let directory = tempfile::tempdir().unwrap();
        let places = ["own", "containers", "docker"].map(|name| directory.path().join(name));
        let key = "r.example:5000";
        let found = || of_registry(key, &places).unwrap();
        assert_eq!(found(), None);
        fs::create_dir_all(places[2].join("r.example")).unwrap();
        assert_eq!(found(), None, "without its port it is another one");
        for place in places.iter().rev() {
            fs::create_dir_all(place.join(key)).unwrap();
            assert_eq!(found(), Some(place.join(key)));
        }
    }
}
