//! Lays out the files of an image: those of the base, those it has beside the store, and the store.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, lchown, symlink};
use std::path::Path;

use nix::libc;
use nix::mount::{MsFlags, mount};

use super::ground::Ground;
use super::mounts::{self, Attributes};
use super::plan::Plan;
use super::stage::on_host;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::tar::options::Ownership;
use crate::tar::tree::Content;
use crate::unpack::{Sole, place};

/// Where the root of the container is while it is laid out.
const NEW: &str = "/new";
/// Where the files of the base are.
const LOWER: &str = "/lower";
/// Where what is written above them goes: memory, or a directory beside them.
const ABOVE: [&str; 2] = ["/above", "/beside"];

const STORE: Attributes = Attributes { read_only: true, devices: false, recursive: false };
const SAFE: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

/// Makes the root of a container as its image has it, and nothing more; says where it is.
pub fn image(plan: &Plan) -> Result<&'static Path> {
    let new = Path::new(NEW);
    let doing = || "cannot prepare the container's root";
    fs::create_dir(new).or_fail(Kind::System, doing)?;
    let in_memory = || {
        mounts::special("tmpfs", new, SAFE, "mode=0755")
            .map_err(io::Error::from)
            .and_then(|()| own(new, &Ownership::root(0o755), false, plan.sole.as_ref()))
            .or_fail(Kind::System, doing)
    };
    match &plan.ground {
        Ground::Nothing => in_memory()?,
        Ground::Whole(root) => {
            let writable = Attributes { read_only: false, devices: false, recursive: false };
            mounts::bind(&on_host(root), new, writable).or_fail(Kind::System, doing)?;
        }
        Ground::Below { lower, beside } => {
            if !overlay(&on_host(lower), &on_host(beside), new).or_fail(Kind::System, doing)? {
                // Whoever waits should know what for.
                eprintln!("copying the base image: this kernel cannot lay changes above it");
                in_memory()?;
                copy(&on_host(lower), new).or_fail(Kind::System, || {
                    format!("cannot copy the base image from {}", lower.display())
                })?;
            }
        }
    }
    store(plan, new)?;
    placed(plan, new)?;
    Ok(new)
}

/// Shows the files of `lower` at `new`, where they may be changed without being so; `false`: not on
/// this kernel. An ordinary user may do so from 5.11 on. A file system in memory keeps notes on what
/// is hidden from 6.6 on; before, what changes is kept in the directory `beside`.
fn overlay(lower: &Path, beside: &Path, new: &Path) -> io::Result<bool> {
    for folder in [LOWER, ABOVE[0], ABOVE[1]] {
        fs::create_dir(folder)?;
    }
    // Paths of their own, in which nothing has a meaning to the options below.
    let writable = Attributes { read_only: false, devices: false, recursive: false };
    if mounts::bind(lower, Path::new(LOWER), STORE).is_err()
        || mounts::bind(beside, Path::new(ABOVE[1]), writable).is_err()
    {
        return Ok(false);
    }
    let Some(above) = ABOVE.into_iter().find(|place| takes_notes(Path::new(place))) else {
        return Ok(false);
    };
    let [upper, work] = ["upper", "work"].map(|folder| Path::new(above).join(folder));
    fs::create_dir(&upper)?;
    fs::create_dir(&work)?;
    own(&upper, &as_found(&fs::metadata(lower)?), false, None)?;
    let options = format!("lowerdir={LOWER},upperdir={above}/upper,workdir={above}/work,userxattr");
    let mounted = mount(Some("overlay"), new, Some("overlay"), SAFE, Some(options.as_str()));
    Ok(mounted.is_ok())
}

/// Whether extended attributes of users can be set here.
fn takes_notes(directory: &Path) -> bool {
    let Ok(path) = std::ffi::CString::new(directory.as_os_str().as_bytes()) else { return false };
    let name = c"user.devenv-container";
    // SAFETY: both names end in a zero byte and outlive the calls; no value is read.
    unsafe {
        libc::lsetxattr(path.as_ptr(), name.as_ptr(), std::ptr::null(), 0, 0) == 0
            && libc::lremovexattr(path.as_ptr(), name.as_ptr()) == 0
    }
}

/// Copies what is in the directory `from` into `to`, as far as this user may: devices are left out.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let source = entry?.path();
        let target = to.join(source.file_name().unwrap_or_default());
        let about = fs::symlink_metadata(&source)?;
        if about.is_dir() {
            fs::create_dir(&target)?;
            copy(&source, &target)?;
        } else if about.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if about.is_file() {
            fs::copy(&source, &target)?;
        } else if !about.file_type().is_fifo() {
            continue;
        } else {
            let mode = nix::sys::stat::Mode::from_bits_truncate(0o600);
            nix::unistd::mkfifo(&target, mode)?;
        }
        own(&target, &as_found(&about), about.is_symlink(), None)?;
    }
    own(to, &as_found(&fs::metadata(from)?), false, None)
}

fn as_found(about: &fs::Metadata) -> Ownership {
    Ownership {
        uid: u64::from(about.uid()),
        gid: u64::from(about.gid()),
        ..Ownership::root(about.mode() & 0o7777)
    }
}

/// Makes the files the image has beside the store.
fn placed(plan: &Plan, new: &Path) -> Result<()> {
    let sole = plan.sole.as_ref();
    plan.tree.walk(&mut |entry| {
        let doing = || format!("cannot make {}", entry.path().display());
        let Some(file) = entry.file else {
            // It is there because something is in it, and in layers such a directory is root's.
            return directory(new, entry.path(), &Ownership::root(0o755), sole)
                .or_fail(Kind::System, doing);
        };
        let is_link = match &file.content {
            Content::Directory => {
                return directory(new, entry.path(), &file.ownership, sole)
                    .or_fail(Kind::System, doing);
            }
            Content::Symlink(_) => true,
            Content::Regular(_) => false,
        };
        let target = free(new, entry.path(), false).or_fail(Kind::System, doing)?;
        let made = match &file.content {
            Content::Symlink(to) => symlink(std::ffi::OsStr::from_bytes(to), &target),
            _ => fs::copy(on_host(&file.source), &target).map(drop),
        };
        made.and_then(|()| own(&target, &file.ownership, is_link, sole))
            .or_fail(Kind::System, doing)
    })
}

/// Mounts the paths of the store.
fn store(plan: &Plan, new: &Path) -> Result<()> {
    let mut folder = Path::new("");
    for path in &plan.store {
        let doing = || format!("cannot find {}", path.display());
        let parent = path.parent().unwrap_or(Path::new("/"));
        if parent != folder {
            folder = parent;
            let mut above: Vec<&Path> = folder.ancestors().collect();
            above.pop();
            for path in above.into_iter().rev() {
                directory(new, path, &Ownership::root(0o755), plan.sole.as_ref())
                    .or_fail(Kind::System, doing)?;
            }
        }
        let source = on_host(path);
        let about = fs::symlink_metadata(&source).map_err(|error| {
            Failure::new(Kind::NoInput, format!("{}: {error}", doing()))
                .hint("the image was garbage-collected; build it again")
        })?;
        let target = free(new, path, about.is_dir()).or_fail(Kind::System, doing)?;
        if about.is_symlink() {
            let to = fs::read_link(&source).or_fail(Kind::System, doing)?;
            symlink(to, &target).or_fail(Kind::System, doing)?;
        } else {
            mounts::bind(&source, &target, STORE)
                .or_fail(Kind::System, || format!("cannot mount {}", path.display()))?;
        }
    }
    Ok(())
}

/// Makes a directory as a layer does: one that is there stays, anything else is replaced.
fn directory(
    new: &Path,
    path: &Path,
    ownership: &Ownership,
    sole: Option<&Sole>,
) -> io::Result<()> {
    let target = free(new, path, true)?;
    match fs::create_dir(&target) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    own(&target, ownership, false, sole)
}

/// Where `path` is in the container. What is there goes away, as below the file of a layer; a
/// directory stays where one is wanted.
fn free(new: &Path, path: &Path, directory: bool) -> io::Result<std::path::PathBuf> {
    let target = place::for_file(new, path, &mut |_| {})?;
    match fs::symlink_metadata(&target) {
        Ok(there) if there.is_dir() && directory => {}
        Ok(there) if there.is_dir() => fs::remove_dir_all(&target)?,
        Ok(_) => fs::remove_file(&target)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(target)
}

/// Gives a file its owner, and its mode as the one user there is has it, where there is one only.
pub fn own(
    target: &Path,
    ownership: &Ownership,
    is_link: bool,
    sole: Option<&Sole>,
) -> io::Result<()> {
    let uid = u32::try_from(ownership.uid).unwrap_or(u32::MAX);
    let gid = u32::try_from(ownership.gid).unwrap_or(u32::MAX);
    // Not everybody exists where an ordinary user maps users, and whoever does not owns nothing.
    for (uid, gid) in [(None, Some(gid)), (Some(uid), None)] {
        match lchown(target, uid, gid) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
            result => result?,
        }
    }
    if is_link {
        return Ok(());
    }
    let mode = sole.map_or(ownership.mode, |sole| sole.mode(ownership.mode, uid, gid));
    fs::set_permissions(target, Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copied_base_has_all_that_the_base_has() {
        let world = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| world.path().join(name));
        fs::create_dir_all(from.join("etc/locked")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(from.join("etc/locked/motd"), "hello").unwrap();
        symlink("/etc/locked", from.join("link")).unwrap();
        fs::set_permissions(from.join("etc/locked"), Permissions::from_mode(0o1755)).unwrap();
        fs::set_permissions(&from, Permissions::from_mode(0o705)).unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("etc/locked/motd")).unwrap(), "hello");
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("/etc/locked"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(&to), mode(&to.join("etc/locked"))), (0o705, 0o1755));
    }

    #[test]
    fn what_a_base_has_is_replaced_as_by_a_layer_and_its_links_lead_nowhere_else() {
        let world = tempfile::tempdir().unwrap();
        let new = world.path().join("new");
        fs::create_dir_all(new.join("folder/in")).unwrap();
        fs::write(world.path().join("outside"), "untouched").unwrap();
        symlink("../outside", new.join("file")).unwrap();
        symlink("/folder", new.join("link")).unwrap();
        for path in ["/file", "/folder"] {
            let place = free(&new, Path::new(path), false).unwrap();
            assert!(place.starts_with(&new) && fs::symlink_metadata(&place).is_err(), "{path}");
        }
        assert_eq!(fs::read_to_string(world.path().join("outside")).unwrap(), "untouched");
        let ownership = as_found(&fs::metadata(&new).unwrap());
        directory(&new, Path::new("/link"), &Ownership { mode: 0o711, ..ownership }, None).unwrap();
        let about = fs::symlink_metadata(new.join("link")).unwrap();
        assert!(about.is_dir() && about.permissions().mode() & 0o7777 == 0o711);
    }
}
