//! Facts: what has happened, in the past tense. The only things the machine ever learns.

use super::health::Aspect;
use crate::spec::{ProcessId, Signal};

/// One run of one process.
///
/// Each spawn has a number of its own, so a late exit or a pid the kernel gave out again can never
/// be taken for the run that is living now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId {
    /// Whose run it is.
    pub process: ProcessId,
    /// Counts from 1 within the process.
    pub number: u32,
}

impl RunId {
    /// The run as one number, for where the kernel or another thread carries it along.
    #[must_use]
    pub fn key(self) -> u64 {
        u64::from(self.process.0) << 32 | u64::from(self.number)
    }

    /// The run that [`RunId::key`] made a number of.
    #[must_use]
    pub fn of_key(key: u64) -> Self {
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or_default();
        Self { process: ProcessId(half(key >> 32)), number: half(key) }
    }
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Everything is set up; the first processes may be started.
    Begun,
    /// A run ordered by [`super::Action::Spawn`] has its process.
    Spawned(RunId),
    /// A run ordered by [`super::Action::Spawn`] could not be had.
    SpawnFailed(RunId, SpawnFailure),
    /// The process of a run was reaped.
    Exited {
        /// Which run.
        run: RunId,
        /// How it ended.
        end: RunEnd,
        /// Whether descendants of it were still alive at that moment.
        descendants: bool,
    },
    /// The last descendant of a run whose process had already ended is gone.
    Cleared(RunId),
    /// A check ordered by [`super::Action::Ask`] was answered.
    Answered {
        /// The run it was made of.
        run: RunId,
        /// Which question it answers.
        aspect: Aspect,
        /// Whether the answer is the one hoped for.
        good: bool,
    },
    /// A run said something of itself.
    Told(RunId, Word),
    /// The supervisor was told by a signal to stop everything.
    ShutdownAsked(Signal),
    /// Somebody asked for a process to be started.
    StartAsked(ProcessId),
    /// Somebody asked for a process to be stopped.
    StopAsked(ProcessId),
    /// Somebody asked for a process to be stopped and started again.
    RestartAsked(ProcessId),
    /// Files that are watched for a process have changed.
    FilesChanged(ProcessId),
    /// Time has passed; due deadlines are looked at on every event, this one says nothing else.
    Tick,
}

/// What a run can say of itself, through its notify socket or a line of its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// It is ready (`READY=1`, or the line its readiness waits for).
    Ready,
    /// It is about to end, or reads its configuration anew (`STOPPING=1`, `RELOADING=1`).
    NotReady,
    /// It is alive (`WATCHDOG=1`).
    Alive,
    /// It wants to be treated as if its watchdog had expired (`WATCHDOG=trigger`).
    Trigger,
    /// It needs this many more milliseconds (`EXTEND_TIMEOUT_USEC`).
    MoreTime(u64),
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunEnd {
    /// It returned this exit code.
    Code(u8),
    /// A signal of this number ended it; may be a real-time signal.
    Signal(u8),
    /// It ended well and what it hands on cannot be used, which is never a success.
    Unusable,
}

impl RunEnd {
    /// As a shell says it: the code, or 128 + the signal's number (POSIX, XCU 2.8.2).
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(number) => number.saturating_add(128),
            Self::Unusable => super::exit::BAD_DATA,
        }
    }

    /// As honcho prints it: the code, or the negative number of the signal.
    #[must_use]
    pub fn rc(self) -> i32 {
        match self {
            Self::Code(_) | Self::Unusable => i32::from(self.exit_code()),
            Self::Signal(number) => -i32::from(number),
        }
    }
}

/// Why a run could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpawnFailure {
    /// The program does not exist: 127, as shells say it.
    NotFound,
    /// The program cannot be executed: 126, as shells say it.
    NotExecutable,
    /// The process could not be set up (working directory, user, limits): final as well.
    Setup,
    /// The system has no process, memory or descriptor left just now. Tried again after a
    /// backoff, without counting as a restart: nothing ran.
    Exhausted,
}

impl SpawnFailure {
    /// The exit code that stands for it.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::NotFound => 127,
            Self::NotExecutable => 126,
            Self::Setup | Self::Exhausted => super::exit::COULD_NOT_START,
        }
    }
}
