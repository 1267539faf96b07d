//! Mounting, as a container needs it.

use std::fs;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::Path;

use nix::errno::Errno;
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sys::statvfs::{FsFlags, statvfs};

/// How something of the host appears in the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Not to be written to.
    pub read_only: bool,
    /// Whether device files in it work; they never do for an ordinary user's own.
    pub devices: bool,
    /// Whether what is mounted below it comes along.
    pub recursive: bool,
}

/// Shows `source` at `target`, which is made when it is not there: a file for a file, a directory
/// for a directory. Set-user-id programs lose that power.
///
/// # Errors
/// The kernel's. Whoever asks knows how the two are called where they can be seen.
pub fn bind(source: &Path, target: &Path, attributes: Attributes) -> io::Result<()> {
    if fs::metadata(source)?.is_dir() {
        fs::create_dir_all(target)?;
    } else {
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        if !target.exists() {
            fs::write(target, "")?;
        }
    }
    let recursive = if attributes.recursive { MsFlags::MS_REC } else { MsFlags::empty() };
    mount(Some(source), target, None::<&str>, MsFlags::MS_BIND | recursive, None::<&str>)?;
    restrict(target, attributes)
}

/// Mounts a file system of the kernel's own.
pub fn special(kind: &str, target: &Path, flags: MsFlags, options: &str) -> nix::Result<()> {
    mount(Some(kind), target, Some(kind), flags, Some(options))
}

/// Makes the mount at `target` read-only.
///
/// # Errors
/// As [`bind`].
pub fn read_only(target: &Path) -> io::Result<()> {
    restrict(target, Attributes { read_only: true, devices: true, recursive: false })
}

/// Sets the attributes of a mount. The newer call changes only what it is told to; where the
/// kernel lacks it (before 5.12), everything must be said again, since a mount that came from a
/// more privileged namespace must keep what it has.
fn restrict(target: &Path, attributes: Attributes) -> io::Result<()> {
    match set_attributes(target, attributes) {
        Err(error)
            if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL))
                && !attributes.recursive =>
        {
            remount(target, attributes)
        }
        result => result,
    }
}

fn set_attributes(target: &Path, attributes: Attributes) -> io::Result<()> {
    let mut set = libc::MOUNT_ATTR_NOSUID;
    if attributes.read_only {
        set |= libc::MOUNT_ATTR_RDONLY;
    }
    if !attributes.devices {
        set |= libc::MOUNT_ATTR_NODEV;
    }
    let request = libc::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let recursive = if attributes.recursive { libc::AT_RECURSIVE } else { 0 };
    let at = fs::OpenOptions::new().read(true).custom_flags_path().open(target)?;
    // SAFETY: the descriptor and the structure outlive the call, the path is an empty C string,
    // and the size is that of the structure.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            at.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | recursive,
            &raw const request,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn remount(target: &Path, attributes: Attributes) -> io::Result<()> {
    let mut flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_NOSUID;
    let kept = [
        (FsFlags::ST_RDONLY, MsFlags::MS_RDONLY),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ];
    let now = statvfs(target)?.flags();
    for (has, keep) in kept {
        if now.contains(has) {
            flags |= keep;
        }
    }
    if attributes.read_only {
        flags |= MsFlags::MS_RDONLY;
    }
    if !attributes.devices {
        flags |= MsFlags::MS_NODEV;
    }
    mount(None::<&str>, target, None::<&str>, flags, None::<&str>).map_err(Errno::into)
}

/// Opening a mount point by path only.
trait PathOnly {
    fn custom_flags_path(&mut self) -> &mut Self;
}

impl PathOnly for fs::OpenOptions {
    fn custom_flags_path(&mut self) -> &mut Self {
        use std::os::unix::fs::OpenOptionsExt as _;
        self.custom_flags(libc::O_PATH)
    }
}
