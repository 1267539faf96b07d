//! What our own files must know about the root of the image below them.
//!
//! A directory of a layer replaces a symbolic link of a lower one. Where `/bin` is a link to
//! `/usr/bin`, as in most distributions, our `/bin/devenv-init` therefore has to go to `/usr/bin`, or
//! every program would be gone from `/bin`. And there is one `/etc/passwd` only.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::Hashing;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::{Image, blob};

/// How many links one path may lead through, as in the kernel.
const LINKS: usize = 40;

/// The files that hold accounts.
const ACCOUNTS: [&str; 2] = ["etc/passwd", "etc/group"];

/// What matters of a root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Every symbolic link and its target, by its path without the slash in front.
    pub links: BTreeMap<PathBuf, PathBuf>,
    /// The text of the files with accounts, by their paths.
    pub accounts: BTreeMap<PathBuf, String>,
}

impl Root {
    /// Reads all layers of an image, and checks that each is what the image says.
    pub fn read(image: &Image) -> Result<Self> {
        let mut root = Self::default();
        for layer in &image.layers {
            let doing = || format!("cannot read layer {}", layer.diff_id);
            let stream = blob::open(layer).map_err(|failure| failure.context(doing()))?;
            let mut archive =
                tar::Archive::new(Tee { inner: stream, copy: Hashing::new(io::sink()) });
            for entry in archive.entries().or_fail(Kind::Data, doing)? {
                root.add(&mut entry.or_fail(Kind::Data, doing)?).or_fail(Kind::Data, doing)?;
            }
            let mut stream = archive.into_inner();
            io::copy(&mut stream, &mut io::sink()).or_fail(Kind::Io, doing)?;
            let (_, digest, _) = stream.copy.finish();
            if digest != layer.diff_id {
                return Err(Failure::new(Kind::Data, format!("{}: it is {digest}", doing())));
            }
        }
        Ok(root)
    }

    fn add<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> io::Result<()> {
        let path = plain(&entry.path()?);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        match name.strip_prefix(".wh.") {
            // "Opaque": nothing of the layers below is left in this directory.
            Some(".wh..opq") => self.forget(&folder, false),
            Some(gone) => self.forget(&folder.join(gone), true),
            None => {
                let kind = entry.header().entry_type();
                if !kind.is_dir() || self.links.contains_key(&path) {
                    self.forget(&path, true);
                }
                if let (true, Some(target)) = (kind.is_symlink(), entry.link_name()?) {
                    self.links.insert(path, target.into_owned());
                } else if kind.is_file() && ACCOUNTS.iter().any(|file| path == Path::new(file)) {
                    let mut text = String::new();
                    entry.read_to_string(&mut text)?;
                    self.accounts.insert(path, text);
                }
            }
        }
        Ok(())
    }

    /// Forgets what is below `path`, and itself as well when `whole`.
    fn forget(&mut self, path: &Path, whole: bool) {
        let stays = |other: &Path| !other.starts_with(path) || (!whole && other == path);
        self.links.retain(|other, _| stays(other));
        self.accounts.retain(|other, _| stays(other));
    }

    /// Where a file really comes to be that is put at `path`, which has no slash in front: the links
    /// on the way are followed, a link at the end is replaced.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            let parents = path.ancestors().skip(1);
            let found = parents.filter_map(|at| Some((at, self.links.get(at)?))).last();
            let Some((link, target)) = found else { break };
            let rest = path.strip_prefix(link).unwrap_or(Path::new(""));
            // An absolute target takes the place of everything before it.
            let below = link.parent().unwrap_or(Path::new("")).join(target).join(rest);
            path = plain(&below);
        }
        path
    }

    /// The accounts in the file at `path` with those of `own` whose names are not taken.
    pub fn accounts(&self, path: &Path, own: &str) -> String {
        let mut text = self.accounts.get(path).cloned().unwrap_or_default();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let name = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
        let taken: Vec<String> = text.lines().map(name).collect();
        for line in own.lines().filter(|line| !taken.contains(&name(line))) {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

/// A path from the root, without `.`, `..` and the slash in front.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => drop(plain.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    plain
}

/// Passes on what is read, and hashes it.
struct Tee<R> {
    inner: R,
    copy: Hashing<io::Sink>,
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        io::Write::write_all(&mut self.copy, buffer.get(..count).unwrap_or_default())?;
        Ok(count)
    }
}
