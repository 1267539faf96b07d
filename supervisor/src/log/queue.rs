//! What the supervising thread has to say to the log thread: in order, bounded, never waiting.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::notice::Notice;
use super::options::{SourceId, Stream};
use super::page::Volume;
use super::watch::Watch;

/// How much unread notices may weigh together, in bytes, while the output is blocked.
const NOTICE_LIMIT: usize = 256 * 1024;

/// How many pipes may wait before those of ended processes are given up.
const PIPE_LIMIT: usize = 256;

/// One order to the log thread.
#[derive(Debug)]
pub(super) enum Command {
    /// Read this pipe from now on, and look for that text in it.
    Attach(SourceId, Stream, Arc<OwnedFd>, Option<Box<Watch>>),
    /// The process behind this source was reaped: write all that its pipes hold, then the notice.
    Ended(SourceId, Option<Notice>),
    /// Write this.
    Say(Notice),
    /// So many notices had no room here.
    Dropped(u64),
    /// So much of this source was given up unread, because too many ended runs were waiting.
    Unread(SourceId, Volume),
    /// Say when everything before this has been carried out.
    Mark(SyncSender<()>),
    /// Write everything and stop.
    Finish,
}

/// Orders not yet seen by the log thread.
///
/// The text of notices is bounded, and so is the number of pipes of processes that have ended: each
/// is a descriptor, and a process that is restarted for as long as the output is blocked would use
/// up all there are. A count stands in the place of what is dropped. Pipes of live processes never
/// are, since that would kill their writers.
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
            Command::Mark(_) | Command::Finish => true,
            Command::Attach(..) | Command::Say(_) | Command::Dropped(_) | Command::Unread(..) => {
                false
            }
        })
    }

    /// Takes out the oldest waiting pipe whose process has ended, if too many wait. What it held is
    /// to be said with the number returned, in [`Queue::give_up`].
    pub fn surplus(&mut self) -> Option<(usize, Arc<OwnedFd>)> {
        let is_pipe = |command: &&Command| matches!(command, Command::Attach(..));
        if self.commands.iter().filter(is_pipe).count() <= PIPE_LIMIT {
            return None;
        }
        let ended = |source: SourceId, from: usize| {
            let is_end = |c: &Command| matches!(c, Command::Ended(ended, _) if *ended == source);
            self.commands.iter().skip(from).any(is_end)
        };
        let (index, source) = self.commands.iter().enumerate().find_map(|(index, command)| {
            let Command::Attach(source, ..) = command else { return None };
            ended(*source, index).then_some((index, *source))
        })?;
        let place = self.commands.get_mut(index)?;
        let taken = std::mem::replace(place, Command::Unread(source, Volume::default()));
        let Command::Attach(_, _, pipe, _) = taken else { return None };
        Some((index, pipe))
    }

    /// Says what the pipe from [`Queue::surplus`] held. Nothing may have been taken in between.
    pub fn give_up(&mut self, index: usize, held: Volume) {
        if let Some(Command::Unread(_, lost)) = self.commands.get_mut(index) {
            *lost += held;
        }
    }

    /// What is lost when nobody takes the orders any more: a line for every notice, and what was
    /// given up before. Pipes that still wait are not counted.
    pub fn unsaid(&self) -> Volume {
        let mut lost = Volume::default();
        for command in &self.commands {
            match command {
                Command::Ended(_, Some(_)) | Command::Say(_) => lost.lines += 1,
                Command::Dropped(count) => lost.lines += count,
                Command::Unread(_, unread) => lost += *unread,
                Command::Ended(_, None)
                | Command::Attach(..)
                | Command::Mark(_)
                | Command::Finish => {}
            }
        }
        lost
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
        assert_eq!(queue.unsaid().lines, 5);
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

    #[test]
    fn pipes_of_ended_processes_are_given_up_before_they_use_up_all_descriptors() {
        let mut queue = Queue::default();
        let pipe = Arc::new(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()));
        let attach = |queue: &mut Queue, source| {
            queue.push(Command::Attach(SourceId(source), Stream::Stdout, Arc::clone(&pipe), None));
        };
        for _ in 0..=PIPE_LIMIT {
            attach(&mut queue, 0);
        }
        assert!(queue.surplus().is_none(), "those of live processes are kept, however many");
        attach(&mut queue, 1);
        queue.push(Command::Ended(SourceId(1), None));
        let (index, _) = queue.surplus().unwrap();
        assert_eq!(index, PIPE_LIMIT + 1);
        let held = Volume { lines: 2, bytes: 30 };
        queue.give_up(index, held);
        assert_eq!(queue.unsaid(), held);
        let commands = queue.take();
        assert!(matches!(commands[index], Command::Unread(SourceId(1), lost) if lost == held));
        assert!(queue.surplus().is_none());
    }
}
