//! The end: who is left behind, the last output, and the wall behind all else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::Reactor;
use crate::machine::exit;
use crate::os::{last_words, strays};

/// How long the end may wait for a reader of the output that has stopped reading.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

impl Reactor {
    /// Every run has ended: what is left are strays and the output on its way.
    pub(super) fn end(&mut self, code: u8) -> u8 {
        strays::sweep(&self.surroundings, self.signals.get_mut());
        let began = Instant::now();
        let finished = self.log.take().map(|log| {
            if let Some(coroner) = &self.coroner {
                coroner.speak(&self.plan, code, &log, LAST_OUTPUT);
            }
            log.finish(LAST_OUTPUT.saturating_sub(began.elapsed()))
        });
        let finished = finished.unwrap_or_default();
        if finished.gave_up {
            last_words::say(&format!(
                "nobody read the output for {} s: at the most {} of it not written",
                LAST_OUTPUT.as_secs(),
                finished.lost,
            ));
        }
        if let Some((lost, error)) = finished.failed {
            last_words::say(&format!("lost {lost} of output: cannot write: {}", error.desc()));
        }
        code
    }

    /// The last wall: a fault of our own. Nothing may live on without a supervisor.
    pub(super) fn give_up(&mut self) -> u8 {
        self.runs.kill_all();
        last_words::say("every process was killed because of an internal error");
        // Whatever panics here as well has nothing left to protect.
        let _ = catch_unwind(AssertUnwindSafe(|| self.end(exit::INTERNAL)));
        exit::INTERNAL
    }
}
