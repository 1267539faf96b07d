//! What our own files must know about the root of the image below them.
//!
//! A directory of a layer replaces a symbolic link of a lower one. Where `/bin` is a link to
//! `/usr/bin`, as in most distributions, our `/bin/devenv-init` therefore has to go to `/usr/bin`, or
//! every program would be gone from `/bin`. And there is one `/etc/passwd` only.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::ops::Bound;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::Hashing;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::{Image, Layer, blob};
use crate::unpack::entries;

/// How many links one path may lead through, as in the kernel.
const LINKS: usize = 40;

/// How many bytes a file with accounts may have.
const ACCOUNTS_SIZE: u64 = 1 << 20;

/// The files that hold accounts.
const ACCOUNTS: [&str; 2] = ["etc/passwd", "etc/group"];

/// What matters of a root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "super::written::Written", try_from = "super::written::Written")]
pub struct Root {
    /// Every symbolic link and its target, by its path without the slash in front.
    pub links: BTreeMap<PathBuf, PathBuf>,
    /// The content of the files with accounts, in whatever encoding it is, by where the links at
    /// their places lead.
    pub accounts: BTreeMap<PathBuf, Vec<u8>>,
}

impl Root {
    /// Reads what `nix-base` has written.
    pub fn of_file(file: &Path) -> Result<Self> {
        let doing = || format!("cannot read {}", file.display());
        let text = std::fs::read_to_string(file).or_fail(Kind::NoInput, doing)?;
        serde_json::from_str(&text).or_fail(Kind::Data, doing)
    }

    /// Reads all layers of an image, and checks that each is what the image says. With the root comes
    /// the size of each layer's tar stream in bytes, from the lowest layer up.
    ///
    /// # Errors
    /// When one is not, or has a name that leads out of the image.
    pub fn read(image: &Image) -> Result<(Self, Vec<u64>)> {
        let known = ACCOUNTS.map(PathBuf::from);
        let (root, sizes) = Self::with_accounts(image, &known)?;
        // Only now is it known where the links lead. Few bases have any in these places.
        let real = ACCOUNTS.map(|file| root.follow(Path::new(file)));
        if real == known { Ok((root, sizes)) } else { Self::with_accounts(image, &real) }
    }

    /// Reads all layers, and what they have at the places of `accounts`.
    fn with_accounts(image: &Image, accounts: &[PathBuf]) -> Result<(Self, Vec<u64>)> {
        let (mut root, mut sizes) = (Self::default(), Vec::new());
        for (at, layer) in image.layers.iter().enumerate() {
            let doing = || format!("cannot read layer {}", layer.diff_id);
            let stream = blob::open(layer).map_err(|failure| failure.context(doing()))?;
            let stream = Tee { inner: stream, copy: Hashing::new(io::sink()) };
            let mut own = Own { accounts, ..Own::default() };
            let read = entries::each(stream, |entry| {
                root.add(entry, &mut own).or_fail(Kind::Data, || "cannot follow an entry")
            });
            let mut stream = read.map_err(|failure| failure.context(doing()))?;
            for (path, target) in own.hard_links {
                let layers = image.layers.get(..=at).unwrap_or_default();
                root.accounts.insert(path, content(layers, &target)?);
            }
            io::copy(&mut stream, &mut io::sink()).or_fail(Kind::Io, doing)?;
            let (_, digest, size) = stream.copy.finish();
            if digest != layer.diff_id {
                return Err(Failure::new(Kind::Data, format!("{}: it is {digest}", doing())));
            }
            sizes.push(size);
        }
        Ok((root, sizes))
    }

    /// Takes note of an entry of the layer that brings `own`.
    fn add<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>, own: &mut Own<'_>) -> io::Result<()> {
        let path = entry.path()?;
        if path.components().any(|part| part == Component::ParentDir) {
            let why = format!("{} leads out of the image", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let path = plain(&path);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        match name.strip_prefix(".wh.") {
            // "Opaque": nothing of the layers below is left in this directory.
            Some(".wh..opq") => self.forget(&folder, false, &own.brought),
            Some(gone) => self.forget(&folder.join(gone), true, &own.brought),
            None => {
                let kind = entries::kind(entry);
                if !kind.is_dir() || self.links.contains_key(&path) {
                    self.forget(&path, true, &BTreeSet::new());
                    own.hard_links.remove(&path);
                }
                let accounts = own.accounts.contains(&path);
                match entry.link_name()? {
                    Some(target) if kind.is_symlink() => {
                        self.links.insert(path.clone(), target.into_owned());
                    }
                    Some(target) if kind.is_hard_link() && accounts => {
                        own.hard_links.insert(path.clone(), plain(&target));
                    }
                    _ if kind.is_file() && accounts => {
                        let content = limited(&path, entry)?;
                        self.accounts.insert(path.clone(), content);
                    }
                    _ => {}
                }
                own.brought.insert(path);
            }
        }
        Ok(())
    }

    /// Forgets what is below `path`, and itself as well when `whole`, but for what was `brought` by the
    /// same layer: it hides what is below it, wherever in the layer it says so.
    fn forget(&mut self, path: &Path, whole: bool, brought: &BTreeSet<PathBuf>) {
        let goes = |other: &PathBuf| (whole || other != path) && !brought.contains(other);
        forget_below(&mut self.links, path, goes);
        forget_below(&mut self.accounts, path, goes);
    }

    /// Where the file at `path` really is, all links followed.
    pub fn follow(&self, path: &Path) -> PathBuf {
        // Only links on the way are followed, so a name is put after it.
        self.resolve(&path.join("x")).parent().unwrap_or(path).to_owned()
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

    /// The accounts in the file at `path` with those lines of `own` whose names are not taken.
    pub fn accounts<'a>(&self, path: &Path, own: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
        let mut text = self.accounts.get(&self.follow(path)).cloned().unwrap_or_default();
        if text.last().is_some_and(|last| *last != b'\n') {
            text.push(b'\n');
        }
        let taken: BTreeSet<Vec<u8>> =
            text.split(|byte| *byte == b'\n').map(|line| account(line).to_owned()).collect();
        for line in own.into_iter().filter(|line| !taken.contains(account(line.as_bytes()))) {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        text
    }
}

/// What is known of a layer while it is read.
#[derive(Default)]
struct Own<'a> {
    /// Where files with accounts are looked for.
    accounts: &'a [PathBuf],
    /// All that it has brought so far.
    brought: BTreeSet<PathBuf>,
    /// Accounts that are a hard link, and of which file.
    hard_links: BTreeMap<PathBuf, PathBuf>,
}

/// Forgets what is at and below `path` and `goes`. In the order of a map, that is all in one place:
/// bases have many links, and there is an entry for each of many files.
fn forget_below<T>(map: &mut BTreeMap<PathBuf, T>, path: &Path, goes: impl Fn(&PathBuf) -> bool) {
    let from = (Bound::Included(path), Bound::Unbounded);
    let below = map.range::<Path, _>(from).map(|(other, _)| other);
    let below = below.take_while(|other| other.starts_with(path));
    for gone in below.filter(|other| goes(other)).cloned().collect::<Vec<_>>() {
        map.remove(&gone);
    }
}

/// The name of the account that a line is about.
fn account(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b':').next().unwrap_or_default()
}

/// The content of a file with accounts.
fn limited(path: &Path, content: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    content.take(ACCOUNTS_SIZE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > ACCOUNTS_SIZE {
        let why = format!("{}: larger than {ACCOUNTS_SIZE} bytes", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(bytes)
}

/// The content of the file at `path`, of which another name was found in the topmost of `layers`: that
/// of the uppermost layer that has it.
fn content(layers: &[Layer], path: &Path) -> Result<Vec<u8>> {
    for layer in layers.iter().rev() {
        let doing = || format!("cannot read layer {}", layer.diff_id);
        let stream = blob::open(layer).map_err(|failure| failure.context(doing()))?;
        let mut found = None;
        let failed = || "cannot follow an entry";
        entries::each(stream, |entry| {
            let kind = entries::kind(entry);
            if kind.is_file() && plain(&entry.path().or_fail(Kind::Data, failed)?) == path {
                found = Some(limited(path, entry).or_fail(Kind::Data, failed)?);
            }
            Ok(())
        })
        .map_err(|failure| failure.context(doing()))?;
        if let Some(content) = found {
            return Ok(content);
        }
    }
    Err(Failure::new(
        Kind::Data,
        format!("a file with accounts is a hard link to {}, which is nowhere", path.display()),
    ))
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
