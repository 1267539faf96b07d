//! The two files a task writes what it hands on to, one pair a run.
//!
//! They are in a directory of the run's own, which is its user's alone: it may as well put another
//! file in the place of one. Where nothing can be written to, the files are in memory, named by our
//! descriptors of them.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg, OFlag, openat};
use nix::libc;
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, geteuid, unlinkat};

use super::accounts::Credentials;
use crate::handover::{EXPORTS_FILE, Given, MOST_BYTES, OUTPUT_FILE, SMALLER};

/// What the files are called in their directory.
const NAMES: [&str; 2] = ["output.json", "exports"];

/// What the names of all their directories begin with.
const PREFIX: &str = "devenv-task-";

/// How what is not ours is opened: nothing of it makes us wait or leads us elsewhere.
const WARY: OFlag =
    OFlag::O_NONBLOCK.union(OFlag::O_NOFOLLOW).union(OFlag::O_NOCTTY).union(OFlag::O_CLOEXEC);

/// The files of one run, removed when they are dropped.
pub enum Files {
    /// In a directory of their own.
    Directory(Directory),
    /// In memory: that for JSON, and that for variables.
    Memory([File; 2]),
}

/// A directory for the files of a run. The run's user may put another one in its place, so it is
/// gone back to by the descriptor only, which is locked as long as the files are in use.
pub struct Directory {
    path: PathBuf,
    opened: Flock<File>,
}

impl Files {
    /// Makes them, empty, for a run that no other one has the `name` of: in `$TMPDIR`, `/tmp` or
    /// `/dev/shm`, and in memory where they cannot be made or cannot be given to the run's user.
    ///
    /// # Errors
    /// No descriptor or no memory is left; or they could only be in memory, and the run has a user
    /// whom the kernel does not let open our descriptors.
    pub fn make(name: &str, user: &Credentials) -> io::Result<Self> {
        for place in places() {
            // One that is there already is somebody else's.
            let path = place.join(format!("{PREFIX}{name}"));
            if DirBuilder::new().mode(0o700).create(&path).is_err() {
                continue;
            }
            match Directory::open(path.clone()).map(Self::Directory) {
                Ok(files) if files.fill(user).is_ok() => return Ok(files),
                Ok(_) => {}
                Err(_) => drop(std::fs::remove_dir(path)),
            }
        }
        Self::in_memory(user)
    }

    fn in_memory(user: &Credentials) -> io::Result<Self> {
        if user.user.is_some_and(|user| user != geteuid().as_raw()) {
            let why = "no directory for them can be written to, and its user cannot open ours";
            return Err(io::Error::other(why));
        }
        Ok(Self::Memory([in_memory()?, in_memory()?]))
    }

    fn fill(&self, user: &Credentials) -> io::Result<()> {
        let Self::Directory(directory) = self else { return Ok(()) };
        let flags = WARY | OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
        for name in NAMES {
            let mode = Mode::S_IRUSR | Mode::S_IWUSR;
            let file = openat(&*directory.opened, name, flags, mode)?;
            fchown(file, user.user, user.group)?;
        }
        fchown(&*directory.opened, user.user, user.group)
    }

    /// The variables that name them.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, PathBuf); 2] {
        let [output, exports] = match self {
            Self::Directory(directory) => NAMES.map(|name| directory.path.join(name)),
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
                    let opened = openat(&*directory.opened, name, WARY, Mode::empty());
                    whole(opened.map(File::from).map_err(io::Error::from), variable)
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

impl Directory {
    /// Opens a directory for files, which nobody has in use from then on but us.
    ///
    /// # Errors
    /// It is none, or somebody has it in use.
    fn open(path: PathBuf) -> io::Result<Self> {
        let flags = libc::O_DIRECTORY | WARY.bits();
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(&path)?;
        let opened = Flock::lock(opened, FlockArg::LockExclusiveNonblock);
        Ok(Self { path, opened: opened.map_err(|(_, errno)| io::Error::from(errno))? })
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        for name in NAMES {
            let _ = unlinkat(&*self.opened, name, UnlinkatFlags::NoRemoveDir);
        }
        // What else the task has put there is the task's to remove. By its path nothing but an
        // empty directory of that very name can go.
        let _ = std::fs::remove_dir(&self.path);
    }
}

/// Removes the files that an earlier PID 1 had no time to remove, as where it was killed and its
/// container started again. To be called by PID 1 only, which alone can know that it is another's.
pub fn sweep() {
    let ours = format!("{PREFIX}{:x}.", std::process::id());
    let entries = places().filter_map(|place| std::fs::read_dir(place).ok()).flatten().flatten();
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with(&ours) {
            // Containers may share the place: what is in use by another one is locked.
            drop(Directory::open(entry.path()));
        }
    }
}

/// Where the files can be, in the order in which it is tried.
fn places() -> impl Iterator<Item = PathBuf> {
    let temporary = std::env::var_os("TMPDIR").map(PathBuf::from);
    let temporary = temporary.filter(|path| path.is_absolute());
    temporary.into_iter().chain(["/tmp", "/dev/shm"].map(PathBuf::from))
}

/// Reads a file of a task as a whole; `variable` is what names it. One that is gone is empty.
///
/// # Errors
/// It is no regular file, is too long, or cannot be read.
pub fn contents(path: &Path, variable: &str) -> Result<Vec<u8>, String> {
    let mut flags = WARY;
    // In memory it is a link to our supervisor's descriptor.
    flags.set(OFlag::O_NOFOLLOW, !path.starts_with("/proc"));
    whole(OpenOptions::new().read(true).custom_flags(flags.bits()).open(path), variable)
}

fn whole(opened: io::Result<File>, variable: &str) -> Result<Vec<u8>, String> {
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(variable, &error)),
    };
    match file.metadata() {
        // One with a second name may be somebody's whom the task may not read.
        Ok(about) if about.is_file() && about.nlink() <= 1 => bounded(&file, variable),
        Ok(_) => Err(format!(
            "{variable} names no regular file of its own any more\n\
             hint: write to the file that is there, or move a file into its place"
        )),
        Err(error) => Err(unreadable(variable, &error)),
    }
}

/// Reads a file as a whole; `variable` is what it is called.
///
/// # Errors
/// It is too long or cannot be read.
pub fn bounded(file: &File, variable: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = file.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(variable, &error))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("{variable} holds more than {MOST_BYTES} bytes\n{SMALLER}"));
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
            Files::Directory(directory) => directory.path.clone(),
            Files::Memory(_) => panic!("it can be written to"),
        };
        assert!(!directory.exists(), "it is left behind");
    }

    #[test]
    fn a_task_can_neither_block_us_nor_lead_us_elsewhere_nor_fill_us() {
        let files = Files::make("test-garbage", &ourselves()).expect("a place");
        let Files::Directory(directory) = &files else { panic!("it can be written to") };
        let output = directory.path.join("output.json");
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
        assert!(long.contains("more than 262144 bytes"), "{long}");
        std::fs::remove_file(&output).expect("it is there");
        assert_eq!(files.read(), Ok(Given::default()), "one that is gone is empty");
    }

    #[test]
    fn a_directory_put_in_its_place_is_neither_read_nor_emptied() {
        let files = Files::make("test-swap", &ourselves()).expect("a place");
        write(&files, "{\"a\":1}", "");
        let Files::Directory(Directory { path, .. }) = &files else {
            panic!("it can be written to")
        };
        let (path, aside) = (path.clone(), path.with_extension("aside"));
        let elsewhere = path.with_extension("elsewhere");
        std::fs::create_dir(&elsewhere).expect("a new directory");
        let secret = elsewhere.join("output.json");
        std::fs::write(&secret, "{\"secret\":1}").expect("a new file");
        std::fs::rename(&path, &aside).expect("it is there");
        std::os::unix::fs::symlink(&elsewhere, &path).expect("a new link");
        let read = files.read().map(|given| given.text);
        drop(files);
        let (kept, emptied) = (secret.exists(), !aside.join("output.json").exists());
        for directory in [&elsewhere, &aside] {
            std::fs::remove_dir_all(directory).expect("it is there");
        }
        std::fs::remove_file(&path).expect("the link is there");
        assert_eq!(read, Ok(r#"{"a":1}"#.to_owned()));
        assert!(kept, "a file elsewhere is removed");
        assert!(emptied, "its own files are left behind");
    }

    #[test]
    fn a_second_name_of_a_file_elsewhere_is_not_read() {
        let files = Files::make("test-hard-link", &ourselves()).expect("a place");
        let Files::Directory(Directory { path, .. }) = &files else {
            panic!("it can be written to")
        };
        let (output, other) = (path.join("output.json"), path.with_extension("other"));
        std::fs::write(&other, "{}").expect("a new file");
        std::fs::remove_file(&output).expect("it is there");
        std::fs::hard_link(&other, &output).expect("a new name");
        let refused = files.read().expect_err("it is somebody else's");
        std::fs::remove_file(&other).expect("it is there");
        assert!(refused.contains("no regular file of its own"), "{refused}");
    }

    #[test]
    fn what_an_earlier_one_left_is_removed_and_what_is_in_use_is_not() {
        let name = |what: &str| format!("{:x}.{what}", std::process::id());
        let used = Files::make(&name("used"), &ourselves()).expect("a place");
        let Files::Directory(directory) = &used else { panic!("it can be written to") };
        let left = directory.path.with_file_name(format!("{PREFIX}{}", name("left")));
        std::fs::create_dir(&left).expect("a new directory");
        std::fs::write(left.join("exports"), "").expect("a new file");
        sweep();
        assert!(!left.exists(), "it is left behind");
        assert!(directory.path.join("exports").exists(), "it is taken from its user");
    }

    #[test]
    fn another_user_is_not_given_what_it_cannot_open() {
        let other = Credentials { user: Some(geteuid().as_raw() + 1), ..Credentials::default() };
        assert!(Files::in_memory(&other).is_err());
        assert!(Files::in_memory(&ourselves()).is_ok());
    }
}
