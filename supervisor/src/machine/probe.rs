//! One check made again and again: when to ask, when an answer is too late, and when a row of
//! answers means something.

use super::moment::Moment;
use crate::spec::Timing;

/// A check of a living run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Probe {
    turn: Turn,
    /// The latest answers, as long as they are alike.
    row: Row,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Turn {
    /// To be asked then.
    Due(Moment),
    /// Asked, and not answered yet.
    Asked {
        since: Moment,
        /// From then on no answer is a bad one.
        until: Moment,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Row {
    good: bool,
    /// Stops counting at the threshold.
    length: u32,
}

/// What time asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask now.
    Ask,
    /// Ask no longer: the answer is too late, which is a bad one.
    TooLate,
}

/// What enough answers in a row say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `success_threshold` good ones.
    Good,
    /// `failure_threshold` bad ones.
    Bad,
}

impl Probe {
    /// The first check is due after the initial delay.
    #[must_use]
    pub fn new(timing: &Timing, now: Moment) -> Self {
        Self { turn: Turn::Due(now.plus(timing.initial_delay_ms)), row: Row::default() }
    }

    /// When time asks for something.
    #[must_use]
    pub fn deadline(&self) -> Moment {
        match self.turn {
            Turn::Due(at) => at,
            Turn::Asked { until, .. } => until,
        }
    }

    /// Whether an answer is awaited.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        matches!(self.turn, Turn::Asked { .. })
    }

    /// What the time asks for, if anything.
    pub fn on_time(&mut self, timing: &Timing, now: Moment) -> Option<Step> {
        if now < self.deadline() {
            return None;
        }
        match self.turn {
            Turn::Due(_) => {
                self.turn = Turn::Asked { since: now, until: now.plus(timing.timeout_ms) };
                Some(Step::Ask)
            }
            Turn::Asked { .. } => Some(Step::TooLate),
        }
    }

    /// An answer came, or [`Step::TooLate`] stands for a bad one. An answer nobody asked for, such
    /// as one that crossed its timeout on the way, says nothing.
    pub fn on_answer(&mut self, timing: &Timing, now: Moment, good: bool) -> Option<Verdict> {
        let Turn::Asked { since, .. } = self.turn else { return None };
        self.turn = Turn::Due(since.plus(timing.period_ms).max(now));
        let (threshold, verdict) = if good {
            (timing.success_threshold, Verdict::Good)
        } else {
            (timing.failure_threshold, Verdict::Bad)
        };
        let before = if self.row.good == good { self.row.length } else { 0 };
        self.row = Row { good, length: before.saturating_add(1).min(threshold) };
        (self.row.length >= threshold).then_some(verdict)
    }

    /// The same with every moment told relative to `base`, for the model search.
    pub(super) fn normalise(&mut self, base: Moment) {
        let ahead = |moment: Moment| Moment(moment.since(base));
        match &mut self.turn {
            Turn::Due(at) => *at = ahead(*at),
            Turn::Asked { since, until } => {
                *since = Moment(base.since(*since));
                *until = ahead(*until);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing() -> Timing {
        Timing {
            initial_delay_ms: 20,
            period_ms: 100,
            timeout_ms: 30,
            success_threshold: 2,
            failure_threshold: 3,
        }
    }

    #[test]
    fn checks_come_after_the_delay_and_then_once_a_period() {
        let timing = timing();
        let mut probe = Probe::new(&timing, Moment(1_000));
        assert_eq!(probe.on_time(&timing, Moment(1_019)), None);
        assert_eq!(probe.on_time(&timing, Moment(1_020)), Some(Step::Ask));
        assert_eq!(probe.on_time(&timing, Moment(1_049)), None);
        assert_eq!(probe.on_time(&timing, Moment(1_050)), Some(Step::TooLate));
        assert_eq!(probe.on_answer(&timing, Moment(1_050), false), None);
        assert_eq!(probe.deadline(), Moment(1_120));
        // The second look at an answer that was already taken as too late.
        assert_eq!(probe.on_answer(&timing, Moment(1_051), true), None);
    }

    #[test]
    fn both_thresholds_count_answers_in_a_row() {
        let timing = timing();
        let mut probe = Probe::new(&timing, Moment(0));
        let mut verdicts = Vec::new();
        for good in [true, false, true, true, true, false, false, true, false, false, false] {
            let now = probe.deadline();
            assert_eq!(probe.on_time(&timing, now), Some(Step::Ask));
            verdicts.push(probe.on_answer(&timing, now, good));
        }
        let (good, bad) = (Some(Verdict::Good), Some(Verdict::Bad));
        let expected = [None, None, None, good, good, None, None, None, None, None, bad];
        assert_eq!(verdicts, expected);
    }
}
