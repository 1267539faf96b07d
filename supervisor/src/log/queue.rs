//! What the supervising thread has to say to the log thread: in order, bounded, never waiting.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::notice::Notice;
use super::options::{SourceId, Stream};

/// How much unread notices may weigh together, in bytes, while the output is blocked.
const NOTICE_LIMIT: usize = 256 * 1024;

/// One order to the log thread.
#[derive(Debug)]
pub(super) enum Command {
    /// Read this pipe from now on.
    Attach(SourceId, Stream, Arc<OwnedFd>),
    /// The process behind this source was reaped: write all that its pipes hold, then the notice.
    Ended(SourceId, Option<Notice>),
    /// Write this.
    Say(Notice),
    /// So many notices had no room here.
    Dropped(u64),
    /// Write everything and stop.
    Finish,
}

/// Orders not yet seen by the log thread.
///
/// Pipes and ends are never dropped: their number follows that of processes started. Only the text
/// of notices is, and then a count stands in its place.
#[derive(Debug, Default)]
pub(super) struct Queue {
    commands: VecDeque<Command>,
    weight: usize,
}

impl Queue {
    /// Appends `command`, or what is left of it when notices have no more room.
    pub fn push(&mut self, command: Command) {
        match command {
            Command::Say(notice) if !self.has_room(&notice) => self.count_dropped(),
            Command::Ended(source, Some(notice)) if !self.has_room(&notice) => {
                self.commands.push_back(Command::Ended(source, None));
                self.count_dropped();
            }
            command => self.commands.push_back(command),
        }
    }

    /// Everything said since the last call.
    pub fn take(&mut self) -> VecDeque<Command> {
        self.weight = 0;
        std::mem::take(&mut self.commands)
    }

    /// Whether an order cannot wait for `source` to finish the line it is in the middle of.
    pub fn is_urgent_for(&self, source: SourceId) -> bool {
        self.commands.iter().any(|command| match command {
            Command::Ended(ended, _) => *ended == source,
            Command::Finish => true,
            Command::Attach(..) | Command::Say(_) | Command::Dropped(_) => false,
        })
    }

    /// How many notices wait or were dropped: what is lost when nobody takes them any more.
    pub fn notices(&self) -> u64 {
        let count = |command: &Command| match command {
            Command::Ended(_, Some(_)) | Command::Say(_) => 1,
            Command::Dropped(count) => *count,
            Command::Ended(_, None) | Command::Attach(..) | Command::Finish => 0,
        };
        self.commands.iter().map(count).sum()
    }

    fn has_room(&mut self, notice: &Notice) -> bool {
        let weight = self.weight.saturating_add(notice.weight());
        let fits = weight <= NOTICE_LIMIT;
        if fits {
            self.weight = weight;
        }
        fits
    }

    fn count_dropped(&mut self) {
        match self.commands.back_mut() {
            Some(Command::Dropped(count)) => *count = count.saturating_add(1),
            _ => self.commands.push_back(Command::Dropped(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_beyond_the_limit_are_counted_and_ends_are_kept() {
        let mut queue = Queue::default();
        let big = || Notice::new("test", "x".repeat(NOTICE_LIMIT / 2));
        for _ in 0..4 {
            queue.push(Command::Say(big()));
        }
        queue.push(Command::Ended(SourceId(7), Some(big())));
        queue.push(Command::Finish);
        assert_eq!(queue.notices(), 5);
        assert!(queue.is_urgent_for(SourceId(7)));
        let commands: Vec<_> = queue.take().into();
        assert!(matches!(
            commands.as_slice(),
            [
                Command::Say(_),
                Command::Dropped(3),
                Command::Ended(SourceId(7), None),
                Command::Dropped(1),
                Command::Finish
            ]
        ));
        queue.push(Command::Say(big()));
        assert!(matches!(queue.take().pop_front(), Some(Command::Say(_))), "room again");
    }

    #[test]
    fn only_its_own_end_presses_a_source() {
        let mut queue = Queue::default();
        queue.push(Command::Say(Notice::new("test", "x")));
        queue.push(Command::Ended(SourceId(1), None));
        assert!(!queue.is_urgent_for(SourceId(0)));
        assert!(queue.is_urgent_for(SourceId(1)));
    }
}
