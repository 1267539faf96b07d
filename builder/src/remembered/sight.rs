//! What is to be seen at a path.

use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// What is to be seen at a path, without reading a file: whatever changes a file changes its times
/// or its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sight {
    /// Nothing.
    Absent,
    /// A directory of which only the existence matters: what is looked up in it is seen by itself.
    Directory,
    /// A directory that may have been listed: the digest of its names and their types.
    Listed(String),
    /// A file.
    File(Stamp),
    /// A device, a socket or a pipe.
    Other,
    /// A symbolic link: the digest of its target, and what is to be seen there.
    Link(String, Box<Sight>),
}

/// What tells a file from any other, and from itself after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    device: u64,
    number: u64,
    size: u64,
    mode: u32,
    /// When its content, and when anything of it was changed last, in nanoseconds since the epoch.
    modified: i128,
    changed: i128,
}

impl Sight {
    /// Looks at a path. `opened` tells whether a directory may have been listed.
    pub fn of(path: &Path, opened: bool) -> Self {
        match fs::symlink_metadata(path) {
            Err(_) => Self::Absent,
            Ok(about) if about.is_symlink() => {
                let target = fs::read_link(path).unwrap_or_default();
                let followed = match fs::metadata(path) {
                    Ok(about) => Self::at(path, &about, opened),
                    Err(_) => Self::Absent,
                };
                Self::Link(Digest::of(target.as_os_str().as_bytes()).hex(), Box::new(followed))
            }
            Ok(about) => Self::at(path, &about, opened),
        }
    }

    fn at(path: &Path, about: &Metadata, opened: bool) -> Self {
        if about.is_file() {
            Self::File(Stamp::of(about))
        } else if !about.is_dir() {
            Self::Other
        } else if opened {
            listing(path).map_or(Self::Absent, Self::Listed)
        } else {
            Self::Directory
        }
    }
}

impl Stamp {
    fn of(about: &Metadata) -> Self {
        let time = |seconds: i64, nanoseconds: i64| {
            i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
        };
        Self {
            device: about.dev(),
            number: about.ino(),
            size: about.size(),
            mode: about.mode(),
            modified: time(about.mtime(), about.mtime_nsec()),
            changed: time(about.ctime(), about.ctime_nsec()),
        }
    }
}

/// The digest of the names in a directory, and of what kind each is; `None` when it cannot be listed.
fn listing(directory: &Path) -> Option<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).ok()? {
        let entry = entry.ok()?;
        let kind = entry.file_type().ok()?;
        let kind = match kind {
            kind if kind.is_file() => b'f',
            kind if kind.is_dir() => b'd',
            kind if kind.is_symlink() => b'l',
            kind if kind.is_socket() || kind.is_fifo() => b'p',
            _ => b'o',
        };
        // Names have no zero byte in them.
        names.push([entry.file_name().as_bytes(), &[0, kind]].concat());
    }
    names.sort_unstable();
    Some(Digest::of(&names.concat()).hex())
}

/// When what counts of something was changed last: of a directory its names, of anything else all of
/// it. `None` for a time before 1970.
pub fn changed(about: &Metadata) -> Option<SystemTime> {
    // Nix sets the rights of some directories at each start, which names do not depend on.
    let (seconds, rest) = if about.is_dir() {
        (about.mtime(), about.mtime_nsec())
    } else {
        (about.ctime(), about.ctime_nsec())
    };
    let seconds = Duration::from_secs(u64::try_from(seconds).ok()?);
    Some(SystemTime::UNIX_EPOCH + seconds + Duration::from_nanos(u64::try_from(rest).ok()?))
}
