//! What is known about every blob, and how it reads: pure, time is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Event, Step};
use crate::understand::size::human;

/// How many characters a bar has.
const BAR: usize = 24;
/// A rate over less time than this says nothing.
const SHORTEST: Duration = Duration::from_millis(50);

/// All blobs that something has happened to.
#[derive(Debug, Default)]
pub struct Board {
    /// By what they are to the image.
    active: BTreeMap<String, Active>,
}

/// A blob that is being dealt with.
#[derive(Debug)]
struct Active {
    event: Event,
    /// When the first of its bytes went out, in this attempt.
    began: Option<Duration>,
}

impl Board {
    /// Takes note of an event at the time `now`, counted from any beginning. Returns the line that
    /// says how it ended, or went wrong.
    pub fn note(&mut self, now: Duration, event: Event) -> Option<String> {
        let before = self.active.get(&event.item);
        let began = match event.step {
            Step::Sending { .. } => before.and_then(|active| active.began).or(Some(now)),
            Step::Sent => before.and_then(|active| active.began),
            _ => None,
        };
        let head = head(&event);
        let size = event.size.map(human).unwrap_or_default();
        let line = match &event.step {
            Step::Making | Step::Sending { .. } => None,
            Step::Present => Some(format!("{head} {size:>10}  is there")),
            Step::Mounted { from } => Some(format!("{head} {size:>10}  mounted from {from}")),
            Step::Sent => {
                let took = began.map_or(Duration::ZERO, |began| now.saturating_sub(began));
                let rate = rate(event.size.unwrap_or(0), took);
                Some(format!("{head} {size:>10}  sent in {:.1} s{rate}", took.as_secs_f64()))
            }
            Step::Waiting { why, pause } => {
                Some(format!("{head}  again in {:.1} s: {why}", pause.as_secs_f64()))
            }
        };
        match event.step {
            Step::Present | Step::Mounted { .. } | Step::Sent => {
                self.active.remove(&event.item);
            }
            _ => {
                self.active.insert(event.item.clone(), Active { event, began });
            }
        }
        line
    }

    /// One line for each blob that is being dealt with, none longer than `width`.
    pub fn lines(&self, now: Duration, width: usize) -> Vec<String> {
        self.active.values().map(|active| active.line(now).chars().take(width).collect()).collect()
    }

    /// What is being sent of a blob, for a line of its own.
    pub fn line(&self, now: Duration, item: &str) -> Option<String> {
        Some(self.active.get(item)?.line(now))
    }
}

impl Active {
    fn line(&self, now: Duration) -> String {
        let head = head(&self.event);
        match (&self.event.step, self.event.size) {
            (Step::Sending { sent }, Some(size)) => {
                let took = self.began.map_or(Duration::ZERO, |began| now.saturating_sub(began));
                let share = if size == 0 { 1.0 } else { *sent as f64 / size as f64 }.min(1.0);
                let full = (share * BAR as f64) as usize;
                let bar = format!("{}{}", "#".repeat(full), " ".repeat(BAR - full));
                let (sent, size, rate) = (human(*sent), human(size), rate(*sent, took));
                format!("{head} [{bar}] {sent} of {size}{rate}")
            }
            (Step::Waiting { .. }, _) => format!("{head}  is tried again"),
            _ => format!("{head}  is made"),
        }
    }
}

/// `layer 3/10  0123456789ab`.
fn head(event: &Event) -> String {
    let digest: Option<String> =
        event.digest.as_ref().map(|digest| digest.hex().chars().take(12).collect());
    format!("{:<12} {:<12}", event.item, digest.unwrap_or_default())
}

/// `, 12.3 MiB/s`; nothing when too little time has passed to tell.
fn rate(bytes: u64, took: Duration) -> String {
    if took < SHORTEST {
        return String::new();
    }
    format!(", {}/s", human((bytes as f64 / took.as_secs_f64()) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn event(item: &str, step: Step) -> Event {
        let digest = Digest::of(b"");
        Event { item: item.to_owned(), digest: Some(digest), size: Some(4 << 20), step }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_blob_on_its_way_has_a_bar_and_a_rate_and_one_that_arrived_a_line() {
        let mut board = Board::default();
        assert_eq!(board.note(at(0), event("layer 1/2", Step::Making)), None);
        assert_eq!(board.lines(at(1), 99), ["layer 1/2    e3b0c44298fc  is made"]);
        assert_eq!(board.note(at(10), event("layer 1/2", Step::Sending { sent: 0 })), None);
        assert_eq!(board.note(at(11), event("layer 1/2", Step::Sending { sent: 2 << 20 })), None);
        let expected = "layer 1/2    e3b0c44298fc [############            ] \
                        2.0 MiB of 4.0 MiB, 1.0 MiB/s";
        assert_eq!(board.lines(at(12), 99), [expected]);
        assert_eq!(board.lines(at(12), 9), ["layer 1/2"]);
        let line = board.note(at(14), event("layer 1/2", Step::Sent)).unwrap();
        assert_eq!(line, "layer 1/2    e3b0c44298fc    4.0 MiB  sent in 4.0 s, 1.0 MiB/s");
        assert!(board.lines(at(14), 99).is_empty());
    }

    #[test]
    fn what_needs_no_time_is_told_once() {
        let mut board = Board::default();
        let line = board.note(at(0), event("config", Step::Present)).unwrap();
        assert_eq!(line, "config       e3b0c44298fc    4.0 MiB  is there");
        let mounted = Step::Mounted { from: "me/base".to_owned() };
        let line = board.note(at(0), event("layer 1/1", mounted)).unwrap();
        assert!(line.ends_with("4.0 MiB  mounted from me/base"), "{line}");
    }

    #[test]
    fn a_second_attempt_counts_from_its_own_beginning() {
        let mut board = Board::default();
        board.note(at(0), event("a", Step::Sending { sent: 1 }));
        let waiting = Step::Waiting { why: "no answer".to_owned(), pause: at(2) };
        let line = board.note(at(5), event("a", waiting)).unwrap();
        assert!(line.ends_with("again in 2.0 s: no answer"), "{line}");
        board.note(at(7), event("a", Step::Sending { sent: 0 }));
        let line = board.note(at(9), event("a", Step::Sent)).unwrap();
        assert!(line.contains("sent in 2.0 s, 2.0 MiB/s"), "{line}");
    }
}
