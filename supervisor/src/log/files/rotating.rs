//! One file that makes room for a new one when it is full.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use memchr::{memchr, memrchr};
use nix::libc;

use super::super::output::Output;
use super::super::page::{Page, Volume};

/// A file, its size, and those before it.
pub(super) struct Rotating {
    path: PathBuf,
    max_bytes: u64,
    older: u32,
    output: Output,
    size: u64,
    /// What the files before this one lack.
    lost: Volume,
    /// That it cannot be written was said.
    told: bool,
}

impl Rotating {
    /// Opens the file, or makes it, to be written at its end.
    ///
    /// # Errors
    /// The directory cannot be written to, or there is something else than a plain file.
    pub fn open(path: PathBuf, max_bytes: u64, older: u32) -> io::Result<Self> {
        let (output, size) = open(&path)?;
        Ok(Self { path, max_bytes, older, output, size, lost: Volume::default(), told: false })
    }

    /// Writes whole lines, each into one file; only the parts of a line that was too long to be
    /// kept whole may come into two. Returns a sentence when that fails for the first time.
    pub fn write(&mut self, mut bytes: &[u8]) -> Option<String> {
        let before = self.lost();
        if let Some((lost, error)) = self.output.failure_to_report(Instant::now(), false) {
            self.recover(lost, error.desc());
        }
        while !bytes.is_empty() {
            let room = usize::try_from(self.max_bytes.saturating_sub(self.size));
            let count = fitting(bytes, room.unwrap_or(usize::MAX), self.size == 0);
            let (now, later) = bytes.split_at(count);
            if now.is_empty() {
                self.rotate();
                continue;
            }
            let lost = self.output.lost().bytes;
            self.output.write(&Page { bytes: now.to_vec(), lines: Volume::count(now).lines });
            // What is lost fills no file: a full disk must not push out the older ones.
            let missing = self.output.lost().bytes - lost;
            self.size = self.size.saturating_add((count as u64).saturating_sub(missing));
            bytes = later;
        }
        let fails = self.lost() != before && !std::mem::replace(&mut self.told, true);
        fails.then(|| {
            let why = self.output.failure_to_report(Instant::now(), true);
            let why = why.map(|(_, error)| format!(": {}", error.desc())).unwrap_or_default();
            format!("cannot write {}{why}; what it lacks is counted", self.path.display())
        })
    }

    /// Writes what was lost at last, and says how much was lost in all.
    pub fn finish(&mut self) -> Option<String> {
        if let Some((lost, error)) = self.output.failure_to_report(Instant::now(), true) {
            self.recover(lost, error.desc());
        }
        let lost = self.lost();
        (!lost.is_nothing()).then(|| format!("{} lacks {lost}", self.path.display()))
    }

    fn lost(&self) -> Volume {
        let mut lost = self.lost;
        lost += self.output.lost();
        lost
    }

    /// Says in the file what it lacks at this place.
    fn recover(&mut self, lost: Volume, why: &str) {
        let bytes = format!("[lost {lost}: cannot write: {why}]\n").into_bytes();
        self.size = self.size.saturating_add(bytes.len() as u64);
        self.output.recover(Page { bytes, lines: 1 });
    }

    /// Begins a new file. Where that cannot be done the old one goes on, and it is tried again when
    /// as much has been written once more.
    fn rotate(&mut self) {
        self.size = 0;
        if self.make_room().is_err() {
            return;
        }
        if let Ok((output, size)) = open(&self.path) {
            self.lost += self.output.lost();
            self.output = output;
            self.size = size;
        }
    }

    fn make_room(&self) -> io::Result<()> {
        for number in (1..self.older).rev() {
            moved(&self.aside(number), &self.aside(number + 1))?;
        }
        match self.older {
            0 => match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
            _ => moved(&self.path, &self.aside(1)),
        }
    }

    fn aside(&self, number: u32) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }
}

/// Renames a file; one that is not there, because somebody has taken it away, is none too many.
fn moved(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn open(path: &Path) -> io::Result<(Output, u64)> {
    // A pipe that nobody reads must not hold up the log, and a link that somebody has put into a
    // directory that others may write to leads anywhere.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file: File =
        OpenOptions::new().append(true).create(true).mode(0o640).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("this is no plain file"));
    }
    Ok((Output::new(file.into(), Arc::default()), found.len()))
}

/// How many bytes of whole lines fit into the room. Into an empty file goes at least one line.
fn fitting(bytes: &[u8], room: usize, is_empty: bool) -> usize {
    if bytes.len() <= room {
        return bytes.len();
    }
    match memrchr(b'\n', bytes.get(..room).unwrap_or_default()) {
        Some(end) => end + 1,
        None if is_empty => memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_not_cut_to_fit() {
        for (bytes, room, is_empty, want) in [
            (&b"one\ntwo\n"[..], 8, false, 8),
            (b"one\ntwo\n", 7, false, 4),
            (b"one\ntwo\n", 3, false, 0),
            (b"one\ntwo\n", 3, true, 4),
            (b"one", 2, true, 3),
            (b"one", 2, false, 0),
        ] {
            assert_eq!(fitting(bytes, room, is_empty), want, "{bytes:?} {room} {is_empty}");
        }
    }

    #[test]
    fn a_full_file_makes_room_and_the_oldest_goes() {
        let directory = std::env::temp_dir().join(format!("rotating-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join("a.log");
        let mut file = Rotating::open(path.clone(), 8, 2).expect("a file");
        for number in 0..7 {
            assert_eq!(file.write(format!("{number}..\n{number}!!\n").as_bytes()), None);
        }
        let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap_or_default();
        assert_eq!(read("a.log"), "6..\n6!!\n");
        assert_eq!(read("a.log.1"), "5..\n5!!\n");
        assert_eq!(read("a.log.2"), "4..\n4!!\n");
        assert_eq!(read("a.log.3"), "");
        drop(file);
        // What was there is gone on with; somebody may take files away meanwhile.
        let mut file = Rotating::open(path.clone(), 12, 0).expect("a file");
        assert_eq!(file.write(b"7..\n"), None);
        assert_eq!(read("a.log"), "6..\n6!!\n7..\n");
        fs::remove_file(&path).expect("our file");
        assert_eq!(file.write(b"8..\n"), None);
        assert_eq!(read("a.log"), "8..\n");
        assert_eq!(file.finish(), None);
        fs::remove_dir_all(&directory).expect("it can be removed");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told_once_and_its_loss_counted() {
        let path = std::env::temp_dir().join(format!("rotating-full-{}", std::process::id()));
        let mut file = Rotating::open(path.clone(), 1000, 1).expect("a file");
        // The kernel's own full disk.
        let full = OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        file.output = Output::new(full.into(), Arc::default());
        let told = file.write(b"one\n").expect("a sentence");
        assert!(told.contains("No space left on device"), "{told}");
        assert_eq!((file.write(b"two\n"), file.size), (None, 0));
        let lacks = file.finish().expect("a sentence");
        assert!(lacks.ends_with("lacks 2 lines (8 bytes)"), "{lacks}");
        fs::remove_file(&path).expect("our file");
    }

    #[test]
    fn only_plain_files_are_opened() {
        let directory = std::env::temp_dir().join(format!("rotating-plain-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        std::os::unix::fs::symlink("/etc/hostname", directory.join("link")).expect("a link");
        for path in [directory.join("link"), directory.clone()] {
            assert!(Rotating::open(path.clone(), 1, 1).is_err(), "{}", path.display());
        }
        fs::remove_dir_all(&directory).expect("it can be removed");
    }
}
