//! The sockets in `NOTIFY_SOCKET`: what processes say of themselves (`sd_notify(3)`).
//!
//! Each run has a socket of its own, so whom a message is about needs no guess, and one that a
//! run before it left on the way goes nowhere. The sockets are in the abstract namespace: they
//! need no directory that can be written to and leave nothing behind. Since everybody in the
//! network namespace can find such a name, each sender is looked at as well.
//!
//! What a message says is read in [`message`].

mod message;
mod socket;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

pub use message::Statement;
pub use socket::Sender;

use super::environment::Variables;
use crate::machine::RunId;
use crate::spec::{Check, Process};
use socket::{Received, Socket};

/// Names the socket (`sd_notify(3)`).
const SOCKET: &str = "NOTIFY_SOCKET";

/// Microseconds within which a sign of life must come (`sd_watchdog_enabled(3)`).
const WATCHDOG: &str = "WATCHDOG_USEC";

/// The process the watchdog is meant for (`sd_watchdog_enabled(3)`).
pub const WATCHDOG_PID: &str = "WATCHDOG_PID";

/// How many messages of one run are read in one turn of the reactor, so that one that never stops
/// talking keeps nobody from being heard and no signal from being seen.
const AT_A_TIME: usize = 64;

/// The sockets of the runs that are alive.
pub struct Notify {
    epoll: Epoll,
    sockets: HashMap<RunId, Ear>,
    instance: String,
}

struct Ear {
    socket: Socket,
    /// The latest `STATUS=` of the run.
    status: Option<String>,
    /// A stranger has spoken and that has been told.
    stranger_told: bool,
}

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// A run said this of itself.
    Said(RunId, Statement),
    /// Somebody else spoke in the name of a run. Told once a run.
    Stranger(RunId, Sender),
}

impl Notify {
    /// Without any socket yet. `instance` tells our sockets from those of another supervisor in
    /// the same network namespace.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn new(instance: String) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Self { epoll, sockets: HashMap::new(), instance })
    }

    /// Something that becomes readable whenever a message is there.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn descriptor(&self) -> io::Result<OwnedFd> {
        self.epoll.0.try_clone()
    }

    /// Opens the socket of a run and names it in the environment, if its process has anything to
    /// say: a readiness to announce, or signs of life to give.
    ///
    /// # Errors
    /// The kernel refused; its number says why.
    pub fn open(
        &mut self,
        run: RunId,
        process: &Process,
        variables: &mut Variables,
    ) -> io::Result<()> {
        if !speaks(process) {
            return Ok(());
        }
        // A process's name may be longer than an address, so its number stands for it.
        let name = format!("devenv-init/{}/{}.{}", self.instance, run.process.0, run.number);
        let socket = Socket::bind(&name)?;
        self.epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, run.key()))?;
        self.sockets.insert(run, Ear { socket, status: None, stranger_told: false });
        variables.insert(SOCKET.into(), format!("@{name}").into());
        if let Some(rule) = process.watchdog {
            let usec = rule.within_ms.saturating_mul(1_000);
            variables.insert(WATCHDOG.into(), usec.to_string().into());
        }
        Ok(())
    }

    /// Closes the socket of a run whose process has ended; nothing it said counts any more.
    pub fn close(&mut self, run: RunId) {
        // Nobody else holds the descriptor, so closing it takes it out of the set.
        self.sockets.remove(&run);
    }

    /// Reads what has been said, in the order it was said in, run by run. `belongs` judges whether
    /// a sender may speak for a run. Returns whether there is more to be read at once.
    pub fn take(
        &mut self,
        belongs: &mut dyn FnMut(RunId, Sender) -> bool,
        heard: &mut Vec<Heard>,
    ) -> bool {
        if self.sockets.is_empty() {
            return false;
        }
        let mut events = [EpollEvent::empty(); 32];
        // Only an interruption can fail, which is as good as nothing being there yet.
        let count = self.epoll.wait(&mut events, EpollTimeout::ZERO).unwrap_or(0);
        let mut more = count == events.len();
        for event in events.get(..count).unwrap_or_default() {
            let run = RunId::of_key(event.data());
            if let Some(ear) = self.sockets.get_mut(&run) {
                more |= ear.listen(run, belongs, heard);
            }
        }
        more
    }

    /// The latest `STATUS=` of a run.
    #[must_use]
    pub fn status(&self, run: RunId) -> Option<&str> {
        self.sockets.get(&run)?.status.as_deref()
    }
}

impl Ear {
    /// Reads some of the messages; says whether there may be more.
    fn listen(
        &mut self,
        run: RunId,
        belongs: &mut dyn FnMut(RunId, Sender) -> bool,
        heard: &mut Vec<Heard>,
    ) -> bool {
        let mut buffer = [0; message::LIMIT];
        for _ in 0..AT_A_TIME {
            let Some(Received { length, whole, sender }) = self.socket.receive(&mut buffer) else {
                return false;
            };
            // Looked at before the next message is taken from the socket: one that follows may be
            // what the sender waits for with its end (`sd_notify_barrier(3)`).
            if !sender.is_some_and(|sender| belongs(run, sender)) {
                if let Some(sender) = sender
                    && !std::mem::replace(&mut self.stranger_told, true)
                {
                    heard.push(Heard::Stranger(run, sender));
                }
                continue;
            }
            if !whole {
                continue;
            }
            for statement in message::parse(buffer.get(..length).unwrap_or_default()) {
                if let Statement::Status(text) = &statement {
                    self.status = Some(text.clone()).filter(|text| !text.is_empty());
                }
                heard.push(Heard::Said(run, statement));
            }
        }
        true
    }
}

/// Whether a process is given a socket.
#[must_use]
pub fn speaks(process: &Process) -> bool {
    let announces = process.ready.as_ref().is_some_and(|rule| rule.check == Check::Notify);
    announces || process.watchdog.is_some()
}

/// Whether a variable is meant for the process it was given to and none that comes of it. Those
/// the supervisor was started with speak of the supervisor itself.
#[must_use]
pub fn is_personal(variable: &OsStr) -> bool {
    [SOCKET, WATCHDOG, WATCHDOG_PID].iter().any(|name| variable == *name)
}

#[cfg(test)]
mod tests;
