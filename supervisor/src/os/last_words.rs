//! What still must be said when the log is gone: on standard error, without ever waiting for it.

use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::write;

/// Writes one line to standard error if its reader takes it at once, and else drops it: the
/// supervisor must never hang on a terminal or pipe that nobody reads.
pub fn say(text: &str) {
    let stderr = std::io::stderr();
    let line = format!("devenv-init: {text}\n");
    // POSIX: when a pipe is writable this many bytes are taken without blocking (PIPE_BUF, at the
    // least 512 and 4096 on Linux).
    let bytes = line.as_bytes().get(..4096).unwrap_or(line.as_bytes());
    let mut ready = [PollFd::new(stderr.as_fd(), PollFlags::POLLOUT)];
    if poll(&mut ready, PollTimeout::ZERO) == Ok(1) {
        // Nobody is left to be told that this failed.
        let _ = write(stderr.as_fd(), bytes);
    }
}
