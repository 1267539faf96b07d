//! A copy of this process in namespaces of its own, and what passes between the two.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, clone};
use nix::sys::signal::Signal;
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, close, pipe2};
use serde::{Deserialize, Serialize};

use crate::error::{Context as _, Failure, Kind, Result};
use crate::temporary;

/// The child's stack until it becomes another program; only what is touched takes memory.
const STACK: usize = 8 * 1024 * 1024;

/// What the child has to say before it ends.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Done(String),
    Failed { code: u8, message: String, hint: Option<String> },
}

/// The child, waiting to be told that its users are mapped.
#[derive(Debug)]
pub struct Started {
    /// Its process.
    pub child: Pid,
    /// Open until the child has become another program, or is gone.
    ready: Option<OwnedFd>,
    answer: Option<OwnedFd>,
}

/// Starts a copy of this process, PID 1 of its namespaces, that does nothing but `body`. This gets a
/// file that yields one byte once the users are mapped, and ends when this process does; what it returns
/// is the child's answer. The network is one of its own as well when it is `isolated`.
///
/// # Errors
/// When this user may not make namespaces.
pub fn start(isolated: bool, body: &dyn Fn(File) -> Result<String>) -> Result<Started> {
    let mut flags = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC;
    flags.set(CloneFlags::CLONE_NEWNET, isolated);
    let (ready_read, ready_write) = pipe()?;
    let (answer_read, answer_write) = pipe()?;
    let mut stack = vec![0; STACK];
    let in_child = Box::new(|| -> isize {
        temporary::leave_to_parent();
        // The child has copies of all four ends; the parent's must go, or neither side would
        // ever see the other one's end.
        let _ = close(ready_write.as_raw_fd());
        let _ = close(answer_read.as_raw_fd());
        let Ok(ready) = ready_read.try_clone() else { return 1 };
        let _ = close(ready_read.as_raw_fd());
        let (code, answer) = match body(File::from(ready)) {
            Ok(said) => (0, Answer::Done(said)),
            Err(failure) => {
                let hint = failure.way_out().map(str::to_owned);
                let message = failure.message().to_owned();
                (1, Answer::Failed { code: failure.code(), message, hint })
            }
        };
        if let (Ok(pipe), Ok(text)) = (answer_write.try_clone(), serde_json::to_vec(&answer)) {
            let _ = File::from(pipe).write_all(&text);
        }
        code
    });
    // SAFETY: no other thread of this process holds a lock, so the child may allocate and lock as it
    // likes: threads that work have ended, and the one that waits for signals does nothing but read
    // from a pipe. The child shares no memory with the parent (no CLONE_VM), and its stack outlives
    // the call.
    let child = unsafe { clone(in_child, &mut stack, flags, Some(Signal::SIGCHLD as i32)) };
    let child = child.map_err(refused)?;
    Ok(Started { child, ready: Some(ready_write), answer: Some(answer_read) })
}

impl Started {
    /// Tells the child that its users are mapped. Its end of the pipe stays open: by that it knows that
    /// this process is there.
    pub fn go(&mut self) -> Result<()> {
        let Some(pipe) = &self.ready else { return Ok(()) };
        let told = nix::unistd::write(pipe, b"\n").map_err(std::io::Error::from);
        told.map(drop).or_fail(Kind::System, || "cannot start the container")
    }

    /// What can be read from once [`Started::answer`] does not wait any more.
    pub fn answering(&self) -> Option<BorrowedFd<'_>> {
        self.answer.as_ref().map(|answer| answer.as_fd())
    }

    /// Waits for what the child has to say; `None`: it has become another program, or is gone.
    ///
    /// # Errors
    /// What the child failed with.
    pub fn answer(&mut self) -> Result<Option<String>> {
        let mut text = String::new();
        if let Some(pipe) = self.answer.take() {
            let read = File::from(pipe).read_to_string(&mut text);
            read.or_fail(Kind::System, || "cannot hear from the container")?;
        }
        self.ready = None;
        match serde_json::from_str(&text) {
            Ok(Answer::Done(said)) => Ok(Some(said)),
            Ok(Answer::Failed { code, message, hint }) => {
                let failure = Failure::new(Kind::from_code(code), message);
                Err(match hint {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                })
            }
            Err(_) => Ok(None),
        }
    }

    /// Lets the child end: it finds nothing to read, and nobody reads what it says of that.
    pub fn abandon(&mut self) {
        self.ready = None;
        self.answer = None;
        let _ = waitpid(self.child, None);
    }
}

fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    pipe2(OFlag::O_CLOEXEC).or_fail(Kind::System, || "cannot make a pipe")
}

fn refused(error: Errno) -> Failure {
    let failure = Failure::new(Kind::System, format!("cannot make namespaces: {error}"));
    match error {
        Errno::EPERM | Errno::EACCES => failure.hint(
            "the system forbids user namespaces to you; see the sysctls \
             kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns, \
             or use --engine docker",
        ),
        Errno::ENOSPC | Errno::EUSERS => {
            failure.hint("too many namespaces: raise the sysctl user.max_user_namespaces")
        }
        _ => failure,
    }
}
