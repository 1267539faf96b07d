//! What is heard of runs: their own messages, lines of their output, changes of their files.

use super::Reactor;
use crate::log::Log;
use crate::machine::{Event, RunId, Word};
use crate::os::notify::{Heard, Statement};
use crate::os::report;
use crate::spec::Check;

impl Reactor {
    /// Feeds what runs have said of themselves, by their sockets and in their output.
    pub(super) fn listen(&mut self) {
        let mut heard = Vec::new();
        let runs = &self.runs;
        let mut may_speak = |run, sender| runs.may_speak(run, sender);
        self.unheard = self.notify.take(&mut may_speak, &mut heard);
        for said in heard {
            match said {
                Heard::Said(run, Statement::Word(word)) if self.listens_to(run, word) => {
                    self.feed(Event::Told(run, word));
                }
                // A status is kept where it was heard, for whoever asks.
                Heard::Said(_, Statement::Word(_) | Statement::Status(_)) => {}
                Heard::Stranger(run, sender) => self.say(report::stranger(&self.plan, run, sender)),
            }
        }
        let lines = self.log.as_ref().map(Log::heard).unwrap_or_default();
        for run in lines.into_iter().map(RunId::of_key) {
            self.feed(Event::Told(run, Word::Ready));
        }
    }

    /// Whose files have changed. What cannot be watched is said.
    pub(super) fn changes(&self) -> Vec<Event> {
        let Some((watching, _)) = &self.watching else { return Vec::new() };
        let (changed, troubles) = watching.take();
        for trouble in troubles {
            self.say(report::unwatched(&self.plan, &trouble));
        }
        changed.into_iter().map(Event::FilesChanged).collect()
    }

    /// Whether a word counts: one that waits for a line of output is not made ready by a message,
    /// which it may be sending for the sake of its watchdog.
    fn listens_to(&self, run: RunId, word: Word) -> bool {
        let process = self.plan.process(run.process);
        let check = process.and_then(|process| Some(&process.ready.as_ref()?.check));
        word != Word::Ready || check == Some(&Check::Notify)
    }
}
