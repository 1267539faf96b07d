//! Whom to believe and what to show: the certificate authorities of this machine, and the files of a
//! directory as Docker and Podman keep one for each registry.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, InconsistentKeys};

use super::trust::{self, Anyone, Trusted};
use crate::error::{Context as _, Failure, Kind, Result};

/// Where systems keep their authorities.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// How to encrypt a connection: whom to believe, unless nobody is to be asked for a certificate that
/// is worth anything (`verify`), and what to show whoever asks for ours.
///
/// # Errors
/// When a file of `directory` cannot be read or used, naming it.
pub fn configuration(directory: Option<&Path>, verify: bool) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = if verify {
        Arc::new(Trusted::new(&authorities(directory)?, &provider)?)
    } else {
        Arc::new(Anyone::new(&provider))
    };
    let own = own(directory, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .or_fail(Kind::Internal, || "cannot encrypt connections")?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(match own {
        Some(own) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own))),
        None => builder.with_no_client_auth(),
    })
}

/// The authorities of this machine (`SSL_CERT_FILE` and `NIX_SSL_CERT_FILE` win) and those of
/// `*.crt` in `directory`.
fn authorities(directory: Option<&Path>) -> Result<Vec<CertificateDer<'static>>> {
    let named = ["SSL_CERT_FILE", "NIX_SSL_CERT_FILE"].iter().find_map(std::env::var_os);
    let bundle = match named {
        Some(file) => Some(PathBuf::from(file)),
        None => BUNDLES.map(PathBuf::from).into_iter().find(|file| file.is_file()),
    };
    // A bundle that is named and not there is no reason to distrust everybody, nor is one broken
    // certificate of many.
    let bundle = bundle.and_then(|file| std::fs::read(file).ok()).unwrap_or_default();
    let mut found: Vec<_> = CertificateDer::pem_slice_iter(&bundle).flatten().collect();
    for file in with_ending(directory, "crt")? {
        found.extend(certificates(&file)?);
    }
    Ok(found)
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
    for entry in std::fs::read_dir(directory).or_fail(Kind::NoInput, doing)? {
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
    std::fs::read(file).or_fail(Kind::NoInput, || format!("cannot read {}", file.display()))
}
