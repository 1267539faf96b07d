//! The certificate authorities of this machine, found as programs written in Go find them.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The variables that name a file of authorities, in place of that of the system.
const FILES: [&str; 2] = ["SSL_CERT_FILE", "NIX_SSL_CERT_FILE"];

/// The variable that names directories of them, with colons in between.
const DIRECTORIES: &str = "SSL_CERT_DIR";

/// Where systems keep all of them in one file.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Where those that have no such file keep each in one of its own.
const FOLDERS: [&str; 2] = ["/etc/ssl/certs", "/etc/pki/tls/certs"];

/// Whom this machine believes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Authorities {
    /// Their certificates, each once.
    pub certificates: Vec<CertificateDer<'static>>,
    /// What to say of something that was named and cannot be read. It is no reason to distrust
    /// everybody else, and it is the reason why somebody is not believed.
    pub unread: Option<String>,
}

impl Authorities {
    /// Those of the environment's variables or, without them, of the system. What is empty says
    /// nothing.
    pub fn of_this_machine() -> Self {
        Self::of(|name| env::var_os(name), &BUNDLES.map(Path::new), &FOLDERS.map(Path::new))
    }

    fn of(
        variable: impl Fn(&str) -> Option<OsString>,
        bundles: &[&Path],
        folders: &[&Path],
    ) -> Self {
        let given = |name: &'static str| {
            let value = variable(name).filter(|value| !value.is_empty())?;
            Some((name, value))
        };
        let mut found = Self::default();
        let named = FILES.into_iter().find_map(given);
        match &named {
            Some((name, file)) => {
                let read = found.read_file(Path::new(file));
                found.note(name, Path::new(file), read);
            }
            None => {
                let bundle = bundles.iter().find(|file| file.is_file());
                let _ = bundle.map(|file| found.read_file(file));
            }
        }
        match given(DIRECTORIES) {
            Some((name, directories)) => {
                for directory in env::split_paths(&directories) {
                    let read = found.read_folder(&directory);
                    found.note(name, &directory, read);
                }
            }
            // A system's one file is made of these.
            None if named.is_none() && found.certificates.is_empty() => {
                for folder in folders {
                    let _ = found.read_folder(folder);
                }
            }
            None => {}
        }
        // Files of a directory are there under several names: their own, and their hashes.
        found.certificates.sort_by(|one, other| one.as_ref().cmp(other.as_ref()));
        found.certificates.dedup();
        found
    }

    fn note(&mut self, name: &str, path: &Path, read: io::Result<()>) {
        if let (Err(error), None) = (read, &self.unread) {
            let path = path.display();
            self.unread = Some(format!(
                "{name} names {path}, which cannot be read ({error}): correct or unset it"
            ));
        }
    }

    /// Adds those of a file; one broken certificate of many is passed over.
    fn read_file(&mut self, file: &Path) -> io::Result<()> {
        let bytes = fs::read(file)?;
        for certificate in CertificateDer::pem_slice_iter(&bytes).flatten() {
            self.certificates.push(certificate);
        }
        Ok(())
    }

    /// Adds those of all files of a directory.
    fn read_folder(&mut self, directory: &Path) -> io::Result<()> {
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(directory)? {
            files.push(entry?.path());
        }
        files.sort();
        let mut unread = None;
        for file in files.iter().filter(|file| !file.is_dir()) {
            if let Err(error) = self.read_file(file) {
                let message = format!("{}: {error}", file.display());
                unread.get_or_insert(io::Error::new(error.kind(), message));
            }
        }
        unread.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text in the form of a certificate; nobody looks what is in it.
    fn pem(content: &str) -> String {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(content);
        format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n")
    }

    struct World(tempfile::TempDir);

    impl World {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            for folder in ["one", "two", "system"] {
                fs::create_dir(directory.path().join(folder)).unwrap();
            }
            for (file, content) in [
                ("own", pem("own")),
                ("nix", pem("nix")),
                ("bundle", pem("bundle")),
                ("one/a.pem", pem("a")),
                ("one/b", pem("b") + &pem("b2")),
                ("two/c", pem("c")),
                ("two/text", "no certificate".to_owned()),
                ("system/s", pem("s")),
            ] {
                fs::write(directory.path().join(file), content).unwrap();
            }
            std::os::unix::fs::symlink("a.pem", directory.path().join("one/0f0f.0")).unwrap();
            Self(directory)
        }

        /// What is found with these variables, in which `/` stands for our directory.
        fn found(&self, variables: &[(&str, &str)], bundle: &str) -> (Vec<String>, Option<String>) {
            let place = |text: &str| text.replace('/', &format!("{}/", self.0.path().display()));
            let found = Authorities::of(
                |name| {
                    let given = variables.iter().find(|(key, _)| *key == name)?;
                    // A colon is in between, and each is a path of its own.
                    let paths: Vec<String> = given.1.split(':').map(place_once(&self.0)).collect();
                    Some(paths.join(":").into())
                },
                &[Path::new(&place(bundle))],
                &[Path::new(&place("/system"))],
            );
            let mut names: Vec<String> = found
                .certificates
                .iter()
                .map(|certificate| String::from_utf8(certificate.to_vec()).unwrap())
                .collect();
            names.sort();
            (names, found.unread)
        }
    }

    fn place_once(directory: &tempfile::TempDir) -> impl Fn(&str) -> String {
        let base = directory.path().display().to_string();
        move |text| text.strip_prefix('/').map_or_else(String::new, |rest| format!("{base}/{rest}"))
    }

    #[test]
    fn files_and_directories_are_read_as_go_does() {
        let world = World::new();
        for (variables, bundle, expected) in [
            (&[][..], "/bundle", &["bundle"][..]),
            (&[], "/none", &["s"]),
            (&[("SSL_CERT_FILE", "/own")], "/bundle", &["own"]),
            (&[("NIX_SSL_CERT_FILE", "/nix")], "/bundle", &["nix"]),
            (&[("SSL_CERT_FILE", "/own"), ("NIX_SSL_CERT_FILE", "/nix")], "/bundle", &["own"]),
            (&[("SSL_CERT_FILE", ""), ("NIX_SSL_CERT_FILE", "/nix")], "/bundle", &["nix"]),
            (&[("SSL_CERT_FILE", ""), ("SSL_CERT_DIR", "")], "/bundle", &["bundle"]),
            (&[("SSL_CERT_DIR", "/one:/two")], "/bundle", &["a", "b", "b2", "bundle", "c"]),
            (&[("SSL_CERT_FILE", "/own"), ("SSL_CERT_DIR", "/two")], "/bundle", &["c", "own"]),
        ] {
            let (found, unread) = world.found(variables, bundle);
            assert_eq!((found, unread), (expected.iter().map(|n| (*n).to_owned()).collect(), None));
        }
    }

    #[test]
    fn what_was_named_and_cannot_be_read_is_told_with_its_variable() {
        let world = World::new();
        std::os::unix::fs::symlink("nowhere", world.0.path().join("two/gone")).unwrap();
        for (name, value, file) in [
            ("SSL_CERT_FILE", "/none", "/none"),
            ("NIX_SSL_CERT_FILE", "/none", "/none"),
            ("SSL_CERT_DIR", "/one:/none", "/none"),
            ("SSL_CERT_DIR", "/two", "/two/gone"),
        ] {
            let (_, unread) = world.found(&[(name, value)], "/bundle");
            let unread = unread.unwrap();
            assert!(unread.starts_with(name) && unread.contains(file), "{unread}");
        }
        // Those beside it count all the same.
        let (found, _) = world.found(&[("SSL_CERT_DIR", "/none:/two")], "/none");
        assert_eq!(found, ["c"]);
    }
}
