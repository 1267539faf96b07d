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

impl Service {
    /// Files that are watched for it have changed.
    pub fn on_files_changed(&mut self, rules: &Rules<'_>) {
        if self.wanted && rules.process.watch.is_some() {
            self.renew_at.get_or_insert(rules.now.plus(DEBOUNCE_MS));
        }
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
        match &mut self.phase {
            Phase::Running { .. } => self.begin_stop(rules, Cause::Asked, actions),
            Phase::Stopping { cause, .. } => *cause = Cause::Asked,
            Phase::Backoff { .. } => self.phase = Phase::Waiting,
            // What had been used up led to an end that is now taken back.
            Phase::Done(_) => self.on_start_asked(),
            Phase::Starting { .. } | Phase::Waiting => {}
        }
    }
}
