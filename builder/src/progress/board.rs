//! What is known about every blob, and how it reads: pure, time is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use super::layout::Line;
use super::{Event, Step};
use crate::understand::size::human;

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
    /// When the pause is over that is made because of it.
    until: Option<Duration>,
}

impl Board {
    /// Takes note of an event at the time `now`, counted from any beginning. Returns the line that
    /// says how it ended, or went wrong.
    pub fn note(&mut self, now: Duration, event: Event) -> Option<Line> {
        let before = self.active.get(&event.item);
        let began = match event.step {
            Step::Sending { .. } => before.and_then(|active| active.began).or(Some(now)),
            Step::Sent => before.and_then(|active| active.began),
            _ => None,
        };
        let size = event.size.map(human).unwrap_or_default();
        let words = match &event.step {
            Step::Making | Step::Sending { .. } => Vec::new(),
            Step::Present => over(&size, &["is there".to_owned()]),
            Step::Mounted { from } => over(&size, &[format!("mounted from {from}")]),
            Step::Sent => {
                let took = began.map_or(Duration::ZERO, |began| now.saturating_sub(began));
                let sent = format!("sent in {:.1} s", took.as_secs_f64());
                let rate = rate(event.size.unwrap_or(0), took);
                let with_rate = rate.map(|rate| format!("{sent}, {}/s", human(rate)));
                over(&size, &with_rate.into_iter().chain([sent]).collect::<Vec<_>>())
            }
            Step::Waiting { why, pause } => {
                vec![format!("again in {:.1} s: {why}", pause.as_secs_f64())]
            }
        };
        let line = (!words.is_empty()).then(|| Line {
            name: event.item.clone(),
            digest: digest(&event),
            share: None,
            words,
        });
        let until = match &event.step {
            Step::Waiting { pause, .. } => Some(now + *pause),
            _ => None,
        };
        match event.step {
            Step::Present | Step::Mounted { .. } | Step::Sent => {
                self.active.remove(&event.item);
            }
            _ => {
                self.active.insert(event.item.clone(), Active { event, began, until });
            }
        }
        line
    }

    /// One line for each blob that is being dealt with, none longer than `width`. Where there are
    /// more than `rows`, those of which most goes out, and one line for all of them.
    pub fn lines(&self, now: Duration, width: usize, rows: usize) -> Vec<String> {
        let is_over = |until: Duration| until <= now;
        let mut shown: Vec<&Active> =
            self.active.values().filter(|active| !active.until.is_some_and(is_over)).collect();
        let mut total = None;
        if shown.len() > rows {
            let Some(room) = rows.checked_sub(1) else { return Vec::new() };
            total = Some(Self::total(&shown, now));
            let mut busiest = shown.clone();
            busiest.sort_by_key(|active| std::cmp::Reverse(active.rate(now)));
            busiest.truncate(room);
            shown.retain(|one| busiest.iter().any(|other| std::ptr::eq(*one, *other)));
        }
        let lines = shown.iter().map(|active| active.line(now)).chain(total);
        lines.map(|line| line.fit(width)).collect()
    }

    /// How far all of them are together.
    fn total(all: &[&Active], now: Duration) -> Line {
        let sent = all.iter().filter_map(|active| active.sent()).sum();
        let size = all.iter().filter_map(|active| active.event.size).sum();
        let rate = all.iter().filter_map(|active| active.rate(now)).sum();
        let name = format!("all {}", all.len());
        Line { name, ..Line::of(sent, Some(size).filter(|size| *size > 0), Some(rate)) }
    }

    /// What is being sent of a blob, for a line of its own.
    pub fn line(&self, now: Duration, item: &str) -> Option<String> {
        Some(self.active.get(item)?.line(now).fit(usize::MAX))
    }
}

impl Active {
    fn line(&self, now: Duration) -> Line {
        let line = match (&self.event.step, self.until) {
            (Step::Sending { sent }, _) => Line::of(*sent, self.event.size, self.rate(now)),
            (_, Some(until)) => {
                let left = until.saturating_sub(now).as_secs_f64();
                Line { words: vec![format!("again in {left:.1} s")], ..Line::default() }
            }
            _ => Line { words: vec!["is made".to_owned()], ..Line::default() },
        };
        Line { name: self.event.item.clone(), digest: digest(&self.event), ..line }
    }

    /// How many bytes are on their way.
    fn sent(&self) -> Option<u64> {
        match self.event.step {
            Step::Sending { sent } => Some(sent),
            _ => None,
        }
    }

    /// How many of them in a second; nothing when too little time has passed to tell.
    fn rate(&self, now: Duration) -> Option<u64> {
        rate(self.sent()?, now.saturating_sub(self.began?))
    }
}

impl Line {
    /// How far something is: in bytes, of as many as are known, and of those each second.
    fn of(sent: u64, size: Option<u64>, rate: Option<u64>) -> Self {
        let share = size.map(|size| if size == 0 { 1.0 } else { sent as f64 / size as f64 });
        let sent = human(sent);
        let far = size.map(|size| format!("{sent} of {}", human(size)));
        let speed = rate.map(|rate| format!("{}/s", human(rate)));
        let with_speed = |far: &String| Some(format!("{far}, {}", speed.as_ref()?));
        let each = [far.as_ref().and_then(with_speed), with_speed(&sent), far.clone(), Some(sent)];
        Self { share, words: each.into_iter().flatten().collect(), ..Self::default() }
    }
}

/// How something ended, with its size as long as there is room.
fn over(size: &str, ends: &[String]) -> Vec<String> {
    let with_size = ends.iter().map(|end| format!("{size:>9}  {end}"));
    with_size.chain(ends.iter().cloned()).collect()
}

/// As much of a digest as tells it from others.
fn digest(event: &Event) -> String {
    event.digest.as_ref().map_or_else(String::new, |digest| digest.hex().chars().take(12).collect())
}

/// Bytes a second; nothing when too little time has passed to tell.
fn rate(bytes: u64, took: Duration) -> Option<u64> {
    (took >= SHORTEST).then(|| (bytes as f64 / took.as_secs_f64()) as u64)
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
        assert_eq!(board.lines(at(1), 99, 9), ["layer 1/2    e3b0c44298fc  is made"]);
        assert_eq!(board.note(at(10), event("layer 1/2", Step::Sending { sent: 0 })), None);
        assert_eq!(board.note(at(11), event("layer 1/2", Step::Sending { sent: 2 << 20 })), None);
        let expected = "layer 1/2    e3b0c44298fc [############            ] \
                        2.0 MiB of 4.0 MiB, 1.0 MiB/s";
        assert_eq!(board.lines(at(12), 99, 9), [expected]);
        assert_eq!(board.lines(at(12), 9, 9), ["2.0 MiB"]);
        let line = board.note(at(14), event("layer 1/2", Step::Sent)).unwrap();
        assert_eq!(line.fit(40), "1/2 4.0 MiB  sent in 4.0 s, 1.0 MiB/s");
        assert_eq!(line.whole(40), line.fit(40));
        assert_eq!(
            line.whole(99),
            "layer 1/2    e3b0c44298fc    4.0 MiB  sent in 4.0 s, 1.0 MiB/s"
        );
        assert!(board.lines(at(14), 99, 9).is_empty());
    }

    #[test]
    fn what_needs_no_time_is_told_once() {
        let mut board = Board::default();
        let line = board.note(at(0), event("config", Step::Present)).unwrap();
        assert_eq!(line.whole(99), "config       e3b0c44298fc    4.0 MiB  is there");
        let mounted = Step::Mounted { from: "me/base".to_owned() };
        let line = board.note(at(0), event("layer 1/1", mounted)).unwrap();
        let line = line.whole(99);
        assert!(line.ends_with("4.0 MiB  mounted from me/base"), "{line}");
    }

    #[test]
    fn a_second_attempt_counts_from_its_own_beginning() {
        let mut board = Board::default();
        board.note(at(0), event("a", Step::Sending { sent: 1 }));
        let waiting = Step::Waiting { why: "no answer".to_owned(), pause: at(2) };
        let line = board.note(at(5), event("a", waiting)).unwrap();
        assert!(line.whole(5).ends_with("again in 2.0 s: no answer"), "what is said stays whole");
        assert_eq!(board.lines(at(6), 99, 9), ["a            e3b0c44298fc  again in 1.0 s"]);
        assert!(board.lines(at(7), 99, 9).is_empty(), "the pause is over");
        board.note(at(7), event("a", Step::Sending { sent: 0 }));
        let line = board.note(at(9), event("a", Step::Sent)).unwrap();
        let line = line.whole(99);
        assert!(line.contains("sent in 2.0 s, 2.0 MiB/s"), "{line}");
    }

    #[test]
    fn where_not_all_fit_the_busiest_are_shown_and_a_total() {
        let mut board = Board::default();
        for (item, sent) in [("layer 1/4", 1), ("layer 2/4", 3), ("layer 3/4", 0), ("layer 4/4", 2)]
        {
            board.note(at(0), event(item, Step::Sending { sent: 0 }));
            board.note(at(1), event(item, Step::Sending { sent: sent << 20 }));
        }
        assert_eq!(board.lines(at(1), 99, 4).len(), 4);
        let lines = board.lines(at(1), 60, 3);
        assert_eq!(
            lines,
            [
                "layer 2/4    [######  ] 3.0 MiB of 4.0 MiB, 3.0 MiB/s",
                "layer 4/4    [####    ] 2.0 MiB of 4.0 MiB, 2.0 MiB/s",
                "all 4        [###     ] 6.0 MiB of 16.0 MiB, 6.0 MiB/s",
            ]
        );
        assert_eq!(board.lines(at(1), 60, 1), lines[2..]);
        assert!(board.lines(at(1), 60, 0).is_empty());
    }

    #[test]
    fn what_has_no_known_size_has_no_bar() {
        let mut board = Board::default();
        let step = Step::Sending { sent: 2 << 20 };
        board.note(at(0), Event { size: None, ..event("a", step) });
        assert_eq!(board.lines(at(2), 99, 9), ["a            e3b0c44298fc  2.0 MiB, 1.0 MiB/s"]);
    }
}
