//! The file an archive goes to: a file is replaced once the archive is whole; a pipe or a device is
//! written through, as it must stay what it is.

use std::fs;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::error::{Context as _, Failure, Kind, Result};
use crate::links;
use crate::temporary;

/// Where archives are made in pieces this large.
const BUFFER: usize = 256 * 1024;

/// A file that is being written.
#[derive(Debug)]
pub struct Output {
    to: BufWriter<To>,
    /// The path as it was given, for messages.
    path: PathBuf,
}

#[derive(Debug)]
enum To {
    /// Moved to the path once it is whole.
    Beside(temporary::File, PathBuf),
    /// Something that is no regular file, or is this program's own standard output.
    Through(fs::File),
}

impl Output {
    /// Begins to write what is to be found at `path`, where a symbolic link is followed. A pipe
    /// without a reader is waited for.
    ///
    /// # Errors
    /// When it can neither be written to nor be created, or is a terminal: nobody reads archives.
    pub fn create(path: &Path) -> Result<Self> {
        let doing = || format!("cannot write {}", path.display());
        let to = match through(path).or_fail(Kind::CannotCreate, doing)? {
            Some(file) if file.is_terminal() => {
                return Err(Failure::new(Kind::Usage, format!("{}: it is a terminal", doing()))
                    .hint("lead standard output into a file or another program"));
            }
            Some(file) => To::Through(file),
            None => {
                let target = links::behind(path).or_fail(Kind::CannotCreate, doing)?;
                let file =
                    temporary::File::new_in(folder(&target)).or_fail(Kind::CannotCreate, doing)?;
                To::Beside(file, target)
            }
        };
        Ok(Self { to: BufWriter::with_capacity(BUFFER, to), path: path.to_owned() })
    }

    /// A directory with room for what the archive is made of.
    pub fn beside(&self) -> PathBuf {
        match self.to.get_ref() {
            To::Beside(_, target) => folder(target).to_owned(),
            // There need be no room beside a device.
            To::Through(_) => std::env::temp_dir(),
        }
    }

    /// Puts the whole file in its place.
    ///
    /// # Errors
    /// When it cannot be written or moved there.
    pub fn finish(self) -> Result<()> {
        let doing = || format!("cannot write {}", self.path.display());
        match self.to.into_inner().or_fail(Kind::Io, doing)? {
            To::Beside(file, target) => {
                file.as_file()
                    .set_permissions(fs::Permissions::from_mode(0o644))
                    .or_fail(Kind::Io, doing)?;
                file.persist(&target).or_fail(Kind::CannotCreate, doing)
            }
            To::Through(_) => Ok(()),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl Write for To {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Beside(file, _) => file.write(bytes),
            Self::Through(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Beside(file, _) => file.flush(),
            Self::Through(file) => file.flush(),
        }
    }
}

/// Whether `path` leads to this program's standard output, as `/dev/stdout` does: nothing else may
/// be said there.
pub fn is_standard_output(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| own_standard_output(&found).is_some())
}

/// Standard output, when that is the file found. It is written through the descriptor there is: a
/// new one would begin at the start of the file, and a socket cannot be opened.
fn own_standard_output(found: &fs::Metadata) -> Option<fs::File> {
    let file = fs::File::from(io::stdout().as_fd().try_clone_to_owned().ok()?);
    let own = file.metadata().ok()?;
    ((found.dev(), found.ino()) == (own.dev(), own.ino())).then_some(file)
}

/// What is at `path` and may not be replaced, open for writing.
fn through(path: &Path) -> io::Result<Option<fs::File>> {
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if let Some(own) = own_standard_output(&found) {
        return Ok(Some(own));
    }
    let kind = found.file_type();
    if kind.is_fifo() || kind.is_char_device() || kind.is_block_device() {
        return fs::OpenOptions::new().write(true).open(path).map(Some);
    }
    if kind.is_file() { Ok(None) } else { Err(io::Error::other("it is no file")) }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path) -> Result<()> {
        let mut output = Output::create(path)?;
        output.write_all(b"archive").unwrap();
        output.finish()
    }

    #[test]
    fn links_are_followed_and_stay() {
        let world = tempfile::tempdir().unwrap();
        let at = |name: &str| world.path().join(name);
        fs::create_dir(at("d")).unwrap();
        fs::write(at("d/file"), "before").unwrap();
        for (target, link) in [("file", "d/near"), ("d/near", "far"), ("d/new", "dangling")] {
            std::os::unix::fs::symlink(target, at(link)).unwrap();
        }
        for (link, target) in [("far", "d/file"), ("dangling", "d/new")] {
            write(&at(link)).unwrap();
            assert_eq!(fs::read(at(target)).unwrap(), b"archive");
            assert!(fs::symlink_metadata(at(target)).unwrap().is_file());
            assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink());
        }
        assert!(fs::symlink_metadata(at("d/near")).unwrap().is_symlink());
        std::os::unix::fs::symlink("round", at("round")).unwrap();
        assert_eq!(write(&at("round")).unwrap_err().kind(), Kind::CannotCreate);
        assert_eq!(fs::read_dir(at("d")).unwrap().count(), 3, "nothing else is left");
    }

    #[test]
    fn what_is_not_finished_leaves_what_was_there() {
        let world = tempfile::tempdir().unwrap();
        let file = world.path().join("file");
        fs::write(&file, "before").unwrap();
        let mut output = Output::create(&file).unwrap();
        output.write_all(b"half").unwrap();
        drop(output);
        assert_eq!(fs::read(&file).unwrap(), b"before");
        assert_eq!(fs::read_dir(world.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_pipe_gets_the_archive_and_stays() {
        let world = tempfile::tempdir().unwrap();
        let pipe = world.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || fs::read(pipe).unwrap())
        };
        // Replaced by a file, the pipe would never have a writer: it is not waited for then.
        write(&pipe).unwrap();
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(reader.join().unwrap(), b"archive");
    }

    #[test]
    fn a_directory_is_no_place_for_an_archive() {
        let world = tempfile::tempdir().unwrap();
        let failure = write(world.path()).unwrap_err();
        assert_eq!(failure.kind(), Kind::CannotCreate, "{failure}");
        assert_eq!(fs::read_dir(world.path()).unwrap().count(), 0);
    }
}
