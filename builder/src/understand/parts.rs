//! The largest folders and files in a part of an image, as far down as they matter.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::Serialize;

use crate::error::Result;
use crate::tar::{self, Tree};

/// How far down folders are looked into.
const DEPTH: usize = 6;
/// How many of a folder are told.
const WIDTH: usize = 8;
/// What is smaller than this many bytes is told of nowhere.
const LEAST: u64 = 16 * 1024;

/// A folder or file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its path below what it is in; several folders deep where there is nothing else on the way.
    pub name: String,
    /// Bytes of the tar stream, of a folder with all that is in it.
    pub size: u64,
    /// The largest in it, the largest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// The largest in a tree below `place`, a path of the image without a slash at its end: those that take
/// a fiftieth of it or more.
pub fn of(tree: &Tree, place: &str) -> Result<Vec<Part>> {
    let top = Path::new(if place.is_empty() { "/" } else { place });
    // The folders on the way to the latest entry, the tree itself at the bottom.
    let mut way = vec![Part { name: String::new(), size: 0, parts: Vec::new() }];
    tree.walk(&mut |entry| {
        let Ok(inside) = entry.path().strip_prefix(top) else { return Ok(()) };
        let Some(name) = inside.file_name() else { return Ok(()) };
        close(&mut way, inside.components().count());
        let size = tar::write::entry_size(&entry);
        way.push(Part { name: shown(name), size, parts: Vec::new() });
        Ok(())
    })?;
    close(&mut way, 1);
    let mut whole = way.remove(0);
    let least = LEAST.max(whole.size / 50);
    keep_largest(&mut whole, least, DEPTH);
    Ok(whole.parts)
}

/// Puts folders into those they are in, until only `count` are left on the way.
fn close(way: &mut Vec<Part>, count: usize) {
    while way.len() > count {
        let (Some(done), Some(folder)) = (way.pop(), way.last_mut()) else { return };
        folder.size += done.size;
        folder.parts.push(done);
    }
}

fn keep_largest(folder: &mut Part, least: u64, depth: usize) {
    let parts = &mut folder.parts;
    parts.retain(|part| part.size >= least && depth > 0);
    parts.sort_by(|a, b| (b.size, &a.name).cmp(&(a.size, &b.name)));
    parts.truncate(WIDTH);
    for part in parts {
        // A folder in which there is one thing alone takes no level of its own.
        while let [_] = part.parts.as_slice()
            && let Some(only) = part.parts.pop()
        {
            let name = format!("{}/{}", part.name, only.name);
            *part = Part { name, size: part.size, parts: only.parts };
        }
        keep_largest(part, least, depth - 1);
    }
}

/// A name for people: what would move their cursor is left out.
fn shown(name: &OsStr) -> String {
    let name = String::from_utf8_lossy(name.as_bytes());
    name.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::image::pack;
    use crate::layers::LayerPath;

    fn parts(files: &[(&str, usize)]) -> Vec<Part> {
        let world = tempfile::tempdir().unwrap();
        for (file, size) in files {
            let file = world.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, vec![b'x'; *size]).unwrap();
        }
        let path = world.path().to_str().unwrap().to_owned();
        let tree = pack::tree(&[LayerPath { path: path.clone(), options: None }]).unwrap();
        of(&tree, &path).unwrap()
    }

    #[test]
    fn the_largest_are_told_with_the_largest_in_them() {
        const KIB: usize = 1024;
        let told = parts(&[
            ("app/main", 100 * KIB),
            ("node_modules/a/big", 600 * KIB),
            ("node_modules/b/only/one", 200 * KIB),
            ("node_modules/b/only/more", 100 * KIB),
            ("small", 10),
        ]);
        let names = |parts: &[Part]| -> Vec<String> {
            parts.iter().map(|part| part.name.clone()).collect()
        };
        assert_eq!(names(&told), ["node_modules", "app/main"]);
        assert_eq!(names(&told[0].parts), ["a/big", "b/only"]);
        assert_eq!(names(&told[0].parts[1].parts), ["one", "more"]);
        // A header each, and what fills up the last block.
        assert_eq!(told[0].parts[1].parts[0].size, 200 * 1024 + 512);
        assert_eq!(told[0].parts[1].size, 300 * 1024 + 4 * 512);
        assert_eq!(told[0].size, 900 * 1024 + 7 * 512);
    }

    #[test]
    fn of_many_equal_ones_only_some_are_told_and_of_small_ones_none() {
        let many: Vec<String> = (10..40).map(|at| format!("f{at}")).collect();
        let large: Vec<(&str, usize)> = many.iter().map(|name| (name.as_str(), 40_000)).collect();
        let told = parts(&large);
        assert_eq!((told.len(), told[0].name.as_str()), (WIDTH, "f10"));
        let small: Vec<(&str, usize)> = many.iter().map(|name| (name.as_str(), 100)).collect();
        assert!(parts(&small).is_empty());
    }
}
