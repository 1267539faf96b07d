//! Followers of the log: raw output is copied to them within bounds, and dressed on their side.
//!
//! The log thread never waits for a follower. What has no room is counted and said in its place,
//! and costs the followed processes nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use memchr::memchr2;
use tokio::sync::Notify;

use super::handle::{Shared, lock};
use super::mask::{Mask, whole_characters};
use super::options::SourceId;
use super::tail::OpenLine;

/// How much one follower may have waiting, in bytes.
const ROOM: usize = 256 * 1024;

/// What a piece costs beside its bytes.
const PIECE: usize = 64;

/// The most bytes in one piece. A follower takes one at a time: as lines of a single byte they need
/// more than a hundred times as much memory.
const BYTES: usize = 1024;

/// A line beyond this many bytes is handed out in parts.
const PART: usize = 8 * 1024;

/// One thing a follower is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// A line, or a part of one.
    Line {
        /// Who wrote it.
        source: SourceId,
        /// Undressed, without its newline, secrets masked, what is no UTF-8 replaced.
        text: String,
        /// The line goes on with the next one of this source.
        more: bool,
    },
    /// So many bytes are missing here, because the follower was too slow.
    Lost(u64),
}

/// All followers of a log. Costs one look at a number while there are none.
#[derive(Debug, Default)]
pub(super) struct Followers {
    count: AtomicUsize,
    feeds: Mutex<Vec<Arc<Feed>>>,
}

/// What is on its way to one follower.
#[derive(Debug)]
struct Feed {
    sources: Vec<SourceId>,
    waiting: Mutex<Waiting>,
    /// Woken when something waits that did not before.
    news: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    pieces: VecDeque<Piece>,
    weight: usize,
    /// The log has ended, or the follower is gone.
    closed: bool,
}

#[derive(Debug)]
enum Piece {
    Bytes(SourceId, Vec<u8>),
    /// The unfinished line ends here, as if its newline had come.
    LineEnd(SourceId),
    Lost(Hole),
}

/// Where output is missing.
#[derive(Debug)]
struct Hole {
    bytes: u64,
    /// Whose it was, in order.
    sources: Vec<SourceId>,
}

impl Followers {
    /// Adds one that is given the output of these sources from now on.
    ///
    /// `open` has the line that each of them is in the middle of.
    pub fn add(
        &self,
        shared: &Arc<Shared>,
        sources: Vec<SourceId>,
        open: Vec<OpenLine>,
    ) -> Following {
        let lines = sources.iter().copied().zip(open.into_iter().map(Unfinished::begun)).collect();
        let feed = Arc::new(Feed { sources, waiting: Mutex::default(), news: Notify::new() });
        let mut feeds = lock(&self.feeds);
        feeds.push(Arc::clone(&feed));
        self.count.store(feeds.len(), Ordering::Release);
        Following { shared: Arc::clone(shared), feed, lines }
    }

    /// Hands on what `source` has written.
    pub fn offer(&self, source: SourceId, bytes: &[u8]) {
        self.each_of(source, |waiting| {
            for bytes in bytes.chunks(BYTES) {
                if waiting.has_room(bytes.len()) {
                    waiting.pieces.push_back(Piece::Bytes(source, bytes.to_vec()));
                } else {
                    waiting.lose(source, bytes.len());
                }
            }
        });
    }

    /// Says that the unfinished line of `source` is over.
    pub fn end_line(&self, source: SourceId) {
        self.each_of(source, |waiting| {
            if waiting.has_room(0) {
                waiting.pieces.push_back(Piece::LineEnd(source));
            } else {
                waiting.lose(source, 0);
            }
        });
    }

    /// Lets every follower come to its end after what waits for it.
    pub fn close(&self) {
        for feed in lock(&self.feeds).drain(..) {
            lock(&feed.waiting).closed = true;
            feed.news.notify_one();
        }
        self.count.store(0, Ordering::Release);
    }

    fn each_of(&self, source: SourceId, tell: impl Fn(&mut Waiting)) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        for feed in lock(&self.feeds).iter().filter(|feed| feed.sources.contains(&source)) {
            let mut waiting = lock(&feed.waiting);
            let slept = waiting.pieces.is_empty();
            tell(&mut waiting);
            drop(waiting);
            if slept {
                feed.news.notify_one();
            }
        }
    }

    fn remove(&self, gone: &Arc<Feed>) {
        let mut feeds = lock(&self.feeds);
        feeds.retain(|feed| !Arc::ptr_eq(feed, gone));
        self.count.store(feeds.len(), Ordering::Release);
    }
}

impl Waiting {
    /// Takes the room that so many bytes need, if there is as much: a byte at a time must not take
    /// more memory than many at once.
    fn has_room(&mut self, count: usize) -> bool {
        let weight = self.weight + count + PIECE;
        let fits = weight <= ROOM;
        if fits {
            self.weight = weight;
        }
        fits
    }

    /// Takes out the oldest piece.
    fn take(&mut self) -> Option<Piece> {
        let piece = self.pieces.pop_front()?;
        self.weight -= match &piece {
            Piece::Bytes(_, bytes) => bytes.len() + PIECE,
            Piece::LineEnd(_) => PIECE,
            Piece::Lost(hole) => hole.sources.len() * size_of::<SourceId>(),
        };
        Some(piece)
    }

    /// Notes down what had no room. A hole takes room as well, which nobody is asked for.
    fn lose(&mut self, source: SourceId, count: usize) {
        if !matches!(self.pieces.back(), Some(Piece::Lost(_))) {
            self.pieces.push_back(Piece::Lost(Hole { bytes: 0, sources: Vec::new() }));
        }
        if let Some(Piece::Lost(hole)) = self.pieces.back_mut() {
            hole.bytes = hole.bytes.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            if let Err(place) = hole.sources.binary_search(&source) {
                hole.sources.insert(place, source);
                self.weight += size_of::<SourceId>();
            }
        }
    }
}

/// The receiving end of one follower. Dropping it ends the following.
pub struct Following {
    shared: Arc<Shared>,
    feed: Arc<Feed>,
    lines: HashMap<SourceId, Unfinished>,
}

impl Following {
    /// Waits for output and returns what has come; `None` once the log has ended.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Vec<Followed>> {
        loop {
            let (piece, closed) = {
                let mut waiting = lock(&self.feed.waiting);
                (waiting.take(), waiting.closed)
            };
            let mut told = Vec::new();
            match piece {
                Some(piece) => self.take_in(piece, &mut told),
                None if closed => return None,
                None => self.feed.news.notified().await,
            }
            if !told.is_empty() {
                return Some(told);
            }
        }
    }

    fn take_in(&mut self, piece: Piece, told: &mut Vec<Followed>) {
        let mask = &self.shared.mask();
        match piece {
            Piece::Bytes(source, bytes) => {
                let line = self.lines.entry(source).or_default();
                line.push(&bytes, mask, &mut |text, more| {
                    told.push(Followed::Line { source, text, more });
                });
            }
            Piece::LineEnd(source) => {
                if let Some(mut line) = self.lines.remove(&source) {
                    line.end(mask, &mut |text, more| {
                        told.push(Followed::Line { source, text, more });
                    });
                }
            }
            Piece::Lost(hole) => {
                // What is left of a line with a hole may be the second half of a secret.
                for source in hole.sources {
                    let skipping = Unfinished { skips: true, ..Unfinished::default() };
                    self.lines.insert(source, skipping);
                }
                told.push(Followed::Lost(hole.bytes));
            }
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.shared.followers.remove(&self.feed);
    }
}

/// The line a source is in the middle of.
#[derive(Debug, Default)]
struct Unfinished {
    bytes: Vec<u8>,
    /// Bytes at the front that belong to a secret whose mask was handed out with the part before.
    covered: usize,
    /// Parts of it were handed out.
    open: bool,
    /// Nothing until the next line can be trusted to be whole.
    skips: bool,
    /// The last byte was `\r`; a `\n` right behind it ends the same line.
    after_return: bool,
}

impl Unfinished {
    /// A line whose beginning has already been read.
    fn begun(open: OpenLine) -> Self {
        Self {
            bytes: if open.headless { Vec::new() } else { open.bytes },
            skips: open.headless,
            after_return: open.after_return,
            ..Self::default()
        }
    }

    fn push(&mut self, mut chunk: &[u8], mask: &Mask, tell: &mut impl FnMut(String, bool)) {
        while let Some(at) = memchr2(b'\n', b'\r', chunk) {
            let (line, rest) = chunk.split_at(at);
            let newline = rest.first() == Some(&b'\n');
            chunk = rest.get(1..).unwrap_or_default();
            if std::mem::take(&mut self.after_return) && newline && line.is_empty() {
                continue;
            }
            self.after_return = !newline;
            self.keep(line, mask, tell);
            self.complete(mask, tell);
        }
        if !chunk.is_empty() {
            self.after_return = false;
            self.keep(chunk, mask, tell);
        }
    }

    /// Ends the line if there is one.
    fn end(&mut self, mask: &Mask, tell: &mut impl FnMut(String, bool)) {
        if self.open || !self.bytes.is_empty() {
            self.complete(mask, tell);
        }
    }

    fn keep(&mut self, text: &[u8], mask: &Mask, tell: &mut impl FnMut(String, bool)) {
        if self.skips {
            return;
        }
        for slice in text.chunks(PART) {
            self.bytes.extend_from_slice(slice);
            if self.bytes.len() > PART {
                let settled = whole_characters(&self.bytes, self.bytes.len());
                let mut out = Vec::new();
                let handled = mask.apply(
                    self.bytes.get(..settled).unwrap_or_default(),
                    self.covered,
                    false,
                    &mut |piece| out.extend_from_slice(piece),
                );
                self.bytes.drain(..handled.consumed);
                self.covered = handled.covered;
                self.open = true;
                tell(String::from_utf8_lossy(&out).into_owned(), true);
            }
        }
    }

    fn complete(&mut self, mask: &Mask, tell: &mut impl FnMut(String, bool)) {
        if !std::mem::take(&mut self.skips) {
            let mut out = Vec::new();
            mask.apply(&self.bytes, self.covered, true, &mut |piece| out.extend_from_slice(piece));
            tell(String::from_utf8_lossy(&out).into_owned(), false);
        }
        self.bytes = Vec::new();
        self.covered = 0;
        self.open = false;
    }
}

#[cfg(test)]
mod tests;
