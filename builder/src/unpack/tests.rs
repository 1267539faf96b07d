//! Layers of every kind, and those that mean no good.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use tar::EntryType;

use super::unpack;
use crate::digest::Digest;
use crate::error::Result;
use crate::image::{Codec, History, Layer, Source, codec};

/// An entry: its name, its type, and its content or the target of its link.
pub type Entry<'a> = (&'a str, EntryType, &'a str);

use EntryType::{Char, Directory, Fifo, Link, Regular, Symlink};

/// A layer of these entries. Names are written as they are, which no library would do.
fn layer(folder: &Path, entries: &[Entry<'_>]) -> Layer {
    let mut archive = Vec::new();
    for (name, kind, content) in entries {
        let mut header = tar::Header::new_ustar();
        let fill =
            |field: &mut [u8], text: &str| field[..text.len()].copy_from_slice(text.as_bytes());
        fill(&mut header.as_old_mut().name, name);
        let is_link = matches!(kind, Symlink | Link);
        if is_link {
            fill(&mut header.as_old_mut().linkname, content);
        }
        let bytes = if *kind == Regular { content.as_bytes() } else { b"" };
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(if *kind == Directory { 0o755 } else { 0o644 });
        header.set_uid(7);
        header.set_gid(8);
        header.set_mtime(9);
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    stored(folder, archive)
}

/// The layer of an archive that still lacks its end.
pub fn stored(folder: &Path, mut archive: Vec<u8>) -> Layer {
    archive.resize(archive.len() + 1024, 0);
    let digest = Digest::of(&archive);
    let file = folder.join(digest.hex());
    fs::write(&file, &archive).unwrap();
    Layer {
        digest: digest.clone(),
        size: archive.len() as u64,
        diff_id: digest,
        tar_size: None,
        media_type: codec::TAR.to_owned(),
        source: Source::File(file),
        history: History::default(),
        codec: Codec::None,
    }
}

/// What there is after unpacking, by path: a file's content, a link's target, `/` for a directory.
pub fn unpacked(layers: &[&[Entry<'_>]]) -> Result<Vec<(String, String)>> {
    let world = tempfile::tempdir().unwrap();
    fs::write(world.path().join("outside"), "untouched").unwrap();
    fs::create_dir(world.path().join("folder")).unwrap();
    fs::write(world.path().join("folder/file"), "untouched").unwrap();
    let root = world.path().join("in/root");
    fs::create_dir_all(&root).unwrap();
    let blobs = tempfile::tempdir().unwrap();
    let layers: Vec<Layer> = layers.iter().map(|entries| layer(blobs.path(), entries)).collect();
    let result = unpack(&layers, &root, None);
    // Whatever came of it, nothing outside has changed.
    let mut left: Vec<_> =
        fs::read_dir(world.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["folder", "in", "outside"]);
    assert_eq!(fs::read_dir(world.path().join("in")).unwrap().count(), 1);
    for file in ["outside", "folder/file"] {
        assert_eq!(fs::read_to_string(world.path().join(file)).unwrap(), "untouched");
    }
    result?;
    let mut found = Vec::new();
    list(&root, &root, &mut found);
    found.sort();
    Ok(found)
}

fn list(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let there = fs::symlink_metadata(&path).unwrap();
        let content = if there.is_dir() {
            list(root, &path, found);
            "/".to_owned()
        } else if there.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else if there.is_file() {
            fs::read_to_string(&path).unwrap()
        } else {
            "special".to_owned()
        };
        let name = path.strip_prefix(root).unwrap().display().to_string();
        found.push((name, content));
    }
}

#[track_caller]
pub fn assert_tree(layers: &[&[Entry<'_>]], expected: &[(&str, &str)]) {
    let found = unpacked(layers).unwrap();
    let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn upper_layers_replace_and_hide_what_is_below() {
    let below: &[Entry<'_>] = &[
        ("etc/", Directory, ""),
        ("etc/a", Regular, "a"),
        ("etc/b", Regular, "b"),
        ("opt/x/y", Regular, "y"),
        ("var/old/z", Regular, "z"),
        ("link", Symlink, "etc"),
        ("dir/in", Regular, "in"),
    ];
    let above: &[Entry<'_>] = &[
        ("etc/.wh.a", Regular, ""),
        ("/etc/b", Regular, "new"),
        ("./opt/new", Regular, "new"),
        // Wherever it stands, it hides what is below this layer and nothing of it.
        ("opt/.wh..wh..opq", Regular, ""),
        ("var/old/w", Regular, "w"),
        ("var/.wh.old", Regular, ""),
        ("link/", Directory, ""),
        ("dir", Regular, "a file now"),
        (".wh..wh.plnk", Regular, ""),
        ("gone/.wh.never-there", Regular, ""),
    ];
    assert_tree(
        &[below, above],
        &[
            ("dir", "a file now"),
            ("etc", "/"),
            ("etc/b", "new"),
            ("gone", "/"),
            ("link", "/"),
            ("opt", "/"),
            ("opt/new", "new"),
            ("var", "/"),
            ("var/old", "/"),
            ("var/old/w", "w"),
        ],
    );
}

#[test]
fn files_of_every_kind_keep_what_they_are() {
    let world = tempfile::tempdir().unwrap();
    let root = world.path().join("root");
    fs::create_dir(&root).unwrap();
    let layer = layer(
        world.path(),
        &[
            ("a", Regular, "a"),
            ("b", Link, "/a"),
            ("pipe", Fifo, ""),
            ("null", Char, ""),
            ("dir/", Directory, ""),
        ],
    );
    unpack(&[layer], &root, None).unwrap();
    let about = |name: &str| fs::symlink_metadata(root.join(name)).unwrap();
    assert_eq!(about("a").ino(), about("b").ino());
    assert!(!root.join("null").exists(), "devices are those of whoever runs it");
    for name in ["a", "pipe", "dir"] {
        let about = about(name);
        let mode = if name == "dir" { 0o755 } else { 0o644 };
        assert_eq!((about.permissions().mode() & 0o7777, about.mtime()), (mode, 9), "{name}");
        if nix::unistd::geteuid().is_root() {
            assert_eq!((about.uid(), about.gid()), (7, 8), "{name}");
        }
    }
}

#[test]
fn links_lead_nowhere_but_into_the_image() {
    for target in ["../../folder", "/../../folder", "/folder"] {
        // What is written through the link of a lower layer, or of its own, is in the image.
        let [link, file]: [Entry<'_>; 2] = [("a", Symlink, target), ("a/file", Regular, "hostile")];
        let arrow = format!("-> {target}");
        let expected = [("a", arrow.as_str()), ("folder", "/"), ("folder/file", "hostile")];
        assert_tree(&[&[link], &[file]], &expected);
        assert_tree(&[&[link, file]], &expected);
        // The file at the end of a link is not written to, nor is its mode changed.
        let file: Entry<'_> = ("a", Regular, "mine");
        assert_tree(&[&[link, file]], &[("a", "mine")]);
        // Neither is what it leads to hidden.
        assert_tree(&[&[link], &[(".wh.a", Regular, "")]], &[]);
        assert_tree(
            &[&[link], &[("a/.wh.file", Regular, "")]],
            &[("a", arrow.as_str()), ("folder", "/")],
        );
    }
    let outside: &[Entry<'_>] = &[("a", Symlink, "../../outside"), ("b", Link, "a")];
    assert_tree(&[outside], &[("a", "-> ../../outside"), ("b", "-> ../../outside")]);
}

#[test]
fn names_that_lead_out_of_the_image_are_refused() {
    for entry in [
        ("../hostile", Regular, ""),
        ("a/../../hostile", Regular, ""),
        ("/../hostile", Symlink, "/"),
        ("..", Directory, ""),
        ("a", Link, "../../outside"),
        ("a", Link, "/a/../../../outside"),
    ] {
        let failure = unpacked(&[&[entry]]).unwrap_err().to_string();
        assert!(failure.contains("leads out of the image"), "{entry:?}: {failure}");
        assert!(failure.contains("cannot unpack layer sha256:"), "{failure}");
    }
    for name in [".wh...", ".wh..", ".wh.", "a/.wh..."] {
        let failure = unpacked(&[&[(name, Regular, "")]]).unwrap_err().to_string();
        assert!(failure.contains("hides no file"), "{name}: {failure}");
    }
    for entry in [("", Regular, ""), ("/", Symlink, "/etc"), ("a", Link, "none")] {
        assert!(unpacked(&[&[entry]]).is_err(), "{entry:?}");
    }
    let through: &[Entry<'_>] = &[("a", Symlink, "../../outside"), ("b", Link, "a/x")];
    assert!(unpacked(&[through]).is_err());
}

#[test]
fn a_layer_that_is_another_one_is_refused() {
    let world = tempfile::tempdir().unwrap();
    let root = world.path().join("root");
    fs::create_dir(&root).unwrap();
    let mut layer = layer(world.path(), &[("a", Regular, "a")]);
    layer.diff_id = Digest::of(b"another");
    let failure = unpack(&[layer], &root, None).unwrap_err().to_string();
    assert!(failure.contains("has become"), "{failure}");
}
