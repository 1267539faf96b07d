//! Progress on a terminal: a bar for each blob on its way, drawn anew in place.

use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::libc;

use super::board::Board;
use super::layout::Line;
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
            let (mut board, mut over) = (Board::default(), Vec::new());
            let mut drawn: Vec<usize> = Vec::new();
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
                let (columns, rows) = size();
                // A full line may wrap, and the cursor has a row of its own.
                let (width, room) = (columns.saturating_sub(1), rows.saturating_sub(1));
                let lines = match ended {
                    true => Vec::new(),
                    false => board.lines(began.elapsed(), width, room),
                };
                let over_now: Vec<String> =
                    over.iter().map(|line: &Line| line.whole(width)).collect();
                let text = frame(rows_of(&drawn, columns), &over_now, &lines);
                // A terminal that is gone shows nothing; the work goes on.
                let _ = io::stderr().write_all(text.as_bytes());
                drawn = lines.iter().map(|line| line.chars().count()).collect();
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

/// How many rows lines of these lengths take in so many columns. A terminal that was made narrower
/// has wrapped them meanwhile.
fn rows_of(lengths: &[usize], columns: usize) -> usize {
    lengths.iter().map(|length| length.div_ceil(columns.max(1)).max(1)).sum()
}

/// What replaces the `drawn` rows above the cursor by the lines that stay and those that will be
/// drawn anew. Rows are cleared one by one (ECMA-48 EL): some terminals keep what is cleared at once
/// from the top of the screen on, and old frames would pile up above.
fn frame(drawn: usize, over: &[String], lines: &[String]) -> String {
    let up = |rows: usize| if rows == 0 { String::new() } else { format!("\x1b[{rows}F") };
    let text = over.iter().map(|line| line.trim_end()).chain(lines.iter().map(String::as_str));
    let text: Vec<String> = text.map(|line| format!("{line}\x1b[K\r\n")).collect();
    let left = drawn.saturating_sub(text.len());
    format!("{}{}{}{}", up(drawn), text.concat(), "\x1b[K\r\n".repeat(left), up(left))
}

/// Columns and rows of the terminal.
fn size() -> (usize, usize) {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open, and the structure is what this request fills in.
    let done = unsafe { libc::ioctl(io::stderr().as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    let known = |number: u16, else_: usize| match number {
        1.. if done == 0 => usize::from(number),
        _ => else_,
    };
    (known(size.ws_col, 80), known(size.ws_row, 24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_a_narrower_terminal_has_wrapped_are_replaced_whole() {
        assert_eq!(rows_of(&[70, 30, 0], 80), 3);
        assert_eq!(rows_of(&[70, 30, 0], 40), 4);
        assert_eq!(rows_of(&[70, 30, 0], 30), 5);
        assert_eq!(rows_of(&[], 30), 0);
    }

    #[test]
    fn a_frame_replaces_the_one_before() {
        let line = |text: &str| text.to_owned();
        assert_eq!(frame(0, &[], &[]), "");
        assert_eq!(frame(0, &[], &[line("a")]), "a\x1b[K\r\n");
        let two = "\x1b[2Fdone\x1b[K\r\nb\x1b[K\r\n";
        assert_eq!(frame(2, &[line("done ")], &[line("b")]), two);
        assert_eq!(frame(1, &[], &[]), "\x1b[1F\x1b[K\r\n\x1b[1F");
    }
}
