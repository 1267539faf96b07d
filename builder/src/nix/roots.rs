//! Where this program keeps what must outlive it: never inside the project.

use std::env;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use ::nix::unistd::{AccessFlags, access};
use sha1::{Digest as _, Sha1};

use super::base32;
use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};

/// Our directory below one of the base directories of the XDG specification.
///
/// # Errors
/// When neither the variable nor `HOME` is set to an absolute path.
pub fn base_directory(variable: &str, below_home: &str) -> Result<PathBuf> {
    let absolute =
        |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable)
        .or_else(|| absolute("HOME").map(|home| home.join(below_home)))
        .map(|base| base.join("devenv-container"))
        .ok_or_else(|| {
            Failure::new(Kind::Usage, format!("neither {variable} nor HOME is set"))
                .hint(format!("set {variable} to a directory you may write to"))
        })
}

/// The link that keeps a container's image from garbage collection: one for each project and
/// container. `None` where this user can keep nothing, which is said: the image is there all the
/// same, until the next collection.
pub fn path(project: &Path, container: &str) -> Option<PathBuf> {
    match directory() {
        Ok(roots) => Some(roots.join(name(project, container))),
        Err(failure) => {
            eprintln!(
                "nothing keeps the image from Nix's garbage collection: {}",
                failure.message()
            );
            None
        }
    }
}

/// Has the link `root` lead to `path` without the help of Nix, whose start takes longer than the rest;
/// false where only Nix can do it.
///
/// It is enough where Nix knows the link as an indirect root, which protects whatever it leads to.
/// Nix writes down such a root as a link in its state directory (manual, `nix-store --add-root`),
/// whose name is the SHA-1 of the root's; should another one do so differently, it is asked.
pub fn lead(root: &Path, path: &Path) -> bool {
    let state = env::var_os("NIX_STATE_DIR").map_or_else(|| "/nix/var/nix".into(), PathBuf::from);
    let known = state.join("gcroots/auto").join(root_name(root));
    // A collection that has begun in between may have taken the path, and Nix would say so.
    fs::read_link(known).is_ok_and(|link| link == root)
        && point(root, path).is_ok()
        && path.exists()
}

/// What Nix calls an indirect root.
fn root_name(root: &Path) -> String {
    base32::of(&Sha1::digest(root.as_os_str().as_bytes()))
}

/// Puts a link in the place of the one that is there, at no moment of which there is none.
fn point(root: &Path, path: &Path) -> io::Result<()> {
    let parent = root.parent().unwrap_or(Path::new("/"));
    let make = |link: &Path| symlink(path, link);
    let link = tempfile::Builder::new().prefix(".root-").make_in(parent, make)?;
    link.into_temp_path().persist(root).map_err(|failed| failed.error)
}

fn directory() -> Result<PathBuf> {
    let roots = base_directory("XDG_STATE_HOME", ".local/state")?.join("roots");
    let doing = || format!("cannot create {}", roots.display());
    fs::create_dir_all(&roots).or_fail(Kind::CannotCreate, doing)?;
    access(&roots, AccessFlags::W_OK)
        .or_fail(Kind::CannotCreate, || format!("cannot write to {}", roots.display()))?;
    Ok(roots)
}

fn name(project: &Path, container: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let readable: String = container.chars().map(plain).take(40).collect();
    // The separator cannot occur in a path, so two pairs never make one text.
    let key = [project.as_os_str().as_bytes(), b"\0", container.as_bytes()].concat();
    let digest: String = Digest::of(&key).hex().chars().take(16).collect();
    format!("{readable}-{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_container_of_every_project_has_its_own_root() {
        let a = name(Path::new("/a"), "web");
        assert!(a.starts_with("web-") && a == name(Path::new("/a"), "web"));
        assert_ne!(a, name(Path::new("/b"), "web"));
        assert_ne!(name(Path::new("/a"), "x/y"), name(Path::new("/a"), "x_y"));
    }
}
