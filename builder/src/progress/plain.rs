//! Progress as lines, for files and logs.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::board::Board;
use super::{Event, Step, Watch};

/// How often a blob that takes long is told about.
const BETWEEN: Duration = Duration::from_secs(10);

/// Writes a line when something is over, and one now and then for what takes long.
#[derive(Debug)]
pub struct Plain {
    began: Instant,
    state: Mutex<(Board, BTreeMap<String, Instant>)>,
}

impl Plain {
    /// Begins to watch.
    pub fn new() -> Self {
        Self { began: Instant::now(), state: Mutex::default() }
    }
}

impl Watch for Plain {
    fn tell(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (board, told) = &mut *state;
        let now = Instant::now();
        let (item, sending) = (event.item.clone(), matches!(event.step, Step::Sending { .. }));
        let line = board.note(now - self.began, event);
        let mut line = line.map(|line| line.whole(usize::MAX));
        if sending {
            let last = told.entry(item.clone()).or_insert(now);
            if now.duration_since(*last) >= BETWEEN {
                *last = now;
                line = board.line(now - self.began, &item);
            }
        } else {
            told.remove(&item);
        }
        if let Some(line) = line {
            eprintln!("{}", line.trim_end());
        }
    }
}
