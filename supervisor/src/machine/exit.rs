//! Which exit code the container gets, and the codes of the supervisor's own.

use super::event::RunEnd;
use crate::spec::Signal;

/// Everything ended well.
pub const OK: u8 = 0;
/// The answer of a verb that asks a running supervisor is no: not ready, not healthy, not started.
pub const NO: u8 = 1;
/// The command line is wrong (`EX_USAGE` of sysexits.h).
pub const USAGE: u8 = 64;
/// A task has ended well, and what it hands on cannot be read (`EX_DATAERR`).
pub const BAD_DATA: u8 = 65;
/// A file that was named does not exist or cannot be read (`EX_NOINPUT`).
pub const NO_INPUT: u8 = 66;
/// A process never started because what it waits for can never come to pass, or no supervisor
/// answers a verb that asks one (`EX_UNAVAILABLE`).
pub const UNAVAILABLE: u8 = 69;
/// The supervisor itself is at fault (`EX_SOFTWARE`).
pub const INTERNAL: u8 = 70;
/// A process, or the supervisor, could not be started (`EX_OSERR`).
pub const COULD_NOT_START: u8 = 71;
/// A directory for log files cannot be made (`EX_CANTCREAT`).
pub const CANNOT_CREATE: u8 = 73;
/// Whoever asks may not (`EX_NOPERM`).
pub const NOT_PERMITTED: u8 = 77;
/// The spec is wrong (`EX_CONFIG`).
pub const BAD_SPEC: u8 = 78;
/// A program cannot be executed (POSIX, XCU 2.8.2).
pub const NOT_EXECUTABLE: u8 = 126;
/// A program does not exist (POSIX, XCU 2.8.2).
pub const NOT_FOUND: u8 = 127;

/// How the life of a process ended for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its last run ended well.
    Succeeded,
    /// Its last run ended badly, with this code.
    Failed(u8),
    /// It does not run, or not again: what it waits for can never come to pass.
    Skipped,
    /// It was stopped on request, or was never wanted until everything stopped.
    Stopped,
}

impl Outcome {
    /// The exit code that stands for it.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Succeeded | Self::Stopped => OK,
            Self::Failed(code) => code,
            Self::Skipped => UNAVAILABLE,
        }
    }

    /// Whether it counts as a failure.
    #[must_use]
    pub fn is_failure(self) -> bool {
        match self {
            Self::Succeeded | Self::Stopped => false,
            Self::Failed(_) | Self::Skipped => true,
        }
    }
}

/// Whether an end is a good one for a process with these success codes.
#[must_use]
pub fn judge(end: RunEnd, success_exit_codes: &[u8]) -> Outcome {
    match end {
        RunEnd::Code(code) if success_exit_codes.contains(&code) => Outcome::Succeeded,
        // A failure must never leave the container with 0, and 0 is always a success code.
        RunEnd::Code(_) | RunEnd::Signal(_) | RunEnd::Unusable => Outcome::Failed(end.exit_code()),
    }
}

/// The code of a container that was told to stop by a signal and did: 143 after SIGTERM.
#[must_use]
pub fn told_by(signal: Signal) -> u8 {
    signal.exit_code()
}
