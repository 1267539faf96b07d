//! Encryption between this program and an engine, both sides with certificates (Docker's
//! "protect the daemon socket").

use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Who we are and whom we believe: `ca.pem`, `cert.pem` and `key.pem` of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    directory: PathBuf,
}

impl Identity {
    /// The files Docker's client keeps in `directory`.
    pub fn of_directory(directory: PathBuf) -> Self {
        Self { directory }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Encrypts a connection to `address`, a host and a port.
///
/// # Errors
/// When the certificates cannot be used, naming the file. Whether the other side is believed shows
/// when something is sent.
pub fn connect(
    address: &str,
    identity: &Identity,
    stream: TcpStream,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::new(configuration(identity)?), name);
    Ok(StreamOwned::new(connection.map_err(io::Error::other)?, stream))
}

fn configuration(identity: &Identity) -> io::Result<ClientConfig> {
    let authority = identity.file("ca.pem");
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&authority)? {
        roots.add(certificate).map_err(|error| unusable(&authority, error))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots);
    let own = identity.file("cert.pem");
    if !own.exists() {
        return Ok(builder.with_no_client_auth());
    }
    let key = identity.file("key.pem");
    let secret = PrivateKeyDer::from_pem_file(&key).map_err(|error| unusable(&key, error))?;
    builder
        .with_client_auth_cert(certificates(&own)?, secret)
        .map_err(|error| unusable(&own, error))
}

fn certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).map_err(|error| unusable(file, error))?;
    let found: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| unusable(file, error))?;
    // Without this every other side would be one we do not believe, whatever it shows.
    if found.is_empty() { Err(unusable(file, "no certificate in it")) } else { Ok(found) }
}

fn unusable(file: &Path, error: impl std::fmt::Display) -> io::Error {
    let message = format!("cannot use {}: {error}", file.display());
    io::Error::new(io::ErrorKind::InvalidData, message)
}
