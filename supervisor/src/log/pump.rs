//! The log thread: reads the pipes in turn, dresses their lines, writes them.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::dress::{Dress, Heading, width};
use super::handle::{Finished, Shared, lock};
use super::lines::Lines;
use super::notice::Notice;
use super::options::{Format, Options, SourceId, SourceName, Stream};
use super::output::Output;
use super::page::Page;
use super::pipe::{Pipe, Read};
use super::queue::Command;
use super::stamp::Stamper;

/// The size of the shared read buffer while little is read, and the most it grows to.
const BUFFER: (usize, usize) = (16 * 1024, 256 * 1024);

/// How much is dressed before the page is looked at: bounds a page of nothing but empty lines.
const SLICE: usize = 16 * 1024;

/// A page of this size is written even when more could be read.
const PAGE: usize = 128 * 1024;

/// A read of this many bytes means that the pipe was full.
const BUSY: usize = 64 * 1024;

/// An unfinished line beyond this is written in parts.
const CARRY: usize = 256 * 1024;

/// All pipes together may be enlarged by this much: a quarter of what Linux grants one user.
const GROWTH: usize = 16 * 1024 * 1024;

/// How long a line that is being written in parts keeps the output to itself without progress, and
/// in all, once others wait.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

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
                Command::Attach(source, stream, fd) => self.attach(source, stream, fd),
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
        self.write();
        self.write_report(true);
        Finished { lost: self.output.lost(), reader_gone: self.output.is_closed(), gave_up: false }
    }

    fn attach(&mut self, source: SourceId, stream: Stream, fd: Arc<OwnedFd>) {
        let index = source.0 as usize;
        let Some(name) = self.sources.get(index) else { return };
        let heading = Heading::of_source(&self.options, name, stream, index, self.width);
        let key = self.pipes.iter().position(Option::is_none).unwrap_or(self.pipes.len());
        let event = EpollEvent::new(EpollFlags::EPOLLIN, key as u64);
        let pipe = Pipe::new(fd, source, heading)
            .and_then(|pipe| self.epoll.add(&pipe, event).map(|()| pipe));
        match pipe {
            Ok(pipe) if key < self.pipes.len() => {
                if let Some(place) = self.pipes.get_mut(key) {
                    *place = Some(pipe);
                }
            }
            Ok(pipe) => self.pipes.push(Some(pipe)),
            Err(error) => {
                let message = format!("cannot read the output of {name}: {}", error.desc());
                self.say(&Notice::new("output_unreadable", message));
            }
        }
    }

    /// Reads a pipe once, if it is still there: an order may have ended it since it was ready.
    fn read(&mut self, key: usize) {
        let Some(Some(pipe)) = self.pipes.get_mut(key) else { return };
        if self.buffer.is_empty() {
            self.buffer.resize(BUFFER.0, 0);
        }
        let count = match pipe.read(&mut self.buffer) {
            Read::Bytes(count) => count,
            Read::Nothing => return,
            Read::End => return self.close(key),
        };
        self.warm = true;
        if count >= BUSY {
            self.growth_left -= pipe.grow(self.growth_left);
        }
        self.take_in(key, count);
        if count == self.buffer.len() && count < BUFFER.1 {
            self.buffer.resize(count * 4, 0);
        }
    }

    /// Dresses the first `count` bytes of the buffer, which were just read from a pipe.
    fn take_in(&mut self, key: usize, count: usize) {
        let buffer = std::mem::take(&mut self.buffer);
        let bytes = buffer.get(..count).unwrap_or_default();
        if let Some(Some(pipe)) = self.pipes.get(key) {
            if let Some(tail) = lock(&self.shared.tails).get_mut(pipe.source.0 as usize) {
                tail.push(bytes);
            }
            pipe.heading.at(self.stamper.stamp(SystemTime::now()), &mut self.head);
        }
        for slice in bytes.chunks(SLICE) {
            self.with_lines(key, |lines, dress, page| lines.push(slice, dress, page));
            if self.page.bytes.len() >= PAGE {
                self.write();
            }
        }
        self.buffer = buffer;
        self.settle_owner(key);
    }

    /// Reads what a pipe holds now and ends its unfinished line. Bounded by the size of the pipe,
    /// however fast a descendant keeps writing.
    fn drain(&mut self, key: usize) {
        let Some(Some(pipe)) = self.pipes.get(key) else { return };
        let mut left = pipe.pending();
        if self.buffer.is_empty() {
            self.buffer.resize(BUFFER.0, 0);
        }
        while left > 0 {
            let Some(Some(pipe)) = self.pipes.get(key) else { return };
            let room = left.min(self.buffer.len());
            let read = pipe.read(self.buffer.get_mut(..room).unwrap_or_default());
            let Read::Bytes(count) = read else { break };
            self.warm = true;
            self.take_in(key, count);
            left = left.saturating_sub(count);
        }
        self.end_line(key);
    }

    /// Ends the unfinished line of a pipe as if its newline had come.
    fn end_line(&mut self, key: usize) {
        if let Some(Some(pipe)) = self.pipes.get(key) {
            if let Some(tail) = lock(&self.shared.tails).get_mut(pipe.source.0 as usize) {
                tail.end_line();
            }
            pipe.heading.at(self.stamper.stamp(SystemTime::now()), &mut self.head);
        }
        self.with_lines(key, |lines, dress, page| lines.flush(dress, page));
        self.settle_owner(key);
    }

    /// Forgets a pipe that has no writer any more.
    fn close(&mut self, key: usize) {
        self.end_line(key);
        if let Some(pipe) = self.pipes.get_mut(key).and_then(Option::take) {
            // A descriptor shared with nobody leaves the set when it is closed; the handle may
            // be looking at this one, so it is taken out by name.
            let _ = self.epoll.delete(&pipe);
            self.growth_left += pipe.growth;
        }
    }

    /// Runs `work` on the lines of a pipe with its dress; not for a quiet source.
    fn with_lines(&mut self, key: usize, work: impl FnOnce(&mut Lines, &Dress<'_>, &mut Page)) {
        let Some(Some(pipe)) = self.pipes.get_mut(key) else { return };
        if self.sources.get(pipe.source.0 as usize).is_none_or(|name| name.quiet) {
            return;
        }
        let json = self.options.format == Format::Json;
        let dress = Dress {
            head: &self.head,
            foot: if json { b"\"}\n" } else { b"\n" },
            json,
            mask: &self.shared.mask,
            carry_limit: CARRY,
        };
        work(&mut pipe.lines, &dress, &mut self.page);
    }

    /// Notes who owns the output after something was done with the line of a pipe.
    fn settle_owner(&mut self, key: usize) {
        let open = matches!(self.pipes.get(key), Some(Some(pipe)) if pipe.lines.is_open());
        let now = Instant::now();
        match self.owner {
            Some(owner) if owner.key == key && !open => self.owner = None,
            Some(owner) if owner.key == key => {
                let until = (now + PATIENCE.0).min(owner.since + PATIENCE.1);
                self.owner = Some(Owner { until, ..owner });
            }
            None if open => self.owner = Some(Owner { key, since: now, until: now + PATIENCE.0 }),
            _ => {}
        }
    }

    fn say(&mut self, notice: &Notice) {
        let time = self.stamper.stamp(SystemTime::now());
        let format = self.options.format;
        notice.write(format, &self.system, time, &self.shared.mask, &mut self.page);
    }

    /// Writes the page, and before it what an output that failed has lost.
    fn write(&mut self) {
        if self.page.bytes.is_empty() {
            return;
        }
        self.write_report(false);
        self.output.write(&self.page);
        self.page.clear();
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
