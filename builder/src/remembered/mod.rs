//! What evaluations came to, remembered for as long as nothing they looked at has changed.
//!
//! Evaluating a project takes Nix seconds, and mostly comes to what it came to before. An answer is
//! kept with every name that was looked up on the way ([`crate::traced`]) and what was there
//! ([`Sight`]); when all of it is there unchanged, and the question is the same to the letter, the
//! arguments, the variables and Nix itself included ([`Question`]), so is the answer.
//!
//! Not remembered is what cannot be relied on: an evaluation that turned to the network, or during
//! which something changed that it looked at. What came from Nix's own downloads counts for an hour,
//! which is how long Nix itself believes them (`tarball-ttl`). What goes unnoticed is the clock
//! (`builtins.currentTime`) and, on purpose, what tells one terminal from another ([`Question`]).

mod question;
mod sight;

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::notes::Notes;
use crate::traced::Looked;

pub use question::Question;
use sight::Sight;

/// How long downloads are believed: the default of Nix's setting `tarball-ttl`.
const DOWNLOADS: Duration = Duration::from_secs(60 * 60);

/// How far behind the time of a change may be: file systems take it from a clock that ticks up to a
/// hundred times a second.
const TICK: Duration = Duration::from_millis(20);

/// What an evaluation came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What was printed, or the path of what was built.
    pub text: String,
    /// Paths that must still be there for it to be true.
    pub outputs: Vec<PathBuf>,
    /// What Nix said meanwhile, line by line: warnings of the project among it.
    pub said: Vec<String>,
}

/// An answer and what it rests on.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    answer: Answer,
    /// Until when it counts, in seconds since the epoch; for ever without one.
    until: Option<u64>,
    seen: Vec<Seen>,
}

/// One name and what was there.
#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    path: PathBuf,
    opened: bool,
    sight: Sight,
}

/// The evaluations this user remembers.
#[derive(Debug)]
pub struct Memory {
    notes: Notes,
    /// Whether what was kept before counts.
    counts: bool,
}

impl Memory {
    /// Those in `$XDG_CACHE_HOME/devenv-container/evaluations`; none without a home directory.
    pub fn of_user() -> Self {
        Self { notes: Notes::of_user("evaluations"), counts: true }
    }

    /// None, and none are kept.
    pub fn none() -> Self {
        Self { notes: Notes::none(), counts: true }
    }

    /// The same, with everything in it to be found out anew.
    pub fn refreshed(self) -> Self {
        Self { counts: false, ..self }
    }

    /// Whether anything can be remembered.
    pub fn works(&self) -> bool {
        self.notes.directory().is_some()
    }

    /// The answer that is known to a question, at the time `now`.
    pub fn answer(&self, question: &Question, now: SystemTime) -> Option<Answer> {
        if !self.counts {
            return None;
        }
        let record: Record = serde_json::from_str(&self.notes.read(question.text())?).ok()?;
        let there = |path: &PathBuf| path.symlink_metadata().is_ok();
        let counts = record.until.is_none_or(|until| seconds(now) < until)
            && record.answer.outputs.iter().all(there)
            && record.seen.iter().all(|seen| seen.sight == Sight::of(&seen.path, seen.opened));
        counts.then_some(record.answer)
    }

    /// Keeps the answer to a question that was asked at the time `asked`, unless what it rests on may
    /// be something else by now: `Err` says what that is.
    pub fn keep(
        &self,
        question: &Question,
        asked: SystemTime,
        answer: Answer,
        looked: Looked,
    ) -> Result<(), String> {
        if let Some(beyond) = looked.beyond {
            return Err(format!("it used {beyond}"));
        }
        let before = asked - TICK;
        let mut seen = Vec::with_capacity(looked.paths.len());
        for (path, opened) in looked.paths {
            let sight = Sight::of(&path, opened);
            if !settled(&path, &sight, before) {
                return Err(format!("{} may have changed meanwhile", path.display()));
            }
            seen.push(Seen { path, opened, sight });
        }
        let until = looked.downloads.then(|| seconds(asked + DOWNLOADS));
        if let Ok(record) = serde_json::to_vec(&Record { answer, until, seen }) {
            self.notes.write(question.text(), &record);
        }
        Ok(())
    }
}

/// Whether what is seen at a path has been there since before the time `before`. Of what is absent
/// the directory tells that would hold it.
fn settled(path: &Path, sight: &Sight, before: SystemTime) -> bool {
    let old = |about: Metadata| sight::changed(&about).is_some_and(|last| last < before);
    match sight {
        Sight::Absent => {
            let holds = path.ancestors().skip(1).find_map(|above| fs::metadata(above).ok());
            holds.is_some_and(old)
        }
        // What counts of it is that it is one: what is looked up in it is seen by itself.
        Sight::Directory => true,
        Sight::Listed(_) | Sight::File(_) | Sight::Other => fs::metadata(path).is_ok_and(old),
        Sight::Link(_, seen) => {
            let target = fs::read_link(path).unwrap_or_default();
            let target = path.parent().unwrap_or(path).join(target);
            fs::symlink_metadata(path).is_ok_and(old) && settled(&target, seen, before)
        }
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
