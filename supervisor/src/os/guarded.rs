//! A task that may have nothing to do: finds out, runs it or not, and remembers.
//!
//! This is a process of its own in the task's place. Signals of the supervisor reach it together with
//! the task, since they go to the whole group; it leaves them to the task, passes on those that
//! somebody else sends to it alone, as a stop command does, and ends as the task has ended.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};

use super::environment::Variables;
use super::keeping::{remember, remembered};
use super::kill::Pid;
use super::reap::Next;
use super::spawn::{self, Launch, Place};
use super::{changes, handover, reap};
use crate::guard::memory::{self, Memory};
use crate::guard::{Guard, Order};
use crate::handover::{EXPORTS_FILE, Given, OUTPUT_FILE};
use crate::machine::exit::{Outcome, judge};
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
    let remembered = place.as_deref().map_or(Ok(Memory::default()), remembered);
    let remembered = remembered.unwrap_or_else(|why| {
        say(&format!("what {} has seen is not heeded: {why}", order.label));
        Memory::default()
    });
    let base = Path::new(&order.base);
    let idle = match &order.guard {
        Guard::Status(command) => {
            is_done(command, variables)?.then_some("its status says that there is nothing to do")
        }
        Guard::Modified(patterns) => {
            if place.is_none() {
                say(&format!(
                    "what {} has seen cannot be remembered, {STATE} names no directory; it runs at \
                     every start\nhint: set {STATE} to a directory that outlives the container",
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
    let (end, told) = attend(&order.command, variables, None)?;
    if judge(end, &order.success_exit_codes) == Outcome::Succeeded
        // Somebody has sent it a signal: it may have ended because of that.
        && told.is_empty()
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
                say(&format!(
                    "cannot remember in {}: {error}\n\
                     hint: {STATE} is to name a directory that the task's user can write to",
                    place.display()
                ));
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
    let (end, told) = attend(&command, &variables, Some(&null))?;
    if end == RunEnd::Code(0) {
        return Ok(true);
    }
    variables.extend(output.map(|output| (OUTPUT_FILE.into(), output)));
    write(&variables, EXPORTS_FILE, b"")?;
    // If it was told to end, and not only the status, then it has come to that now.
    for number in told {
        // SAFETY: a call on a number.
        unsafe { libc::raise(number) };
    }
    let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
    Ok(false)
}

/// Runs a command to its end. Signals are left to it from here on; returned are those that came.
fn attend(
    command: &[OsString],
    variables: &Variables,
    silent: Option<&File>,
) -> Result<(RunEnd, Vec<libc::c_int>), Failure> {
    let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None);
    let launch = Launch {
        command,
        variables,
        directory: None,
        place: Place::Ours,
        streams: silent.map(|null| [null.as_raw_fd(); 3]),
        own_id_in: &[],
        attributes: None,
        descriptors: None,
    };
    let pid = spawn::spawn(&launch)
        .map_err(|error| (error.failure().exit_code(), error.explain(&launch)))?;
    wait_for(pid).ok_or_else(|| setup("cannot wait for it"))
}

/// Waits for our child, and passes on to it what comes for it meanwhile. Every signal is blocked.
fn wait_for(child: Pid) -> Option<(RunEnd, Vec<libc::c_int>)> {
    let mut told = Vec::new();
    let set = SigSet::all();
    loop {
        let mut about = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: the set is valid, and there is room for what the kernel fills in, of which all
        // zeroes is a valid value; the sender's field is there whoever has sent it.
        let (number, sender) = unsafe {
            let number = libc::sigwaitinfo(set.as_ref(), about.as_mut_ptr());
            (number, about.assume_init().si_pid())
        };
        if number == libc::SIGCHLD {
            match reap::next() {
                Next::Reaped(reaped) if reaped.pid == child => return Some((reaped.end, told)),
                Next::NoChildren => return None,
                Next::Reaped(_) | Next::NoneEnded => {}
            }
        } else if number > 0 {
            if !OUR_OWN.contains(&number) {
                told.push(number);
            }
            // What the supervisor sends, and what comes from a terminal or the kernel, the child has
            // got as well.
            // SAFETY: calls on numbers. The child is not reaped yet, so the number is its own.
            unsafe {
                if sender > 0 && sender != libc::getppid() {
                    libc::kill(child.number(), number);
                }
            }
        }
    }
}

fn given(variables: &Variables) -> Result<Given, String> {
    let read = |name: &str| match variables.get(OsStr::new(name)) {
        Some(path) => handover::contents(Path::new(path), name),
        None => Ok(Vec::new()),
    };
    Given::read(&read(OUTPUT_FILE)?, &read(EXPORTS_FILE)?)
}

fn write(variables: &Variables, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let Some(path) = variables.get(OsStr::new(name)) else { return Ok(()) };
    std::fs::write(path, bytes).map_err(|error| setup(&format!("cannot write to {name}: {error}")))
}

fn setup(what: &str) -> Failure {
    (exit::COULD_NOT_START, what.to_owned())
}

/// That nobody reads it changes nothing.
fn say(what: &str) {
    let _ = io::stdout().lock().write_all(format!("devenv-init: {what}\n").as_bytes());
}
