//! A certificate authority of our own, made by `openssl`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::programs::tool;
use super::running;

/// What a certificate is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// To be `127.0.0.1`.
    Server,
    /// To be somebody.
    Client,
    /// To be somebody, as of X.509 version 1: nothing is said about what it is good for.
    Anything,
}

/// `cert.pem` and `key.pem` of a certificate for `127.0.0.1` that nobody else has signed, in
/// `directory`, which is made.
///
/// # Panics
/// When it cannot be made.
pub fn self_signed(directory: &Path) {
    fs::create_dir_all(directory).expect("a directory");
    let path = |name: &str| directory.join(name).display().to_string();
    let subject = ["-x509", "-subj", "/CN=alone", "-addext", "subjectAltName=IP:127.0.0.1"];
    let files = ["-keyout", &path("key.pem"), "-out", &path("cert.pem")];
    openssl(directory, &[&["req"], &NEW[..], &subject, &files].concat());
}

/// An authority, in a directory of its own.
#[derive(Debug)]
pub struct Authority {
    directory: PathBuf,
}

impl Authority {
    /// A new one in `directory`, which is made.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        fs::create_dir_all(&directory).expect("a directory");
        let authority = Self { directory };
        let subject = ["-x509", "-subj", "/CN=tests", "-addext", "keyUsage=critical,keyCertSign"];
        let (key, own) = (authority.path("ca-key.pem"), authority.path("ca.pem"));
        authority
            .openssl(&[&["req"], &NEW[..], &subject, &["-keyout", &key, "-out", &own]].concat());
        authority
    }

    /// The certificate of the authority itself.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// A directory with `ca.pem`, and `cert.pem` and `key.pem` of a new certificate: what Docker's client
    /// and daemon have.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn issue(&self, name: &str, good_for: Use) -> PathBuf {
        let directory = self.directory.join(name);
        fs::create_dir_all(&directory).expect("a directory");
        let path = |name: &str| directory.join(name).display().to_string();
        let extensions = match good_for {
            Use::Server => Some("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n"),
            Use::Client => Some("extendedKeyUsage=clientAuth\n"),
            Use::Anything => None,
        };
        let file = path("extensions");
        let extensions = extensions.map(|text| fs::write(&file, text).expect("room"));
        let extensions = extensions.map_or(vec![], |()| vec!["-extfile", file.as_str()]);
        let subject = format!("/CN={name}");
        let asked = ["-subj", &subject, "-keyout", &path("key.pem"), "-out", &path("request")];
        self.openssl(&[&["req"], &NEW[..], &asked].concat());
        let asked = ["-in", &path("request"), "-out", &path("cert.pem")];
        let signed = ["-CA", &self.path("ca.pem"), "-CAkey", &self.path("ca-key.pem")];
        let sign = ["x509", "-req", "-days", "2", "-CAcreateserial"];
        self.openssl(&[&sign[..], &asked, &signed, &extensions].concat());
        fs::copy(self.file(), directory.join("ca.pem")).expect("a copy");
        directory
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    fn openssl(&self, arguments: &[&str]) {
        openssl(&self.directory, arguments);
    }
}

fn openssl(directory: &Path, arguments: &[&str]) {
    let mut command = Command::new(tool("openssl"));
    let _ = running::run(command.args(arguments).current_dir(directory)).expect_code(0);
}

/// A new key without a password.
const NEW: [&str; 7] =
    ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
