//! A second writer of tar streams, for tests: the same rules put down another way, sharing no
//! code with the first, so that a slip in one of them shows as a difference.
//!
//! It works on a flat list of finished entries and builds every header as one text, where the
//! writer that ships walks a tree and fills a block field by field.

use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::{Options, Perm, Rewrite, Tree, write};

/// What is to be in the archive.
#[derive(Clone, Debug)]
struct Item {
    name: Vec<u8>,
    flag: char,
    link: Vec<u8>,
    mode: u32,
    owner: (u64, u64, String, String),
    content: Vec<u8>,
}

fn fits(text: &[u8], width: usize) -> bool {
    text.len() <= width && text.iter().all(|byte| (1..128).contains(byte))
}

fn stripped(text: &[u8], width: usize) -> Vec<u8> {
    let mut kept: Vec<u8> = text.iter().filter(|byte| (1..128).contains(*byte)).copied().collect();
    kept.truncate(width);
    kept
}

fn field(text: &[u8], width: usize) -> Vec<u8> {
    let mut field = text.to_vec();
    field.resize(width, 0);
    field
}

/// The header: every field in its order, then the checksum put in.
fn block(item: &Item, name: &[u8], prefix: &[u8], numbers: (u64, u64), mtime: u64) -> Vec<u8> {
    let (_, _, uname, gname) = &item.owner;
    let text = |text: &str, width| field(&stripped(text.as_bytes(), usize::MAX), width);
    let devices = if item.flag == 'x' { vec![0; 16] } else { b"0000000\x000000000\0".to_vec() };
    let fields = [
        field(name, 100),
        format!("{:07o}\0{:07o}\0{:07o}\0", item.mode, numbers.0, numbers.1).into_bytes(),
        format!("{:011o}\0{mtime:011o}\0", item.content.len()).into_bytes(),
        b"        ".to_vec(),
        vec![item.flag as u8],
        field(&stripped(&item.link, usize::MAX), 100),
        b"ustar\x0000".to_vec(),
        text(uname, 32),
        text(gname, 32),
        devices,
        field(prefix, 155),
        vec![0; 12],
    ];
    let mut block = fields.concat();
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block.splice(148..156, format!("{sum:06o}\0 ").into_bytes());
    assert_eq!(block.len(), 512);
    block
}

/// Where ustar cuts a long name: at the last slash that leaves room on both sides, looked for in
/// the first 156 bytes.
fn cut(name: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let slash = (0..name.len().min(156)).rev().find(|at| name[*at] == b'/')?;
    let (prefix, rest) = (name[..slash].to_vec(), name[slash + 1..].to_vec());
    (!prefix.is_empty() && !rest.is_empty() && rest.len() <= 100).then_some((prefix, rest))
}

fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().div_ceil(512) * 512, 0);
    bytes
}

fn entry(item: &Item) -> Vec<u8> {
    let (uid, gid, uname, gname) = &item.owner;
    let small = |id: u64| if id < 1 << 21 { Some(id) } else { None };
    let plain = |text: &[u8]| fits(text, usize::MAX);
    let ustar = plain(&item.name)
        && fits(&item.link, 100)
        && fits(uname.as_bytes(), 32)
        && fits(gname.as_bytes(), 32)
        && small(*uid).is_some()
        && small(*gid).is_some();
    let numbers = (small(*uid).unwrap_or(0), small(*gid).unwrap_or(0));
    let head = match cut(&item.name) {
        _ if ustar && item.name.len() <= 100 => block(item, &item.name, b"", numbers, 1),
        Some((prefix, rest)) if ustar => block(item, &rest, &prefix, numbers, 1),
        _ => extended(item, numbers),
    };
    [head, padded(item.content.clone())].concat()
}

fn extended(item: &Item, numbers: (u64, u64)) -> Vec<u8> {
    let (uid, gid, uname, gname) = &item.owner;
    let digits = |id: &u64| id.to_string().into_bytes();
    let records: Vec<u8> = [
        ("gid", digits(gid), *gid < 1 << 21),
        ("gname", gname.clone().into_bytes(), fits(gname.as_bytes(), 32)),
        ("linkpath", item.link.clone(), fits(&item.link, 100)),
        ("path", item.name.clone(), fits(&item.name, 100)),
        ("uid", digits(uid), *uid < 1 << 21),
        ("uname", uname.clone().into_bytes(), fits(uname.as_bytes(), 32)),
    ]
    .into_iter()
    .filter(|(_, _, fits)| !fits)
    .flat_map(|(key, value, _)| {
        let tail = [b" ", key.as_bytes(), b"=", &value, b"\n"].concat();
        // The least length that counts itself.
        let length = (tail.len()..).find(|n| n.to_string().len() + tail.len() == *n).unwrap();
        [length.to_string().into_bytes(), tail].concat()
    })
    .collect();

    let at = item.name.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    let (directory, base) = item.name.split_at(at);
    let record = Item {
        name: Vec::new(),
        flag: 'x',
        link: Vec::new(),
        mode: 0,
        owner: (0, 0, String::new(), String::new()),
        content: records.clone(),
    };
    let named = stripped(&[directory, b"PaxHeaders.0/", base].concat(), 100);
    let name = stripped(&item.name, 100);
    // Only a name that was cut can end in a slash here, and it must not read as a directory's.
    let name = name.strip_suffix(b"/").unwrap_or(&name);
    let record_name = named.strip_suffix(b"/").unwrap_or(&named);
    [
        block(&record, record_name, b"", (0, 0), 0),
        padded(records),
        block(item, name, b"", numbers, 1),
    ]
    .concat()
}

/// What a generated place holds.
#[derive(Clone, Debug)]
enum Made {
    File(Vec<u8>, bool),
    Link(String),
    Folder,
}

fn made() -> impl Strategy<Value = Made> {
    prop_oneof![
        3 => (vec(any::<u8>(), 0..1100), any::<bool>()).prop_map(|(bytes, run)| Made::File(bytes, run)),
        1 => "[a-zé/.]{1,130}".prop_map(Made::Link),
        1 => Just(Made::Folder),
    ]
}

/// Names at, below and above every limit of the format.
fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-c.-]{1,4}x", "[a-c]{90,110}", "[ab]{0,3}é[ab]{40,60}", "[b]{150,160}"]
}

fn perm() -> impl Strategy<Value = Perm> {
    let id =
        prop_oneof![Just(0), Just((1_u64 << 21) - 1), Just(1 << 21), Just(u64::from(u32::MAX))];
    let who = prop_oneof![Just(String::new()), "[a-z]{1,4}", "[a-z]{31,34}", "ü"];
    let mode = prop_oneof![Just(""), Just("0640"), Just("1777"), Just("4755")];
    (mode, id.clone(), id, who.clone(), who).prop_map(|(mode, uid, gid, uname, gname)| Perm {
        regex: "a".to_owned(),
        mode: mode.to_owned(),
        uid,
        gid,
        uname,
        gname,
    })
}

/// Makes the files and says what the archive must hold of them, in its order.
fn make(
    root: &Path,
    files: &std::collections::BTreeMap<Vec<String>, Made>,
    perm: &Perm,
) -> Vec<Item> {
    let folders =
        files.keys().flat_map(|place| (0..place.len()).map(|depth| place[..depth].to_vec()));
    let mut all: Vec<(Vec<String>, Made)> = folders.map(|place| (place, Made::Folder)).collect();
    all.extend(files.iter().map(|(place, made)| (place.clone(), made.clone())));
    // Components compare as the bytes they are; of a folder named twice one is enough, and what
    // has something in it is a folder whatever else it was to be.
    all.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| rank(&a.1).cmp(&rank(&b.1))));
    all.dedup_by(|next, kept| next.0 == kept.0);
    all.into_iter()
        .map(|(place, made)| {
            let path = place.iter().fold(root.to_owned(), |path, part| path.join(part));
            let (flag, link, mode, content) = match made {
                Made::Folder => {
                    fs::create_dir(&path).unwrap();
                    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
                    ('5', Vec::new(), 0o755, Vec::new())
                }
                Made::Link(target) => {
                    symlink(&target, &path).unwrap();
                    ('2', target.into_bytes(), 0o777, Vec::new())
                }
                Made::File(bytes, run) => {
                    let mode = if run { 0o555 } else { 0o444 };
                    fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
                    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
                    ('0', Vec::new(), mode, bytes)
                }
            };
            let inside: PathBuf = place.iter().collect();
            let touched = inside.as_os_str().as_bytes().contains(&b'a');
            let or_root = |name: &str| if name.is_empty() { "root" } else { name }.to_owned();
            let name = [b"/r/".as_slice(), inside.as_os_str().as_bytes()].concat();
            Item {
                name: name.strip_suffix(b"/").unwrap_or(&name).to_vec(),
                flag,
                link,
                mode: match perm.mode.as_str() {
                    text if touched && !text.is_empty() => u32::from_str_radix(text, 8).unwrap(),
                    _ => mode,
                },
                owner: if touched {
                    (perm.uid, perm.gid, or_root(&perm.uname), or_root(&perm.gname))
                } else {
                    (0, 0, or_root(""), or_root(""))
                },
                content,
            }
        })
        .collect()
}

fn rank(made: &Made) -> u8 {
    u8::from(!matches!(made, Made::Folder))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn both_writers_write_the_same_bytes(
        files in btree_map(vec(name(), 1..4), made(), 1..12),
        perm in perm(),
    ) {
        let root = tempfile::tempdir().unwrap();
        let top = root.path().join("1");
        let mut items = make(&top, &files, &perm);
        let above = |name: &str| Item {
            name: name.into(), flag: '5', link: Vec::new(), mode: 0o755,
            owner: (0, 0, "root".into(), "root".into()), content: Vec::new(),
        };
        items.insert(0, above("/"));
        let expected: Vec<u8> = items.iter().flat_map(entry).chain([0; 1024]).collect();

        let source = top.display().to_string();
        let perm = Perm { regex: format!("^{source}/.*a"), ..perm };
        let options = Options {
            rewrite: Rewrite { regex: format!("^{source}"), repl: "/r".to_owned() },
            perms: vec![perm],
        };
        let tree = Tree::read([(top.as_path(), &options)]).unwrap();
        let mut written = Vec::new();
        let announced = write::size(&tree).unwrap();
        write::write(tree, &mut written).unwrap();
        prop_assert_eq!(announced, written.len() as u64);
        let differs = expected.chunks(512).zip(written.chunks(512)).position(|(a, b)| a != b);
        prop_assert_eq!(differs, None, "block of the first difference");
        prop_assert_eq!(expected.len(), written.len());
    }
}
