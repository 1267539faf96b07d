//! The writing end: where all lines go, and what happens when it fails.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::write;

use super::handle::lock;
use super::page::{Page, Volume};
use super::pipe;

/// How long a failed output (a full disk) is left alone before it is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The size of a pipe nobody has enlarged (`pipe(7)`), in bytes.
const USUAL_PIPE: usize = 64 * 1024;

/// The one place lines are written to.
///
/// Writing blocks while the reader does not read. The blocking mode of the descriptor is left as
/// it is: it belongs to the open file description, which other processes share.
pub(super) struct Output {
    fd: OwnedFd,
    state: State,
    in_flight: Arc<InFlight>,
    /// The last byte written was not a newline.
    midline: bool,
    /// A pipe for an output was found too small for what is written; see [`Output::write`].
    enlarged: bool,
}

enum State {
    Working,
    /// The reader is gone for good: nothing is written any more.
    Closed,
    /// Writing fails for a reason that may pass.
    Failing {
        error: Errno,
        since: Volume,
        retry_at: Instant,
    },
}

/// What is being written right now, which is an upper bound of what is lost when that never returns;
/// and what is lost already.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    bytes: AtomicU64,
    lines: AtomicU64,
    lost: Mutex<Volume>,
}

impl InFlight {
    /// The bound as of now.
    pub fn get(&self) -> Volume {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Volume { lines: load(&self.lines), bytes: load(&self.bytes) }
    }

    /// Everything that could not be written since the start.
    pub fn lost(&self) -> Volume {
        *lock(&self.lost)
    }

    fn set(&self, lost: Volume) {
        self.lines.store(lost.lines, Ordering::Relaxed);
        self.bytes.store(lost.bytes, Ordering::Relaxed);
    }
}

impl Output {
    /// Writes to `fd` and keeps `in_flight` up to date.
    pub fn new(fd: OwnedFd, in_flight: Arc<InFlight>) -> Self {
        Self { fd, state: State::Working, in_flight, midline: false, enlarged: false }
    }

    /// Everything that could not be written since the start.
    pub fn lost(&self) -> Volume {
        self.in_flight.lost()
    }

    /// Whether the reader has closed its end.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Writes all of `page`, however long that takes. What cannot be written is counted.
    ///
    /// The first page too large for a pipe of the usual 64 KiB has that pipe enlarged, because
    /// writer and reader would take turns four times as often. Unlike the blocking mode, its size
    /// changes nothing for others who hold it.
    pub fn write(&mut self, page: &Page) {
        if page.bytes.is_empty() {
            return;
        }
        if page.bytes.len() >= USUAL_PIPE && !std::mem::replace(&mut self.enlarged, true) {
            pipe::enlarge(self.fd.as_fd());
        }
        let result = match &self.state {
            State::Working => self.put(page),
            State::Closed => Err((Errno::EPIPE, Volume::count(&page.bytes))),
            State::Failing { error, .. } => Err((*error, Volume::count(&page.bytes))),
        };
        if let Err((error, lost)) = result {
            self.fail(error, lost);
        }
    }

    /// When the output has been failing long enough to be tried again, or must be by `force`: what
    /// was lost since, and why. Say so with [`Output::recover`].
    pub fn failure_to_report(&self, now: Instant, force: bool) -> Option<(Volume, Errno)> {
        match &self.state {
            State::Failing { error, since, retry_at } if force || now >= *retry_at => {
                Some((*since, *error))
            }
            State::Failing { .. } | State::Working | State::Closed => None,
        }
    }

    /// Tries to write `report`, which says what was lost. Output works again if that succeeds.
    pub fn recover(&mut self, mut report: Page) {
        if self.midline {
            // The line that failed halfway ends here, or the report would continue it.
            report.bytes.insert(0, b'\n');
        }
        match self.put(&report) {
            Ok(()) => self.state = State::Working,
            // The report itself is not output: it is made anew next time.
            Err((error, _)) => self.fail(error, Volume::default()),
        }
    }

    fn put(&mut self, page: &Page) -> Result<(), (Errno, Volume)> {
        self.in_flight.set(Volume { lines: page.lines, bytes: page.bytes.len() as u64 });
        let mut rest = page.bytes.as_slice();
        let result = loop {
            if rest.is_empty() {
                break Ok(());
            }
            match write(&self.fd, rest) {
                Ok(count) => {
                    let (written, behind) = rest.split_at(count.min(rest.len()));
                    self.midline = written.last().map_or(self.midline, |byte| *byte != b'\n');
                    rest = behind;
                    self.in_flight.bytes.store(rest.len() as u64, Ordering::Relaxed);
                }
                Err(Errno::EINTR) => {}
                // Someone who shares the description has made it non-blocking.
                Err(Errno::EAGAIN) => self.wait(),
                Err(error) => break Err((error, Volume::count(rest))),
            }
        };
        self.in_flight.set(Volume::default());
        result
    }

    fn wait(&self) {
        let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLOUT)];
        // Whatever it returns, the next write says what is the matter.
        let _ = poll(&mut fds, PollTimeout::NONE);
    }

    fn fail(&mut self, error: Errno, lost: Volume) {
        *lock(&self.in_flight.lost) += lost;
        match &mut self.state {
            State::Closed => {}
            _ if error == Errno::EPIPE => self.state = State::Closed,
            State::Failing { since, retry_at, error: last } => {
                *since += lost;
                let now = Instant::now();
                // Only a try moves the next one; pages dropped in between do not.
                if now >= *retry_at {
                    *retry_at = now + RETRY;
                }
                *last = error;
            }
            State::Working => {
                let retry_at = Instant::now() + RETRY;
                self.state = State::Failing { error, since: lost, retry_at };
            }
        }
    }
}
