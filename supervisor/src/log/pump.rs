//! The log thread: whose turn it is, what it is told, and when to write.

mod intake;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::dress::{Heading, width};
use super::files::{Whole, Writer};
use super::handle::{Finished, Shared, lock};
use super::notice::Notice;
use super::options::{Options, SourceName};
use super::output::Output;
use super::page::Page;
use super::pipe::Pipe;
use super::queue::Command;
use super::stamp::Stamper;

/// A page of this size is written even when more could be read.
const PAGE: usize = 64 * 1024;

/// All pipes together may be enlarged by this much: a quarter of what Linux grants one user.
const GROWTH: usize = 16 * 1024 * 1024;

/// An unfinished line beyond this is written in parts.
pub(super) const CARRY: usize = 256 * 1024;

/// How long after the last output the buffers are given back.
const COOLING: u16 = 1000;

/// The key of the queue's wake-up among those of the pipes.
const WAKE: u64 = u64::MAX;

/// The state of the log thread.
pub(super) struct Pump {
    shared: Arc<Shared>,
    options: Options,
    sources: Vec<SourceName>,
    width: usize,
    system: Heading,
    stamper: Stamper,
    epoll: Epoll,
    /// By key; an ended pipe leaves its place to the next one.
    pipes: Vec<Option<Pipe>>,
    output: Output,
    files: Option<Writer>,
    whole: Option<Whole>,
    page: Page,
    buffer: Vec<u8>,
    head: Vec<u8>,
    owner: Option<Owner>,
    orders: Orders,
    /// Something was read since the buffers were last given back.
    warm: bool,
    growth_left: usize,
}

/// What is known of the queue beyond its wake-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Orders {
    /// Nothing.
    None,
    /// Something is in it that can wait until the line that owns the output ends.
    Waiting,
    /// Something is in it that cannot.
    Urgent,
}

/// The pipe whose unfinished line is being written, and how long others wait for it.
#[derive(Clone, Copy)]
struct Owner {
    key: usize,
    since: Instant,
    until: Instant,
}

impl Pump {
    /// Prepares everything that can fail.
    ///
    /// # Errors
    /// The kernel has no descriptor or memory left.
    pub fn new(
        shared: Arc<Shared>,
        options: Options,
        sources: Vec<SourceName>,
        out: OwnedFd,
    ) -> nix::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&shared.wake, EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
        let width = width(&sources);
        Ok(Self {
            system: Heading::of_system(&options, width),
            stamper: Stamper::new(&options),
            output: Output::new(out, Arc::clone(&shared.in_flight)),
            files: Writer::new(&options, sources.len()),
            whole: Whole::new(&options),
            shared,
            options,
            sources,
            width,
            epoll,
            pipes: Vec::new(),
            page: Page::default(),
            buffer: Vec::new(),
            head: Vec::new(),
            owner: None,
            orders: Orders::None,
            warm: false,
            growth_left: GROWTH,
        })
    }

    /// Works until it is told to finish.
    pub fn run(mut self) -> Finished {
        loop {
            match self.owner {
                Some(owner) if self.orders != Orders::Urgent && Instant::now() < owner.until => {
                    self.hold(owner);
                }
                _ => {
                    if self.turn() {
                        return self.finish();
                    }
                }
            }
        }
    }

    /// One round over everything that is ready. Each pipe is read once, so that one that never
    /// stops cannot starve the others. Returns whether to finish.
    fn turn(&mut self) -> bool {
        let mut events = [EpollEvent::empty(); 64];
        let timeout = match (self.orders, self.warm) {
            (Orders::Waiting | Orders::Urgent, _) => EpollTimeout::ZERO,
            (Orders::None, true) => EpollTimeout::from(COOLING),
            (Orders::None, false) => EpollTimeout::NONE,
        };
        // The only error that can occur is an interruption, which is as good as nothing ready.
        let count = self.epoll.wait(&mut events, timeout).unwrap_or(0);
        let ready = events.get(..count).unwrap_or_default();
        if ready.iter().any(|event| event.data() == WAKE) {
            let _ = self.shared.wake.read();
            self.orders = Orders::Waiting;
        }
        let ordered = std::mem::replace(&mut self.orders, Orders::None) != Orders::None;
        if ready.is_empty() && !ordered {
            self.cool();
            return false;
        }
        if let Some(owner) = self.owner
            && (ordered || ready.iter().any(|event| event.data() != owner.key as u64))
        {
            self.interrupt(owner);
        }
        if ordered && self.obey() {
            return true;
        }
        for event in ready {
            if let Ok(key) = usize::try_from(event.data()) {
                self.read(key);
            }
            // Nothing else may be written into the middle of a line. Whoever was not read is
            // still ready in the next turn.
            if self.owner.is_some() {
                break;
            }
        }
        self.write();
        false
    }

    /// Reads only the pipe that is in the middle of a long line. Orders wait, unless they press.
    fn hold(&mut self, owner: Owner) {
        let Some(Some(pipe)) = self.pipes.get(owner.key) else {
            self.owner = None;
            return;
        };
        let mut fds = [
            PollFd::new(pipe.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.shared.wake.as_fd(), PollFlags::POLLIN),
        ];
        let left = owner.until.saturating_duration_since(Instant::now()).as_millis() + 1;
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        if poll(&mut fds, timeout).is_err() {
            return;
        }
        let [ready, woken] = fds.map(|fd| fd.any().unwrap_or(false));
        if woken {
            let _ = self.shared.wake.read();
            let urgent = lock(&self.shared.queue).is_urgent_for(pipe.source);
            self.orders = if urgent { Orders::Urgent } else { Orders::Waiting };
        }
        if ready {
            self.read(owner.key);
            self.write();
        }
    }

    /// Takes the output from a long line, because others have waited long enough or because its
    /// process has ended; then the rest of the line may be in its pipe and still belongs to it.
    fn interrupt(&mut self, owner: Owner) {
        let Some(Some(pipe)) = self.pipes.get(owner.key) else { return };
        if lock(&self.shared.queue).is_urgent_for(pipe.source) {
            self.drain(owner.key);
        } else {
            self.end_line(owner.key);
        }
    }

    /// Carries out the orders in the queue. Returns whether to finish.
    fn obey(&mut self) -> bool {
        let commands = lock(&self.shared.queue).take();
        for command in commands {
            match command {
                Command::Attach(source, stream, fd, watch) => {
                    self.attach(source, stream, fd, watch);
                }
                Command::Ended(source, notice) => {
                    for key in self.keys_of(|pipe| pipe.source == source) {
                        self.drain(key);
                    }
                    if let Some(notice) = notice {
                        self.say(&notice);
                    }
                }
                Command::Say(notice) => self.say(&notice),
                Command::Dropped(count) => self.say(&dropped(count)),
                Command::Unread(source, lost) => {
                    if let Some(name) = self.sources.get(source.0 as usize) {
                        let message = format!("lost {lost} of {name}: the output was blocked");
                        self.say(&Notice::new("output_lost", message));
                    }
                }
                Command::Mark(reached) => {
                    // Whoever asked may have stopped waiting.
                    let _ = reached.try_send(());
                }
                Command::Finish => return true,
            }
            if self.page.bytes.len() >= PAGE {
                self.write();
            }
        }
        false
    }

    /// Writes all that is there, without waiting for more.
    fn finish(mut self) -> Finished {
        for key in self.keys_of(|_| true) {
            self.drain(key);
        }
        for notice in self.files.as_mut().map(Writer::finish).unwrap_or_default() {
            self.say(&notice);
        }
        self.write();
        if let Some(notice) = self.whole.as_mut().and_then(Whole::finish) {
            self.say(&notice);
        }
        self.write();
        self.write_report(true);
        Finished {
            lost: self.output.lost(),
            failed: self.output.failure_to_report(Instant::now(), true),
            reader_gone: self.output.is_closed(),
            gave_up: false,
        }
    }

    fn say(&mut self, notice: &Notice) {
        let time = self.stamper.stamp(SystemTime::now());
        let format = self.options.format;
        notice.write(format, &self.system, time, &self.shared.mask(), &mut self.page);
    }

    /// Writes the page, and before it what an output that failed has lost.
    fn write(&mut self) {
        if self.page.bytes.is_empty() {
            return;
        }
        self.write_report(false);
        // First the file: the one stream may have a reader that stops reading.
        let said = self.whole.as_mut().and_then(|whole| whole.write(&self.page.bytes));
        self.output.write(&self.page);
        self.page.clear();
        if let Some(notice) = said {
            self.say(&notice);
            self.output.write(&self.page);
            self.page.clear();
        }
    }

    fn write_report(&mut self, force: bool) {
        let Some((lost, error)) = self.output.failure_to_report(Instant::now(), force) else {
            return;
        };
        let message = format!("lost {lost} of output: cannot write: {}", error.desc());
        let page = std::mem::take(&mut self.page);
        self.say(&Notice::new("output_lost", message));
        let report = std::mem::replace(&mut self.page, page);
        self.output.recover(report);
    }

    /// Gives the buffers back after a while without output.
    fn cool(&mut self) {
        self.warm = false;
        self.buffer = Vec::new();
        self.page = Page::default();
        if let Some(files) = &mut self.files {
            files.cool();
        }
    }

    fn keys_of(&self, wanted: impl Fn(&Pipe) -> bool) -> Vec<usize> {
        let wanted = |pipe: &Option<Pipe>| pipe.as_ref().is_some_and(&wanted);
        self.pipes.iter().enumerate().filter(|(_, pipe)| wanted(pipe)).map(|(key, _)| key).collect()
    }
}

/// Says how many of the supervisor's own lines are missing at this place.
fn dropped(count: u64) -> Notice {
    let message = format!("{count} messages dropped here: the output was blocked");
    Notice::new("messages_dropped", message).with("count", i64::try_from(count).unwrap_or(i64::MAX))
}
