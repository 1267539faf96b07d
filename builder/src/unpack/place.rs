//! Where a path leads in a tree that is the root of something else, as `chroot` would have it.
//!
//! Every link is followed as if the tree were `/`. Nobody else may change the tree meanwhile.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Component, Path, PathBuf};

/// How many links one path may lead through, as in the kernel.
const LINKS: usize = 40;

/// The place of `path`, all links in it followed, below `root`. What does not exist has no links.
///
/// # Errors
/// When the links never come to an end, or a directory cannot be read.
pub fn of(root: &Path, path: &Path) -> io::Result<PathBuf> {
    inside(root, path).map(|inside| root.join(inside))
}

/// As [`of`], without `root` in front.
pub fn inside(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let mut inside = PathBuf::new();
    // What is still to walk, the next part last.
    let mut ahead: Vec<PathBuf> = parts(path);
    let mut links = 0;
    while let Some(part) = ahead.pop() {
        if part == Path::new("..") {
            // As in the kernel, nothing is above the root.
            inside.pop();
            continue;
        }
        if part == Path::new("/") {
            inside.clear();
            continue;
        }
        let here = inside.join(&part);
        match fs::read_link(root.join(&here)) {
            Ok(target) => {
                links += 1;
                if links > LINKS {
                    let why = format!("too many links at {}", path.display());
                    return Err(io::Error::new(io::ErrorKind::InvalidData, why));
                }
                ahead.extend(parts(&target));
            }
            Err(error) if is_no_link(&error) => inside = here,
            Err(error) => return Err(error),
        }
    }
    Ok(inside)
}

/// The place of `path` below `root`, where a file of that name may be put: links on the way are
/// followed, one at the end is not. Directories that are missing on the way are made; each is told
/// to `made`.
///
/// # Errors
/// As [`of`]; when a file is in the way; when a directory cannot be made.
pub fn for_file(root: &Path, path: &Path, made: &mut dyn FnMut(&Path)) -> io::Result<PathBuf> {
    let Some(name) = path.file_name() else { return Ok(root.to_owned()) };
    let folder = inside(root, path.parent().unwrap_or(Path::new("")))?;
    let mut here = root.to_owned();
    // Mostly it is there, as what comes before this file is in it.
    if fs::symlink_metadata(root.join(&folder)).is_ok_and(|there| there.is_dir()) {
        return Ok(root.join(folder).join(name));
    }
    for part in folder.components() {
        here.push(part);
        match DirBuilder::new().mode(0o755).create(&here) {
            Ok(()) => made(&here),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !fs::symlink_metadata(&here)?.is_dir() {
                    return Err(io::Error::from(io::ErrorKind::NotADirectory));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(here.join(name))
}

/// The directory at `path` below `root`, all links followed, made where it is missing. Each that is made
/// is told to `made`.
///
/// # Errors
/// As [`for_file`].
pub fn for_directory(root: &Path, path: &Path, made: &mut dyn FnMut(&Path)) -> io::Result<PathBuf> {
    // With a name after it, it is itself on the way.
    let below = for_file(root, &path.join("x"), made)?;
    Ok(below.parent().unwrap_or(root).to_owned())
}

/// The parts of a path, the first one last.
fn parts(path: &Path) -> Vec<PathBuf> {
    let part = |part: Component<'_>| match part {
        Component::CurDir | Component::Prefix(_) => None,
        part => Some(PathBuf::from(part.as_os_str())),
    };
    let mut parts: Vec<PathBuf> = path.components().filter_map(part).collect();
    parts.reverse();
    parts
}

/// Whether reading a link failed because there is none.
fn is_no_link(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_as_if_the_tree_were_everything() {
        let world = tempfile::tempdir().unwrap();
        let root = world.path();
        fs::create_dir_all(root.join("usr/bin")).unwrap();
        for (at, target) in [
            ("bin", "usr/bin"),
            ("sbin", "/bin"),
            ("up", "../../../../etc"),
            ("usr/bin/again", "/up/../sbin"),
            ("round", "about"),
            ("about", "round"),
        ] {
            symlink(target, root.join(at)).unwrap();
        }
        for (path, expected) in [
            ("/bin/a", "usr/bin/a"),
            ("sbin/./a", "usr/bin/a"),
            ("up/passwd", "etc/passwd"),
            ("../../x", "x"),
            ("/bin/again/b", "usr/bin/b"),
            ("none/../bin", "usr/bin"),
            ("/", ""),
        ] {
            assert_eq!(inside(root, Path::new(path)).unwrap(), Path::new(expected), "{path}");
        }
        let round = inside(root, Path::new("round/x")).unwrap_err();
        assert_eq!(round.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_file_has_its_directories_made_and_none_outside() {
        let world = tempfile::tempdir().unwrap();
        let root = world.path().join("root");
        fs::create_dir(&root).unwrap();
        symlink("../../outside", root.join("out")).unwrap();
        symlink("/deep/er", root.join("in")).unwrap();
        fs::write(root.join("file"), "").unwrap();
        let mut made = Vec::new();
        let place =
            for_file(&root, Path::new("out/a"), &mut |path| made.push(path.to_owned())).unwrap();
        assert_eq!((place, made), (root.join("outside/a"), vec![root.join("outside")]));
        assert!(!world.path().join("outside").exists());
        // A link at the end stays one, unless it is of a directory that is wanted.
        let place = for_file(&root, Path::new("/in"), &mut |_| {}).unwrap();
        assert_eq!(place, root.join("in"));
        let mut made = Vec::new();
        let place =
            for_directory(&root, Path::new("/in"), &mut |path| made.push(path.to_owned())).unwrap();
        assert_eq!(
            (&place, &made),
            (&root.join("deep/er"), &vec![root.join("deep"), place.clone()])
        );
        let refused = for_file(&root, Path::new("file/a"), &mut |_| {}).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::NotADirectory);
    }
}
