//! Which certificates of registries are believed.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::error::{Context as _, Kind, Result};

/// Believes what an authority has signed, and a certificate that is itself among the authorities: a
/// registry's own, signed by nobody else (`openssl req -x509`), which calls itself an authority and
/// which rustls takes for nothing else. Go does the same (crypto/x509, `Certificate.Verify`).
#[derive(Debug)]
pub struct Trusted {
    by_signature: Arc<WebPkiServerVerifier>,
    themselves: Vec<CertificateDer<'static>>,
}

impl Trusted {
    /// Believes the authorities of this `machine`, where it has none at all the ones this program
    /// was built with, and those that are `given` besides.
    ///
    /// # Errors
    /// When none of them can be used.
    pub fn new(
        machine: Vec<CertificateDer<'static>>,
        given: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        if machine.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        let themselves = [machine, given].concat();
        roots.add_parsable_certificates(themselves.iter().cloned());
        let provider = Arc::clone(provider);
        let by_signature = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .or_fail(Kind::Data, || "cannot use the certificate authorities of this machine")?;
        Ok(Self { by_signature, themselves })
    }
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        revocation: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, Error> {
        let verified = self.by_signature.verify_server_cert(own, others, name, revocation, now);
        match verified {
            // This comes up only once its days have been found to be right.
            Err(error) if is_authority(&error) && self.themselves.contains(own) => {
                verify_server_name(&ParsedCertificate::try_from(own)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        self.by_signature.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        self.by_signature.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_signature.supported_verify_schemes()
    }
}

/// Believes every certificate, because its user said so.
#[derive(Debug)]
pub struct Anyone {
    schemes: Vec<SignatureScheme>,
}

impl Anyone {
    /// Believes everybody.
    pub fn new(provider: &CryptoProvider) -> Self {
        Self { schemes: provider.signature_verification_algorithms.supported_schemes() }
    }
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    // Whoever may show any certificate may show one whose key is at hand, so that a signature proves
    // nothing; checking it would only refuse certificates that are too old to be read.
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

/// Whether a certificate was refused because it is of X.509 version 1.
pub fn is_of_old_version(error: &Error) -> bool {
    matches!(cause(error), Some(webpki::Error::UnsupportedCertVersion))
}

/// Whether a certificate was refused because it is that of an authority.
fn is_authority(error: &Error) -> bool {
    matches!(cause(error), Some(webpki::Error::CaUsedAsEndEntity))
}

/// What rustls has no word of its own for.
fn cause(error: &Error) -> Option<&webpki::Error> {
    match error {
        Error::InvalidCertificate(CertificateError::Other(other)) => other.0.downcast_ref(),
        _ => None,
    }
}
