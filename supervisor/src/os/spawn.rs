//! Starting a process: everything is made ready, then one `fork`, and the answer of `exec`.

use std::ffi::{CString, OsStr, OsString};
use std::fmt;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};
use nix::unistd::{ForkResult, fork, pipe2};

use super::attributes::{Attribute, Attributes};
use super::child::{self, Ready};
use super::environment::{self, Variables};
use super::kill::Pid;
use super::{program, reap};
use crate::machine::SpawnFailure;

/// A process to be started.
#[derive(Clone, Copy, Debug)]
pub struct Launch<'a> {
    /// Argument vector. The program is looked up in the `PATH` of `variables`.
    pub command: &'a [OsString],
    /// Its whole environment.
    pub variables: &'a Variables,
    /// Where it starts; absent: where the supervisor is.
    pub directory: Option<&'a Path>,
    /// Its session and group.
    pub place: Place,
    /// Its standard input, output and error; absent: ours.
    pub streams: Option<[RawFd; 3]>,
    /// Variables that hold the new process's own id; they win over `variables`. Only the child
    /// itself can know it in time.
    pub own_id_in: &'a [&'a str],
    /// Its user, limits and the like; absent: as we have them.
    pub attributes: Option<&'a Attributes>,
    /// Its limit of open descriptors; absent: ours.
    pub descriptors: Option<libc::rlimit>,
}

impl Launch<'_> {
    /// The program as named, empty where there is none.
    fn program(&self) -> &OsStr {
        self.command.first().map_or(OsStr::new(""), OsString::as_os_str)
    }
}

/// Where a process stands towards terminals and signals from the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A session of its own, without a terminal.
    Session,
    /// Our own.
    Ours,
    /// A group of its own in our session.
    Group,
    /// A group of its own that the terminal belongs to from then on.
    Foreground {
        /// The terminal.
        terminal: RawFd,
    },
}

/// What was being done when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Making its session or group.
    Place,
    /// Connecting its input and output.
    Streams,
    /// Changing to its working directory.
    Directory,
    /// Setting its user, its limits or the like.
    Attribute(Attribute),
    /// Executing its program.
    Program,
    /// Making the process at all.
    Fork,
}

/// Why a process could not be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpawnError {
    /// What was being done.
    pub stage: Stage,
    /// What the kernel said.
    pub errno: Errno,
}

impl SpawnError {
    /// As the machine knows it.
    #[must_use]
    pub fn failure(self) -> SpawnFailure {
        let exhausted =
            matches!(self.errno, Errno::EAGAIN | Errno::ENOMEM | Errno::EMFILE | Errno::ENFILE);
        match (self.stage, self.errno) {
            _ if exhausted => SpawnFailure::Exhausted,
            (Stage::Program, Errno::ENOENT | Errno::ENOTDIR) => SpawnFailure::NotFound,
            (
                Stage::Program,
                Errno::EACCES
                | Errno::EPERM
                | Errno::ENOEXEC
                | Errno::EISDIR
                | Errno::ELIBBAD
                | Errno::ETXTBSY
                | Errno::E2BIG,
            ) => SpawnFailure::NotExecutable,
            _ => SpawnFailure::Setup,
        }
    }

    /// Says it with what the launch had asked for.
    #[must_use]
    pub fn explain(self, launch: &Launch<'_>) -> String {
        let name = launch.program();
        let program = name.to_string_lossy();
        let cause = self.errno.desc();
        match (self.stage, self.errno) {
            (Stage::Directory, _) => {
                let directory = launch.directory.unwrap_or(Path::new("."));
                format!("cannot change to its working directory {}: {cause}", directory.display())
            }
            // The kernel says so of a script whose `#!` line names a program that does not exist.
            (Stage::Program, Errno::ENOENT) if std::fs::metadata(name).is_ok() => {
                format!("cannot execute {program}: its interpreter does not exist")
            }
            (Stage::Program, Errno::ENOENT) if !name.as_bytes().contains(&b'/') => {
                format!("cannot find {program} in its PATH")
            }
            (Stage::Program, _) => format!("cannot execute {program}: {cause}"),
            (Stage::Attribute(attribute), errno) => match launch.attributes {
                Some(attributes) => attributes.explain(attribute, errno),
                None => format!("{self}"),
            },
            (Stage::Place | Stage::Streams | Stage::Fork, _) => format!("{self}"),
        }
    }
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.stage {
            Stage::Place => "make a session",
            Stage::Streams => "connect its input and output",
            Stage::Attribute(_) => "set it up",
            Stage::Directory => "change to its working directory",
            Stage::Program => "execute its program",
            Stage::Fork => "make a process",
        };
        let why = match (self.stage, self.errno) {
            (Stage::Fork, Errno::EAGAIN) => "no more processes are allowed",
            _ => self.errno.desc(),
        };
        write!(f, "cannot {what}: {why}")
    }
}

/// Starts a process and waits until its program has taken over, or why not is known.
///
/// A child that failed is reaped here: nobody else ever hears of it. One that is killed before its
/// `exec` counts as started, and is then reaped like any other.
///
/// # Errors
/// What was being done, and what the kernel said.
pub fn spawn(launch: &Launch<'_>) -> Result<Pid, SpawnError> {
    let fork_failed = |errno| SpawnError { stage: Stage::Fork, errno };
    let (answer, report) = pipe2(OFlag::O_CLOEXEC).map_err(fork_failed)?;
    let mut ready = make_ready(launch, report.as_raw_fd())?;
    let pid = fork_with_signals_blocked(&mut ready).map_err(fork_failed)?;
    drop(report);
    match read_answer(answer) {
        None => Ok(pid),
        Some((stage, errno)) => {
            let _ = reap::end_of(pid);
            Err(SpawnError { stage, errno: Errno::from_raw(errno) })
        }
    }
}

fn make_ready(launch: &Launch<'_>, report: RawFd) -> Result<Ready, SpawnError> {
    let invalid = |stage| move |_| SpawnError { stage, errno: Errno::EINVAL };
    let path = launch.variables.get(OsStr::new("PATH")).map(|path| path.as_os_str());
    let files = program::candidates(launch.program(), path);
    let arguments: Result<Vec<CString>, _> =
        launch.command.iter().map(|argument| CString::new(argument.as_bytes())).collect();
    let directory = launch.directory.map(|path| CString::new(path.as_os_str().as_bytes()));
    Ok(Ready::new(
        launch,
        files,
        arguments.map_err(invalid(Stage::Program))?,
        environment::to_vector(launch.variables),
        directory.transpose().map_err(invalid(Stage::Directory))?,
        report,
    ))
}

/// Forks. Every signal is blocked around it: one that reached the child while it still has our
/// handlers would be taken for one of ours and be lost on the child.
fn fork_with_signals_blocked(ready: &mut Ready) -> Result<Pid, Errno> {
    let mut before = SigSet::empty();
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut before))?;
    // SAFETY: the child calls nothing but `become_program`, which keeps to what is allowed there.
    let forked = match unsafe { fork() } {
        // SAFETY: this is the child, just forked, with every signal blocked.
        Ok(ForkResult::Child) => unsafe { ready.become_program() },
        Ok(ForkResult::Parent { child }) => Pid::new(child.as_raw()).ok_or(Errno::ECHILD),
        Err(errno) => Err(errno),
    };
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None)?;
    forked
}

/// Reads until the pipe closes: by `exec`, which closes it unwritten, or by a failure.
fn read_answer(answer: OwnedFd) -> Option<(Stage, libc::c_int)> {
    let mut message = [0; child::MESSAGE];
    match std::fs::File::from(answer).read_exact(&mut message) {
        Ok(()) => Some(child::decode(message)),
        Err(_) => None,
    }
}

/// A pipe for the output of a process: our end, and the process's end.
///
/// # Errors
/// No descriptor is left.
pub fn output_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe2(OFlag::O_CLOEXEC)?)
}

#[cfg(test)]
mod tests;
