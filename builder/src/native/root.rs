//! Lays out the root of a container in its mount namespace and moves into it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, umount2};
use nix::unistd::{chdir, pivot_root};

use super::mounts::{self, Attributes};
use super::plan::Plan;
use super::stage::{self, HOST, on_host};
use super::volume::Volume;
use super::{confine, lay, names};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::tar::options::Ownership;
use crate::unpack::place;

/// Devices every container has (OCI runtime-spec, `config-linux.md`, default devices).
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

const WRITABLE: Attributes = Attributes { read_only: false, devices: false, recursive: true };

/// Replaces the root of this mount namespace with the container's.
pub fn enter(plan: &Plan) -> Result<()> {
    stage::set_up()?;
    let new = lay::image(plan)?;
    let (proc, sys) = kernel_file_systems(plan, new)?;
    devices(plan, new)?;
    confine::kernel(&proc, &sys, &on_host(Path::new("/dev/null")))?;
    names::show(plan, new)?;
    plan.volumes.iter().try_for_each(|volume| show(plan, new, volume))?;
    directory(plan, new, &plan.working_dir)
        .map_err(|failure| failure.hint("start elsewhere: -w DIR, a directory of the container"))?;
    if plan.read_only {
        // Mounts of their own, which the root's is not.
        for volume in &plan.declared {
            let place = directory(plan, new, volume)?;
            mounts::bind(&place, &place, WRITABLE)
                .or_fail(Kind::System, || format!("cannot make {} writable", volume.display()))?;
        }
        mounts::read_only(new).or_fail(Kind::System, || "cannot make the root read-only")?;
    }
    leave_host(new)
}

/// Shows something of the host.
fn show(plan: &Plan, new: &Path, volume: &Volume) -> Result<()> {
    let (source, target) = (volume.source.display(), volume.target.display());
    let doing = || format!("cannot mount {source} at {target}");
    let place = resolved(new, &volume.target)?;
    let is_directory = fs::metadata(on_host(&volume.source)).or_fail(Kind::System, doing)?.is_dir();
    let there = fs::metadata(&place).map(|there| there.is_dir());
    if there.is_ok_and(|there| there != is_directory) {
        let kinds = ["a file", "a directory"];
        let [here, there] = [is_directory, !is_directory].map(|kind| kinds[usize::from(kind)]);
        return Err(Failure::new(
            Kind::Usage,
            format!("{}: it is {here}, and there is {there}", doing()),
        )
        .hint("a directory can take the place of a directory only, and a file that of a file"));
    }
    // Directories on the way are made as the image's would be; those in another volume may not be.
    let inside = Path::new("/").join(place.strip_prefix(new).unwrap_or(&place));
    let folder = if is_directory { &inside } else { inside.parent().unwrap_or(&inside) };
    let hint = |failure: Failure| {
        failure.hint(format!("make {target} in the image, or in the volume that it lies in"))
    };
    directory(plan, new, folder).map_err(|failure| hint(failure.context(doing())))?;
    let read_only = volume.read_only;
    let shown = Attributes { read_only, devices: false, recursive: true };
    let mounted = mounts::bind(&on_host(&volume.source), &place, shown);
    mounted.or_fail(Kind::System, doing).map_err(hint)
}

/// Where `path` is in the container, whatever links its image has.
pub fn resolved(new: &Path, path: &Path) -> Result<PathBuf> {
    place::of(new, path)
        .or_fail(Kind::Data, || format!("cannot find {} in the image", path.display()))
}

/// A directory in the container, made where it is missing, as root's.
pub fn directory(plan: &Plan, new: &Path, path: &Path) -> Result<PathBuf> {
    let doing = || format!("cannot make directory {}", path.display());
    let mut made = Vec::new();
    let place = place::for_directory(new, path, &mut |place| made.push(place.to_owned()))
        .or_fail(Kind::System, doing)?;
    for place in made {
        let inside = Path::new("/").join(place.strip_prefix(new).unwrap_or(&place));
        let below = |volume: &Volume| inside != volume.target && inside.starts_with(&volume.target);
        // What is made in a volume stays on the host, where it is as if this user had made it.
        if !plan.volumes.iter().any(below) {
            lay::own(&place, &Ownership::root(0o755), false, plan.sole.as_ref())
                .or_fail(Kind::System, doing)?;
        }
    }
    Ok(place)
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

/// Shows `/proc` and `/sys`; where they are.
fn kernel_file_systems(plan: &Plan, new: &Path) -> Result<(PathBuf, PathBuf)> {
    let proc = directory(plan, new, Path::new("/proc"))?;
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    if let Err(error) = mounts::special("proc", &proc, safe, "") {
        // Inside another container part of /proc is hidden, and a new one would show it.
        return Err(Failure::new(Kind::System, format!("cannot mount /proc: {error}"))
            .hint("inside another container this needs an unmasked /proc; use --engine docker"));
    }

    // Programs look up limits and hardware here. It is no loss where the kernel is too old to
    // mount it read-only with all that is below it.
    let sys = directory(plan, new, Path::new("/sys"))?;
    let shown = Attributes { read_only: true, devices: false, recursive: true };
    let _ = mounts::bind(&on_host(Path::new("/sys")), &sys, shown);
    Ok((proc, sys))
}

fn devices(plan: &Plan, new: &Path) -> Result<()> {
    let device = Attributes { read_only: false, devices: true, recursive: false };
    let dev = directory(plan, new, Path::new("/dev"))?;
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let doing = || "cannot make /dev";
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    mounts::special("tmpfs", &dev, quiet, "mode=0755,size=64k").or_fail(Kind::System, doing)?;
    for name in DEVICES {
        mounts::bind(&on_host(&Path::new("/dev").join(name)), &dev.join(name), device)
            .or_fail(Kind::System, || format!("cannot make /dev/{name}"))?;
    }
    // The terminal's own name lies in the host's /dev/pts. Programs that look for the name of
    // their terminal find this one, as they do in other containers.
    if let Some(terminal) = &plan.terminal {
        mounts::bind(&on_host(terminal), &dev.join("console"), device)
            .or_fail(Kind::System, || "cannot make /dev/console")?;
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
    fs::create_dir(dev.join("pts")).or_fail(Kind::System, doing)?;
    mounts::special("devpts", &dev.join("pts"), quiet, "newinstance,ptmxmode=0666,mode=0620")
        .or_fail(Kind::System, || "cannot mount /dev/pts")?;
    fs::create_dir(dev.join("shm")).or_fail(Kind::System, doing)?;
    mounts::special("tmpfs", &dev.join("shm"), safe, "mode=1777")
        .or_fail(Kind::System, || "cannot mount /dev/shm")?;
    lay::own(&dev, &Ownership::root(0o755), false, plan.sole.as_ref()).or_fail(Kind::System, doing)
}
