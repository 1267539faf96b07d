//! Dressed lines on their way to the output, and how much of them never arrives.

use std::fmt;
use std::ops::AddAssign;

use memchr::memchr_iter;

/// Lines that are ready to be written in one go.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The text, newlines included. The last line may be unfinished.
    pub bytes: Vec<u8>,
    /// How many lines end in `bytes`.
    pub lines: u64,
}

impl Page {
    /// Starts anew and keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.lines = 0;
    }
}

/// How much output there is of something: as a rule, of what could not be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Lines, counted by their newlines.
    pub lines: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Volume {
    /// Counts what is in `bytes`.
    pub(super) fn count(bytes: &[u8]) -> Self {
        Self { lines: memchr_iter(b'\n', bytes).count() as u64, bytes: bytes.len() as u64 }
    }

    /// Whether there is none.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl AddAssign for Volume {
    fn add_assign(&mut self, other: Self) {
        self.lines = self.lines.saturating_add(other.lines);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.lines == 1 { "" } else { "s" };
        write!(f, "{} line{plural} ({} bytes)", self.lines, self.bytes)
    }
}
