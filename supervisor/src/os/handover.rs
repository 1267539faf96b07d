//! The two files a task writes what it hands on to, one pair a run.
//!
//! They are in a directory of the run's own, which is its user's alone: it may as well put another
//! file in the place of one. Where nothing can be written to, the files are in memory, named by our
//! descriptors of them.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use nix::libc;

use super::accounts::Credentials;
use crate::handover::{EXPORTS_FILE, Given, MOST_BYTES, OUTPUT_FILE};

/// What the files are called in their directory.
const NAMES: [&str; 2] = ["output.json", "exports"];

/// The files of one run, removed when they are dropped.
pub enum Files {
    /// In a directory of their own.
    Directory(PathBuf),
    /// In memory: that for JSON, and that for variables.
    Memory([File; 2]),
}

impl Files {
    /// Makes them, empty, for a run that no other one has the `name` of: in `$TMPDIR`, `/tmp` or
    /// `/dev/shm`, and in memory where they cannot be made or cannot be given to the run's user.
    ///
    /// # Errors
    /// No descriptor or no memory is left.
    pub fn make(name: &str, user: &Credentials) -> io::Result<Self> {
        let temporary = std::env::var_os("TMPDIR").map(PathBuf::from);
        let temporary = temporary.filter(|path| path.is_absolute());
        let places = [PathBuf::from("/tmp"), PathBuf::from("/dev/shm")];
        for place in temporary.into_iter().chain(places) {
            let directory = place.join(format!("devenv-task-{name}"));
            // One that is there already is somebody else's.
            if DirBuilder::new().mode(0o700).create(&directory).is_ok() {
                let files = Self::Directory(directory);
                if files.fill(user).is_ok() {
                    return Ok(files);
                }
            }
        }
        Ok(Self::Memory([in_memory()?, in_memory()?]))
    }

    fn fill(&self, user: &Credentials) -> io::Result<()> {
        let Self::Directory(directory) = self else { return Ok(()) };
        for name in NAMES {
            let path = directory.join(name);
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            chown(&path, user.user, user.group)?;
        }
        chown(directory, user.user, user.group)
    }

    /// The variables that name them.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, PathBuf); 2] {
        let [output, exports] = match self {
            Self::Directory(directory) => NAMES.map(|name| directory.join(name)),
            Self::Memory(files) => [0, 1].map(|index: usize| {
                let descriptor = files.get(index).map_or(-1, AsRawFd::as_raw_fd);
                PathBuf::from(format!("/proc/{}/fd/{descriptor}", std::process::id()))
            }),
        };
        [(OUTPUT_FILE, output), (EXPORTS_FILE, exports)]
    }

    /// Reads what the run has left in them.
    ///
    /// # Errors
    /// They cannot be read, or hold what is wrong; the sentence names the variable of the file.
    pub fn read(&self) -> Result<Given, String> {
        let [output, exports] = match self {
            Self::Directory(directory) => {
                [(0, OUTPUT_FILE), (1, EXPORTS_FILE)].map(|(index, variable): (usize, _)| {
                    let name = NAMES.get(index).copied().unwrap_or_default();
                    contents(&directory.join(name), variable)
                })
            }
            Self::Memory([output, exports]) => [(output, OUTPUT_FILE), (exports, EXPORTS_FILE)]
                .map(|(mut file, variable)| {
                    file.rewind().map_err(|error| unreadable(variable, &error))?;
                    bounded(file, variable)
                }),
        };
        Given::read(&output?, &exports?)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if let Self::Directory(directory) = self {
            for name in NAMES {
                let _ = std::fs::remove_file(directory.join(name));
            }
            // What else the task has put there is the task's to remove.
            let _ = std::fs::remove_dir(directory);
        }
    }
}

/// Reads a file of a task as a whole; `variable` is what names it. One that is gone is empty.
///
/// # Errors
/// It is no regular file, is too long, or cannot be read.
pub fn contents(path: &Path, variable: &str) -> Result<Vec<u8>, String> {
    // Nothing of what a task can put there makes us wait or leads us elsewhere.
    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_NOCTTY;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(variable, &error)),
    };
    match file.metadata() {
        Ok(about) if about.is_file() => bounded(&file, variable),
        Ok(_) => Err(format!("{variable} names no regular file any more")),
        Err(error) => Err(unreadable(variable, &error)),
    }
}

fn bounded(file: &File, variable: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = file.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(variable, &error))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("{variable} holds more than {MOST_BYTES} bytes"));
    }
    Ok(bytes)
}

fn unreadable(variable: &str, error: &io::Error) -> String {
    format!("{variable} cannot be read: {error}")
}

fn in_memory() -> io::Result<File> {
    // SAFETY: the name is a string with its end; the result is an error or a descriptor that nobody
    // else knows.
    unsafe {
        match libc::memfd_create(c"devenv-task".as_ptr(), libc::MFD_CLOEXEC) {
            -1 => Err(io::Error::last_os_error()),
            descriptor => Ok(File::from_raw_fd(descriptor)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ourselves() -> Credentials {
        Credentials::default()
    }

    fn write(files: &Files, output: &str, exports: &str) {
        for ((_, path), text) in files.variables().iter().zip([output, exports]) {
            std::fs::write(path, text).expect("it can be written to by its name");
        }
    }

    #[test]
    fn what_is_written_by_name_is_read_wherever_it_is() {
        let memory = || Files::Memory([in_memory().expect("memory"), in_memory().expect("memory")]);
        let place = || Files::make("test-read", &ourselves()).expect("a place");
        for files in [place(), memory()] {
            assert_eq!(files.read(), Ok(Given::default()), "nothing is written yet");
            write(&files, "{\"a\":1}", "A\0eA==\0");
            let given = files.read().expect("it is right");
            assert_eq!(given.text, r#"{"a":1,"devenv":{"env":{"A":"x"}}}"#);
        }
        let directory = match &place() {
            Files::Directory(directory) => directory.clone(),
            Files::Memory(_) => panic!("it can be written to"),
        };
        assert!(!directory.exists(), "it is left behind");
    }

    #[test]
    fn a_task_can_neither_block_us_nor_lead_us_elsewhere_nor_fill_us() {
        let files = Files::make("test-garbage", &ourselves()).expect("a place");
        let Files::Directory(directory) = &files else { panic!("it can be written to") };
        let output = directory.join("output.json");
        let replace = |make: &dyn Fn(&Path)| {
            std::fs::remove_file(&output).expect("it is there");
            make(&output);
            files.read().expect_err("it is wrong")
        };
        let fifo =
            replace(&|path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap());
        assert!(fifo.contains("no regular file"), "{fifo}");
        let link = replace(&|path| std::os::unix::fs::symlink("/etc/passwd", path).unwrap());
        assert!(link.contains("OUTPUT_FILE cannot be read"), "{link}");
        let long = replace(&|path| std::fs::write(path, vec![b' '; 2 << 20]).unwrap());
        assert!(long.contains("more than 1048576 bytes"), "{long}");
        std::fs::remove_file(&output).expect("it is there");
        assert_eq!(files.read(), Ok(Given::default()), "one that is gone is empty");
    }
}
