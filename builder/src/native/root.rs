//! Lays out the root of a container in its mount namespace and moves into it.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, pivot_root};

use super::mounts::{self, Attributes};
use super::plan::Plan;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::tar::tree::{Content, File};

/// Where the host's root is while the container's is laid out.
const HOST: &str = "/host";
/// Where the container's root is meanwhile.
const NEW: &str = "/new";

/// Devices every container has (OCI runtime-spec, `config-linux.md`, default devices).
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

const STORE: Attributes = Attributes { read_only: true, devices: false, recursive: false };

/// Replaces the root of this mount namespace with the container's.
pub fn enter(plan: &Plan) -> Result<()> {
    stage()?;
    let new = Path::new(NEW);
    lay_out(plan, new)?;
    for path in &plan.store {
        store_path(path, new)?;
    }
    kernel_file_systems(new)?;
    devices(plan, new)?;
    names_of_the_network(new)?;
    for volume in &plan.volumes {
        let read_only = volume.read_only;
        mounts::bind(
            &on_host(&volume.source),
            &below(new, &volume.target),
            Attributes { read_only, devices: false, recursive: true },
        )?;
    }
    mounts::directory(&below(new, &plan.working_dir))?;
    if plan.read_only {
        mounts::read_only(new)?;
    }
    leave_host(new)
}

/// Puts an empty file system in place of the root, with the host's below [`HOST`]. Only so can
/// everything of the host still be reached, also what lies below the place used for this.
fn stage() -> Result<()> {
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
    for path in [&host, &base.join(NEW.trim_start_matches('/'))] {
        mounts::directory(path)?;
    }
    pivot_root(base, &host).or_fail(Kind::System, doing)?;
    chdir("/").or_fail(Kind::System, doing)?;
    mounts::special("tmpfs", Path::new(NEW), flags, "mode=0755").or_fail(Kind::System, doing)
}

/// Makes [`NEW`] the root; the host is out of reach afterwards.
fn leave_host(new: &Path) -> Result<()> {
    let doing = || "cannot enter the container's root";
    umount2(HOST, MntFlags::MNT_DETACH).or_fail(Kind::System, doing)?;
    chdir(new).or_fail(Kind::System, doing)?;
    // With both arguments the same, the old root ends up on top of the new one and can be let go.
    pivot_root(".", ".").or_fail(Kind::System, doing)?;
    umount2(".", MntFlags::MNT_DETACH).or_fail(Kind::System, doing)?;
    chdir("/").or_fail(Kind::System, doing)
}

/// Makes the files the image has beside the store.
fn lay_out(plan: &Plan, new: &Path) -> Result<()> {
    plan.tree.walk(&mut |entry| {
        let target = below(new, entry.path());
        let doing = || format!("cannot make {}", entry.path().display());
        match entry.file {
            None => mounts::directory(&target),
            Some(file) => {
                make(file, &target).or_fail(Kind::System, doing)?;
                own(file, &target).or_fail(Kind::System, doing)
            }
        }
    })
}

fn make(file: &File, target: &Path) -> std::io::Result<()> {
    match &file.content {
        Content::Directory => match fs::create_dir(target) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        },
        Content::Symlink(to) => symlink(std::ffi::OsStr::from_bytes(to), target),
        Content::Regular(_) => fs::copy(on_host(&file.source), target).map(|_| ()),
    }
}

fn own(file: &File, target: &Path) -> std::io::Result<()> {
    let ownership = &file.ownership;
    let uid = u32::try_from(ownership.uid).unwrap_or(u32::MAX);
    let gid = u32::try_from(ownership.gid).unwrap_or(u32::MAX);
    // For an ordinary caller only one user exists, and that one owns everything already.
    match lchown(target, Some(uid), Some(gid)) {
        Err(error) if error.raw_os_error() == Some(nix::libc::EINVAL) => {}
        result => result?,
    }
    if matches!(file.content, Content::Symlink(_)) {
        return Ok(());
    }
    fs::set_permissions(target, fs::Permissions::from_mode(ownership.mode))
}

fn store_path(path: &Path, new: &Path) -> Result<()> {
    let source = on_host(path);
    let doing = || format!("cannot find {}", path.display());
    let metadata = fs::symlink_metadata(&source).map_err(|error| {
        Failure::new(Kind::NoInput, format!("{}: {error}", doing()))
            .hint("the image was garbage-collected; build it again")
    })?;
    let target = below(new, path);
    if metadata.is_symlink() {
        if let Some(parent) = target.parent() {
            mounts::directory(parent)?;
        }
        let to = fs::read_link(&source).or_fail(Kind::System, doing)?;
        return symlink(to, &target).or_fail(Kind::System, doing);
    }
    mounts::bind(&source, &target, STORE)
}

fn kernel_file_systems(new: &Path) -> Result<()> {
    let proc = new.join("proc");
    mounts::directory(&proc)?;
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    if let Err(error) = mounts::special("proc", &proc, safe, "") {
        // Inside another container part of /proc is hidden, and a new one would show it.
        return Err(Failure::new(Kind::System, format!("cannot mount /proc: {error}"))
            .hint("inside another container this needs an unmasked /proc; use --engine docker"));
    }

    // Programs look up limits and hardware here. It is no loss where the kernel is too old to
    // mount it read-only with all that is below it.
    let sys = Attributes { read_only: true, devices: false, recursive: true };
    let _ = mounts::bind(Path::new("/host/sys"), &new.join("sys"), sys);

    Ok(())
}

fn devices(plan: &Plan, new: &Path) -> Result<()> {
    let device = Attributes { read_only: false, devices: true, recursive: false };
    let dev = new.join("dev");
    mounts::directory(&dev)?;
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let doing = || "cannot make /dev";
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    mounts::special("tmpfs", &dev, quiet, "mode=0755,size=64k").or_fail(Kind::System, doing)?;
    for name in DEVICES {
        mounts::bind(&on_host(&Path::new("/dev").join(name)), &dev.join(name), device)?;
    }
    // The terminal's own name lies in the host's /dev/pts. Programs that look for the name of
    // their terminal find this one, as they do in other containers.
    if let Some(terminal) = &plan.terminal {
        mounts::bind(&on_host(terminal), &dev.join("console"), device)?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        symlink(target, dev.join(name)).or_fail(Kind::System, doing)?;
    }
    mounts::directory(&dev.join("pts"))?;
    mounts::special("devpts", &dev.join("pts"), quiet, "newinstance,ptmxmode=0666,mode=0620")
        .or_fail(Kind::System, || "cannot mount /dev/pts")?;
    mounts::directory(&dev.join("shm"))?;
    mounts::special("tmpfs", &dev.join("shm"), safe, "mode=1777")
        .or_fail(Kind::System, || "cannot mount /dev/shm")
}

/// The network is the host's, so its names are, too, unless the image brings its own.
fn names_of_the_network(new: &Path) -> Result<()> {
    for path in ["/etc/resolv.conf", "/etc/hosts"] {
        let target = below(new, Path::new(path));
        let source = resolve_on_host(Path::new(path));
        if !target.exists() && source.is_file() {
            mounts::bind(
                &source,
                &target,
                Attributes { read_only: true, devices: false, recursive: false },
            )?;
        }
    }
    Ok(())
}

/// Follows links of the host as the host would, while its root is [`HOST`].
fn resolve_on_host(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // As many links as the kernel follows at the most.
    for _ in 0..40 {
        match fs::read_link(on_host(&path)) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("/")).join(target),
            Err(_) => break,
        }
    }
    on_host(&path)
}

fn on_host(path: &Path) -> PathBuf {
    below(Path::new(HOST), path)
}

fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}
