//! Whom to believe: the certificate authorities of this machine, and further ones of a directory.

use std::path::{Path, PathBuf};

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, parse_pem};

use crate::error::{Context as _, Failure, Kind, Result};

/// Where systems keep their authorities.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The authorities of this machine (`SSL_CERT_FILE` and `NIX_SSL_CERT_FILE` win) and those of
/// `*.crt` in `directory`; where there are none at all, the ones this program was built with.
///
/// # Errors
/// When the directory cannot be read.
pub fn authorities(directory: Option<&Path>) -> Result<RootCerts> {
    let named = ["SSL_CERT_FILE", "NIX_SSL_CERT_FILE"].iter().find_map(std::env::var_os);
    let mut files: Vec<PathBuf> = match named {
        Some(file) => vec![PathBuf::from(file)],
        None => {
            BUNDLES.map(PathBuf::from).into_iter().find(|file| file.is_file()).into_iter().collect()
        }
    };
    files.extend(with_ending(directory, "crt")?);
    let mut certificates = Vec::new();
    for file in files {
        // A bundle that is named and not there is no reason to distrust everybody.
        let Ok(pem) = std::fs::read(&file) else { continue };
        certificates.extend(of_pem(&pem));
    }
    Ok(if certificates.is_empty() {
        RootCerts::WebPki
    } else {
        RootCerts::new_with_certs(&certificates)
    })
}

/// The certificate to show: the first `*.cert` in `directory` with the `*.key` of the same name,
/// as Docker and Podman have it.
///
/// # Errors
/// When there is a certificate without a key, or either cannot be read.
pub fn own(directory: Option<&Path>) -> Result<Option<ClientCert>> {
    let Some(file) = with_ending(directory, "cert")?.into_iter().next() else { return Ok(None) };
    let key_file = file.with_extension("key");
    let read = |path: &Path| {
        std::fs::read(path).or_fail(Kind::NoInput, || format!("cannot read {}", path.display()))
    };
    let chain: Vec<Certificate<'static>> = of_pem(&read(&file)?).collect();
    let key = PrivateKey::from_pem(&read(&key_file)?)
        .or_fail(Kind::Data, || format!("cannot use {}", key_file.display()))?;
    if chain.is_empty() {
        return Err(Failure::new(
            Kind::Data,
            format!("cannot use {}: there is no certificate in it", file.display()),
        ));
    }
    Ok(Some(ClientCert::new_with_certs(&chain, key)))
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

fn of_pem(pem: &[u8]) -> impl Iterator<Item = Certificate<'static>> {
    parse_pem(pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    })
}
