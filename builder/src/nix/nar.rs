//! The hash Nix gives a tree of files: SHA-256 of its archive (NAR), in Nix's own base 32.
//!
//! For builders that want to tell what is wrong before Nix does, in a sandbox without Nix.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::base32;
use crate::digest::Hashing;
use crate::error::{Context as _, Kind, Result};

/// `sha256:` and 52 digits, as `nix-store --query --hash` has it.
///
/// # Errors
/// When something in it cannot be read, or is neither file, directory nor link.
pub fn hash(path: &Path) -> Result<String> {
    let mut out = Hashing::new(io::sink());
    let written = text(&mut out, b"nix-archive-1").and_then(|()| node(&mut out, path));
    written.or_fail(Kind::Io, || format!("cannot hash {}", path.display()))?;
    let (_, digest, _) = out.finish();
    Ok(format!("sha256:{}", base32::of(digest.bytes())))
}

fn node(out: &mut impl Write, path: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    text(out, b"(")?;
    text(out, b"type")?;
    if found.is_dir() {
        text(out, b"directory")?;
        let mut names = fs::read_dir(path)?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort();
        for name in names {
            for word in [&b"entry"[..], b"(", b"name", name.as_bytes(), b"node"] {
                text(out, word)?;
            }
            node(out, &path.join(&name))?;
            text(out, b")")?;
        }
    } else if found.is_symlink() {
        text(out, b"symlink")?;
        text(out, b"target")?;
        text(out, fs::read_link(path)?.as_os_str().as_bytes())?;
    } else if found.is_file() {
        text(out, b"regular")?;
        if found.permissions().mode() & 0o100 != 0 {
            text(out, b"executable")?;
            text(out, b"")?;
        }
        text(out, b"contents")?;
        out.write_all(&found.len().to_le_bytes())?;
        let read = io::copy(&mut File::open(path)?, out)?;
        pad(out, read)?;
    } else {
        return Err(io::Error::other(format!("{} is no file", path.display())));
    }
    text(out, b")")
}

/// A text, after its length and up to a multiple of eight bytes.
fn text(out: &mut impl Write, text: &[u8]) -> io::Result<()> {
    let length = text.len() as u64;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(text)?;
    pad(out, length)
}

fn pad(out: &mut impl Write, length: u64) -> io::Result<()> {
    let missing = length.wrapping_neg() % 8;
    io::copy(&mut io::Read::take(io::repeat(0), missing), out).map(drop)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_tree_has_the_hash_that_nix_gives_it() {
        let world = tempfile::tempdir().unwrap();
        let tree = world.path().join("tree");
        fs::create_dir_all(tree.join("b/empty")).unwrap();
        for (name, content) in [("a", ""), ("b/c", "eight by"), ("b-", "nine byte")] {
            fs::write(tree.join(name), content).unwrap();
        }
        fs::set_permissions(tree.join("a"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("b/c", tree.join("link")).unwrap();
        let said = Command::new("nix-hash")
            .args(["--type", "sha256", "--base32"])
            .arg(&tree)
            .output()
            .unwrap();
        let expected = String::from_utf8(said.stdout).unwrap();
        assert_eq!(hash(&tree).unwrap(), format!("sha256:{}", expected.trim_end()));
        assert!(hash(&world.path().join("none")).is_err());
    }
}
