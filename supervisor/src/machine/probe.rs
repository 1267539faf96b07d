//! One check made again and again: when to ask, when an answer is too late, and when a row of
//! answers means something.
//!
//! What waits for something to become good need not wait for the next period: until then it is asked
//! in between as well. Such a question comes and goes without a trace as long as its answer is bad;
//! the first good answer is the beginning of the periods that follow. So both thresholds count what
//! they would count without, a row of bad answers takes as long, and so does a row of good ones.

use super::moment::Moment;
use crate::spec::Timing;

/// A check of a living run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Probe {
    turn: Turn,
    /// When the next question is due that counts.
    scheduled: Moment,
    /// Whether it is asked in between as well.
    eager: bool,
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
        /// Whether a bad answer counts.
        counts: bool,
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

/// Milliseconds between two questions at the least where it is asked in between.
const EAGER_MS: u64 = 100;

/// How many times as long as a question has taken the next one comes after it at the least: one that
/// is a lot of work must not keep what it waits for from becoming good.
const EAGER_SHARE: u64 = 4;

impl Probe {
    /// The first check is due after the initial delay. With `eager` it is asked in between until a
    /// first good answer, or until enough bad ones have come for that not to be soon.
    #[must_use]
    pub fn new(timing: &Timing, now: Moment, eager: bool) -> Self {
        let scheduled = now.plus(timing.initial_delay_ms);
        // Within a period that is as short there is no room for another one.
        let eager = eager && timing.period_ms > EAGER_MS;
        Self { turn: Turn::Due(scheduled), scheduled, eager, row: Row::default() }
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
                let counts = self.scheduled <= now;
                let until = now.plus(timing.timeout_ms);
                // One in between is given up for the one that counts.
                let until = if counts { until } else { until.min(self.scheduled) };
                self.turn = Turn::Asked { since: now, until, counts };
                Some(Step::Ask)
            }
            Turn::Asked { .. } => Some(Step::TooLate),
        }
    }

    /// An answer came, or [`Step::TooLate`] stands for a bad one. An answer nobody asked for, such
    /// as one that crossed its timeout on the way, says nothing.
    pub fn on_answer(&mut self, timing: &Timing, now: Moment, good: bool) -> Option<Verdict> {
        let Turn::Asked { since, counts, .. } = self.turn else { return None };
        let verdict = if good || counts {
            self.scheduled = since.plus(timing.period_ms).max(now);
            self.count(timing, good)
        } else {
            None
        };
        self.eager &= !good && verdict.is_none();
        let pause = EAGER_MS.max(now.since(since).saturating_mul(EAGER_SHARE));
        let next = if self.eager { since.plus(pause).min(self.scheduled) } else { self.scheduled };
        self.turn = Turn::Due(next.max(now));
        verdict
    }

    fn count(&mut self, timing: &Timing, good: bool) -> Option<Verdict> {
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
        self.scheduled = ahead(self.scheduled);
        match &mut self.turn {
            Turn::Due(at) => *at = ahead(*at),
            Turn::Asked { since, until, .. } => {
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
        let mut probe = Probe::new(&timing, Moment(1_000), false);
        assert_eq!(probe.on_time(&timing, Moment(1_019)), None);
        assert_eq!(probe.on_time(&timing, Moment(1_020)), Some(Step::Ask));
        assert_eq!(probe.on_time(&timing, Moment(1_049)), None);
        assert_eq!(probe.on_time(&timing, Moment(1_050)), Some(Step::TooLate));
        assert_eq!(probe.on_answer(&timing, Moment(1_050), false), None);
        assert_eq!(probe.deadline(), Moment(1_120));
        // The second look at an answer that was already taken as too late.
        assert_eq!(probe.on_answer(&timing, Moment(1_051), true), None);
    }

    /// When it asks and what comes of it, for answers that take `took` milliseconds each.
    fn asked(
        timing: &Timing,
        took: u64,
        good: impl Fn(u64) -> bool,
        until: u64,
    ) -> Vec<(u64, bool)> {
        let mut probe = Probe::new(timing, Moment(0), true);
        let mut asked = Vec::new();
        while probe.deadline() < Moment(until) {
            let since = probe.deadline();
            assert_eq!(probe.on_time(timing, since), Some(Step::Ask));
            let answered = since.plus(took).min(probe.deadline());
            let late = probe.on_time(timing, answered) == Some(Step::TooLate);
            let verdict = probe.on_answer(timing, answered, !late && good(since.0));
            asked.push((since.0, verdict.is_some()));
        }
        asked
    }

    #[test]
    fn what_is_not_good_yet_is_asked_in_between_and_counts_as_it_would_without() {
        let timing = Timing { initial_delay_ms: 50, period_ms: 350, timeout_ms: 30, ..timing() };
        // Good from 500 on: seen at once, and the second good answer a whole period later.
        let seen = asked(&timing, 0, |at| at >= 500, 1_000);
        let want = [50, 150, 250, 350, 400, 500, 850].map(|at| (at, at == 850));
        assert_eq!(seen, want);
        // Never good: the third bad one that counts is that of the third period, and then it is
        // asked once a period.
        let seen = asked(&timing, 0, |_| false, 1_500);
        let periods = [50, 150, 250, 350, 400, 500, 600, 700, 750, 1_100, 1_450];
        assert_eq!(seen, periods.map(|at| (at, at >= 750)));
    }

    #[test]
    fn in_between_is_given_up_for_what_counts_and_leaves_time_for_other_things() {
        let timing = Timing { initial_delay_ms: 0, period_ms: 500, timeout_ms: 90, ..timing() };
        // Each takes longer than it may: it is asked again after four times that time.
        let seen: Vec<u64> =
            asked(&timing, 1_000, |_| true, 1_000).iter().map(|one| one.0).collect();
        assert_eq!(seen, [0, 360, 500, 860]);
        let timing = Timing { timeout_ms: 300, ..timing };
        let mut probe = Probe::new(&timing, Moment(0), true);
        for (at, until) in [(0, 300), (100, 400), (200, 500), (300, 500)] {
            assert_eq!(probe.on_time(&timing, Moment(at)), Some(Step::Ask));
            assert_eq!(probe.deadline(), Moment(until), "{at}");
            if at < 300 {
                assert_eq!(probe.on_answer(&timing, Moment(at), false), None);
            }
        }
        assert_eq!(probe.on_time(&timing, Moment(500)), Some(Step::TooLate));
        assert_eq!(probe.on_answer(&timing, Moment(500), false), None);
        assert_eq!(probe.on_time(&timing, Moment(500)), Some(Step::Ask), "the one that counts");
        assert_eq!(probe.deadline(), Moment(800));
    }

    #[test]
    fn both_thresholds_count_answers_in_a_row() {
        let timing = timing();
        let mut probe = Probe::new(&timing, Moment(0), false);
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
