//! Layers whose entries say more of their files than a plain header does, or say it strangely.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use tar::EntryType::{self, Block, Char, Directory, Link, Regular, Symlink};

use super::tests::{Entry, assert_tree, stored};
use super::{unpack, unpack_for_all};
use crate::error::{Kind, Result};
use crate::progress::Silent;

/// A header for a file of this name.
fn header(name: &str, kind: EntryType) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_mtime(9);
    header.set_uid(7);
    header.set_gid(8);
    header
}

/// Appends an entry.
fn add(archive: &mut Vec<u8>, mut header: tar::Header, content: &[u8]) {
    header.set_size(content.len() as u64);
    header.set_cksum();
    archive.extend_from_slice(header.as_bytes());
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512), 0);
}

/// What a kind of extended header says: its records, each with its own length in front.
fn records(records: &[(&str, &str)]) -> Vec<u8> {
    let mut text = String::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let length = (1..).find(|n: &usize| n.to_string().len() + rest.len() == *n).unwrap();
        text.push_str(&format!("{length}{rest}"));
    }
    text.into_bytes()
}

/// Unpacks an archive, and has `look` look at it.
fn with(archive: Vec<u8>, look: impl FnOnce(&Path)) -> Result<()> {
    let world = tempfile::tempdir().unwrap();
    let root = world.path().join("root");
    fs::create_dir(&root).unwrap();
    unpack(&[stored(world.path(), archive)], &root, None)?;
    look(&root);
    Ok(())
}

#[test]
fn names_of_any_length_are_kept() {
    let [name, target] = ["n", "t"].map(|letter| format!("{}/file", letter.repeat(200)));
    // As GNU tar has it, and as POSIX has it.
    let mut archive = Vec::new();
    for (kind, text) in [(EntryType::GNULongName, &name), (EntryType::GNULongLink, &target)] {
        let mut long = tar::Header::new_gnu();
        long.as_old_mut().name[..13].copy_from_slice(b"././@LongLink");
        long.set_entry_type(kind);
        add(&mut archive, long, format!("{text}\0").as_bytes());
    }
    add(&mut archive, header("n", Symlink), b"");
    let said = records(&[("path", &target), ("uid", "11"), ("comment", "none")]);
    add(&mut archive, header("PaxHeaders/t", EntryType::XHeader), &said);
    add(&mut archive, header("t", Regular), b"content");
    let look = |root: &Path| {
        assert_eq!(fs::read_link(root.join(&name)).unwrap(), Path::new(&target));
        let there = root.join(&target);
        assert_eq!(fs::read_to_string(&there).unwrap(), "content");
        if nix::unistd::geteuid().is_root() {
            assert_eq!(fs::metadata(&there).unwrap().uid(), 11);
        }
    };
    with(archive, look).unwrap();
}

#[test]
fn long_names_lead_out_no_more_than_short_ones() {
    let far = format!("{}/../../out", "x/../".repeat(60));
    let mut archive = Vec::new();
    add(&mut archive, header("x", EntryType::XHeader), &records(&[("path", &far)]));
    add(&mut archive, header("a", Regular), b"");
    let failure = with(archive, |_| ()).unwrap_err().to_string();
    assert!(failure.contains("leads out of the image"), "{failure}");
}

/// A few megabytes of a compressed layer may say gigabytes of one file.
#[test]
fn what_is_said_of_a_file_has_a_limit() {
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
        let mut archive = Vec::new();
        add(&mut archive, header("long", kind), &vec![b'a'; 2 << 20]);
        add(&mut archive, header("a", Regular), b"");
        let failure = with(archive, |_| ()).unwrap_err();
        let text = failure.to_string();
        assert!(text.contains("more than 1048576 bytes of one file"), "{kind:?}: {text}");
        assert_eq!(failure.kind(), Kind::Data);
    }
    // Neither what a file holds counts, nor what a global header says, nor many small headers.
    let mut archive = Vec::new();
    for name in ["a", "b", ".wh.gone", "c"] {
        add(&mut archive, header("g", EntryType::XGlobalHeader), &vec![b' '; 2 << 20]);
        add(
            &mut archive,
            header("x", EntryType::XHeader),
            &records(&[("comment", &"y".repeat(9999))]),
        );
        add(&mut archive, header(name, Regular), &vec![b'a'; 2 << 20]);
    }
    with(archive, |root| assert_eq!(fs::read_dir(root).unwrap().count(), 3)).unwrap();
}

#[test]
fn sparse_files_are_whole_or_refused() {
    let mut archive = Vec::new();
    let mut sparse = tar::Header::new_gnu();
    sparse.as_old_mut().name[..6].copy_from_slice(b"sparse");
    sparse.set_entry_type(EntryType::GNUSparse);
    sparse.set_mode(0o600);
    sparse.set_uid(7);
    sparse.set_gid(8);
    sparse.set_mtime(9);
    let gnu = sparse.as_gnu_mut().unwrap();
    gnu.sparse[0].offset.copy_from_slice(b"00000001000\0");
    gnu.sparse[0].numbytes.copy_from_slice(b"00000000003\0");
    gnu.realsize.copy_from_slice(b"00000001003\0");
    add(&mut archive, sparse, b"end");
    let expected = [&[0; 512][..], b"end"].concat();
    with(archive, |root| assert_eq!(fs::read(root.join("sparse")).unwrap(), expected)).unwrap();

    let mut archive = Vec::new();
    let said =
        [("GNU.sparse.major", "1"), ("GNU.sparse.name", "a"), ("GNU.sparse.realsize", "515")];
    add(&mut archive, header("x", EntryType::XHeader), &records(&said));
    add(&mut archive, header("GNUSparseFile.0/a", Regular), b"1\n512\n3\n");
    let failure = with(archive, |_| ()).unwrap_err();
    assert!(failure.to_string().contains("sparse in the form of POSIX"), "{failure}");
    assert_eq!(failure.kind(), Kind::Data);
}

#[test]
fn archives_of_every_age_are_understood() {
    let mut archive = Vec::new();
    let said = records(&[("comment", "a commit"), ("path", "elsewhere")]);
    add(&mut archive, header("pax_global_header", EntryType::XGlobalHeader), &said);
    let mut old = header("old/", Regular);
    old.set_mode(0o755);
    old.as_old_mut().linkflag = [0];
    add(&mut archive, old, b"");
    let mut old = header("old/file", Regular);
    old.as_old_mut().linkflag = [0];
    add(&mut archive, old, b"old");
    add(&mut archive, header("contiguous", EntryType::Continuous), b"one");
    let mut before = header("before", Regular);
    before.as_old_mut().mtime = [0xff; 12];
    add(&mut archive, before, b"");
    let look = |root: &Path| {
        let mut names: Vec<_> =
            fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["before", "contiguous", "old"]);
        assert_eq!(fs::read_to_string(root.join("old/file")).unwrap(), "old");
        assert_eq!(fs::read_to_string(root.join("contiguous")).unwrap(), "one");
        assert_eq!(fs::metadata(root.join("before")).unwrap().mtime(), 0);
    };
    with(archive, look).unwrap();
}

#[test]
fn what_was_left_out_can_be_hidden() {
    let layer: &[Entry<'_>] = &[
        ("dev/null", Char, ""),
        ("dev/.wh.null", Regular, ""),
        ("dev/sda", Block, ""),
        ("dev/.wh..wh..opq", Regular, ""),
        ("a", Regular, "a"),
        ("b", Link, "a"),
    ];
    assert_tree(&[layer, layer], &[("a", "a"), ("b", "a"), ("dev", "/")]);
}

#[test]
fn modes_are_kept_and_nobody_lends_their_rights() {
    let world = tempfile::tempdir().unwrap();
    let mut archive = Vec::new();
    for (name, kind, mode) in [
        ("none", Regular, 0),
        ("locked/", Directory, 0),
        ("locked/file", Regular, 0o400),
        ("shared/", Directory, 0o3777),
        ("own", Regular, 0o6755),
        // No user of any machine has this number.
        ("strange", Regular, 0o6711),
    ] {
        let mut header = header(name, kind);
        header.set_mode(mode);
        if name == "strange" {
            header.set_uid(u32::MAX.into());
        }
        add(&mut archive, header, b"");
    }
    let layer = stored(world.path(), archive);
    let is_root = nix::unistd::geteuid().is_root();
    for for_all in [false, true] {
        let root = world.path().join(format!("root-{for_all}"));
        fs::create_dir(&root).unwrap();
        let layers = std::slice::from_ref(&layer);
        match for_all {
            true => unpack_for_all(layers, &root, &Silent).unwrap(),
            false => unpack(layers, &root, None).unwrap(),
        }
        let mode = |name: &str| {
            let mode = fs::symlink_metadata(root.join(name)).unwrap().permissions().mode();
            mode & 0o7777
        };
        assert_eq!((mode("none"), mode("locked"), mode("shared")), (0, 0, 0o3777));
        assert_eq!(mode("own"), if for_all && !is_root { 0o755 } else { 0o6755 });
        assert_eq!(mode("strange"), if for_all { 0o711 } else { 0o6711 });
        fs::set_permissions(root.join("locked"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(mode("locked/file"), 0o400);
    }
}

#[test]
fn modes_are_for_the_only_user_there_is() {
    let world = tempfile::tempdir().unwrap();
    let mut archive = Vec::new();
    for (name, kind, mode, uid, gid) in [
        ("theirs/", Directory, 0o700, 7, 7),
        ("theirs/implied/file", Regular, 0o644, 0, 8),
        ("closed/", Directory, 0o700, 0, 0),
        ("closed/file", Regular, 0o664, 0, 7),
    ] {
        let mut header = header(name, kind);
        header.set_mode(mode);
        header.set_uid(uid);
        header.set_gid(gid);
        add(&mut archive, header, b"");
    }
    let root = world.path().join("root");
    fs::create_dir(&root).unwrap();
    let sole = super::Sole { uid: 7, groups: vec![7] };
    unpack(&[stored(world.path(), archive)], &root, Some(&sole)).unwrap();
    let mode = |name: &str| {
        let mode = fs::symlink_metadata(root.join(name)).unwrap().permissions().mode();
        mode & 0o7777
    };
    assert_eq!((mode(""), mode("theirs"), mode("theirs/implied")), (0o555, 0o700, 0o555));
    assert_eq!((mode("theirs/implied/file"), mode("closed")), (0o444, 0));
    for folder in ["closed", "theirs/implied", ""] {
        fs::set_permissions(root.join(folder), fs::Permissions::from_mode(0o755)).unwrap();
    }
    assert_eq!(mode("closed/file"), 0o664);
}
