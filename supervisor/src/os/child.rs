//! What happens in a new process between `fork` and `exec`.
//!
//! Another thread may have held any lock at the moment of the fork, the allocator's included, and
//! nobody will ever release it here. So only async-signal-safe functions are called
//! (`signal-safety(7)`), nothing is allocated, and everything needed was laid ready before.

use std::ffi::{CStr, CString};
use std::os::fd::RawFd;

use nix::libc::{self, c_char, c_int};

use super::attributes::{Attribute, Attributes};
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
    /// Standard input, output and error; `None` leaves all three as they are.
    streams: Option<[RawFd; 3]>,
    descriptors: Option<libc::rlimit>,
    attributes: Option<Attributes>,
    /// Variables that the child fills in with its own process id.
    own_id: Vec<OwnId>,
    report: RawFd,
    // Keep alive what the vectors above point into.
    _arguments: Vec<CString>,
    _environment: Vec<CString>,
}

/// A variable whose value is the process id of the child.
struct OwnId {
    /// `NAME=`, and zeroes with room for the digits and the end of the string.
    entry: Vec<u8>,
    /// Where the digits begin.
    value: usize,
    /// Its place among the pointers of the environment.
    slot: usize,
}

/// The digits of the greatest process id, and the zero that ends a string.
const ID_ROOM: usize = 11;

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
        let named = |entry: &&CString| !launch.own_id_in.iter().any(|name| is_of(entry, name));
        let mut envp: Vec<*const c_char> =
            environment.iter().filter(named).map(|entry| entry.as_ptr()).collect();
        let own_id = launch.own_id_in.iter().enumerate().map(|(index, name)| OwnId {
            entry: [name.as_bytes(), b"=", &[0; ID_ROOM]].concat(),
            value: name.len() + 1,
            slot: envp.len() + index,
        });
        let own_id: Vec<OwnId> = own_id.collect();
        // A null pointer for each that is still to be filled in, and the one at the end.
        envp.resize(envp.len() + own_id.len() + 1, std::ptr::null());
        let after_program = argv.iter().skip(1).copied();
        let script = [SHELL.as_ptr(), std::ptr::null()].into_iter().chain(after_program).collect();
        Self {
            files,
            envp,
            script,
            argv,
            directory,
            place: launch.place,
            streams: launch.streams,
            descriptors: launch.descriptors,
            attributes: launch.attributes.cloned(),
            own_id,
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
            if let Some(attributes) = &self.attributes
                && let Err((attribute, errno)) = attributes.set_descriptors(&mut self.report)
            {
                return (Stage::Attribute(attribute), errno);
            }
            if let Some(limit) = &self.descriptors {
                // Putting a limit back below its maximum is always allowed.
                libc::setrlimit(libc::RLIMIT_NOFILE, limit);
            }
            if let Some(attributes) = &self.attributes
                && let Err((attribute, errno)) = attributes.set_rights()
            {
                return (Stage::Attribute(attribute), errno);
            }
            // With the rights of the process: it could do nothing in a directory it cannot enter.
            if let Some(directory) = &self.directory
                && libc::chdir(directory.as_ptr()) != 0
            {
                return (Stage::Directory, last_errno());
            }
            reset_signals();
            self.fill_in_own_id(libc::getpid());
            (Stage::Program, self.execute())
        }
    }

    unsafe fn take_place(&self) -> Result<(), c_int> {
        // SAFETY: calls on numbers only.
        unsafe {
            match self.place {
                Place::Ours => Ok(()),
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
        let Some([input, output, error]) = self.streams else { return Ok(()) };
        // SAFETY: calls on numbers only. `dup2` clears close-on-exec on the copies; the originals
        // are above 2, since 0 to 2 are always open in the parent.
        unsafe {
            check(libc::dup2(input, 0))?;
            check(libc::dup2(output, 1))?;
            check(libc::dup2(error, 2))
        }
    }

    /// Writes the process id into the variables that hold it. Nothing is allocated.
    fn fill_in_own_id(&mut self, id: libc::pid_t) {
        for own in &mut self.own_id {
            let room = own.entry.get_mut(own.value..).unwrap_or_default();
            write_decimal(id.unsigned_abs(), room);
            if let Some(slot) = self.envp.get_mut(own.slot) {
                *slot = own.entry.as_ptr().cast();
            }
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

/// Whether a `NAME=value` is of this name.
fn is_of(entry: &CStr, name: &str) -> bool {
    entry.to_bytes().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
}

/// Writes a number in decimal to the beginning of `room`, which has at least as many bytes as the
/// number has digits.
fn write_decimal(number: u32, room: &mut [u8]) {
    let length = number.checked_ilog10().map_or(1, |power| power as usize + 1);
    let mut rest = number;
    for digit in room.iter_mut().take(length).rev() {
        *digit = b"0123456789".get((rest % 10) as usize).copied().unwrap_or(b'0');
        rest /= 10;
    }
}

fn check(result: c_int) -> Result<(), c_int> {
    if result < 0 { Err(last_errno()) } else { Ok(()) }
}

fn last_errno() -> c_int {
    // SAFETY: the location is that of this thread and always valid.
    unsafe { *libc::__errno_location() }
}

/// What a failed child writes: the stage, the attribute in two bytes, a byte of nothing, the error
/// number.
pub(super) const MESSAGE: usize = 8;

fn encode(stage: Stage, errno: c_int) -> [u8; MESSAGE] {
    let (stage, [which, more]) = match stage {
        Stage::Place => (0, [0; 2]),
        Stage::Streams => (1, [0; 2]),
        Stage::Directory => (2, [0; 2]),
        Stage::Attribute(attribute) => (3, attribute.code()),
        Stage::Program | Stage::Fork => (4, [0; 2]),
    };
    let [a, b, c, d] = errno.to_ne_bytes();
    [stage, which, more, 0, a, b, c, d]
}

/// Reads what a failed child has written.
pub(super) fn decode(message: [u8; MESSAGE]) -> (Stage, c_int) {
    let [stage, which, more, _, a, b, c, d] = message;
    let stage = match (stage, Attribute::from_code([which, more])) {
        (0, _) => Stage::Place,
        (1, _) => Stage::Streams,
        (2, _) => Stage::Directory,
        (3, Some(attribute)) => Stage::Attribute(attribute),
        _ => Stage::Program,
    };
    (stage, c_int::from_ne_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::settings::Resource;

    #[test]
    fn numbers_are_written_without_allocating() {
        for number in [0, 1, 9, 10, 4_194_304, i32::MAX.unsigned_abs()] {
            let mut room = [0; ID_ROOM];
            write_decimal(number, &mut room);
            let text = CStr::from_bytes_until_nul(&room).expect("it ends");
            assert_eq!(text.to_str(), Ok(number.to_string().as_str()));
        }
    }

    #[test]
    fn a_failure_survives_the_pipe() {
        let attributes = [
            Attribute::Terminal,
            Attribute::Sockets,
            Attribute::Nice,
            Attribute::OomScore,
            Attribute::SupplementaryGroups,
            Attribute::Group,
            Attribute::User,
            Attribute::Capabilities,
            Attribute::NoNewPrivileges,
        ];
        let limits = (0..16).filter_map(Resource::from_number).map(Attribute::Limit);
        let attributes = attributes.into_iter().chain(limits).map(Stage::Attribute);
        let stages = [Stage::Place, Stage::Streams, Stage::Directory, Stage::Program];
        for stage in stages.into_iter().chain(attributes) {
            for errno in [0, libc::ENOENT, libc::EAGAIN, i32::MAX] {
                assert_eq!(decode(encode(stage, errno)), (stage, errno));
            }
        }
    }
}
