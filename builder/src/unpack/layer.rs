//! One layer's archive, put on top of those below it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::ops::Bound;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{
    DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown, symlink,
};
use std::path::{Component, Path, PathBuf};

use nix::sys::stat::{Mode, utimensat};
use nix::unistd::{geteuid, mkfifo};
use tar::EntryType;

use super::{Rights, Sole, entries, place};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::tar::tree::WHITEOUT;

/// The name of a file that hides all that lower layers have in its directory.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// What is in front of names that some tools keep notes under; none of them is of the image.
const NOTES: &[u8] = b".wh..wh.";

/// The mode bits by which a program runs as the owner or the group of its file.
const SET_ID: u32 = 0o6000;

/// What an entry says of its file beside its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct About {
    mode: u32,
    uid: u32,
    gid: u32,
    /// Seconds since the epoch.
    modified: i64,
}

/// A directory that is implied by what is in it.
const IMPLIED: About = About { mode: 0o755, uid: 0, gid: 0, modified: 0 };

/// The files so far.
pub struct Tree<'a> {
    root: &'a Path,
    as_root: bool,
    rights: Rights,
    sole: Option<&'a Sole>,
    /// Directories get what is theirs last: one without write permission could not be filled.
    directories: BTreeMap<PathBuf, About>,
}

impl<'a> Tree<'a> {
    /// An empty tree in the directory `root`.
    pub fn new(root: &'a Path, rights: Rights, sole: Option<&'a Sole>) -> Result<Self> {
        let doing = || format!("cannot unpack into {}", root.display());
        fs::set_permissions(root, Permissions::from_mode(0o755)).or_fail(Kind::Io, doing)?;
        let (as_root, directories) = (geteuid().is_root(), BTreeMap::new());
        Ok(Self { root, as_root, rights, sole, directories })
    }

    /// Puts an archive on top.
    pub fn apply(&mut self, archive: &mut dyn Read) -> Result<()> {
        // What this layer has brought; what hides files hides those of the layers below.
        let mut brought = BTreeSet::new();
        entries::each(archive, |entry| {
            let name = PathBuf::from(OsString::from_vec(entry.path_bytes().into_owned()));
            let doing = || format!("cannot make {}", name.display());
            self.add(&plain(&name)?, entry, &mut brought).map_err(|f| f.context(doing()))
        })
        .map(drop)
    }

    /// Gives every directory its mode and owner.
    pub fn finish(self) -> Result<()> {
        let failed = |path: &Path| format!("cannot set the mode of {}", path.display());
        if !self.directories.contains_key(self.root) {
            fs::set_permissions(self.root, Permissions::from_mode(self.mode(&IMPLIED)))
                .or_fail(Kind::Io, || failed(self.root))?;
        }
        // What is in a directory comes after it in order, and is done before it.
        for (path, about) in self.directories.iter().rev() {
            self.settle(path, about, EntryType::Directory).or_fail(Kind::Io, || failed(path))?;
        }
        Ok(())
    }

    /// The mode a file gets here.
    fn mode(&self, about: &About) -> u32 {
        self.sole.map_or(about.mode, |sole| sole.mode(about.mode, about.uid, about.gid))
    }

    fn add<R: Read>(
        &mut self,
        name: &Path,
        entry: &mut tar::Entry<'_, R>,
        brought: &mut BTreeSet<PathBuf>,
    ) -> Result<()> {
        let failed = || "cannot write it";
        let last = name.file_name().unwrap_or_default().as_bytes();
        let directories = &mut self.directories;
        let mut made = |path: &Path| {
            directories.insert(path.to_owned(), IMPLIED);
        };
        let at = place::for_file(self.root, name, &mut made).or_fail(Kind::Data, failed)?;
        if last == OPAQUE {
            let folder = at.parent().unwrap_or(self.root);
            return self.empty(folder, brought).or_fail(Kind::Io, failed);
        }
        if last.starts_with(NOTES) {
            return Ok(());
        }
        if let Some(hidden) = last.strip_prefix(WHITEOUT) {
            if matches!(hidden, b"" | b"." | b"..") {
                return Err(Failure::new(Kind::Data, "it hides no file"));
            }
            let hidden = at.with_file_name(OsStr::from_bytes(hidden));
            return self.hide(&hidden, brought).or_fail(Kind::Io, failed);
        }

        let kind = entries::kind(entry);
        let about = about(entry.header()).or_fail(Kind::Data, failed)?;
        brought.extend(at.ancestors().take_while(|path| *path != self.root).map(Path::to_owned));
        if entries::is_posix_sparse(entry).or_fail(Kind::Data, failed)? {
            return Err(Failure::new(Kind::Data, "it is sparse in the form of POSIX archives")
                .hint("pack the layer without --sparse, or with --format=gnu"));
        }
        if kind.is_dir() {
            if !fs::symlink_metadata(&at).is_ok_and(|there| there.is_dir()) {
                self.remove(&at).or_fail(Kind::Io, failed)?;
                DirBuilder::new().mode(0o755).create(&at).or_fail(Kind::CannotCreate, failed)?;
            }
            self.directories.insert(at, about);
            return Ok(());
        }
        if at == self.root {
            return Err(Failure::new(Kind::Data, "the root is a directory"));
        }
        if kind.is_hard_link() {
            return self.link(entry, &at);
        }
        self.remove(&at).or_fail(Kind::Io, failed)?;
        match kind {
            EntryType::Symlink => {
                let target = entry.link_name_bytes().unwrap_or_default();
                symlink(OsStr::from_bytes(&target), &at).or_fail(Kind::CannotCreate, failed)?;
            }
            EntryType::Fifo => {
                mkfifo(&at, Mode::from_bits_truncate(0o600)).or_fail(Kind::CannotCreate, failed)?;
            }
            EntryType::Char | EntryType::Block => return Ok(()),
            kind if kind.is_file() || kind.is_gnu_sparse() => {
                let mut file = create(&at).or_fail(Kind::CannotCreate, failed)?;
                io::copy(entry, &mut file).or_fail(Kind::Io, failed)?;
            }
            kind => {
                let why = format!("an entry of type {:?} is no file", char::from(kind.as_byte()));
                return Err(Failure::new(Kind::Data, why));
            }
        }
        self.settle(&at, &about, kind).or_fail(Kind::Io, failed)
    }

    /// Makes `at` another name of a file that is there already.
    fn link<R: Read>(&mut self, entry: &tar::Entry<'_, R>, at: &Path) -> Result<()> {
        let failed = || "cannot link it";
        let name = entry.link_name_bytes().unwrap_or_default();
        let name = plain(Path::new(OsStr::from_bytes(&name)))?;
        let folder = place::of(self.root, name.parent().unwrap_or(Path::new("")));
        let target = folder.or_fail(Kind::Data, failed)?.join(name.file_name().unwrap_or_default());
        if target == at {
            return Ok(());
        }
        // It must be there before what it takes the place of is gone.
        let there = fs::symlink_metadata(&target)
            .or_fail(Kind::Data, || format!("cannot link it to {}", name.display()))?;
        if there.is_dir() {
            return Err(Failure::new(Kind::Data, format!("{} is a directory", name.display())));
        }
        self.remove(at).or_fail(Kind::Io, failed)?;
        fs::hard_link(&target, at).or_fail(Kind::CannotCreate, failed)
    }

    /// Removes what is at `path`, if anything.
    fn remove(&mut self, path: &Path) -> io::Result<()> {
        match fs::symlink_metadata(path) {
            Ok(there) if there.is_dir() => {
                let from = (Bound::Included(path), Bound::Unbounded);
                let inside = self.directories.range::<Path, _>(from).map(|(inside, _)| inside);
                let inside = inside.take_while(|inside| inside.starts_with(path));
                for gone in inside.cloned().collect::<Vec<_>>() {
                    self.directories.remove(&gone);
                }
                fs::remove_dir_all(path)
            }
            Ok(_) => fs::remove_file(path),
            Err(error) if is_nothing(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes what lower layers have at `path`.
    fn hide(&mut self, path: &Path, brought: &BTreeSet<PathBuf>) -> io::Result<()> {
        if !brought.contains(path) {
            self.remove(path)
        } else if fs::symlink_metadata(path).is_ok_and(|there| there.is_dir()) {
            self.empty(path, brought)
        } else {
            // It stays. A device was never there.
            Ok(())
        }
    }

    /// Removes what lower layers have in a directory.
    fn empty(&mut self, folder: &Path, brought: &BTreeSet<PathBuf>) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            self.hide(&entry?.path(), brought)?;
        }
        Ok(())
    }

    /// The owner comes first: a change of it takes set-user-ID bits away. The time comes last.
    fn settle(&self, path: &Path, about: &About, kind: EntryType) -> io::Result<()> {
        use nix::fcntl::AT_FDCWD;
        use nix::sys::stat::UtimensatFlags::NoFollowSymlink;
        use nix::sys::time::TimeSpec;
        let mut is_theirs = self.as_root;
        if self.as_root {
            // One of the two may exist without the other.
            for (uid, gid) in [(None, Some(about.gid)), (Some(about.uid), None)] {
                match lchown(path, uid, gid) {
                    // Root of a namespace in which this one does not exist, and nobody could be told
                    // of it.
                    Err(error) if error.raw_os_error() == Some(nix::libc::EINVAL) => {
                        is_theirs = false;
                    }
                    result => result?,
                }
            }
            // The highest number is nobody's: it stands for a change of nothing.
            is_theirs &= about.uid != u32::MAX && about.gid != u32::MAX;
        }
        if !kind.is_symlink() {
            let keeps = kind.is_dir() || is_theirs || self.rights == Rights::OfContainer;
            let mode = self.mode(about);
            let mode = if keeps { mode } else { mode & !SET_ID };
            fs::set_permissions(path, Permissions::from_mode(mode))?;
        }
        let time = TimeSpec::new(about.modified, 0);
        utimensat(AT_FDCWD, path, &time, &time, NoFollowSymlink).map_err(io::Error::from)
    }
}

/// A name of an archive as a path from the root.
///
/// # Errors
/// When it leads upwards: no tool writes such names, so whoever did means no good.
fn plain(name: &Path) -> Result<PathBuf> {
    let mut plain = PathBuf::new();
    for part in name.components() {
        match part {
            Component::Normal(part) => plain.push(part),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                let why = format!("{} leads out of the image", name.display());
                return Err(Failure::new(Kind::Data, why));
            }
        }
    }
    Ok(plain)
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A new file. Until it is whole, it is its maker's alone.
fn create(at: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(at)
}

fn about(header: &tar::Header) -> io::Result<About> {
    let id = |id: u64| u32::try_from(id).map_err(io::Error::other);
    Ok(About {
        mode: header.mode()? & 0o7777,
        uid: id(header.uid()?)?,
        gid: id(header.gid()?)?,
        // As engines have it, nothing was made before the epoch.
        modified: i64::try_from(header.mtime()?).unwrap_or_default(),
    })
}
