//! What happens in a new process between `fork` and `exec`.
//!
//! Another thread may have held any lock at the moment of the fork, the allocator's included, and
//! nobody will ever release it here. So only async-signal-safe functions are called
//! (`signal-safety(7)`), nothing is allocated, and everything needed was laid ready before.

use std::ffi::{CStr, CString};
use std::os::fd::RawFd;

use nix::libc::{self, c_char, c_int};

use super::spawn::{Launch, Place, Stage};

/// Everything the child needs, laid ready by the parent.
pub(super) struct Ready {
    files: Vec<CString>,
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
    /// For a file that is a script without `#!`: the shell, the file, the arguments. The second
    /// entry is filled in by the child with the file it is about to try.
    script: Vec<*const c_char>,
    directory: Option<CString>,
    place: Place,
    /// Standard input and output; `None` leaves all three as they are.
    streams: Option<(RawFd, RawFd)>,
    descriptors: Option<libc::rlimit>,
    report: RawFd,
    // Keep alive what the vectors above point into.
    _arguments: Vec<CString>,
    _environment: Vec<CString>,
}

/// The shell that runs a script without `#!` (POSIX, XCU 2.9.1.6, and `execvp`).
const SHELL: &CStr = c"/bin/sh";

impl Ready {
    /// Lays everything ready. `report` is where a failure is written to.
    pub(super) fn new(
        launch: &Launch<'_>,
        files: Vec<CString>,
        arguments: Vec<CString>,
        environment: Vec<CString>,
        directory: Option<CString>,
        report: RawFd,
    ) -> Self {
        let pointers = |strings: &[CString]| -> Vec<*const c_char> {
            strings.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
        };
        let argv = pointers(&arguments);
        let after_program = argv.iter().skip(1).copied();
        let script = [SHELL.as_ptr(), std::ptr::null()].into_iter().chain(after_program).collect();
        Self {
            files,
            envp: pointers(&environment),
            script,
            argv,
            directory,
            place: launch.place,
            streams: launch.streams,
            descriptors: launch.descriptors,
            report,
            _arguments: arguments,
            _environment: environment,
        }
    }

    /// Turns this process into the program, or reports why not and ends it.
    ///
    /// # Safety
    /// Only for a process that was just forked, with every signal blocked.
    pub(super) unsafe fn become_program(&mut self) -> ! {
        // SAFETY: forwarded from the caller; only async-signal-safe calls follow.
        let (stage, errno) = unsafe { self.attempt() };
        let message = encode(stage, errno);
        // SAFETY: the descriptor is open and the message lives on the stack. 8 bytes into an empty
        // pipe are written at once or not at all; `_exit` runs no destructor of the parent's.
        unsafe {
            libc::write(self.report, message.as_ptr().cast(), message.len());
            libc::_exit(c_int::from(crate::machine::exit::COULD_NOT_START));
        }
    }

    unsafe fn attempt(&mut self) -> (Stage, c_int) {
        // SAFETY: all of these are async-signal-safe and get pointers that outlive the call.
        unsafe {
            if let Err(errno) = self.take_place() {
                return (Stage::Place, errno);
            }
            if let Err(errno) = self.connect() {
                return (Stage::Streams, errno);
            }
            if let Some(directory) = &self.directory
                && libc::chdir(directory.as_ptr()) != 0
            {
                return (Stage::Directory, last_errno());
            }
            if let Some(limit) = &self.descriptors {
                // Putting a limit back below its maximum is always allowed.
                libc::setrlimit(libc::RLIMIT_NOFILE, limit);
            }
            reset_signals();
            (Stage::Program, self.execute())
        }
    }

    unsafe fn take_place(&self) -> Result<(), c_int> {
        // SAFETY: calls on numbers only.
        unsafe {
            match self.place {
                Place::Session => check(libc::setsid()),
                Place::Group => check(libc::setpgid(0, 0)),
                Place::Foreground { terminal } => {
                    check(libc::setpgid(0, 0))?;
                    // SIGTTOU, which a background group would get for this, is blocked here. A
                    // terminal that has gone meanwhile is no reason not to run.
                    libc::tcsetpgrp(terminal, libc::getpid());
                    Ok(())
                }
            }
        }
    }

    unsafe fn connect(&self) -> Result<(), c_int> {
        let Some((input, output)) = self.streams else { return Ok(()) };
        // SAFETY: calls on numbers only. `dup2` clears close-on-exec on the copies; the originals
        // are above 2, since 0 to 2 are always open in the parent.
        unsafe {
            check(libc::dup2(input, 0))?;
            check(libc::dup2(output, 1))?;
            check(libc::dup2(output, 2))
        }
    }

    /// Tries the files as `execvp` does and returns why the last telling one failed.
    unsafe fn execute(&mut self) -> c_int {
        let mut verdict = libc::ENOENT;
        for file in &self.files {
            // SAFETY: the vectors end with a null pointer and what they point to is alive.
            unsafe { libc::execve(file.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr()) };
            match last_errno() {
                // Not here: the next directory may have it.
                libc::ENOENT | libc::ENOTDIR | libc::ENODEV | libc::ESTALE | libc::ETIMEDOUT => {}
                // There is one that may not be executed; another one further on may.
                libc::EACCES => verdict = libc::EACCES,
                // SAFETY: the name ends with NUL.
                libc::ENOEXEC if unsafe { is_elf(file) } => return libc::ENOEXEC,
                libc::ENOEXEC => {
                    if let Some(slot) = self.script.get_mut(1) {
                        *slot = file.as_ptr();
                    }
                    // SAFETY: as above.
                    unsafe {
                        libc::execve(SHELL.as_ptr(), self.script.as_ptr(), self.envp.as_ptr());
                    }
                    // Without a shell it is the file that cannot be executed.
                    return libc::ENOEXEC;
                }
                errno => return errno,
            }
        }
        verdict
    }
}

/// Whether the file is a program for another machine: no shell could make sense of it.
unsafe fn is_elf(file: &CStr) -> bool {
    let mut start = [0u8; 4];
    // SAFETY: the name ends with NUL and the buffer has room for what is asked for. The descriptor
    // is closed by what follows, `exec` or `_exit`.
    let read = unsafe {
        let descriptor = libc::open(file.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        libc::read(descriptor, start.as_mut_ptr().cast(), start.len())
    };
    read == 4 && start == *b"\x7fELF"
}

/// Gives every signal its default action and unblocks all: what the supervisor ignores or blocks
/// for itself must not be handed down, where it would survive `exec`.
///
/// By the system call itself: the C library refuses to touch the two signals it keeps for its
/// threads (32 and 33), which whoever started us may have left ignored.
unsafe fn reset_signals() {
    /// The kernel's `struct sigaction`: action, flags, restorer and mask, all of them 8 bytes.
    /// The default action is zero.
    const DEFAULT: [u64; 4] = [0; 4];
    const MASK_BYTES: usize = 8;
    // SAFETY: both pointers are to constants of the size the kernel reads. SIGKILL and SIGSTOP are
    // refused, which is harmless.
    unsafe {
        for number in 1..=64 {
            let (action, old) = (DEFAULT.as_ptr(), std::ptr::null_mut::<u64>());
            libc::syscall(libc::SYS_rt_sigaction, number, action, old, MASK_BYTES);
        }
        let (none, old) = (0u64, std::ptr::null_mut::<u64>());
        let how = libc::SIG_SETMASK;
        libc::syscall(libc::SYS_rt_sigprocmask, how, &raw const none, old, MASK_BYTES);
    }
}

fn check(result: c_int) -> Result<(), c_int> {
    if result < 0 { Err(last_errno()) } else { Ok(()) }
}

fn last_errno() -> c_int {
    // SAFETY: the location is that of this thread and always valid.
    unsafe { *libc::__errno_location() }
}

/// What a failed child writes: the stage, three bytes of nothing, the error number.
pub(super) const MESSAGE: usize = 8;

fn encode(stage: Stage, errno: c_int) -> [u8; MESSAGE] {
    let [a, b, c, d] = errno.to_ne_bytes();
    [stage as u8, 0, 0, 0, a, b, c, d]
}

/// Reads what a failed child has written.
pub(super) fn decode(message: [u8; MESSAGE]) -> (Stage, c_int) {
    let [stage, _, _, _, a, b, c, d] = message;
    let stage = match stage {
        0 => Stage::Place,
        1 => Stage::Streams,
        2 => Stage::Directory,
        _ => Stage::Program,
    };
    (stage, c_int::from_ne_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_the_pipe() {
        for stage in [Stage::Place, Stage::Streams, Stage::Directory, Stage::Program] {
            for errno in [0, libc::ENOENT, libc::EAGAIN, i32::MAX] {
                assert_eq!(decode(encode(stage, errno)), (stage, errno));
            }
        }
    }
}
