//! Files whose change has a process started anew: one thread that waits for the kernel to tell
//! (`inotify(7)`) and sees to it that what appears is watched as well.
//!
//! It is a thread of its own because walking a large directory takes its time, which signals and
//! exits do not have. It exists only where something is watched, and with no changes it sleeps.

mod roots;
mod trees;

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::inotify::{InitFlags, Inotify};
use nix::sys::signal::SigSet;

use crate::spec::{Plan, ProcessId};
use trees::Trees;

/// The stack of the thread. Directories are walked without recursion.
const STACK: usize = 256 * 1024;

/// How long the first processes wait for everything to be watched, so that no change after their
/// start goes unseen. A larger tree is not worth more waiting.
const FIRST_LOOK: Duration = Duration::from_millis(500);

/// How long to leave the kernel alone when it gives an error that it should never give.
const BREATHER: Duration = Duration::from_secs(1);

/// What watches.
#[derive(Debug)]
pub struct Watching {
    news: Arc<News>,
}

/// What cannot be watched, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// For whom.
    pub process: ProcessId,
    /// For people, with a hint where there is one.
    pub what: String,
}

/// What the thread has to tell.
#[derive(Debug)]
struct News {
    told: Mutex<(BTreeSet<ProcessId>, Vec<Trouble>)>,
    /// Readable while `told` may hold something new.
    ear: EventFd,
}

impl Watching {
    /// Begins to watch; `None` when there is nothing to watch.
    ///
    /// # Errors
    /// The kernel has no descriptor, no inotify instance or no thread left.
    pub fn start(plan: &Arc<Plan>) -> io::Result<Option<Self>> {
        if plan.processes.iter().all(|process| process.watch.is_none()) {
            return Ok(None);
        }
        let base = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        let base = base.join(plan.working_dir.as_deref().unwrap_or_default());
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC)?;
        let news = Arc::new(News {
            told: Mutex::default(),
            ear: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
        });
        let (looked, has_looked) = mpsc::sync_channel(1);
        let (thread_news, plan) = (Arc::clone(&news), Arc::clone(plan));
        thread::Builder::new().name("watch".to_owned()).stack_size(STACK).spawn(move || {
            // Fails only for an invalid argument, and this one is constant.
            let _ = SigSet::all().thread_block();
            let mut trees = Trees::new(inotify, &plan, &base);
            trees.look();
            thread_news.tell(&mut trees);
            // Nobody waits any more when it took long.
            let _ = looked.try_send(());
            loop {
                if trees.wait().is_err() {
                    thread::sleep(BREATHER);
                }
                thread_news.tell(&mut trees);
            }
        })?;
        let _ = has_looked.recv_timeout(FIRST_LOOK);
        Ok(Some(Self { news }))
    }

    /// Something that becomes readable whenever there are news; read by [`Watching::take`] only.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn ear(&self) -> io::Result<OwnedFd> {
        self.news.ear.as_fd().try_clone_to_owned()
    }

    /// Whose files have changed, and what cannot be watched, since the last call.
    pub fn take(&self) -> (BTreeSet<ProcessId>, Vec<Trouble>) {
        // Emptied first: what is told meanwhile is taken below or wakes once more.
        let _ = self.news.ear.read();
        std::mem::take(&mut *self.news.lock())
    }
}

impl News {
    fn tell(&self, trees: &mut Trees) {
        let (changed, troubles) = trees.take();
        if changed.is_empty() && troubles.is_empty() {
            return;
        }
        let mut told = self.lock();
        told.0.extend(changed);
        told.1.extend(troubles);
        drop(told);
        // Fails only when the counter is full, and then it is readable anyway.
        let _ = self.ear.write(1);
    }

    /// A thread that panicked while holding it left nothing half-done.
    fn lock(&self) -> MutexGuard<'_, (BTreeSet<ProcessId>, Vec<Trouble>)> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
