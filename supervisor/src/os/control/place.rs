//! Where the control socket is: one list of places, for the supervisor that binds the first it can
//! have and for the client that looks for it. Only `XDG_RUNTIME_DIR` is not an init's.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, UnixAddr, socket};

/// Names the socket where `--control` is not given.
pub const VARIABLE: &str = "DEVENV_INIT_CONTROL";

const NAME: &str = "devenv-init";

/// How often a directory is tried to be locked: a start must not hang on somebody who keeps it.
const LOCK_TRIES: u32 = 20;

/// How long to wait between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// One place for a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A socket file.
    File(PathBuf),
    /// A name in the network namespace (`unix(7)`, abstract addresses), which needs no file system
    /// that can be written to.
    Abstract(Vec<u8>),
}

impl Place {
    /// From what a person wrote: a path, or `@` and a name. `None` for `none`.
    #[must_use]
    pub fn parse(text: &OsStr) -> Option<Self> {
        match text.as_bytes() {
            b"none" => None,
            [b'@', name @ ..] => Some(Self::Abstract(name.to_vec())),
            _ => Some(Self::File(PathBuf::from(text))),
        }
    }

    /// Connects to whoever listens there, without waiting for room in its queue.
    ///
    /// # Errors
    /// Nobody does, or we may not; `WouldBlock` when somebody does who has no room left.
    pub fn connect(&self) -> io::Result<UnixStream> {
        let address = match self {
            Self::File(path) => UnixAddr::new(path.as_path()),
            Self::Abstract(name) => UnixAddr::new_abstract(name),
        }?;
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        socket::connect(socket.as_raw_fd(), &address)?;
        let stream = UnixStream::from(socket);
        stream.set_nonblocking(false)?;
        Ok(stream)
    }

    fn bind(&self) -> io::Result<UnixListener> {
        match self {
            Self::File(path) => {
                let listener = UnixListener::bind(path)?;
                // Until then others could have connected, which their credentials do not allow.
                std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
                Ok(listener)
            }
            Self::Abstract(name) => UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?),
        }
    }

    /// Keeps all other supervisors from this place as long as it lasts; `None` where its directory
    /// cannot be locked. It is the directory itself that is locked, so that no file is left behind.
    fn lock(&self) -> Option<Flock<File>> {
        let Self::File(path) = self else { return None };
        let directory = path.parent().filter(|path| !path.as_os_str().is_empty());
        let mut file = File::open(directory.unwrap_or(Path::new("."))).ok()?;
        for _ in 0..LOCK_TRIES {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(locked) => return Some(locked),
                Err((back, Errno::EWOULDBLOCK)) => file = back,
                Err(_) => return None,
            }
            // Others hold it no longer than it takes to make a socket.
            std::thread::sleep(LOCK_PAUSE);
        }
        None
    }

    /// Whether a socket file lies there that nobody listens to any more.
    fn is_stale(&self) -> bool {
        let Self::File(path) = self else { return false };
        let is_socket =
            std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
        let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        is_socket && self.connect().err().is_some_and(refused)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Abstract(name) => write!(f, "@{}", String::from_utf8_lossy(name)),
        }
    }
}

/// The places to try, in their order: the one that was named, or else those that can be had in
/// some container or other. None when `none` was named.
///
/// An init leaves `XDG_RUNTIME_DIR` alone: a variable of the image may name a directory that is
/// some user's, while everybody who looks for an init knows `/run`.
#[must_use]
pub fn places(named: Option<&OsStr>, runtime_dir: Option<&OsStr>, is_init: bool) -> Vec<Place> {
    if let Some(named) = named {
        return Place::parse(named).into_iter().collect();
    }
    let runtime_dir = runtime_dir.filter(|dir| !is_init && Path::new(dir).is_absolute());
    let directories = runtime_dir.into_iter().chain(["/run", "/dev/shm", "/tmp"].map(OsStr::new));
    let file = |dir: &OsStr| Place::File(Path::new(dir).join(format!("{NAME}.sock")));
    directories.map(file).chain([Place::Abstract(NAME.into())]).collect()
}

/// The places to try, by the option, the environment and who we are.
#[must_use]
pub fn usual(option: Option<&OsStr>, is_init: bool) -> Vec<Place> {
    let set = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let variable = set(VARIABLE);
    let runtime_dir = set("XDG_RUNTIME_DIR");
    places(option.or(variable.as_deref()), runtime_dir.as_deref(), is_init)
}

/// A socket that listens. Its file is removed with it.
#[derive(Debug)]
pub struct Socket {
    /// Accepts connections; does not block.
    pub listener: UnixListener,
    file: Option<(PathBuf, u64, u64)>,
}

impl Socket {
    /// Listens at the first place that can be had; `Ok(None)` when there are none to try. Besides, a
    /// sentence where another supervisor has a place that people would look at first.
    ///
    /// # Errors
    /// None of them could be had: each with its reason.
    pub fn listen(places: &[Place]) -> Result<(Option<Self>, Option<String>), String> {
        let mut reasons = Vec::new();
        let mut taken = None;
        for place in places {
            match Self::at(place) {
                Ok(socket) => {
                    let told = taken.map(|taken: &Place| {
                        format!(
                            "another supervisor listens at {taken}, this one at {place}: reach it by \
                             --control {place}"
                        )
                    });
                    return Ok((Some(socket), told));
                }
                Err(error) => {
                    let in_use = error.kind() == io::ErrorKind::AddrInUse;
                    taken = taken.or(in_use.then_some(place));
                    reasons.push(format!("{place}: {error}"));
                }
            }
        }
        if reasons.is_empty() { Ok((None, None)) } else { Err(reasons.join("; ")) }
    }

    fn at(place: &Place) -> io::Result<Self> {
        // Two that start at the same time must not take each other's fresh socket for a stale one: it
        // answers only some time after its file is there.
        let locked = place.lock();
        let listener = match place.bind() {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse
                    && locked.is_some()
                    && place.is_stale() =>
            {
                if let Place::File(path) = place {
                    std::fs::remove_file(path)?;
                }
                place.bind()
            }
            other => other,
        }?;
        drop(locked);
        listener.set_nonblocking(true)?;
        let file = match place {
            Place::File(path) => {
                let file = std::fs::symlink_metadata(path)?;
                // A relative path must still be ours when the directory has changed.
                Some((std::path::absolute(path)?, file.dev(), file.ino()))
            }
            Place::Abstract(_) => None,
        };
        Ok(Self { listener, file })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let Some((path, dev, ino)) = &self.file else { return };
        let same = |file: std::fs::Metadata| (file.dev(), file.ino()) == (*dev, *ino);
        // Another supervisor may have put its own there, after somebody removed ours.
        if std::fs::symlink_metadata(path).is_ok_and(same) {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(named: Option<&str>, runtime_dir: Option<&str>, is_init: bool) -> Vec<String> {
        let places = places(named.map(OsStr::new), runtime_dir.map(OsStr::new), is_init);
        places.iter().map(Place::to_string).collect()
    }

    #[test]
    fn the_places_depend_on_who_we_are_and_what_was_named() {
        let usual = ["/run", "/dev/shm", "/tmp"].map(|dir| format!("{dir}/devenv-init.sock"));
        let usual: Vec<String> = usual.into_iter().chain(["@devenv-init".to_owned()]).collect();
        let mut with_runtime_dir = vec!["/run/user/1/devenv-init.sock".to_owned()];
        with_runtime_dir.extend(usual.clone());
        assert_eq!(shown(None, None, false), usual);
        assert_eq!(shown(None, Some("/run/user/1"), false), with_runtime_dir);
        assert_eq!(shown(None, Some("/run/user/1"), true), usual);
        assert_eq!(shown(None, Some("relative"), false), usual);
        assert_eq!(shown(Some("/a/b"), Some("/run/user/1"), false), ["/a/b"]);
        assert_eq!(shown(Some("@name"), None, true), ["@name"]);
        assert_eq!(shown(Some("none"), None, true), [""; 0]);
    }

    #[test]
    fn a_stale_file_is_replaced_and_a_living_one_is_not() {
        let directory = std::env::temp_dir().join(format!("place-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let (path, other) = (directory.join("socket"), directory.join("other"));
        let places = [Place::File(path.clone()), Place::File(other.clone())];
        // The standard library leaves the file behind, as a supervisor does that was killed.
        drop(UnixListener::bind(&path).expect("a socket"));
        let (first, told) = Socket::listen(&places).expect("a place");
        assert!(first.is_some() && told.is_none(), "{told:?}");
        let mode = std::fs::metadata(&path).expect("the file").mode();
        assert_eq!(mode & 0o777, 0o600);
        let (second, told) = Socket::listen(&places).expect("a place");
        let told = told.expect("the first place is another's");
        assert!(told.contains("socket, this one at") && told.ends_with("other"), "{told}");
        assert!(other.exists(), "the first place answers, so the second was taken");
        let error = Socket::listen(&places).expect_err("both are taken");
        assert!(error.contains("socket: ") && error.contains("other: "), "{error}");
        drop((first, second));
        assert!(!path.exists() && !other.exists());
        std::fs::write(&path, "no socket").expect("a file");
        assert!(Socket::listen(&places[..1]).is_err());
        assert!(path.exists(), "a file of somebody else is left alone");
        std::fs::remove_dir_all(&directory).expect("it can be removed");
    }
}
