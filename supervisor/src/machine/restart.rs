//! Restarts: the budget within its window, and the backoff that doubles until a run was healthy.
//!
//! A wait is shortened by a draw that comes in as an argument: nothing here is random.

use std::collections::VecDeque;

use super::moment::Moment;
use crate::spec::{RestartOn, RestartRule};

/// What one process has used up of its restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ledger {
    /// When each restart within the window was decided, oldest first. Holds at the most as many
    /// as the budget allows, and none where there is no limit to keep or no window to count in.
    recent: VecDeque<Moment>,
    /// Restarts over the whole life.
    total: u32,
    /// Waits in a row without a healthy run between them: the exponent of the backoff.
    in_a_row: u32,
}

/// What follows a run's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Its life is over: the rule asks for no restart after such an end.
    Rest,
    /// Its life is over: the rule asks for one and the budget is used up.
    GiveUp,
    /// Again, after this wait.
    Again {
        /// Milliseconds.
        after_ms: u64,
        /// Which restart it is, from 1.
        number: u32,
    },
}

impl Ledger {
    /// Decides what follows a run that lasted `lasted_ms` and ended well or badly at `now`, and
    /// books the restart when there is to be one. `draw` is as for [`Ledger::wait`].
    pub fn decide(
        &mut self,
        rule: &RestartRule,
        now: Moment,
        lasted_ms: u64,
        good: bool,
        draw: u64,
    ) -> Decision {
        let asked = match rule.on {
            RestartOn::Never => false,
            RestartOn::OnFailure => !good,
            RestartOn::Always => true,
        };
        if !asked {
            return Decision::Rest;
        }
        if lasted_ms >= rule.backoff.healthy_after_ms {
            self.in_a_row = 0;
        }
        if let Some(max) = rule.max {
            if self.used(rule, now) >= max {
                return Decision::GiveUp;
            }
            if rule.window_ms.is_some() {
                self.recent.push_back(now);
            }
        }
        self.total = self.total.saturating_add(1);
        Decision::Again { after_ms: self.wait(rule, draw), number: self.total }
    }

    /// The next wait in the row, for a run that never came to be: costs no restart.
    ///
    /// `draw` is any number; by how much the wait is shortened depends on it alone.
    pub fn wait(&mut self, rule: &RestartRule, draw: u64) -> u64 {
        let factor = 1u64.checked_shl(self.in_a_row).unwrap_or(u64::MAX);
        let doubled = rule.backoff.first_ms.saturating_mul(factor);
        if doubled < rule.backoff.max_ms {
            self.in_a_row = self.in_a_row.saturating_add(1);
        }
        let whole = doubled.min(rule.backoff.max_ms);
        let most = u128::from(whole) * u128::from(rule.backoff.jitter_percent) / 100;
        whole - u64::try_from(u128::from(draw) % (most + 1)).unwrap_or(0).min(whole)
    }

    /// Restarts over the whole life.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.total
    }

    /// Forgets everything, for a process that a person starts anew.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// The same with every moment told as the time since it, and without a total that no rule
    /// looks at; only the model search needs it.
    pub(super) fn normalise(&mut self, base: Moment, rule: &RestartRule) {
        for moment in &mut self.recent {
            *moment = Moment(base.since(*moment));
        }
        if let Some(window) = rule.window_ms {
            self.recent.retain(|ago| ago.0 < window);
        }
        if rule.window_ms.is_some() || rule.max.is_none() {
            self.total = 0;
        }
    }

    fn used(&mut self, rule: &RestartRule, now: Moment) -> u32 {
        let Some(window) = rule.window_ms else { return self.total };
        while self.recent.front().is_some_and(|first| now.since(*first) >= window) {
            self.recent.pop_front();
        }
        u32::try_from(self.recent.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Backoff;

    fn rule(on: RestartOn, max: Option<u32>, window_ms: Option<u64>) -> RestartRule {
        let backoff =
            Backoff { first_ms: 500, max_ms: 3_000, jitter_percent: 0, healthy_after_ms: 10_000 };
        RestartRule { on, max, window_ms, backoff }
    }

    #[test]
    fn only_the_ends_the_rule_names_are_followed_by_a_restart() {
        for (on, good, again) in [
            (RestartOn::Never, true, false),
            (RestartOn::Never, false, false),
            (RestartOn::OnFailure, true, false),
            (RestartOn::OnFailure, false, true),
            (RestartOn::Always, true, true),
            (RestartOn::Always, false, true),
        ] {
            let decision = Ledger::default().decide(&rule(on, None, None), Moment(0), 0, good, 0);
            assert_eq!(matches!(decision, Decision::Again { .. }), again, "{on:?} good={good}");
        }
    }

    #[test]
    fn the_wait_doubles_up_to_its_limit_and_begins_anew_after_a_healthy_run() {
        let rule = rule(RestartOn::Always, None, None);
        let mut ledger = Ledger::default();
        let mut waits = Vec::new();
        for lasted in [0, 0, 0, 0, 0, 9_999, 10_000, 0] {
            if let Decision::Again { after_ms, .. } =
                ledger.decide(&rule, Moment(0), lasted, false, 0)
            {
                waits.push(after_ms);
            }
        }
        assert_eq!(waits, [500, 1_000, 2_000, 3_000, 3_000, 3_000, 500, 1_000]);
    }

    #[test]
    fn a_huge_first_wait_never_wraps_round() {
        let backoff = Backoff {
            first_ms: u64::MAX / 2,
            max_ms: u64::MAX,
            jitter_percent: 0,
            healthy_after_ms: 1,
        };
        let rule = RestartRule { on: RestartOn::Always, max: None, window_ms: None, backoff };
        let mut ledger = Ledger::default();
        let mut last = 0;
        for _ in 0..200 {
            let wait = ledger.wait(&rule, 0);
            assert!(wait >= last);
            last = wait;
        }
    }

    #[test]
    fn a_budget_without_window_counts_over_the_whole_life() {
        let rule = rule(RestartOn::OnFailure, Some(2), None);
        let mut ledger = Ledger::default();
        let ends: Vec<bool> = (0..4)
            .map(|hour| ledger.decide(&rule, Moment(hour * 3_600_000), 3_600_000, false, 0))
            .map(|decision| matches!(decision, Decision::Again { .. }))
            .collect();
        assert_eq!(ends, [true, true, false, false]);
    }

    #[test]
    fn a_budget_with_window_forgets_what_lies_before_it() {
        let rule = rule(RestartOn::OnFailure, Some(2), Some(10_000));
        let mut ledger = Ledger::default();
        for (at, again) in
            [(0, true), (1_000, true), (9_999, false), (10_000, true), (10_500, false)]
        {
            let decision = ledger.decide(&rule, Moment(at), 0, false, 0);
            assert_eq!(matches!(decision, Decision::Again { .. }), again, "at {at}");
        }
    }

    #[test]
    fn a_wait_is_shortened_by_its_jitter_and_never_by_more() {
        for (jitter_percent, least) in [(0, 1_000), (1, 990), (10, 900), (50, 500), (100, 0)] {
            let backoff =
                Backoff { first_ms: 1_000, max_ms: 1_000, jitter_percent, healthy_after_ms: 1 };
            let rule = RestartRule { backoff, ..rule(RestartOn::Always, None, None) };
            let waits = (0..2_000).map(|draw| Ledger::default().wait(&rule, draw));
            let (shortest, longest) = (waits.clone().min(), waits.max());
            assert_eq!((shortest, longest), (Some(least), Some(1_000)), "{jitter_percent} %");
        }
    }

    #[test]
    fn the_row_doubles_the_same_whatever_is_drawn() {
        let backoff =
            Backoff { first_ms: 100, max_ms: 100_000, jitter_percent: 50, healthy_after_ms: 1 };
        let rule = RestartRule { backoff, ..rule(RestartOn::Always, None, None) };
        let mut ledger = Ledger::default();
        for number in 0..8 {
            let whole = 100 << number;
            let wait = ledger.wait(&rule, 7_919 * number);
            assert!((whole / 2..=whole).contains(&wait), "{wait} of {whole}");
        }
    }
}
