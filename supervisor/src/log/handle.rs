//! The supervising thread's side of the log. Nothing here waits, except [`Log::finish`].

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, Weak, mpsc};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::SigSet;
use nix::unistd::read;

use super::follow::{Followers, Following};
use super::mask::Mask;
use super::notice::Notice;
use super::options::{Options, SourceId, SourceName, Stream};
use super::output::InFlight;
use super::page::Volume;
use super::pipe;
use super::pump::Pump;
use super::queue::{Command, Queue};
use super::tail::Tail;
use super::watch::Watch;

/// The stack of the log thread. Its buffers are on the heap; this holds calls only.
const STACK: usize = 256 * 1024;

/// A running log. Dropping it lets the thread write what is there and end, without waiting.
pub struct Log {
    shared: Arc<Shared>,
    /// The pipes given to [`Log::attach`], to count what is left in them at the end.
    pipes: Mutex<Vec<Weak<OwnedFd>>>,
}

/// What the log did with the end of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// Output that was not written: because writing failed, or because the reader did not read
    /// until the limit. In the second case an estimate: the kernel does not say how much of a
    /// blocked write it has taken, and bytes still in pipes are counted as they are, without what
    /// would have stood in front of their lines.
    pub lost: Volume,
    /// What could not even be told of in the output itself, which fails to the last, and why.
    pub failed: Option<(Volume, Errno)>,
    /// The reader had closed its end, so nothing more was wanted and the loss is no fault.
    pub reader_gone: bool,
    /// The limit was over before everything was written.
    pub gave_up: bool,
}

/// What both threads touch. No lock is ever held across a system call that may block.
pub(super) struct Shared {
    pub queue: Mutex<Queue>,
    /// Signalled after every push to `queue`.
    pub wake: EventFd,
    mask: RwLock<Arc<Mask>>,
    /// By source.
    pub tails: Mutex<Vec<Tail>>,
    /// What was read of each source so far.
    pub read: Mutex<Vec<Volume>>,
    /// Filled while `tails` is locked, so that a follower's first line is the one after the tail's.
    pub followers: Followers,
    /// The source whose output was shown last; `u32::MAX` before the first.
    pub shown_last: AtomicU32,
    pub in_flight: Arc<InFlight>,
    /// Tokens of the watches that have seen their text, for [`Log::heard`].
    pub heard: Mutex<Vec<u64>>,
    /// Readable while `heard` may hold something new.
    pub ear: EventFd,
    /// Set once, when the thread has ended.
    done: Mutex<Option<Finished>>,
    ended: Condvar,
}

impl Log {
    /// Starts the log thread, named `log`, which writes to `out` from now on.
    ///
    /// `sources` is everything that can ever be attached, in the order of their colours; the widest
    /// name decides the width of the name column, so it never changes later. `out` is written
    /// as it is: its blocking mode is not touched. The thread blocks every signal, so none is
    /// handled there and a reader that goes away kills nobody.
    ///
    /// # Errors
    /// The kernel has no descriptor, no memory or no thread left.
    pub fn start(options: Options, sources: Vec<SourceName>, out: OwnedFd) -> io::Result<Self> {
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            wake,
            mask: RwLock::new(Arc::new(Mask::new(&options.secrets))),
            tails: Mutex::new(sources.iter().map(|_| Tail::default()).collect()),
            read: Mutex::new(vec![Volume::default(); sources.len()]),
            followers: Followers::default(),
            shown_last: AtomicU32::new(u32::MAX),
            in_flight: Arc::default(),
            heard: Mutex::default(),
            ear: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
            done: Mutex::default(),
            ended: Condvar::new(),
        });
        let pump = Pump::new(Arc::clone(&shared), options, sources, out)?;
        let thread_shared = Arc::clone(&shared);
        thread::Builder::new().name("log".to_owned()).stack_size(STACK).spawn(move || {
            // Fails only for an invalid argument, and this one is constant.
            let _ = SigSet::all().thread_block();
            let finished = catch_unwind(AssertUnwindSafe(|| pump.run()));
            // Whatever happened: nobody shall wait for a thread that is gone.
            thread_shared.followers.close();
            *lock(&thread_shared.done) = Some(finished.unwrap_or_default());
            thread_shared.ended.notify_all();
        })?;
        Ok(Self { shared, pipes: Mutex::default() })
    }

    /// Writes `notice` under the name `system`, after everything said before.
    ///
    /// While the output is blocked notices are kept up to 256 KiB; a count stands in the place of
    /// those beyond.
    pub fn system(&self, notice: Notice) {
        self.push(Command::Say(notice));
    }

    /// Reads `pipe`, the reading end of a pipe or the master of a pseudo-terminal, until every
    /// writer has closed it. A source may have several: its two streams, or the pipe of an earlier
    /// run that a grandchild still holds. A `source` that does not exist closes the pipe.
    ///
    /// The text of `watch`, when there is one, is looked for in what the pipe brings, also while the
    /// output is quiet; that it was found is told once, by [`Log::heard`].
    pub fn attach(&self, source: SourceId, stream: Stream, pipe: OwnedFd, watch: Option<Watch>) {
        // Already here, because `finish` may read it before the thread has seen it. A failure is
        // reported by the thread, which does the same.
        let _ = pipe::set_non_blocking(&pipe);
        let pipe = Arc::new(pipe);
        let mut pipes = lock(&self.pipes);
        pipes.retain(|pipe| pipe.strong_count() > 0);
        pipes.push(Arc::downgrade(&pipe));
        drop(pipes);
        self.push(Command::Attach(source, stream, pipe, watch.map(Box::new)));
    }

    /// Something that becomes readable whenever a watched text was found; read by [`Log::heard`]
    /// only.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn ear(&self) -> io::Result<OwnedFd> {
        self.shared.ear.as_fd().try_clone_to_owned()
    }

    /// The tokens of the watches that have found their text since the last call.
    pub fn heard(&self) -> Vec<u64> {
        // Emptied first: what is found meanwhile is taken below or wakes once more.
        let _ = self.shared.ear.read();
        std::mem::take(&mut lock(&self.shared.heard))
    }

    /// Says that the process behind `source` was reaped: everything its pipes hold at that moment
    /// is written, an unfinished last line included, and then `notice`. What a descendant writes
    /// into them later is still read.
    ///
    /// While the output is blocked the pipes of ended processes wait; beyond 256 the oldest are
    /// given up, and how much they held is said in their place. A descendant that still holds such
    /// a pipe finds it closed.
    pub fn ended(&self, source: SourceId, notice: Notice) {
        self.push(Command::Ended(source, Some(notice)));
        let mut queue = lock(&self.shared.queue);
        while let Some((index, pipe)) = queue.surplus() {
            queue.give_up(index, left_in(&pipe));
        }
    }

    /// The last lines of `source` that were read, at most `count` and at most about 4 KiB, undressed
    /// and with secrets masked; also for a quiet source. Lines of two streams are in the order in
    /// which they were read.
    pub fn tail(&self, source: SourceId, count: usize) -> Vec<String> {
        let tails = lock(&self.shared.tails);
        let tail = usize::try_from(source.0).ok().and_then(|index| tails.get(index));
        tail.map(|tail| tail.lines(count, &self.shared.mask())).unwrap_or_default()
    }

    /// What was read of each source so far, in their order. A line counts once its newline has come.
    pub fn read_so_far(&self) -> Vec<Volume> {
        lock(&self.shared.read).clone()
    }

    /// The output that could not be written so far.
    pub fn lost_so_far(&self) -> Volume {
        self.shared.in_flight.lost()
    }

    /// The lines of the tails of sources that are over, and everything they write from then on:
    /// nothing is left out in between and nothing told twice. A line that a source is in the middle
    /// of is told whole once it is over, or not at all when its beginning was forgotten.
    pub fn follow(&self, sources: &[SourceId], count: usize) -> (Vec<Vec<String>>, Following) {
        let tails = lock(&self.shared.tails);
        let (lines, open) = (sources.iter())
            .map(|source| {
                let tail = usize::try_from(source.0).ok().and_then(|index| tails.get(index));
                tail.map(|tail| tail.lines_and_open(count, &self.shared.mask())).unwrap_or_default()
            })
            .unzip();
        (lines, self.shared.followers.add(&self.shared, sources.to_vec(), open))
    }

    /// Hides these values as well, in all that is read from now on.
    pub fn hide(&self, secrets: &[Vec<u8>]) {
        let more = Arc::new(self.shared.mask().and(secrets));
        *self.shared.mask.write().unwrap_or_else(PoisonError::into_inner) = more;
    }

    /// A text with secrets masked, as it would stand in the log.
    pub fn masked(&self, text: &str) -> String {
        let mut masked = Vec::with_capacity(text.len());
        self.shared
            .mask()
            .apply(text.as_bytes(), 0, true, &mut |piece| masked.extend_from_slice(piece));
        String::from_utf8_lossy(&masked).into_owned()
    }

    /// Whether the latest output that was shown is that of `source`. Lines of the supervisor itself
    /// do not count.
    pub fn was_shown_last(&self, source: SourceId) -> bool {
        self.shared.shown_last.load(Ordering::Acquire) == source.0
    }

    /// Waits until everything said so far has been taken in, at most `limit`: then tails hold what
    /// processes had written when they were reaped.
    pub fn catch_up(&self, limit: Duration) {
        let (reached, reached_here) = mpsc::sync_channel(1);
        self.push(Command::Mark(reached));
        // That the limit is over changes nothing: then the tails end a little earlier.
        let _ = reached_here.recv_timeout(limit);
    }

    /// Writes everything that was said and everything the pipes hold, and waits for that at most
    /// `limit`. When the reader of the output keeps it blocked that long the thread is abandoned.
    pub fn finish(self, limit: Duration) -> Finished {
        self.push(Command::Finish);
        let done = lock(&self.shared.done);
        let waited = self.shared.ended.wait_timeout_while(done, limit, |done| done.is_none());
        let (done, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some(finished) = *done {
            return finished;
        }
        drop(done);
        let mut lost = self.shared.in_flight.get();
        lost += lock(&self.shared.queue).unsaid();
        for pipe in lock(&self.pipes).iter().filter_map(Weak::upgrade) {
            lost += left_in(&pipe);
        }
        Finished { lost, failed: None, reader_gone: false, gave_up: true }
    }

    fn push(&self, command: Command) {
        lock(&self.shared.queue).push(command);
        // Fails only when the counter is full, and then the thread is woken anyway.
        let _ = self.shared.wake.write(1);
    }
}

impl Shared {
    /// What is hidden at present.
    pub(super) fn mask(&self) -> Arc<Mask> {
        Arc::clone(&self.mask.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells the supervising thread that a watched text was found.
    pub(super) fn tell(&self, token: u64) {
        lock(&self.heard).push(token);
        // Fails only when the counter is full, and then it is readable anyway.
        let _ = self.ear.write(1);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.push(Command::Finish);
    }
}

/// Takes a lock. A thread that panicked while holding it left nothing half-done that matters more
/// than going on.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads what `fd` holds only to count it.
fn left_in(fd: &OwnedFd) -> Volume {
    let mut lost = Volume::default();
    let mut left = pipe::pending(fd.as_fd());
    let mut buffer = vec![0; left.min(64 * 1024)];
    while left > 0 {
        match read(fd, &mut buffer) {
            Ok(count) if count > 0 => {
                lost += Volume::count(buffer.get(..count).unwrap_or_default());
                left = left.saturating_sub(count);
            }
            _ => break,
        }
    }
    lost
}
