//! Writes a [`Tree`] as a tar stream.

use std::io::Write;

use crate::error::{Context as _, Kind, Result};

use super::header::{self, Header};
use super::options::Ownership;
use super::stream::Stream;
use super::tree::{Content, Entry, Tree};

/// How much is read and written at once, in bytes.
const CHUNK: usize = 256 * 1024;
/// The modification time of every entry, in seconds since the epoch: the one the store uses.
const MTIME: u64 = 1;

/// Writes every entry of `tree` and the end of the archive to `out`.
///
/// # Errors
/// Those of [`Stream::fill`], and when `out` takes no more.
pub fn write(tree: Tree, out: &mut dyn Write) -> Result<()> {
    let mut stream = Stream::new(tree);
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = stream.fill(&mut buffer)?;
        let bytes = buffer.get(..count).unwrap_or_default();
        out.write_all(bytes).or_fail(Kind::Io, || "cannot write the layer")?;
        if count < CHUNK {
            return Ok(());
        }
    }
}

/// The bytes [`write`] writes, without reading any file.
pub fn size(tree: &Tree) -> Result<u64> {
    let mut total = 2 * header::BLOCK as u64;
    tree.walk(&mut |entry| {
        total += entry_size(&entry);
        Ok(())
    })?;
    Ok(total)
}

/// The bytes of one entry: its header, its content and what fills up the last block.
pub fn entry_size(entry: &Entry<'_>) -> u64 {
    let mut blocks = Vec::new();
    entry_header(entry, &mut blocks);
    let content = match entry.file.map(|file| &file.content) {
        Some(Content::Regular(size)) => size + header::padding(*size) as u64,
        _ => 0,
    };
    blocks.len() as u64 + content
}

/// Appends the blocks that stand before what an entry holds.
pub fn entry_header(entry: &Entry<'_>, blocks: &mut Vec<u8>) {
    let implied = Ownership::root(0o755);
    let (ownership, kind, link, size) = match entry.file {
        None => (&implied, header::Kind::Directory, &b""[..], 0),
        Some(file) => match &file.content {
            Content::Directory => (&file.ownership, header::Kind::Directory, &b""[..], 0),
            Content::Symlink(to) => (&file.ownership, header::Kind::Symlink, to.as_slice(), 0),
            Content::Regular(size) => (&file.ownership, header::Kind::Regular, &b""[..], *size),
        },
    };
    Header {
        name: entry.place,
        link,
        kind,
        mode: ownership.mode,
        uid: ownership.uid,
        gid: ownership.gid,
        uname: ownership.uname.as_bytes(),
        gname: ownership.gname.as_bytes(),
        size,
        mtime: MTIME,
    }
    .encode(blocks);
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::{Path, PathBuf};
    use std::{fs, io};

    use super::*;
    use crate::digest::Hashing;
    use crate::tar::{Options, Perm, Rewrite};

    const NAME: &str = "00000000000000000000000000000000-vec";

    /// A tree that needs every feature of the header: split and long names, non-ASCII names,
    /// long link targets, sizes on and off a block boundary, an empty directory.
    fn sample(root: &Path) -> PathBuf {
        let (long, longer) = ("a".repeat(120), "b".repeat(99));
        let top = root.join(NAME);
        for directory in ["bin", "share/empty", "tmp", "etc", &format!("share/{longer}")] {
            fs::create_dir_all(top.join(directory)).unwrap();
        }
        for (file, text) in [
            ("bin/hello", "hello\n".to_owned()),
            ("share/b513", "x".repeat(513)),
            ("share/a0", String::new()),
            (&format!("share/{long}"), "1".to_owned()),
            (&format!("share/{longer}/{longer}"), "2".to_owned()),
            ("share/é", "3".to_owned()),
            ("etc/passwd", "root:x:0:0\n".to_owned()),
        ] {
            let path = top.join(file);
            fs::write(&path, text).unwrap();
            let mode = if file == "bin/hello" { 0o555 } else { 0o444 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        symlink("hello", top.join("bin/hi")).unwrap();
        symlink(format!("/nix/store/{long}"), top.join("share/ln")).unwrap();
        for directory in
            ["share/empty", &format!("share/{longer}"), "share", "bin", "tmp", "etc", ""]
        {
            fs::set_permissions(top.join(directory), fs::Permissions::from_mode(0o555)).unwrap();
        }
        top
    }

    fn packed(top: &Path, options: &Options) -> (String, u64) {
        let tree = Tree::read([(top, options)]).unwrap();
        let mut hashing = Hashing::new(io::sink());
        let announced = size(&tree).unwrap();
        write(tree, &mut hashing).unwrap();
        let (_, digest, written) = hashing.finish();
        assert_eq!(written, announced);
        (digest.to_string(), written)
    }

    fn unlock(top: &Path) {
        for directory in ["", "bin", "share", "tmp", "etc", "share/empty"] {
            fs::set_permissions(top.join(directory), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let longer = top.join("share").join("b".repeat(99));
        fs::set_permissions(longer, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Both digests were computed by nix2container and by an independent writer.
    #[test]
    fn the_stream_is_byte_for_byte_the_one_of_nix2container() {
        let directory = tempfile::tempdir().unwrap();
        let top = sample(directory.path());
        let base = directory.path().display();

        let in_store = Options {
            rewrite: Rewrite { regex: format!("^{base}/"), repl: "/nix/store/".to_owned() },
            perms: Vec::new(),
        };
        assert_eq!(
            packed(&top, &in_store),
            (
                "sha256:0b8d24276a6e339c872374b4cb4edcda1afccabdfb00c4991e8a15f8a432f14b"
                    .to_owned(),
                17_408
            )
        );

        let as_root = Options {
            rewrite: Rewrite { regex: format!("^{base}/{NAME}"), repl: String::new() },
            perms: vec![
                Perm { regex: "/tmp$".to_owned(), mode: "1777".to_owned(), ..Perm::default() },
                Perm {
                    regex: "/etc".to_owned(),
                    mode: "0640".to_owned(),
                    uid: 1000,
                    gid: 4_294_967_294,
                    uname: "user".to_owned(),
                    gname: "user".to_owned(),
                },
            ],
        };
        assert_eq!(
            packed(&top, &as_root),
            (
                "sha256:8be87b96c0afd34aa7010959dd755acc31793d28d2eba7d9d4cb6a6cefaccd66"
                    .to_owned(),
                17_920
            )
        );
        unlock(&top);
    }
}
