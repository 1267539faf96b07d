//! Where a container's root is laid out: an empty file system with the host's root below it.

use std::fs;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::unistd::{chdir, pivot_root};

use super::mounts;
use crate::error::{Context as _, Kind, Result};

/// Where the host's root is meanwhile.
pub const HOST: &str = "/host";

/// Puts an empty file system in place of the root, with the host's below [`HOST`]. Only so can
/// everything of the host still be reached, also what lies below the place used for this.
pub fn set_up() -> Result<()> {
    let doing = || "cannot prepare the container's root";
    // Nothing that is mounted from here on may show up on the host.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_SLAVE | MsFlags::MS_REC, None::<&str>)
        .or_fail(Kind::System, doing)?;
    let base = ["/tmp", "/run", "/mnt", "/var"]
        .map(Path::new)
        .into_iter()
        .find(|path| path.is_dir())
        .unwrap_or(Path::new("/"));
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mounts::special("tmpfs", base, flags, "mode=0755").or_fail(Kind::System, doing)?;
    let host = base.join(HOST.trim_start_matches('/'));
    fs::create_dir(&host).or_fail(Kind::System, doing)?;
    pivot_root(base, &host).or_fail(Kind::System, doing)?;
    chdir("/").or_fail(Kind::System, doing)
}

/// Where a path of the host is meanwhile.
pub fn on_host(path: &Path) -> PathBuf {
    Path::new(HOST).join(path.strip_prefix("/").unwrap_or(path))
}
