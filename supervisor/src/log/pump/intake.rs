//! The reading half of the log thread: from pipes to dressed lines on the page.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::epoll::{EpollEvent, EpollFlags};

use super::super::dress::{Dress, Heading};
use super::super::handle::lock;
use super::super::lines::Lines;
use super::super::notice::Notice;
use super::super::options::{Format, SourceId, Stream};
use super::super::page::{Page, Volume};
use super::super::pipe::{Pipe, Read};
use super::super::queue::Command;
use super::super::watch::Watch;
use super::{CARRY, Owner, PAGE, Pump};

/// The size of the shared read buffer while little is read, and the most it grows to.
const BUFFER: (usize, usize) = (16 * 1024, 64 * 1024);

/// A read of this many bytes means that the pipe was full.
const BUSY: usize = 64 * 1024;

/// How much is dressed before the page is looked at, and the size at which it is written then. Only
/// lines of a few bytes, which grow many times over, get there.
const SLICE: usize = 16 * 1024;
const FULL: usize = 512 * 1024;

/// How long a line that is being written in parts keeps the output to itself without progress, and
/// in all, once others wait.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

impl Pump {
    /// Starts to read a pipe.
    pub(super) fn attach(
        &mut self,
        source: SourceId,
        stream: Stream,
        fd: Arc<OwnedFd>,
        watch: Option<Box<Watch>>,
    ) {
        let index = source.0 as usize;
        let Some(name) = self.sources.get(index) else { return };
        let heading = Heading::of_source(&self.options, name, stream, index, self.width);
        let side = self.files.as_mut().map(|files| files.side(&self.options, name, stream, index));
        let key = self.pipes.iter().position(Option::is_none).unwrap_or(self.pipes.len());
        let event = EpollEvent::new(EpollFlags::EPOLLIN, key as u64);
        let (side, trouble) = match side.transpose() {
            Ok(side) => (side.map(Box::new), None),
            Err(trouble) => (None, Some(trouble)),
        };
        let pipe = Pipe::new(fd, source, heading, side, watch)
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
        if let Some(trouble) = trouble {
            self.say(&trouble);
        }
    }

    /// Reads a pipe once, if it is still there: an order may have ended it since it was ready.
    pub(super) fn read(&mut self, key: usize) {
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
        if let Some(Some(pipe)) = self.pipes.get_mut(key) {
            let source = pipe.source;
            {
                let mut tails = lock(&self.shared.tails);
                if let Some(tail) = tails.get_mut(source.0 as usize) {
                    tail.push(bytes);
                }
                self.shared.followers.offer(source, bytes);
            }
            if let Some(read) = lock(&self.shared.read).get_mut(source.0 as usize) {
                *read += Volume::count(bytes);
            }
            if self.sources.get(source.0 as usize).is_some_and(|name| !name.quiet) {
                self.shared.shown_last.store(source.0, Ordering::Release);
            }
            if let Some(watch) = pipe.watch.take_if(|watch| watch.sees(bytes)) {
                self.shared.tell(watch.token());
            }
            pipe.heading.at(self.stamper.stamp(SystemTime::now()), &mut self.head);
        }
        for slice in bytes.chunks(SLICE) {
            self.with_lines(key, |lines, dress, page| lines.push(slice, dress, page));
            if self.page.bytes.len() >= FULL {
                self.write();
            }
        }
        self.file(key, buffer.get(..count).unwrap_or_default(), false);
        self.buffer = buffer;
        if self.page.bytes.len() >= PAGE {
            self.write();
        }
        self.settle_owner(key);
    }

    /// Reads what a pipe holds now and ends its unfinished line. Bounded by the size of the pipe,
    /// however fast a descendant keeps writing.
    pub(super) fn drain(&mut self, key: usize) {
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
    pub(super) fn end_line(&mut self, key: usize) {
        if let Some(Some(pipe)) = self.pipes.get(key) {
            let mut tails = lock(&self.shared.tails);
            if let Some(tail) = tails.get_mut(pipe.source.0 as usize) {
                tail.end_line();
            }
            self.shared.followers.end_line(pipe.source);
            drop(tails);
            pipe.heading.at(self.stamper.stamp(SystemTime::now()), &mut self.head);
        }
        self.with_lines(key, |lines, dress, page| lines.flush(dress, page));
        self.file(key, b"", true);
        self.settle_owner(key);
    }

    /// Writes to the pipe's own file, where it has one.
    fn file(&mut self, key: usize, bytes: &[u8], ends: bool) {
        let (Some(files), Some(Some(pipe))) = (&mut self.files, self.pipes.get_mut(key)) else {
            return;
        };
        let Some(side) = &mut pipe.side else { return };
        let index = pipe.source.0 as usize;
        if let Some(trouble) = files.write(index, side, bytes, ends, &self.shared.mask()) {
            // Not here: this may be in the middle of a line. It is said as an order is.
            lock(&self.shared.queue).push(Command::Say(trouble));
            let _ = self.shared.wake.write(1);
        }
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
        let mask = self.shared.mask();
        let dress = Dress {
            head: &self.head,
            foot: if json { b"\"}\n" } else { b"\n" },
            json,
            mask: &mask,
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
}
