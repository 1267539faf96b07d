//! Sockets that listen for processes, made once and kept over their restarts: whoever connects
//! while a process is starting again waits instead of being turned away.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};

use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::{Mode, umask};

use super::environment::Variables;
use crate::spec::settings::{Address, Listen};
use crate::spec::{Process, ProcessId};

/// Variables that say what was passed on (`sd_listen_fds(3)`).
const COUNT: &str = "LISTEN_FDS";
const NAMES: &str = "LISTEN_FDNAMES";
/// The variable for the id of the process they are meant for, which only that process can fill in.
pub const OWNER: &str = "LISTEN_PID";

/// Where our own descriptors of sockets begin: above every place a process gets one at.
const ABOVE: RawFd = 128;

/// Every socket that was made so far.
#[derive(Debug, Default)]
pub struct Sockets {
    /// By the first replica of a process; all of them share its sockets.
    of: HashMap<ProcessId, Vec<Socket>>,
}

#[derive(Debug)]
struct Socket {
    descriptor: OwnedFd,
    /// The file it is at, as it was made; removed at the end.
    file: Option<File>,
}

/// A file by its name and by what tells it from another one that took the name later.
#[derive(Debug)]
struct File {
    path: String,
    device: u64,
    inode: u64,
}

impl Sockets {
    /// The descriptors of a process's sockets, which are made if they are not there yet.
    ///
    /// # Errors
    /// A sentence for people that names the address.
    pub fn of(&mut self, id: ProcessId, process: &Process) -> Result<Vec<RawFd>, String> {
        let first = ProcessId((id.0 + 1).saturating_sub(process.replica));
        let sockets = match self.of.entry(first) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(place) => {
                // All or none: those that were made are closed when one of them cannot be.
                let made: Result<Vec<Socket>, String> =
                    process.settings.listen.iter().map(make).collect();
                place.insert(made?)
            }
        };
        Ok(sockets.iter().map(|socket| socket.descriptor.as_raw_fd()).collect())
    }
}

/// Tells a process of its sockets; which process that is, is for [`OWNER`] to say.
pub fn announce(sockets: &[Listen], variables: &mut Variables) {
    if !sockets.is_empty() {
        let names: Vec<&str> = sockets.iter().map(|socket| socket.name.as_str()).collect();
        variables.insert(COUNT.into(), sockets.len().to_string().into());
        variables.insert(NAMES.into(), names.join(":").into());
    }
}

fn make(wanted: &Listen) -> Result<Socket, String> {
    let made = match &wanted.address {
        Address::Tcp(address) => tcp(*address, wanted.backlog),
        Address::Unix { path, mode } => unix(path, *mode, wanted.backlog),
    };
    made.map_err(|error| {
        let why = error
            .raw_os_error()
            .map_or_else(|| error.to_string(), |number| Errno::from_raw(number).desc().to_owned());
        format!("cannot listen on {} ({}): {why}", wanted.address, wanted.name)
    })
}

fn tcp(address: SocketAddr, backlog: u16) -> io::Result<Socket> {
    // With SO_REUSEADDR: connections of a supervisor that has just ended must not keep the port.
    let descriptor = ours(TcpListener::bind(address)?.into(), backlog)?;
    Ok(Socket { descriptor, file: None })
}

fn unix(path: &str, mode: u16, backlog: u16) -> io::Result<Socket> {
    // Nobody may connect before the permissions are those that were asked for.
    let before = umask(Mode::from_bits_truncate(0o777));
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            remove_stale(path).and_then(|()| UnixListener::bind(path))
        }
        other => other,
    };
    umask(before);
    let descriptor = ours(listener?.into(), backlog)?;
    let metadata = fs::symlink_metadata(path)?;
    let file = File { path: path.to_owned(), device: metadata.dev(), inode: metadata.ino() };
    let socket = Socket { descriptor, file: Some(file) };
    fs::set_permissions(path, fs::Permissions::from_mode(u32::from(mode)))?;
    Ok(socket)
}

/// Removes a socket's file that nobody listens at any more. Anything else stays: a socket that is
/// answered belongs to somebody, and another kind of file is not ours to remove.
fn remove_stale(path: &str) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(io::Error::other("something that is not a socket is there"));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => Err(io::Error::from(Errno::EADDRINUSE)),
    }
}

/// Moves a listening socket out of the way and gives it its backlog.
fn ours(made: OwnedFd, backlog: u16) -> io::Result<OwnedFd> {
    // SAFETY: the calls take numbers; the second returns a descriptor that nobody else knows.
    unsafe {
        if libc::listen(made.as_raw_fd(), libc::c_int::from(backlog)) < 0 {
            return Err(io::Error::last_os_error());
        }
        let number = libc::fcntl(made.as_raw_fd(), libc::F_DUPFD_CLOEXEC, ABOVE);
        if number < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(number)) }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let Some(file) = &self.file else { return };
        let is_ours = fs::symlink_metadata(&file.path)
            .is_ok_and(|now| (now.dev(), now.ino()) == (file.device, file.inode));
        if is_ours {
            // A directory that has become read-only keeps a stale file, which the next one replaces.
            let _ = fs::remove_file(&file.path);
        }
    }
}

#[cfg(test)]
mod tests;
