//! A task that may have nothing to do: finds out, runs it or not, and remembers.
//!
//! This is a process of its own in the task's place. Signals reach it together with the task, since
//! they go to the whole group; it leaves them to the task and ends as that has ended.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};

use super::environment::Variables;
use super::spawn::{self, Launch, Place};
use super::{changes, handover, reap};
use crate::guard::memory::{self, Memory};
use crate::guard::{Guard, Order};
use crate::handover::{EXPORTS_FILE, Given, OUTPUT_FILE};
use crate::machine::{RunEnd, exit};

/// The directory below which it is remembered what tasks have seen and handed on.
const STATE: &str = "DEVENV_STATE";

/// What says something about us and not to the task.
const OUR_OWN: [libc::c_int; 4] = [libc::SIGCHLD, libc::SIGCONT, libc::SIGURG, libc::SIGWINCH];

/// Why the task has not been run: an exit code and a sentence.
pub type Failure = (u8, String);

/// Runs the task unless its guard says that there is nothing to do, and tells how it ended.
///
/// What it says to people goes to standard output, as the task's own output does.
///
/// # Errors
/// The task or its status could not be started, or its files cannot be written to.
pub fn run(order: &Order, variables: &Variables) -> Result<RunEnd, Failure> {
    let state = variables.get(OsStr::new(STATE)).map(Path::new).filter(|path| path.is_absolute());
    let place = state.map(|state| state.join("tasks").join(memory::file_name(&order.label)));
    let remembered = place.as_deref().and_then(remembered).unwrap_or_default();
    let base = Path::new(&order.base);
    let idle = match &order.guard {
        Guard::Status(command) => {
            is_done(command, variables)?.then_some("its status says that there is nothing to do")
        }
        Guard::Modified(patterns) => {
            if place.is_none() {
                say(&format!(
                    "what {} has seen cannot be remembered, {STATE} names no directory; it runs at \
                     every start",
                    order.label
                ));
            }
            let now = changes::digest(patterns, base, &order.command).ok();
            let same = now.is_some() && now == remembered.digest;
            same.then_some("nothing has changed that it depends on")
        }
    };
    if let Some(why) = idle {
        say(&format!("skipped: {why}"));
        write(variables, OUTPUT_FILE, remembered.output.as_bytes())?;
        return Ok(RunEnd::Code(0));
    }
    let end = attend(&order.command, variables, None)?;
    if end == RunEnd::Code(0)
        && !is_told_something()
        && let Some(place) = place
    {
        // Both are looked at once the task has ended: it may have changed them itself.
        let digest = match &order.guard {
            Guard::Status(_) => Ok(None),
            Guard::Modified(patterns) => changes::digest(patterns, base, &order.command).map(Some),
        };
        // What is wrong with its output is told, and judged, by the supervisor.
        if let Ok(given) = given(variables) {
            let kept = digest.and_then(|digest| {
                let now = Memory { digest, output: given.text };
                if now == remembered { Ok(()) } else { remember(&place, &now) }
            });
            if let Err(error) = kept {
                say(&format!("cannot remember in {}: {error}", place.display()));
            }
        }
    }
    Ok(end)
}

/// Ends this process as the task has ended.
#[must_use]
pub fn end_as(end: RunEnd) -> u8 {
    if let RunEnd::Signal(number) = end {
        let number = libc::c_int::from(number);
        // SAFETY: calls on numbers, and on a set and a limit that live here. Nothing is left to be
        // done, so it is no harm where the signal ends us at once; a core of ours would tell nothing.
        unsafe {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
            let mut set = MaybeUninit::zeroed().assume_init();
            libc::sigaddset(&raw mut set, number);
            // The runtime of the language has a handler of its own for some.
            libc::signal(number, libc::SIG_DFL);
            libc::raise(number);
            libc::sigprocmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
        }
    }
    end.exit_code()
}

/// Asks the status. What it exports counts where it says that all is done, and only there.
fn is_done(command: &[String], variables: &Variables) -> Result<bool, Failure> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null");
    let null = null.map_err(|error| setup(&format!("cannot open /dev/null: {error}")))?;
    let command: Vec<OsString> = command.iter().map(OsString::from).collect();
    let mut variables = variables.clone();
    let output = variables.insert(OUTPUT_FILE.into(), "/dev/null".into());
    let end = attend(&command, &variables, Some(&null))?;
    if end == RunEnd::Code(0) {
        return Ok(true);
    }
    variables.extend(output.map(|output| (OUTPUT_FILE.into(), output)));
    write(&variables, EXPORTS_FILE, b"")?;
    // If it was told to end, and not only the status, then it has come to that now.
    let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
    Ok(false)
}

/// Runs a command to its end. Signals are left to it from here on.
fn attend(
    command: &[OsString],
    variables: &Variables,
    silent: Option<&File>,
) -> Result<RunEnd, Failure> {
    let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None);
    let launch = Launch {
        command,
        variables,
        directory: None,
        place: Place::Ours,
        streams: silent.map(|null| (null.as_raw_fd(), null.as_raw_fd())),
        own_id_in: &[],
        attributes: None,
        descriptors: None,
    };
    let pid = spawn::spawn(&launch)
        .map_err(|error| (error.failure().exit_code(), error.explain(&launch)))?;
    reap::end_of(pid).ok_or_else(|| setup("cannot wait for it"))
}

/// Whether somebody has sent us a signal that the task was meant by: it may have ended because of it.
fn is_told_something() -> bool {
    let mut set = MaybeUninit::zeroed();
    // SAFETY: the kernel fills in the set that the pointer says, of which all zeroes is a valid one.
    let set: libc::sigset_t = unsafe {
        libc::sigpending(set.as_mut_ptr());
        set.assume_init()
    };
    // SAFETY: a set that is valid is read.
    let holds = |number: &libc::c_int| unsafe { libc::sigismember(&raw const set, *number) == 1 };
    (1..=64).filter(|number| !OUR_OWN.contains(number)).any(|number| holds(&number))
}

fn given(variables: &Variables) -> Result<Given, String> {
    let read = |name: &str| match variables.get(OsStr::new(name)) {
        // In memory it is a link to our supervisor's descriptor, which is no link to follow here.
        Some(path) if Path::new(path).starts_with("/proc") => {
            std::fs::read(path).map_err(|error| error.to_string())
        }
        Some(path) => handover::contents(Path::new(path), name),
        None => Ok(Vec::new()),
    };
    Given::read(&read(OUTPUT_FILE)?, &read(EXPORTS_FILE)?)
}

fn write(variables: &Variables, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let Some(path) = variables.get(OsStr::new(name)) else { return Ok(()) };
    std::fs::write(path, bytes).map_err(|error| setup(&format!("cannot write to {name}: {error}")))
}

fn remembered(place: &Path) -> Option<Memory> {
    let bytes = handover::contents(place, STATE).ok()?;
    Memory::of_text(std::str::from_utf8(&bytes).ok()?)
}

/// Replaces what is remembered as a whole, whenever we may be ended.
fn remember(place: &Path, memory: &Memory) -> io::Result<()> {
    if let Some(directory) = place.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let mut new = PathBuf::from(place);
    new.set_extension(format!("new-{}", std::process::id()));
    // It may hold what others are not to know: a task exports what it likes.
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(memory.to_text().as_bytes())?;
    std::fs::rename(&new, place)
}

fn setup(what: &str) -> Failure {
    (exit::COULD_NOT_START, what.to_owned())
}

/// That nobody reads it changes nothing.
fn say(what: &str) {
    let _ = io::stdout().lock().write_all(format!("devenv-init: {what}\n").as_bytes());
}
