//! Compares two trees of files, entry by entry.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Context as _, Kind, Result};

/// How much of two files is compared at once, in bytes.
const CHUNK: usize = 256 * 1024;

/// What came of comparing two trees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// How many files, directories and links there are in both.
    pub entries: u64,
    /// How many bytes of content were compared.
    pub bytes: u64,
    /// Whether owners were compared, too.
    pub with_owners: bool,
    /// One line a difference, in order of the paths.
    pub differences: Vec<String>,
}

/// Which owners of files are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    /// None: there is only one user.
    None,
    /// Those who are not nobody. In a namespace whoever does not exist there looks like nobody
    /// (`user_namespaces(7)`), as the owner of the store may.
    Somebody,
    /// All: everybody exists, and nobody is a user like any other.
    All,
}

/// Compares the tree at `mounted` with the one at `unpacked`: paths, types, modes, owners as far as
/// they are to be, targets of links, sizes and contents.
///
/// # Errors
/// When something cannot be read.
pub fn trees(mounted: &Path, unpacked: &Path, owners: Owners) -> Result<Comparison> {
    let found = Comparison { with_owners: owners != Owners::None, ..Comparison::default() };
    let buffers = [vec![0; CHUNK], vec![0; CHUNK]];
    let mut walk = Walk { mounted, unpacked, owners, found, buffers };
    walk.entry(Path::new(""))?;
    Ok(walk.found)
}

struct Walk<'a> {
    mounted: &'a Path,
    unpacked: &'a Path,
    owners: Owners,
    found: Comparison,
    buffers: [Vec<u8>; 2],
}

impl Walk<'_> {
    /// Compares what both trees have at `path`, and all that is below it.
    fn entry(&mut self, path: &Path) -> Result<()> {
        let doing = || format!("cannot compare /{}", path.display());
        let here = [self.mounted.join(path), self.unpacked.join(path)];
        let [a, b] = [fs::symlink_metadata(&here[0]), fs::symlink_metadata(&here[1])];
        let (a, b) = (a.or_fail(Kind::Io, doing)?, b.or_fail(Kind::Io, doing)?);
        self.found.entries += 1;
        if kind(&a) != kind(&b) {
            self.differ(path, "type", kind(&a), kind(&b));
            return Ok(());
        }
        if !a.is_symlink() && mode(&a) != mode(&b) {
            self.differ(path, "mode", &mode(&a), &mode(&b));
        }
        if self.owners.differ([a.uid(), b.uid()]) || self.owners.differ([a.gid(), b.gid()]) {
            self.differ(path, "owner", &owner(&a), &owner(&b));
        }
        if a.is_dir() {
            return self.directory(path, &here);
        }
        if a.is_symlink() {
            let target = |at: usize| fs::read_link(&here[at]).or_fail(Kind::Io, doing);
            let (a, b) = (target(0)?, target(1)?);
            if a != b {
                self.differ(path, "target", &a.display().to_string(), &b.display().to_string());
            }
        } else if a.is_file() {
            if a.len() != b.len() {
                self.differ(path, "size", &a.len().to_string(), &b.len().to_string());
            } else if let Some(at) = self.contents(&here).or_fail(Kind::Io, doing)? {
                self.say(path, format!("the contents differ from byte {at} on"));
            }
        } else if a.rdev() != b.rdev() {
            self.differ(path, "device", &a.rdev().to_string(), &b.rdev().to_string());
        }
        Ok(())
    }

    fn directory(&mut self, path: &Path, here: &[PathBuf; 2]) -> Result<()> {
        let doing = || format!("cannot compare /{}", path.display());
        let mut names: BTreeMap<OsString, [bool; 2]> = BTreeMap::new();
        for (at, directory) in here.iter().enumerate() {
            for entry in fs::read_dir(directory).or_fail(Kind::Io, doing)? {
                let name = entry.or_fail(Kind::Io, doing)?.file_name();
                names.entry(name).or_default()[at] = true;
            }
        }
        for (name, there) in names {
            let inside = path.join(name);
            match there {
                [true, true] => self.entry(&inside)?,
                [true, false] => self.say(&inside, "it is mounted, and not in the image".into()),
                _ => self.say(&inside, "it is in the image, and not mounted".into()),
            }
        }
        Ok(())
    }

    /// The first byte at which two files of the same size differ.
    fn contents(&mut self, here: &[PathBuf; 2]) -> io::Result<Option<u64>> {
        let (mut a, mut b) = (File::open(&here[0])?, File::open(&here[1])?);
        let [left, right] = &mut self.buffers;
        let mut at = 0;
        loop {
            let (count, other) = (fill(&mut a, left)?, fill(&mut b, right)?);
            let differs =
                left.iter().zip(right.iter()).take(count.min(other)).position(|(a, b)| a != b);
            self.found.bytes += count as u64;
            match differs {
                Some(differs) => return Ok(Some(at + differs as u64)),
                None if count != other => return Ok(Some(at + count.min(other) as u64)),
                None if count == 0 => return Ok(None),
                None => at += count as u64,
            }
        }
    }

    fn differ(&mut self, path: &Path, what: &str, mounted: &str, unpacked: &str) {
        self.say(path, format!("{what} {mounted} where it is mounted, {unpacked} in the image"));
    }

    fn say(&mut self, path: &Path, what: String) {
        self.found.differences.push(format!("/{}: {what}", path.display()));
    }
}

/// Fills the buffer as far as the file goes.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn kind(about: &Metadata) -> &'static str {
    let kind = about.file_type();
    match () {
        () if kind.is_dir() => "directory",
        () if kind.is_symlink() => "link",
        () if kind.is_file() => "file",
        () if kind.is_fifo() => "pipe",
        () if kind.is_socket() => "socket",
        () if kind.is_char_device() => "character device",
        () => "block device",
    }
}

fn mode(about: &Metadata) -> String {
    format!("{:04o}", about.mode() & 0o7777)
}

impl Owners {
    /// Whether the users or groups of a file, the mounted one first, are known not to be the same.
    fn differ(self, [mounted, unpacked]: [u32; 2]) -> bool {
        const NOBODY: u32 = 65_534;
        let is_known = match self {
            Self::None => false,
            Self::Somebody => mounted != NOBODY,
            Self::All => true,
        };
        is_known && mounted != unpacked
    }
}

fn owner(about: &Metadata) -> String {
    format!("{}:{}", about.uid(), about.gid())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn tree(root: &Path) {
        for folder in ["a/b", "empty"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("a/file"), "x".repeat(CHUNK + 10)).unwrap();
        fs::write(root.join("a/b/other"), "").unwrap();
        symlink("a/file", root.join("link")).unwrap();
    }

    fn differences(change: impl FnOnce(&Path)) -> Vec<String> {
        let world = tempfile::tempdir().unwrap();
        let [mounted, unpacked] = ["mounted", "unpacked"].map(|name| world.path().join(name));
        tree(&mounted);
        tree(&unpacked);
        change(&unpacked);
        trees(&mounted, &unpacked, Owners::Somebody).unwrap().differences
    }

    #[test]
    fn equal_trees_are_equal_and_all_of_them_is_looked_at() {
        let world = tempfile::tempdir().unwrap();
        tree(world.path());
        let found = trees(world.path(), world.path(), Owners::All).unwrap();
        assert_eq!((found.entries, found.bytes), (7, CHUNK as u64 + 10));
        assert!(found.differences.is_empty() && found.with_owners);
    }

    #[test]
    fn nobody_is_a_user_like_any_other_where_everybody_exists() {
        let cases =
            [([65_534, 65_534], false, false), ([65_534, 0], false, true), ([0, 7], true, true)];
        for (ids, with_somebody, with_all) in cases {
            assert_eq!(Owners::Somebody.differ(ids), with_somebody, "{ids:?}");
            assert_eq!(Owners::All.differ(ids), with_all, "{ids:?}");
            assert!(!Owners::None.differ(ids));
        }
    }

    #[test]
    fn every_difference_has_its_name() {
        let mode = |path: PathBuf| {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
        };
        type Change = Box<dyn Fn(&Path)>;
        let cases: [(Change, &str); 8] = [
            (
                Box::new(|at| fs::write(at.join("new"), "").unwrap()),
                "/new: it is in the image, and",
            ),
            (Box::new(|at| fs::remove_file(at.join("link")).unwrap()), "/link: it is mounted, and"),
            (Box::new(move |at| mode(at.join("a/b"))), "/a/b: mode 0755 where it is mounted, 0700"),
            (
                Box::new(|at| {
                    let mut text = "x".repeat(CHUNK + 10);
                    text.replace_range(CHUNK + 3..CHUNK + 4, "y");
                    fs::write(at.join("a/file"), text).unwrap();
                }),
                "/a/file: the contents differ from byte 262147 on",
            ),
            (Box::new(|at| fs::write(at.join("a/b/other"), "x").unwrap()), "/a/b/other: size 0"),
            (
                Box::new(|at| {
                    fs::remove_dir(at.join("empty")).unwrap();
                    fs::write(at.join("empty"), "").unwrap();
                }),
                "/empty: type directory where it is mounted, file in the image",
            ),
            (
                Box::new(|at| {
                    fs::remove_file(at.join("link")).unwrap();
                    symlink("a/b", at.join("link")).unwrap();
                }),
                "/link: target a/file where it is mounted, a/b in the image",
            ),
            (
                Box::new(|at| {
                    if nix::unistd::geteuid().is_root() {
                        std::os::unix::fs::lchown(at.join("link"), Some(7), Some(8)).unwrap();
                    } else {
                        fs::write(at.join("a/b/other"), "y").unwrap();
                    }
                }),
                if nix::unistd::geteuid().is_root() { "/link: owner 0:" } else { "/a/b/other" },
            ),
        ];
        for (change, expected) in cases {
            let found = differences(change);
            assert!(found.len() == 1 && found[0].starts_with(expected), "{expected}: {found:?}");
        }
    }
}
