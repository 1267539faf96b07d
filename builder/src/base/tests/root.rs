//! What layers put at the root: where links lead, accounts, and what a later layer hides.

use std::os::unix::ffi::OsStrExt as _;

use super::*;

#[test]
fn our_files_go_where_links_of_the_base_lead() {
    let world = tempfile::tempdir().unwrap();
    let root = root_of(&image(world.path(), &[LOWER, UPPER])).unwrap();
    for (path, expected) in [
        ("bin/devenv-init", "usr/bin/devenv-init"),
        ("sbin/a", "usr/bin/a"),
        ("lib/a", "lib/a"),
        ("opt/app/a/b", "srv/a/b"),
        ("bin", "bin"),
        ("etc/passwd", "etc/passwd"),
    ] {
        assert_eq!(root.resolve(Path::new(path)), PathBuf::from(expected), "{path}");
    }
    let endless =
        Root { links: [("a".into(), "b/c".into()), ("b".into(), "a".into())].into(), ..root };
    let _ = endless.resolve(Path::new("a/x"));
}

#[test]
fn accounts_of_the_base_stay_and_ours_are_added() {
    let world = tempfile::tempdir().unwrap();
    let root = root_of(&image(world.path(), &[LOWER, UPPER])).unwrap();
    assert_eq!(
        root.accounts(Path::new("etc/passwd"), ["root:x:0:0:ours", "user:x:1000:1000"]),
        b"root:x:0:0::/root:/bin/bash\ndaemon:x:1:1:::\nuser:x:1000:1000\n"
    );
    assert_eq!(
        root.accounts(Path::new("etc/group"), ["user:x:1000:"]),
        b"wheel:x:10:\nuser:x:1000:\n"
    );
    assert_eq!(Root::default().accounts(Path::new("etc/group"), ["a:"]), b"a:\n");
}

#[test]
fn accounts_are_found_behind_another_name() {
    let world = tempfile::tempdir().unwrap();
    let lower: &[Entry] =
        &[Text("usr/share/passwd", "root:x:0:0:\n"), Text("etc/group", "a:x:1:\n")];
    // The file may be of a lower layer, and what replaces the name afterwards counts.
    let upper: &[Entry] = &[
        Name("etc/passwd", "./usr/share/passwd"),
        Name("etc/group", "usr/share/passwd"),
        Text("etc/group", "b:x:2:\n"),
    ];
    let root = root_of(&image(world.path(), &[lower, upper])).unwrap();
    assert_eq!(root.accounts[Path::new("etc/passwd")], b"root:x:0:0:\n");
    assert_eq!(root.accounts[Path::new("etc/group")], b"b:x:2:\n");

    let nowhere: &[Entry] = &[Name("etc/passwd", "gone")];
    let failure = root_of(&image(world.path(), &[nowhere])).unwrap_err().to_string();
    assert!(failure.contains("hard link to gone"), "{failure}");
}

#[test]
fn accounts_behind_a_link_stay_there_and_the_link_too() {
    let world = tempfile::tempdir().unwrap();
    let lower: &[Entry] = &[
        Link("etc/passwd", "../usr/lib/passwd"),
        Text("usr/lib/passwd", "root:x:0:0:old\n"),
        Link("etc/group", "/nowhere/group"),
    ];
    let upper: &[Entry] =
        &[Text("share/passwd", "root:x:0:0:\n"), Link("usr/lib/passwd", "/share/passwd")];
    let root = root_of(&image(world.path(), &[lower, upper])).unwrap();
    let passwd = Path::new("etc/passwd");
    assert_eq!(root.follow(passwd), Path::new("share/passwd"));
    assert_eq!(root.accounts(passwd, ["a:x:1:"]), b"root:x:0:0:\na:x:1:\n");
    let group = Path::new("etc/group");
    assert_eq!(root.follow(group), Path::new("nowhere/group"));
    assert_eq!(root.accounts(group, ["a:x:1:"]), b"a:x:1:\n");
    // Also after what hides all that is below, which hides nothing of its own layer.
    let hiding: &[Entry] = &[
        Text("usr/lib/passwd", "b:x:2:\n"),
        Link("usr/new", "lib"),
        Text("usr/.wh..wh..opq", ""),
        Text(".wh.share", ""),
    ];
    let root = root_of(&image(world.path(), &[lower, upper, hiding])).unwrap();
    assert_eq!(root.accounts(passwd, []), b"b:x:2:\n");
    assert!(root.links.contains_key(Path::new("usr/new")));
}

#[test]
fn names_that_lead_out_of_the_image_are_refused() {
    let world = tempfile::tempdir().unwrap();
    let mut base = image(world.path(), &[LOWER]);
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..9].copy_from_slice(b"../escape");
    header.set_size(0);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.resize(3 * 512, 0);
    fs::write(world.path().join("layer0.tar"), &bytes).unwrap();
    base.layers[0].diff_id = Digest::of(&bytes);
    let failure = root_of(&base).unwrap_err().to_string();
    assert!(failure.contains("../escape leads out of the image"), "{failure}");
}

#[test]
fn many_links_take_no_time() {
    let world = tempfile::tempdir().unwrap();
    let mut base = image(world.path(), &[LOWER]);
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    for number in 0..20_000 {
        header.set_size(0);
        header.set_entry_type(tar::EntryType::Symlink);
        archive.append_link(&mut header, format!("usr/lib/l{number}"), "a").unwrap();
    }
    let bytes = archive.into_inner().unwrap();
    fs::write(world.path().join("layer0.tar"), &bytes).unwrap();
    base.layers[0].diff_id = Digest::of(&bytes);
    let begin = std::time::Instant::now();
    assert_eq!(root_of(&base).unwrap().links.len(), 20_000);
    // To compare each with each other takes more than a minute.
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
}

#[test]
fn only_what_is_at_and_below_a_name_is_forgotten() {
    let world = tempfile::tempdir().unwrap();
    let lower: &[Entry] =
        &[Link("a", "x"), Link("b/c", "x"), Link("b/d/e", "x"), Link("b.c", "x"), Link("b-", "x")];
    for (upper, left) in [
        (&[Text(".wh.b", "")][..], &["a", "b-", "b.c"][..]),
        (&[Text("b", "")], &["a", "b-", "b.c"]),
        (&[Text("b/.wh..wh..opq", ""), Link("b/d", "y")], &["a", "b-", "b.c", "b/d"]),
        (&[Text("b/.wh.c", ""), Folder("b/d")], &["a", "b-", "b.c", "b/d/e"]),
        (&[Text(".wh..wh..opq", ""), Link("z", "y")], &["z"]),
    ] {
        let root = root_of(&image(world.path(), &[lower, upper])).unwrap();
        let mut found: Vec<&str> = root.links.keys().map(|path| path.to_str().unwrap()).collect();
        found.sort();
        assert_eq!(found, left);
    }
}

#[test]
fn accounts_of_any_encoding_are_kept_and_none_takes_all_memory() {
    let world = tempfile::tempdir().unwrap();
    let mut base = image(world.path(), &[&[]]);
    let mut replace = |content: &[u8]| {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, "etc/passwd", content).unwrap();
        header.set_size(0);
        header.set_entry_type(tar::EntryType::Symlink);
        let name = std::ffi::OsStr::from_bytes(b"gr\xfcn");
        archive.append_link(&mut header, Path::new(name), "etc").unwrap();
        let bytes = archive.into_inner().unwrap();
        fs::write(world.path().join("layer0.tar"), &bytes).unwrap();
        base.layers[0].diff_id = Digest::of(&bytes);
        root_of(&base)
    };
    let root = replace(b"jos\xe9:x:1:1:\n").unwrap();
    assert_eq!(root.accounts(Path::new("etc/passwd"), ["a:x:2:"]), b"jos\xe9:x:1:1:\na:x:2:\n");
    // It goes through a file of JSON to those who use it.
    let text = serde_json::to_string(&root).unwrap();
    assert_eq!(serde_json::from_str::<Root>(&text).unwrap(), root);

    let failure = replace(&vec![b'a'; (1 << 20) + 1]).unwrap_err().to_string();
    assert!(failure.contains("etc/passwd: larger than 1048576 bytes"), "{failure}");
}
