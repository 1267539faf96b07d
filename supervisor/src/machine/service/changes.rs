//! What a change of watched files makes of a process: another run, however the present one stands.
//!
//! It waits for [`DEBOUNCE_MS`] first, because files rarely change alone. It is nobody's failure: the
//! run is stopped by its own rule, and nothing of its restarts is used up.

use super::{Cause, Phase, Service};
use crate::machine::exit::Outcome;
use crate::machine::moment::Moment;
use crate::machine::report::Report;
use crate::machine::{Action, Rules};

/// Milliseconds from the first change to what follows of it and of all the others until then, as
/// in devenv.
pub const DEBOUNCE_MS: u64 = 100;

/// Milliseconds after a start within which a change may be the process's own doing.
const HASTY_MS: u64 = 1_000;

/// Such changes in a row, one a run, that are answered as any other. A person who saves again and
/// again can be as fast, and has it to wait for no longer than [`LONGEST_MS`] after that.
const HASTY_FREE: u32 = 8;

/// Milliseconds of the first further wait, which doubles from then on.
const FURTHER_MS: u64 = 250;

/// Milliseconds of the longest further wait.
const LONGEST_MS: u64 = 5_000;

impl Service {
    /// Files that are watched for it have changed.
    pub fn on_files_changed(&mut self, rules: &Rules<'_>) {
        if !self.wanted || rules.process.watch.is_none() || self.renew_at.is_some() {
            return;
        }
        // What comes while it stops or starts is seen by the next run.
        if matches!(self.phase, Phase::Running { .. } | Phase::Backoff { .. } | Phase::Done(_)) {
            let hasty = self.begun_at.is_some_and(|at| rules.now.since(at) < HASTY_MS);
            self.hasty = if hasty { self.hasty.saturating_add(1) } else { 0 };
        }
        self.renew_at = Some(rules.now.plus(DEBOUNCE_MS + further(self.hasty)));
    }

    /// A run has begun.
    pub(super) fn note_begin(&mut self, rules: &Rules<'_>) {
        self.begun_at = rules.process.watch.is_some().then_some(rules.now);
    }

    /// When a change is acted on; `None` where a run that has yet to begin will see it anyway, or
    /// where none is to begin.
    pub(super) fn renewal(&self) -> Option<Moment> {
        let heeds = match &self.phase {
            Phase::Running { .. } | Phase::Backoff { .. } => true,
            Phase::Stopping { cause, .. } => *cause != Cause::Asked,
            Phase::Done(Outcome::Succeeded | Outcome::Failed(_)) => true,
            // One that is starting may have read the old files, which is seen to once it runs.
            Phase::Starting { .. }
            | Phase::Waiting
            | Phase::Done(Outcome::Skipped | Outcome::Stopped) => false,
        };
        self.renew_at.filter(|_| heeds && self.wanted)
    }

    /// Acts on a change when it is time to.
    pub(super) fn renew_in_time(&mut self, rules: &Rules<'_>, actions: &mut Vec<Action>) {
        if self.renewal().is_none_or(|at| at > rules.now) {
            return;
        }
        self.renew_at = None;
        actions.push(Action::Report(Report::FilesChanged(self.id)));
        if self.hasty == HASTY_FREE + 1 {
            actions.push(Action::Report(Report::ChangesEveryRun(self.id)));
        }
        match &mut self.phase {
            Phase::Running { .. } => self.begin_stop(rules, Cause::Asked, actions),
            Phase::Stopping { cause, .. } => *cause = Cause::Asked,
            Phase::Backoff { .. } => self.phase = Phase::Waiting,
            // What had been used up led to an end that is now taken back.
            Phase::Done(_) => {
                let (hasty, begun_at) = (self.hasty, self.begun_at);
                self.on_start_asked();
                (self.hasty, self.begun_at) = (hasty, begun_at);
            }
            Phase::Starting { .. } | Phase::Waiting => {}
        }
    }
}

/// Milliseconds to wait besides, after so many changes that each came soon after a start: without,
/// a process that writes what it is watched for would be started many times a second for ever.
fn further(hasty: u32) -> u64 {
    let doubled = hasty.checked_sub(HASTY_FREE + 1).map(|times| FURTHER_MS << times.min(16));
    doubled.unwrap_or(0).min(LONGEST_MS)
}
