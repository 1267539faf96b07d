//! Progress on a terminal: a bar for each blob on its way, drawn anew in place.

use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::libc;

use super::board::Board;
use super::{Event, Watch};

/// How often it is drawn.
const BETWEEN: Duration = Duration::from_millis(100);

/// A thread that draws, until [`Watch::finish`].
#[derive(Debug)]
pub struct Terminal {
    events: Mutex<Option<Sender<Event>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Terminal {
    /// Begins to draw on standard error.
    pub fn start() -> Self {
        let (events, incoming) = mpsc::channel();
        let thread = thread::spawn(move || {
            let began = Instant::now();
            let (mut board, mut drawn, mut over) = (Board::default(), 0, Vec::new());
            let mut next = began;
            loop {
                let left = next.saturating_duration_since(Instant::now());
                let ended = match incoming.recv_timeout(left) {
                    Ok(event) => {
                        over.extend(board.note(began.elapsed(), event));
                        false
                    }
                    Err(RecvTimeoutError::Timeout) => false,
                    Err(RecvTimeoutError::Disconnected) => true,
                };
                if !ended && Instant::now() < next {
                    continue;
                }
                next = Instant::now() + BETWEEN;
                // What was never finished failed, which is told otherwise.
                let lines = if ended { Vec::new() } else { board.lines(began.elapsed(), width()) };
                let text = frame(drawn, &over, &lines);
                // A terminal that is gone shows nothing; the work goes on.
                let _ = io::stderr().write_all(text.as_bytes());
                drawn = lines.len();
                over.clear();
                if ended {
                    return;
                }
            }
        });
        Self { events: Mutex::new(Some(events)), thread: Mutex::new(Some(thread)) }
    }
}

impl Watch for Terminal {
    fn tell(&self, event: Event) {
        if let Some(events) = &*self.events.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = events.send(event);
        }
    }

    fn finish(&self) {
        drop(self.events.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

/// What replaces the `drawn` lines above the cursor by the lines that stay and those that will be
/// drawn anew.
fn frame(drawn: usize, over: &[String], lines: &[String]) -> String {
    if drawn == 0 && over.is_empty() && lines.is_empty() {
        return String::new();
    }
    // Up to the first drawn line, then clear all below (ECMA-48 CPL and ED).
    let up = if drawn == 0 { String::new() } else { format!("\x1b[{drawn}F\x1b[J") };
    let text = over.iter().map(|line| line.trim_end()).chain(lines.iter().map(String::as_str));
    text.fold(up, |text, line| format!("{text}{line}\r\n"))
}

/// Columns of the terminal, less one, since a full line wraps.
fn width() -> usize {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open, and the structure is what this request fills in.
    let done = unsafe { libc::ioctl(io::stderr().as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    if done == 0 && size.ws_col > 1 { usize::from(size.ws_col) - 1 } else { 79 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_replaces_the_one_before() {
        let line = |text: &str| text.to_owned();
        assert_eq!(frame(0, &[], &[]), "");
        assert_eq!(frame(0, &[], &[line("a")]), "a\r\n");
        assert_eq!(frame(2, &[line("done ")], &[line("b")]), "\x1b[2F\x1b[Jdone\r\nb\r\n");
        assert_eq!(frame(1, &[], &[]), "\x1b[1F\x1b[J");
    }
}
