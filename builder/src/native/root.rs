//! Lays out the root of a container in its mount namespace and moves into it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, umount2};
use nix::unistd::{chdir, pivot_root};

use super::mounts::{self, Attributes};
use super::plan::Plan;
use super::stage::{self, HOST, on_host};
use super::{confine, lay};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::unpack::place;

/// Devices every container has (OCI runtime-spec, `config-linux.md`, default devices).
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

const WRITABLE: Attributes = Attributes { read_only: false, devices: false, recursive: true };

/// Replaces the root of this mount namespace with the container's.
pub fn enter(plan: &Plan) -> Result<()> {
    stage::set_up()?;
    let new = lay::image(plan)?;
    kernel_file_systems(new)?;
    devices(plan, new)?;
    confine::kernel(&directory(new, Path::new("/proc"))?, &on_host(Path::new("/dev/null")))?;
    names_of_the_network(new)?;
    for volume in &plan.volumes {
        let read_only = volume.read_only;
        mounts::bind(
            &on_host(&volume.source),
            &resolved(new, &volume.target)?,
            Attributes { read_only, devices: false, recursive: true },
        )?;
    }
    directory(new, &plan.working_dir)?;
    if plan.read_only {
        // Mounts of their own, which the root's is not.
        for volume in &plan.declared {
            let place = directory(new, volume)?;
            mounts::bind(&place, &place, WRITABLE)?;
        }
        mounts::read_only(new)?;
    }
    leave_host(new)
}

/// Where `path` is in the container, whatever links its image has.
fn resolved(new: &Path, path: &Path) -> Result<PathBuf> {
    place::of(new, path)
        .or_fail(Kind::Data, || format!("cannot find {} in the image", path.display()))
}

/// A directory in the container, made where it is missing.
fn directory(new: &Path, path: &Path) -> Result<PathBuf> {
    place::for_directory(new, path)
        .or_fail(Kind::System, || format!("cannot make directory {}", path.display()))
}

/// Makes `new` the root; the host is out of reach afterwards.
fn leave_host(new: &Path) -> Result<()> {
    let doing = || "cannot enter the container's root";
    umount2(HOST, MntFlags::MNT_DETACH).or_fail(Kind::System, doing)?;
    chdir(new).or_fail(Kind::System, doing)?;
    // With both arguments the same, the old root ends up on top of the new one and can be let go.
    pivot_root(".", ".").or_fail(Kind::System, doing)?;
    umount2(".", MntFlags::MNT_DETACH).or_fail(Kind::System, doing)?;
    chdir("/").or_fail(Kind::System, doing)
}

fn kernel_file_systems(new: &Path) -> Result<()> {
    let proc = directory(new, Path::new("/proc"))?;
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    if let Err(error) = mounts::special("proc", &proc, safe, "") {
        // Inside another container part of /proc is hidden, and a new one would show it.
        return Err(Failure::new(Kind::System, format!("cannot mount /proc: {error}"))
            .hint("inside another container this needs an unmasked /proc; use --engine docker"));
    }

    // Programs look up limits and hardware here. It is no loss where the kernel is too old to
    // mount it read-only with all that is below it.
    let sys = Attributes { read_only: true, devices: false, recursive: true };
    let _ = mounts::bind(Path::new("/host/sys"), &directory(new, Path::new("/sys"))?, sys);

    Ok(())
}

fn devices(plan: &Plan, new: &Path) -> Result<()> {
    let device = Attributes { read_only: false, devices: true, recursive: false };
    let dev = directory(new, Path::new("/dev"))?;
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

/// The network is the host's, so its names are, too, unless the image brings its own. Tools that make
/// images leave empty files in these places.
fn names_of_the_network(new: &Path) -> Result<()> {
    for path in ["/etc/resolv.conf", "/etc/hosts"] {
        let target = resolved(new, Path::new(path))?;
        let source = resolve_on_host(Path::new(path));
        let brought = fs::metadata(&target).is_ok_and(|there| there.len() > 0);
        if !brought && source.is_file() {
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
