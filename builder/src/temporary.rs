//! Temporary files and directories that go with this program, also when a signal ends it.
//!
//! Rust's own go when their owner is dropped, which a signal prevents. They may hold a password, or
//! gigabytes beside the file they were to become, so each is noted here while it exists. INT, TERM
//! and HUP remove what is noted, and then end the program as they would have without us.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, PipeReader, PipeWriter, Read as _, Write};
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Barrier, Mutex, MutexGuard, Once, PoisonError};
use std::thread;

use nix::errno::Errno;
use nix::sys::signal::{self, SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal};

/// What to remove. Locked while something is made, so that nothing exists that is not noted.
static NOTED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Where the handler writes the number of its signal; -1 while nobody listens.
static LISTENER: AtomicI32 = AtomicI32::new(-1);

/// Where the thread that waits for signals is met once it does nothing else any more. A copy of this
/// process, which has one thread only, may then rely on it to hold no lock.
static SETTLED: Barrier = Barrier::new(2);

/// How often a directory is emptied into which another thread is still writing.
const TRIES: usize = 20;

fn noted() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    NOTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a path off the list when what was there is gone, or has become something lasting.
#[derive(Debug)]
struct Note(PathBuf);

impl Drop for Note {
    fn drop(&mut self) {
        noted().remove(&self.0);
    }
}

/// Makes something and notes its path in one step.
fn note<T>(
    make: impl FnOnce() -> io::Result<T>,
    path: impl Fn(&T) -> &Path,
) -> io::Result<(T, Note)> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Without a listener signals end the program at once, as they always do.
        let _ = listen();
    });
    let mut noted = noted();
    let made = make()?;
    let path = std::path::absolute(path(&made))?;
    noted.insert(path.clone());
    Ok((made, Note(path)))
}

/// A directory that only this user may enter; removed with all it holds when dropped.
#[derive(Debug)]
pub struct Directory {
    // Dropped in this order: what is removed is noted until it is.
    inner: tempfile::TempDir,
    _note: Note,
    kept: bool,
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Directories nobody may write to cannot be emptied.
        if !self.kept && fs::remove_dir_all(self.path()).is_err() {
            unlock(self.path());
        }
    }
}

impl Directory {
    /// Makes one in `place`, its name beginning with `prefix`.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn new_in(place: &Path, prefix: &str) -> io::Result<Self> {
        let private = fs::Permissions::from_mode(0o700);
        let make =
            || tempfile::Builder::new().prefix(prefix).permissions(private).tempdir_in(place);
        let (inner, note) = note(make, tempfile::TempDir::path)?;
        Ok(Self { inner, _note: note, kept: false })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.inner.path()
    }

    /// Leaves it where it is, or has been moved to.
    pub fn keep(mut self) {
        self.inner.disable_cleanup(true);
        self.kept = true;
    }
}

/// A file that only this user may read; removed when dropped.
#[derive(Debug)]
pub struct File {
    inner: tempfile::NamedTempFile,
    _note: Note,
}

impl File {
    /// Makes one in `place`.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn new_in(place: &Path) -> io::Result<Self> {
        let (inner, note) =
            note(|| tempfile::NamedTempFile::new_in(place), tempfile::NamedTempFile::path)?;
        Ok(Self { inner, _note: note })
    }

    /// The open file.
    pub fn as_file(&self) -> &fs::File {
        self.inner.as_file()
    }

    /// Moves it to `target`, in place of what is there, where it stays.
    ///
    /// # Errors
    /// When it cannot be moved; it is removed then.
    pub fn persist(self, target: &Path) -> io::Result<()> {
        self.inner.persist(target).map(|_| ()).map_err(|failed| failed.error)
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// For a process that has just been made a copy of this one: what is noted is not its own, and a
/// signal it gets is none of this program's.
pub fn leave_to_parent() {
    LISTENER.store(-1, Ordering::SeqCst);
}

/// Has a thread wait for signals. A signal that is ignored, as below `nohup`, stays so.
fn listen() -> io::Result<()> {
    let (pipe, writer) = io::pipe()?;
    LISTENER.store(writer.as_raw_fd(), Ordering::SeqCst);
    // The thread itself takes none: a signal that all others block waits for whoever asks for it.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let spawned = thread::Builder::new().name("cleanup".to_owned()).spawn(move || {
        SETTLED.wait();
        clean_up_after(pipe, writer);
    });
    before.thread_set_mask()?;
    spawned?;
    SETTLED.wait();
    let ours = SigAction::new(SigHandler::Handler(hand_on), SaFlags::SA_RESTART, SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler does nothing but write to a pipe, which is safe in a handler.
        let before = unsafe { signal::sigaction(signal, &ours) }?;
        if !matches!(before.handler(), SigHandler::SigDfl) {
            // SAFETY: this puts back what was there.
            unsafe { signal::sigaction(signal, &before) }?;
        }
    }
    Ok(())
}

extern "C" fn hand_on(number: i32) {
    let listener = LISTENER.load(Ordering::SeqCst);
    if listener < 0 {
        return;
    }
    let Ok(byte) = u8::try_from(number) else { return };
    // What was interrupted may be about to look at its own error.
    let error = Errno::last_raw();
    // SAFETY: the thread that waits keeps the pipe open for as long as there is a listener.
    let listener = unsafe { BorrowedFd::borrow_raw(listener) };
    let _ = nix::unistd::write(listener, &[byte]);
    Errno::set_raw(error);
}

/// Waits for one signal, removes what is noted, and lets the signal do what it does by itself.
fn clean_up_after(mut pipe: PipeReader, _open: PipeWriter) {
    let mut byte = [0];
    if pipe.read_exact(&mut byte).is_err() {
        LISTENER.store(-1, Ordering::SeqCst);
        return;
    }
    // Never given back: whoever wants to make something more waits for the end.
    let noted = noted();
    for path in noted.iter() {
        remove(path);
    }
    let [number] = byte;
    let Ok(signal) = Signal::try_from(i32::from(number)) else { return };
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default action needs no handler.
    let _ = unsafe { signal::sigaction(signal, &default) };
    // This thread blocks it until now.
    let _ = SigSet::empty().thread_set_mask();
    let _ = signal::raise(signal);
    std::process::exit(128 + i32::from(number));
}

/// Removes a file or a directory, also one in which nobody may write.
fn remove(path: &Path) {
    for _ in 0..TRIES {
        let removed = match fs::symlink_metadata(path) {
            Ok(found) if found.is_dir() => {
                unlock(path);
                fs::remove_dir_all(path)
            }
            Ok(_) => fs::remove_file(path),
            Err(_) => return,
        };
        if removed.is_ok() {
            return;
        }
    }
}

/// Makes every directory below `root` one its owner may empty.
pub fn unlock(root: &Path) {
    let _ = fs::set_permissions(root, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            unlock(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Command, Stdio};

    use super::*;

    const WORLD: &str = "DEVENV_CONTAINER_TEST_WORLD";

    #[test]
    fn what_is_temporary_goes_with_its_owner_and_what_is_kept_stays() {
        let world = tempfile::tempdir().unwrap();
        let there = || fs::read_dir(world.path()).unwrap().count();
        let directory = Directory::new_in(world.path(), "d").unwrap();
        let mode = fs::metadata(directory.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
        let file = File::new_in(directory.path()).unwrap();
        let lasting = File::new_in(world.path()).unwrap();
        lasting.persist(&world.path().join("lasting")).unwrap();
        assert_eq!(there(), 2);
        drop((file, directory));
        assert_eq!(there(), 1);
        let kept = Directory::new_in(world.path(), "d").unwrap();
        kept.keep();
        assert_eq!(there(), 2);
    }

    /// The other process of the next test: makes things and waits for its end.
    #[test]
    #[ignore = "is run by the test of signals"]
    fn waits_to_be_ended() {
        let Some(world) = std::env::var_os(WORLD) else { return };
        let world = Path::new(&world);
        let directory = Directory::new_in(world, "d").unwrap();
        fs::create_dir(directory.path().join("inner")).unwrap();
        fs::write(directory.path().join("inner/password"), "secret").unwrap();
        fs::set_permissions(directory.path().join("inner"), fs::Permissions::from_mode(0o555))
            .unwrap();
        let _file = File::new_in(world).unwrap();
        File::new_in(world).unwrap().persist(&world.join("lasting")).unwrap();
        println!("\nready");
        loop {
            thread::park();
        }
    }

    #[test]
    fn signals_leave_nothing_temporary_behind_and_end_the_program_as_ever() {
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            let world = tempfile::tempdir().unwrap();
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args([
                    "--ignored",
                    "--exact",
                    "--nocapture",
                    "temporary::tests::waits_to_be_ended",
                ])
                .env(WORLD, world.path())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            assert!(lines.any(|line| line.unwrap() == "ready"));
            assert_eq!(fs::read_dir(world.path()).unwrap().count(), 3);
            let id = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
            signal::kill(id, signal).unwrap();
            assert_eq!(child.wait().unwrap().signal(), Some(signal as i32));
            let left: Vec<_> =
                fs::read_dir(world.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(left, ["lasting"], "{signal}");
        }
    }
}
