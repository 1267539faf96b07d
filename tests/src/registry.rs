//! A real registry of our own, on a port of this machine, and what it was asked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::programs::tool;
use super::wait;
use super::world::World;

/// The user a registry with a password knows.
pub const USER: &str = "me";
/// The password of [`USER`].
pub const PASSWORD: &str = "secret";
/// [`USER`] and [`PASSWORD`] in the format of Apache's htpasswd (bcrypt, its lowest cost).
const HTPASSWD: &str = "me:$2a$04$dwxvUeLfuAud4d4oa2L8ze0RybXshgf6zZaIK4Cm1DH4AFEyfW0pC\n";

/// A running registry; it ends with this value.
#[derive(Debug)]
pub struct Registry {
    process: Child,
    address: String,
    log: PathBuf,
    blobs: PathBuf,
}

/// One line of what a registry was asked: `PUT`, the path without query, and the status it gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `HEAD`, `PUT` and so on.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// What was answered.
    pub status: u16,
}

impl Registry {
    /// Starts a registry that takes images from everybody.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn open(world: &World) -> Self {
        Self::start(world, "registry", "", "")
    }

    /// Starts a registry that wants [`USER`] and [`PASSWORD`].
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn locked(world: &World) -> Self {
        let file = world.write("locked/htpasswd", HTPASSWD);
        let auth = format!("auth: {{ htpasswd: {{ realm: tests, path: {} }} }}\n", file.display());
        Self::start(world, "locked", "", &auth)
    }

    /// Starts a registry that speaks TLS alone, with `cert.pem` and `key.pem` of a directory; where
    /// there is an authority for `clients`, only with those who show a certificate of it.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn encrypted(world: &World, name: &str, own: &Path, clients: Option<&Path>) -> Self {
        let clients = clients.map(|file| format!(", clientcas: ['{}']", file.display()));
        let tls = format!(
            ", tls: {{ certificate: '{0}/cert.pem', key: '{0}/key.pem'{1} }}",
            own.display(),
            clients.unwrap_or_default(),
        );
        Self::start(world, name, &tls, "")
    }

    #[track_caller]
    fn start(world: &World, name: &str, tls: &str, more: &str) -> Self {
        let blobs = world.path(&format!("{name}/data"));
        let configuration = format!(
            "version: 0.1\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\n\
             http: {{ addr: '127.0.0.1:0'{tls} }}\n{more}",
            blobs.display(),
        );
        let configuration = world.write(&format!("{name}/config.yml"), &configuration);
        let log = world.path(&format!("{name}/log"));
        let out = fs::File::create(&log).expect("a log");
        let process = Command::new(tool("docker-registry"))
            .arg("serve")
            .arg(configuration)
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("a second descriptor"))
            .stderr(out)
            .spawn()
            .expect("docker-registry starts");
        // It chooses a free port itself and tells which.
        let address = wait::until(wait::SOON, "the registry to listen", || {
            let log = fs::read_to_string(&log).ok()?;
            let (_, rest) = log.split_once("listening on ")?;
            Some(rest.split_once(['"', ','])?.0.to_owned())
        });
        Self { process, address, log, blobs }
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The folder in which it keeps what it has.
    #[must_use]
    pub fn data(&self) -> &PathBuf {
        &self.blobs
    }

    /// What it has written down, trouble included.
    ///
    /// # Panics
    /// When its log cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the registry's log")
    }

    /// What it has been asked so far, in the order it answered.
    ///
    /// # Panics
    /// When its log cannot be read.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.log().lines().filter_map(request).collect()
    }

    /// The requests that `act` causes. The registry writes a line only after it has answered, so a
    /// last request of our own is waited for: whatever came before it has its line by then.
    ///
    /// # Panics
    /// When the registry does not answer.
    #[track_caller]
    pub fn requests_of<T>(&self, act: impl FnOnce() -> T) -> (T, Vec<Request>) {
        let before = self.settle("before").len();
        let result = act();
        let mut requests = self.settle("after").split_off(before);
        let _mark = requests.pop();
        (result, requests)
    }

    #[track_caller]
    fn settle(&self, mark: &str) -> Vec<Request> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = format!("/mark-{mark}-{number}");
        let mut stream = std::net::TcpStream::connect(&self.address).expect("the registry answers");
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        std::io::Write::write_all(&mut stream, request.as_bytes()).expect("the registry listens");
        wait::until(wait::SOON, "the registry's log", || {
            let requests = self.requests();
            requests.iter().any(|request| request.path == path).then_some(requests)
        })
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `… "PUT /v2/app/manifests/v1 HTTP/1.1" 201 …`; other lines of the log are not about requests.
fn request(line: &str) -> Option<Request> {
    let (_, rest) = line.split_once("] \"")?;
    let (asked, rest) = rest.split_once("\" ")?;
    let mut words = asked.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let path = target.split('?').next().unwrap_or(target);
    let status = rest.split(' ').next()?.parse().ok()?;
    Some(Request { method: method.to_owned(), path: path.to_owned(), status })
}
