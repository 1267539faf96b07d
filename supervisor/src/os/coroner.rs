//! The post-mortem with its surroundings: what the kernel adds to the reports, and where the text
//! goes.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::memory::MemoryKills;
use crate::log::{Log, Notice, SourceId};
use crate::machine::Report;
use crate::machine::post_mortem::{Particulars, PostMortem};
use crate::spec::{ExitPolicy, Plan};

/// Kubernetes puts this file into a container and shows what it holds at its end (the default of
/// `terminationMessagePath`).
const TERMINATION_LOG: &str = "/dev/termination-log";

/// How many of the last lines are shown.
const LAST_LINES: usize = 10;

/// Watches the reports and speaks at the end.
pub struct Coroner {
    seen: PostMortem,
    memory: Option<MemoryKills>,
}

impl Coroner {
    /// To be made before the first process is started.
    #[must_use]
    pub fn new() -> Self {
        Self { seen: PostMortem::default(), memory: MemoryKills::watch() }
    }

    /// Takes note of a report about a run that began with this process.
    pub fn observe(&mut self, plan: &Plan, report: &Report, pid: Option<i32>, cause: Option<&str>) {
        // Looked at after every end, so that one is never blamed for what happened before another.
        let is_end = matches!(report, Report::Stopped(..));
        let out_of_memory = is_end && self.memory.as_mut().is_some_and(MemoryKills::have_risen);
        self.seen.observe(plan, report, &Particulars { pid, cause, out_of_memory });
    }

    /// Says what there is to say about an end with this exit code, in Kubernetes' file and, unless
    /// the plan keeps to honcho's output, in the log. May wait for the log to catch up, at most `limit`.
    pub fn speak(&self, plan: &Plan, code: u8, log: &Log, limit: Duration) {
        let Some(finding) = self.seen.finding(plan, code) else { return };
        log.catch_up(limit);
        let first = finding.first.map(|process| SourceId(process.0));
        let lines = first.map(|source| log.tail(source, LAST_LINES)).unwrap_or_default();
        leave(Path::new(TERMINATION_LOG), &log.masked(&finding.text(&lines)));
        // Under honcho's own rule the output is honcho's, line by line.
        if plan.exit == ExitPolicy::AnyEnded {
            return;
        }
        let repeated = first.is_some_and(|source| log.was_shown_last(source));
        let text = finding.text(if repeated { &[] } else { &lines });
        log.system(Notice::new("post_mortem", text).with("code", u32::from(code)));
    }
}

impl Default for Coroner {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes the text into a regular file that somebody has put there for it.
fn leave(path: &Path, text: &str) {
    if !std::fs::metadata(path).is_ok_and(|file| file.is_file()) {
        return;
    }
    // Whoever made the file and cannot be written to gets the text from the log.
    if let Ok(mut file) = OpenOptions::new().write(true).truncate(true).open(path) {
        let _ = file.write_all(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_that_is_there_is_written() {
        let directory = std::env::temp_dir().join(format!("coroner-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let file = directory.join("termination-log");
        leave(&file, "text");
        assert!(!file.exists());
        std::fs::write(&file, "something longer from before").expect("a file");
        leave(&file, "text");
        assert_eq!(std::fs::read_to_string(&file).expect("the file"), "text");
        leave(&directory, "text");
        std::fs::remove_dir_all(&directory).expect("it can be removed");
    }
}
