//! A descriptor of ours that the runtime watches: it rings when there is something to be read.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Wakes the reactor; whoever owns what is behind it reads that in its turn.
pub struct Bell(AsyncFd<OwnedFd>);

impl Bell {
    /// Watches a descriptor, within the runtime.
    ///
    /// # Errors
    /// The kernel refused: no memory or watch is left.
    pub fn on(fd: OwnedFd) -> io::Result<Self> {
        // SAFETY: an `OwnedFd` always gives the number of the one descriptor that it owns and
        // closes it only when it is itself dropped, which `AsyncFd` does after the registration.
        let watched = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
        watched.map(Self).map_err(io::Error::from)
    }

    /// What is watched, to be read from.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }

    /// Waits until it rings, which it does once for whatever came since it was last waited for:
    /// all of that must be read before the next wait.
    pub async fn rings(&self) {
        match self.0.readable().await {
            Ok(mut guard) => guard.clear_ready(),
            // The runtime is shutting down, which it does not while we are in it.
            Err(_) => std::future::pending().await,
        }
    }
}
