//! What was asked to be watched, and which entries of which directories decide where it is.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use crate::spec::ProcessId;

/// How many links a path may lead through, as for the kernel (`path_resolution(7)`).
const LINKS: usize = 40;

/// One path that is watched for one process.
#[derive(Clone, Debug)]
pub(super) struct Root {
    pub process: ProcessId,
    /// Absolute, as it was named.
    pub path: PathBuf,
    /// What was there when it was looked at last.
    pub found: Option<Found>,
}

/// Which file something is; another one may take its place under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    device: u64,
    inode: u64,
    pub is_directory: bool,
}

/// Where a path leads.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// Entries whose change may make the path lead elsewhere: links, and the last one that there is
    /// or is not.
    pub entries: Vec<Entry>,
    /// The file at its end, if there is one.
    pub end: Option<(PathBuf, Found)>,
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub directory: PathBuf,
    pub name: OsString,
    /// It is what was named, and not only on the way to it.
    pub is_last: bool,
}

impl Found {
    fn of(metadata: &Metadata) -> Self {
        let (device, inode) = (metadata.dev(), metadata.ino());
        Self { device, inode, is_directory: metadata.is_dir() }
    }
}

/// Follows a path as the kernel does, and notes what it depends on.
pub(super) fn resolve(path: &Path) -> Way {
    let mut way = Way::default();
    let mut done = PathBuf::from("/");
    let mut todo: VecDeque<OsString> = names(path);
    let mut links = 0;
    while let Some(name) = todo.pop_front() {
        if name == ".." {
            done.pop();
            continue;
        }
        let here = done.join(&name);
        let is_last = todo.is_empty();
        let entry = |directory: &Path| Entry {
            directory: directory.to_owned(),
            name: name.clone(),
            is_last,
        };
        let Ok(metadata) = fs::symlink_metadata(&here) else {
            way.entries.push(entry(&done));
            return way;
        };
        if metadata.is_symlink() {
            way.entries.push(entry(&done));
            links += 1;
            let Some(target) = fs::read_link(&here).ok().filter(|_| links <= LINKS) else {
                return way;
            };
            if target.is_absolute() {
                done = PathBuf::from("/");
            }
            names(&target).into_iter().rev().for_each(|name| todo.push_front(name));
            continue;
        }
        if is_last {
            way.entries.push(entry(&done));
            way.end = Some((here, Found::of(&metadata)));
            return way;
        }
        done = here;
    }
    // It ended in `..`, or is the root directory: nothing but itself can be looked at.
    way.end = fs::symlink_metadata(&done).ok().map(|metadata| (done, Found::of(&metadata)));
    way
}

fn names(path: &Path) -> VecDeque<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsStr::new("..").to_owned()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// The entries by name, those that are last with a `!`, and whether there is an end.
    fn shown(base: &Path, path: &str) -> (Vec<String>, bool) {
        let way = resolve(&base.join(path));
        let show = |entry: &Entry| {
            let directory = entry.directory.strip_prefix(base).unwrap_or(&entry.directory);
            let mark = if entry.is_last { "!" } else { "" };
            format!("{}{mark}", directory.join(&entry.name).display())
        };
        (way.entries.iter().map(show).collect(), way.end.is_some())
    }

    #[test]
    fn a_path_depends_on_its_links_and_on_its_end() {
        let base = std::env::temp_dir().join(format!("roots-{}", std::process::id()));
        fs::create_dir_all(base.join("a/..v1")).expect("a directory");
        let base = base.canonicalize().expect("it is there");
        fs::write(base.join("a/..v1/conf"), "").expect("a file");
        symlink("..v1", base.join("a/..data")).expect("a link");
        symlink("..data/conf", base.join("a/conf")).expect("a link");
        symlink("ring", base.join("ring")).expect("a link");
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (path, entries, ends) in [
            ("a", &["a!"][..], true),
            ("a/../a", &["a!"], true),
            ("a/missing/file", &["a/missing"], false),
            ("missing", &["missing!"], false),
            // As Kubernetes lays out what it mounts: the link in the middle is the one that moves.
            ("a/conf", &["a/conf!", "a/..data", "a/..v1/conf!"], true),
        ] {
            assert_eq!(shown(&base, path), (own(entries), ends), "{path}");
        }
        assert!(!shown(&base, "ring").1);
        assert!(resolve(Path::new("/")).end.is_some());
        fs::remove_dir_all(&base).expect("it can be removed");
    }
}
