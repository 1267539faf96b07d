//! Who is left when the supervisor is killed. PID 1 takes everybody along, by the kernel's doing; a
//! plain program takes nobody. So a second process waits for its end, and then ends what it started.
//!
//! It is an orphan of a child that has ended, and so neither in the way of whoever counts children
//! nor ended with the supervisor; it holds no descriptor but the line to it.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::libc;
use nix::sys::prctl;
use nix::unistd::{ForkResult, chdir, fork, setsid};

use super::kill::{self, Pid};
use super::proc::{Entry, ProcFs};
use super::{clock, init, reap, strays};
use crate::spec::Signal;

/// Between two looks at those who have been told to end.
const LOOK: Duration = Duration::from_millis(20);

/// How long the supervisor waits at its end for this process to be gone, so that nobody takes it
/// for something that was left behind.
const FAREWELL: Duration = Duration::from_millis(100);

/// What is said last: that everything ended as it should.
const ALL_IS_WELL: u8 = b'.';

/// The supervisor's end of the line. When it closes unannounced the guardian acts.
#[derive(Debug)]
pub struct Guardian(UnixStream);

impl Guardian {
    /// Makes the process. To be called before any thread exists.
    ///
    /// # Errors
    /// No more descriptors or processes are allowed.
    pub fn start() -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        // Otherwise the kernel would make it our child when its parent ends.
        let adopts = prctl::get_child_subreaper()?;
        prctl::set_child_subreaper(false)?;
        let forked = daemon(theirs.into());
        if adopts {
            prctl::set_child_subreaper(true)?;
        }
        forked.map(|()| Self(ours))
    }

    /// Says by what name processes are marked, and how many milliseconds they have to end.
    pub fn watch(&mut self, instance: &str, grace_ms: u64) {
        // When it has been killed there is nobody to be told.
        let _ = self.0.write_all(format!("{instance} {grace_ms}\n").as_bytes());
    }

    /// Lets it go, since nobody is left.
    pub fn dismiss(mut self) {
        let _ = self.0.write_all(&[ALL_IS_WELL]);
        // It reads to the end, which is only there once nothing more can be said.
        let _ = self.0.shutdown(Shutdown::Write);
        let _ = self.0.set_read_timeout(Some(FAREWELL));
        // It says nothing; this ends when its end closes.
        let _ = self.0.read(&mut [0]);
    }
}

/// Forks twice, so that the second process has no parent but the init, and waits for the first.
fn daemon(line: OwnedFd) -> io::Result<()> {
    // SAFETY: there is only one thread, so the child may do whatever the parent may.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            let ended = Pid::new(child.as_raw()).and_then(reap::end_of);
            match ended.map(crate::machine::RunEnd::exit_code) {
                Some(0) => Ok(()),
                _ => Err(io::Error::from_raw_os_error(libc::EAGAIN)),
            }
        }
        ForkResult::Child => {
            // SAFETY: as above, and neither process runs what the parent has registered for its end.
            unsafe {
                match fork() {
                    Ok(ForkResult::Parent { .. }) => libc::_exit(0),
                    Ok(ForkResult::Child) => {
                        guard(line);
                        libc::_exit(0)
                    }
                    Err(_) => libc::_exit(1),
                }
            }
        }
    }
}

/// The life of the guardian.
fn guard(line: OwnedFd) {
    withdraw();
    let Some(mut line) = alone_with(line) else { return };
    let mut said = Vec::new();
    // Until the supervisor is gone, however it went.
    let _ = line.read_to_end(&mut said);
    if let Some((instance, grace_ms)) = parse(&said) {
        end_everybody(&instance, grace_ms);
    }
}

/// Away from terminals, mounts and everything that is sent to the supervisor as well.
fn withdraw() {
    let _ = prctl::set_name(c"devenv-guardian");
    let _ = setsid();
    let _ = chdir("/");
    for number in 1..=64 {
        // SAFETY: ignoring a signal installs no handler. Those that cannot be ignored are refused.
        unsafe { libc::signal(number, libc::SIG_IGN) };
    }
}

/// Closes every descriptor but one: the reader of the output waits until all have been closed.
fn alone_with(line: OwnedFd) -> Option<std::fs::File> {
    // SAFETY: calls on numbers. Nothing in this process uses any other descriptor from here on, and
    // the new number is owned by nobody but the file.
    unsafe {
        (libc::dup2(line.as_raw_fd(), 0) == 0).then_some(())?;
        std::mem::forget(line);
        init::close_from(1);
        Some(std::fs::File::from_raw_fd(0))
    }
}

/// What the supervisor had said before it was gone; `None` when all was well, or before it had begun.
fn parse(said: &[u8]) -> Option<(String, u64)> {
    let text = std::str::from_utf8(said).ok()?;
    let (instance, grace_ms) = text.strip_suffix('\n')?.split_once(' ')?;
    Some((instance.to_owned(), grace_ms.parse().ok()?))
}

/// Tells everybody to end, who is marked with the instance or belongs to them, and kills whoever has
/// not when the time is over.
fn end_everybody(instance: &str, grace_ms: u64) {
    let Ok(proc) = ProcFs::open() else { return };
    let suffix = format!("@{instance}").into_bytes();
    let mut known: HashSet<(Pid, u64)> = HashSet::new();
    for (signal, limit) in [(Signal::TERM, grace_ms), (Signal::KILL, strays::KILL_MS)] {
        let mut told = HashSet::new();
        let end = clock::now().plus(limit);
        loop {
            let is_ours = |entry: &Entry| {
                let marker = || proc.marker(entry.pid).ok().flatten();
                known.contains(&(entry.pid, entry.started))
                    || marker().is_some_and(|marker| marker.ends_with(&suffix))
            };
            let ours = family(&proc.all(), is_ours);
            if ours.is_empty() {
                return;
            }
            for entry in ours {
                known.insert((entry.pid, entry.started));
                if told.insert((entry.pid, entry.started)) {
                    kill::process(entry.pid, signal);
                    kill::wake(entry.pid);
                }
            }
            if clock::now() >= end {
                break;
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// The living among these and all who are in a session with them or descend from them: every session
/// that a marked process is in was made for one of the supervisor's.
fn family(table: &[Entry], is_ours: impl Fn(&Entry) -> bool) -> Vec<Entry> {
    let marked = table.iter().filter(|entry| is_ours(entry));
    let mut ours: HashSet<i32> = marked.map(|entry| entry.pid.number()).collect();
    let mut sessions: HashSet<i32> = HashSet::new();
    loop {
        let before = (ours.len(), sessions.len());
        for entry in table {
            let known = [entry.pid.number(), entry.parent].iter().any(|pid| ours.contains(pid));
            if known || sessions.contains(&entry.session) {
                ours.insert(entry.pid.number());
                sessions.insert(entry.session);
            }
        }
        if (ours.len(), sessions.len()) == before {
            break;
        }
    }
    let of_ours = |entry: &&Entry| ours.contains(&entry.pid.number()) && entry.is_alive();
    table.iter().filter(of_ours).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: i32, parent: i32, session: i32, state: u8) -> Entry {
        let pid = Pid::new(number).expect("greater than 1");
        let (group, started, ticks, pages) = (number, 1, 0, 0);
        Entry { pid, parent, group, session, state, started, ticks, pages }
    }

    #[test]
    fn who_shares_a_session_with_a_marked_one_or_descends_from_it_belongs_to_it() {
        let table = [
            entry(10, 1, 10, b'S'),
            entry(11, 1, 10, b'S'),
            entry(12, 11, 12, b'S'),
            entry(13, 12, 13, b'T'),
            entry(14, 12, 13, b'Z'),
            entry(20, 1, 20, b'S'),
        ];
        let of = |marked: i32| {
            let found = family(&table, |entry| entry.pid.number() == marked);
            found.iter().map(|entry| entry.pid.number()).collect::<Vec<_>>()
        };
        assert_eq!(of(10), [10, 11, 12, 13]);
        assert_eq!(of(13), [13]);
        assert_eq!(of(20), [20]);
        assert_eq!(of(99), [0; 0]);
    }

    #[test]
    fn only_an_end_that_was_not_announced_is_acted_upon() {
        assert_eq!(parse(b"2a.1 9000\n"), Some(("2a.1".to_owned(), 9000)));
        for said in ["", "2a.1 9000\n.", "2a.1 90", "."] {
            assert_eq!(parse(said.as_bytes()), None, "{said:?}");
        }
    }
}
