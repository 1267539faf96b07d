//! What people ask of a process: a start gives back what was used up, a stop takes a failure back.

use super::{Cause, Phase, Service};
use crate::machine::exit::Outcome;

impl Service {
    /// Somebody asked for it to be started. Whatever it used up of its restarts is given back; that it
    /// failed stands until the new run has begun.
    pub fn on_start_asked(&mut self) {
        self.wanted = true;
        match &mut self.phase {
            Phase::Done(_) | Phase::Backoff { .. } => {
                let fresh = Self::new(self.id, true);
                let Self { runs, last_end, failure, .. } = *self;
                *self = Self { runs, last_end, failure, ..fresh };
            }
            // What is being tidied up, or stopped, is followed by a new run as soon as it is gone.
            Phase::Stopping { cause, .. } => *cause = Cause::Asked,
            Phase::Waiting | Phase::Starting { .. } | Phase::Running { .. } => {}
        }
    }

    /// Somebody asked for it to be stopped, which is nobody's failure, and takes back one that had
    /// not ended its life. Its dependants wait for it from now on.
    pub fn on_stop_asked(&mut self) {
        match &mut self.phase {
            Phase::Waiting | Phase::Backoff { .. } if self.wanted => {
                self.phase = Phase::Done(Outcome::Stopped);
            }
            Phase::Stopping { cause, .. } => *cause = Cause::Asked,
            Phase::Waiting
            | Phase::Backoff { .. }
            | Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Done(_) => {}
        }
        self.wanted = false;
        if !matches!(self.phase, Phase::Done(Outcome::Failed(_) | Outcome::Skipped)) {
            self.failure = None;
        }
    }
}
