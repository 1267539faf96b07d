//! From the kernel's signals to the reactor: flags that say which, and a pipe that wakes.
//!
//! A handler may do almost nothing, so it only raises a flag and writes one byte into a pipe. The
//! pipe may be full: the byte is dropped then, which is fine, since the reader is to be woken
//! anyway and looks at all flags each time.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::libc;

use super::clock;
use crate::machine::Moment;
use crate::spec::Signal;

/// Signals that ask to stop everything: the usual ones, and those by which managers of containers
/// stop a whole system (systemd's `SIGRTMIN+3`, which Podman sends to such an image, and LXC's
/// `SIGPWR`).
const STOPPING: [i32; 4] = [libc::SIGTERM, libc::SIGINT, libc::SIGPWR, 34 + 3];

/// Signals that would end a program that does not know them, and cannot come of a fault of its own.
/// PID 1 is not ended by them.
const ENDING: [i32; 6] =
    [libc::SIGALRM, libc::SIGVTALRM, libc::SIGPROF, libc::SIGSTKFLT, libc::SIGXCPU, libc::SIGIO];

/// The signals that are an order to stop everything: for a plain program also those that would
/// otherwise end it, and leave its processes alone.
#[must_use]
pub fn stopping(is_init: bool) -> Vec<i32> {
    let mut numbers = STOPPING.to_vec();
    if !is_init {
        numbers.extend(ENDING.into_iter().chain(34..=64));
        numbers.sort_unstable();
        numbers.dedup();
    }
    numbers
}

/// Those that are about the receiver itself, so that nobody else can act upon them: what cannot be
/// caught, faults of its own, the ends of its children, a reader that is gone, and the use of the
/// terminal from the background.
const PERSONAL: [i32; 10] = [
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGCHLD,
    libc::SIGPIPE,
    libc::SIGTTIN,
    libc::SIGTTOU,
];

/// Every signal that a process may have been sent on behalf of another one, those for real time
/// included: some managers of containers stop by one (`SIGRTMIN+3`).
#[must_use]
pub fn not_personal() -> Vec<i32> {
    let all = (1..=64).filter(|number| Signal::from_number(*number).is_some());
    all.filter(|number| !PERSONAL.contains(number)).collect()
}

/// Milliseconds within which a signal to stop is the one before it said twice. `timeout` and many
/// runners of jobs signal a process and in the same breath its group, and to the machine a second
/// signal is the order to kill. The kernel merges signals that wait in the same way.
const BREATH_MS: u64 = 20;

/// Signals received and not yet looked at.
pub struct Signals {
    wakeups: UnixStream,
    caught: Vec<Caught>,
}

struct Caught {
    signal: Signal,
    raised: Arc<AtomicBool>,
    /// When it was last taken.
    last: Option<Moment>,
}

impl Signals {
    /// Starts to catch SIGCHLD and the given signals, for the rest of the program's life.
    ///
    /// # Errors
    /// The pipe cannot be made, or the kernel refuses a handler.
    pub fn catch(numbers: &[i32]) -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        let writer = Arc::new(OwnedFd::from(writer));
        let mut caught = Vec::new();
        for number in numbers {
            let Some(signal) = Signal::from_number(*number) else { continue };
            let raised = Arc::new(AtomicBool::new(false));
            // Handlers run in the order they are registered in: the flag is up before the byte
            // is in the pipe.
            signal_hook::flag::register(*number, Arc::clone(&raised))?;
            wake(*number, &writer)?;
            caught.push(Caught { signal, raised, last: None });
        }
        wake(libc::SIGCHLD, &writer)?;
        Ok(Self { wakeups: reader, caught })
    }

    /// Makes these signals end the program at once as long as what is returned lives, while there is
    /// nothing to stop yet and it may wait for somebody who never comes. One that comes later is
    /// caught, so that none is lost in between.
    ///
    /// # Errors
    /// The kernel refuses a handler.
    pub fn end_at_once(numbers: &[i32]) -> io::Result<AtOnce> {
        let at_once = Arc::new(AtomicBool::new(true));
        for signal in numbers.iter().filter_map(|number| Signal::from_number(*number)) {
            let (number, code) = (signal.number(), i32::from(signal.exit_code()));
            signal_hook::flag::register_conditional_shutdown(number, code, Arc::clone(&at_once))?;
        }
        Ok(AtOnce(at_once))
    }

    /// Takes what has been received, each kind at the most once, and one that asks to stop
    /// not twice in a breath, in the order asked for. Empties
    /// the pipe first: a signal that comes in meanwhile is seen now, or wakes once more.
    pub fn take(&mut self) -> Vec<Signal> {
        let mut bytes = [0; 64];
        while matches!(self.wakeups.read(&mut bytes), Ok(1..)) {}
        let now = clock::now();
        let raised = self.caught.iter_mut().filter(|one| one.raised.swap(false, Ordering::SeqCst));
        raised
            .filter_map(|one| {
                let number = one.signal.number();
                let stops = STOPPING.contains(&number) || ENDING.contains(&number);
                let echo = stops && one.last.is_some_and(|last| now.since(last) < BREATH_MS);
                one.last = Some(now);
                (!echo).then_some(one.signal)
            })
            .collect()
    }
}

/// As long as it lives, signals end the program at once.
#[derive(Debug)]
pub struct AtOnce(Arc<AtomicBool>);

impl Drop for AtOnce {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wakeups.as_fd()
    }
}

impl AsRawFd for Signals {
    fn as_raw_fd(&self) -> i32 {
        self.wakeups.as_raw_fd()
    }
}

/// Makes a signal write a byte. All of them share one descriptor, since there may be dozens.
fn wake(number: i32, writer: &Arc<OwnedFd>) -> io::Result<()> {
    let writer = Arc::clone(writer);
    let write = move || {
        // SAFETY: the byte lives as long as the call, and the descriptor as long as the handler.
        // That the pipe is full changes nothing.
        unsafe {
            libc::send(writer.as_raw_fd(), [0u8].as_ptr().cast(), 1, libc::MSG_DONTWAIT);
        }
    };
    // SAFETY: `send` is async-signal-safe, and the handler around this keeps `errno`.
    unsafe { signal_hook::low_level::register(number, write) }.map(drop)
}
