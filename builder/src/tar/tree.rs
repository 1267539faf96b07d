//! The files of a layer as one tree, by their places in the image.
//!
//! Several store paths may share directories once they are rewritten (`/etc` of two root trees).
//! Where they claim the same file, they must agree on what it is; then the last one counts. Names that
//! mean something else in a layer than the file they name are refused.

use std::collections::{BTreeMap, btree_map};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Context as _, Failure, Kind, Result};

use super::options::{Compiled, Options, Ownership};

/// What a name begins with that says what becomes of the layers below instead of naming a file: the
/// rest of it is gone, or with `.wh..wh..opq` all that the directory has (OCI image specification,
/// layer.md, "Whiteouts", where it is forbidden to files). AUFS keeps notes of its own under such names.
pub const WHITEOUT: &[u8] = b".wh.";

/// Files by their place in the image.
#[derive(Debug, Default)]
pub struct Tree {
    root: Node,
}

/// One path component.
#[derive(Debug, Default)]
pub struct Node {
    children: BTreeMap<Vec<u8>, Node>,
    file: Option<File>,
}

/// A file somewhere in the image.
#[derive(Clone, Debug)]
pub struct File {
    /// Where it is on this machine.
    pub source: PathBuf,
    /// What it is.
    pub content: Content,
    /// Owner and mode.
    pub ownership: Ownership,
    /// Permission bits it has in the store, to compare with another claim on its place.
    stored_mode: u32,
    /// The number of the store path it came with.
    origin: usize,
}

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A directory.
    Directory,
    /// A symbolic link, with its target.
    Symlink(Vec<u8>),
    /// A regular file, with its size in bytes.
    Regular(u64),
}

/// One entry of a [`Tree`], in the order of the stream.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Its place in the image.
    pub place: &'a [u8],
    /// What is there; `None`: a directory that is there only because something is in it.
    pub file: Option<&'a File>,
}

impl Tree {
    /// Reads the files below each of `paths` (names, modes and sizes; contents are not opened).
    pub fn read<'a>(paths: impl IntoIterator<Item = (&'a Path, &'a Options)>) -> Result<Self> {
        let mut tree = Self::default();
        let mut rules: Vec<Compiled> = Vec::new();
        for (path, options) in paths {
            let compiled = Compiled::new(options)
                .map_err(|failure| failure.context(format!("cannot place {}", path.display())))?;
            rules.push(compiled);
            tree.add_path(path, &rules)?;
        }
        Ok(tree)
    }

    fn add_path(&mut self, path: &Path, rules: &[Compiled]) -> Result<()> {
        let doing = || format!("cannot read {}", path.display());
        let metadata = fs::symlink_metadata(path).or_fail(Kind::Io, doing)?;
        let content = if metadata.is_dir() {
            Content::Directory
        } else if metadata.is_symlink() {
            let target = fs::read_link(path).or_fail(Kind::Io, doing)?;
            Content::Symlink(target.into_os_string().into_vec())
        } else if metadata.is_file() {
            Content::Regular(metadata.len())
        } else {
            return Err(Failure::new(
                Kind::Data,
                format!("cannot pack {}: it is no file, directory or link", path.display()),
            ));
        };
        let is_directory = content == Content::Directory;

        let Some(rule) = rules.last() else { return Ok(()) };
        let source = path.as_os_str().as_bytes();
        let place = rule.destination(source);
        if !place.is_empty() {
            // A link has no mode of its own; file systems disagree on what they report.
            let mode = match content {
                Content::Symlink(_) => 0o777,
                _ => metadata.mode() & 0o7777,
            };
            let file = File {
                source: path.to_owned(),
                content,
                ownership: rule.ownership(source, is_directory, mode),
                stored_mode: mode,
                origin: rules.len() - 1,
            };
            self.insert(&clean(&place), file, rules)?;
        }
        if is_directory {
            for entry in fs::read_dir(path).or_fail(Kind::Io, doing)? {
                self.add_path(&entry.or_fail(Kind::Io, doing)?.path(), rules)?;
            }
        }
        Ok(())
    }

    fn insert(&mut self, place: &[u8], file: File, rules: &[Compiled]) -> Result<()> {
        let mut node = &mut self.root;
        if place == b"/" {
            node = node.children.entry(Vec::new()).or_default();
        } else {
            for component in place.split(|byte| *byte == b'/') {
                if component.starts_with(WHITEOUT) {
                    return Err(whiteout(place, &file.source));
                }
                node = node.children.entry(component.to_vec()).or_default();
            }
        }
        if let Some(before) = &node.file {
            agree(before, &file, rules).map_err(|why| {
                Failure::new(
                    Kind::Data,
                    format!(
                        "cannot put {} and {} at the same place {}: {why}",
                        before.source.display(),
                        file.source.display(),
                        String::from_utf8_lossy(place)
                    ),
                )
                .hint(
                    "leave one of them out, or give both the same mode and owner; what is wanted for \
                     a volume of the container counts, too",
                )
            })?;
        }
        node.file = Some(file);
        Ok(())
    }

    /// Calls `visit` for every entry, parents first, siblings in byte order of their names.
    pub fn walk(&self, visit: &mut dyn FnMut(Entry<'_>) -> Result<()>) -> Result<()> {
        let mut place = Vec::new();
        for (name, node) in &self.root.children {
            node.walk(name, &mut place, visit)?;
        }
        Ok(())
    }

    /// Every entry, one after another.
    pub fn into_entries(self) -> Entries {
        Entries { levels: vec![(self.root.children.into_iter(), 0)], place: Vec::new() }
    }

    /// What is at `place`, links not followed.
    pub fn get(&self, place: &str) -> Option<&File> {
        let mut node = &self.root;
        for component in place.split('/') {
            node = node.children.get(component.as_bytes())?;
        }
        node.file.as_ref()
    }
}

impl Node {
    fn walk(
        &self,
        name: &[u8],
        place: &mut Vec<u8>,
        visit: &mut dyn FnMut(Entry<'_>) -> Result<()>,
    ) -> Result<()> {
        let length = place.len();
        descend(place, name);
        visit(Entry { place, file: self.file.as_ref() })?;
        for (name, child) in &self.children {
            child.walk(name, place, visit)?;
        }
        place.truncate(length);
        Ok(())
    }
}

/// Appends a component to a place.
fn descend(place: &mut Vec<u8>, name: &[u8]) {
    let is_top = place.is_empty();
    if !is_top && place.last() != Some(&b'/') {
        place.push(b'/');
    }
    place.extend_from_slice(if is_top && name.is_empty() { b"/" } else { name });
}

/// The entries of a tree one after another, in the order of [`Tree::walk`]; what has been taken is
/// let go.
#[derive(Debug)]
pub struct Entries {
    /// What is left of each directory on the way, with the length of the directory's own place.
    levels: Vec<(btree_map::IntoIter<Vec<u8>, Node>, usize)>,
    place: Vec<u8>,
}

impl Entries {
    /// The next place, and what is there unless it is only on the way to something.
    pub fn next(&mut self) -> Option<(&[u8], Option<File>)> {
        loop {
            let (left, length) = self.levels.last_mut()?;
            self.place.truncate(*length);
            let Some((name, node)) = left.next() else {
                self.levels.pop();
                continue;
            };
            descend(&mut self.place, &name);
            self.levels.push((node.children.into_iter(), self.place.len()));
            return Some((&self.place, node.file));
        }
    }
}

/// Why nothing can be at a place: whoever unpacks the layer would take its name for an order.
fn whiteout(place: &[u8], source: &Path) -> Failure {
    let place = Path::new(OsStr::from_bytes(place));
    let placed = match place == source {
        true => String::new(),
        false => format!(" at {}", place.display()),
    };
    Failure::new(
        Kind::Data,
        format!(
            "cannot pack {}{placed}: in an image, a name that begins with `.wh.` hides a file of the layers \
             below and is none itself",
            source.display()
        ),
    )
    .hint("give it another name, or leave it out of what the image holds")
}

/// Whether two files may claim the same place, and if not, why.
fn agree(before: &File, after: &File, rules: &[Compiled]) -> std::result::Result<(), &'static str> {
    let perms = |file: &File| rules.get(file.origin).map(Compiled::perms).unwrap_or_default();
    let same_kind =
        std::mem::discriminant(&before.content) == std::mem::discriminant(&after.content);
    if !same_kind {
        return Err("one is of another type");
    }
    if before.stored_mode != after.stored_mode {
        return Err("their modes differ");
    }
    if matches!(before.content, Content::Regular(_)) && before.content != after.content {
        return Err("their sizes differ");
    }
    // nix2container wants the same rules of both. Other rules that come to the same are as good: a
    // folder of ours for a volume meets the project that is copied around it.
    if perms(before) != perms(after) && before.ownership != after.ownership {
        return Err("other owners or modes are asked for");
    }
    Ok(())
}

/// Resolves `.`, `..` and repeated slashes in a path by text alone.
fn clean(path: &[u8]) -> Vec<u8> {
    let absolute = path.first() == Some(&b'/');
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            b".." if absolute => {}
            _ => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    match (absolute, joined.is_empty()) {
        (true, _) => [b"/".as_slice(), &joined].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}

impl Entry<'_> {
    /// Its place as a path of the image.
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(self.place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_by_text() {
        for (path, cleaned) in [
            ("/", "/"),
            ("/a//b/./c/", "/a/b/c"),
            ("/a/../../b", "/b"),
            ("a/..", "."),
            ("../a", "../a"),
        ] {
            assert_eq!(clean(path.as_bytes()), cleaned.as_bytes(), "{path}");
        }
    }

    #[test]
    fn two_claims_on_one_place_must_agree() {
        let directory = tempfile::tempdir().unwrap();
        let (a, b) = (directory.path().join("a"), directory.path().join("b"));
        for (root, text) in [(&a, "one"), (&b, "three")] {
            fs::create_dir_all(root.join("etc")).unwrap();
            fs::write(root.join("etc/file"), text).unwrap();
        }
        let options = Options {
            rewrite: super::super::Rewrite {
                regex: format!("^{}/[ab]", directory.path().display()),
                repl: String::new(),
            },
            perms: Vec::new(),
        };
        let failure = Tree::read([(a.as_path(), &options), (b.as_path(), &options)]).unwrap_err();
        assert!(failure.to_string().contains("/etc/file: their sizes differ"), "{failure}");

        fs::write(b.join("etc/file"), "two").unwrap();
        let tree = Tree::read([(a.as_path(), &options), (b.as_path(), &options)]).unwrap();
        assert_eq!(tree.get("/etc/file").unwrap().source, b.join("etc/file"));

        // Other rules may come to the same owner and mode, and only then meet.
        let owned = |regex: &str, uid| {
            let perm = super::super::Perm { regex: regex.to_owned(), uid, ..Default::default() };
            Options { perms: vec![perm], ..options.clone() }
        };
        let both = |a_options: &Options, b_options: &Options| {
            Tree::read([(a.as_path(), a_options), (b.as_path(), b_options)])
        };
        both(&owned("", 7), &owned("etc|file", 7)).unwrap();
        both(&options, &owned("nothing", 7)).unwrap();
        for (one, other) in [(owned("", 7), owned("etc", 8)), (owned("", 7), options.clone())] {
            let failure = both(&one, &other).unwrap_err();
            assert!(
                failure.message().ends_with("other owners or modes are asked for"),
                "{failure}"
            );
        }
    }

    #[test]
    fn a_name_that_would_hide_another_is_refused_wherever_it_is() {
        let world = tempfile::tempdir().unwrap();
        let options = |repl: &str| Options {
            rewrite: super::super::Rewrite {
                regex: format!("^{}", world.path().display()),
                repl: repl.to_owned(),
            },
            perms: Vec::new(),
        };
        let read = |repl| Tree::read([(world.path(), &options(repl))]).map(drop);
        for name in [".wh", ".whx", "a.wh.b", ".WH.a"] {
            fs::write(world.path().join(name), "").unwrap();
        }
        read("/env").unwrap();
        for name in [".wh.", ".wh.file", ".wh..wh..opq", ".wh..wh.plnk", "a/.wh.b", ".wh.c/d"] {
            let file = world.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "").unwrap();
            let failure = read("/env").unwrap_err();
            assert_eq!(failure.kind(), Kind::Data, "{name}");
            let named = world.path().join(name.strip_suffix("/d").unwrap_or(name));
            let told = format!("cannot pack {} at /env/", named.display());
            assert!(failure.message().starts_with(&told), "{failure}");
            assert!(failure.way_out().is_some(), "{name}");
            fs::remove_file(&file).unwrap();
            if file.parent() != Some(world.path()) {
                fs::remove_dir(file.parent().unwrap()).unwrap();
            }
        }
        let failure = read("/opt/.wh.x").unwrap_err();
        assert!(failure.message().contains(" at /opt/.wh.x: "), "{failure}");
    }
}
