//! gzip on all cores, with the same bytes on any number of them.
//!
//! The stream is cut into pieces of one size, and each becomes gzip members of its own: RFC 1952
//! (2.2) makes a file of several members one stream, and whoever unpacks layers reads it so. Pieces
//! know nothing of each other, so they can be compressed in any order and whole, which is what the
//! fastest codec wants. What matches across their borders would have saved is less than half a
//! percent. Within a piece, what cannot be compressed is a member that is stored: looking for
//! matches in it in vain would take longer than all the rest.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;

use libdeflater::{CompressionLvl, Compressor};

use super::dense;
use crate::error::{Failure, Kind};
use crate::parallel;

/// The highest level there is.
pub const HIGHEST: u8 = 12;

/// How many bytes are in a piece, but for the last one of a stream. A piece and what it comes to
/// stay in a core's own cache.
pub const PIECE: usize = 256 * 1024;

/// How many pieces of a stream are under way at the most, whatever the number of cores: each takes
/// up to half a megabyte.
const MOST: usize = 32;

/// Names how streams are cut into members. It changes when that does.
pub const CUT: &str = "gzip, pieces of 256 KiB, dense chunks of 16 KiB stored, level";

/// Compresses what is written through it.
///
/// The caller hands out pieces and writes what comes back, in the order of the stream; threads of
/// the whole program do the work between.
pub struct Members<W> {
    out: W,
    level: u8,
    piece: Vec<u8>,
    /// Pieces that are being compressed, oldest first.
    pending: VecDeque<Receiver<Work>>,
    /// Buffers of earlier pieces.
    spare: Vec<Work>,
    /// Whether there is any member: a stream of nothing has one as well.
    begun: bool,
    share: Share,
}

/// A piece and the members it becomes.
struct Work {
    piece: Vec<u8>,
    members: Room,
}

/// Room that is used again for the members of one piece after another. It only grows: what it had
/// before is written over, and not cleared first, which would cost as much as a copy.
#[derive(Default)]
struct Room {
    room: Vec<u8>,
    /// How much of the room the members of this piece take.
    used: usize,
}

/// Work, and whom to give it back to.
struct Order {
    work: Work,
    level: u8,
    done: Sender<Work>,
}

/// What a stream may use of the memory for pieces.
struct Share;

/// How many streams have a share now.
static SHARES: AtomicUsize = AtomicUsize::new(0);

/// The threads that compress, as many as there are cores, wait for orders here.
static ORDERS: LazyLock<Sender<Order>> = LazyLock::new(|| {
    let (orders, taken) = mpsc::channel();
    let taken = Arc::new(Mutex::new(taken));
    for _ in 0..parallel::cores() {
        let taken = Arc::clone(&taken);
        thread::spawn(move || carry_out(&taken));
    }
    orders
});

/// Compresses as long as there are orders.
fn carry_out(orders: &Mutex<Receiver<Order>>) {
    let next = || orders.lock().unwrap_or_else(PoisonError::into_inner).recv();
    let mut codecs = Codecs::default();
    while let Ok(Order { mut work, level, done }) = next() {
        if work.compress(level, &mut codecs).is_some() {
            // Whoever ordered it may have failed meanwhile.
            let _ = done.send(work);
        }
    }
}

/// The codecs of a thread by their levels, each made when it is first wanted.
#[derive(Default)]
struct Codecs([Option<Compressor>; HIGHEST as usize + 1]);

impl Codecs {
    /// Appends a member to `out`. `None` when there is no such level, or the codec breaks its own
    /// promise.
    fn append(&mut self, level: u8, bytes: &[u8], out: &mut Room) -> Option<()> {
        let slot = self.0.get_mut(usize::from(level))?;
        if slot.is_none() {
            *slot = Some(Compressor::new(CompressionLvl::new(level.into()).ok()?));
        }
        let codec = slot.as_mut()?;
        let wanted = out.used + codec.gzip_compress_bound(bytes.len());
        if out.room.len() < wanted {
            out.room.resize(wanted, 0);
        }
        out.used += codec.gzip_compress(bytes, out.room.get_mut(out.used..)?).ok()?;
        Some(())
    }
}

impl Work {
    fn new() -> Self {
        Self { piece: Vec::with_capacity(PIECE), members: Room::default() }
    }

    fn compress(&mut self, level: u8, codecs: &mut Codecs) -> Option<()> {
        self.members.used = 0;
        if self.piece.is_empty() {
            return codecs.append(level, &[], &mut self.members);
        }
        for (stretch, is_dense) in dense::stretches(&self.piece) {
            codecs.append(if is_dense { 0 } else { level }, stretch, &mut self.members)?;
        }
        Some(())
    }
}

impl Share {
    fn take() -> Self {
        SHARES.fetch_add(1, Ordering::Relaxed);
        Self
    }

    /// How many pieces a stream may have under way: alone it keeps all cores busy, and many
    /// together take no more memory than one.
    fn pieces(&self) -> usize {
        let all = MOST.min(2 * parallel::cores());
        (all / SHARES.load(Ordering::Relaxed).max(1)).max(2)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        SHARES.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<W: Write> Members<W> {
    /// Compresses into `out`, with a level from 0 to [`HIGHEST`].
    pub fn new(out: W, level: u8) -> Self {
        Self {
            out,
            level,
            piece: Vec::with_capacity(PIECE),
            pending: VecDeque::new(),
            spare: Vec::new(),
            begun: false,
            share: Share::take(),
        }
    }

    /// Ends the stream and gives `out` back.
    ///
    /// # Errors
    /// When `out` does not take what is left.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.piece.is_empty() || !self.begun {
            self.order()?;
        }
        while !self.pending.is_empty() {
            self.write_oldest()?;
        }
        Ok(self.out)
    }

    fn order(&mut self) -> io::Result<()> {
        while self.pending.len() >= self.share.pieces() {
            self.write_oldest()?;
        }
        // Other streams may have come since: what they take, this one gives.
        self.spare.truncate(self.share.pieces().saturating_sub(self.pending.len()));
        let mut work = self.spare.pop().unwrap_or_else(Work::new);
        work.piece.clear();
        std::mem::swap(&mut work.piece, &mut self.piece);
        let (done, pending) = mpsc::channel();
        self.begun = true;
        self.pending.push_back(pending);
        ORDERS.send(Order { work, level: self.level, done }).map_err(|_| broken())
    }

    fn write_oldest(&mut self) -> io::Result<()> {
        let Some(oldest) = self.pending.pop_front() else { return Ok(()) };
        let work = oldest.recv().map_err(|_| broken())?;
        let Room { room, used } = &work.members;
        self.out.write_all(room.get(..*used).unwrap_or(room))?;
        self.spare.push(work);
        Ok(())
    }
}

impl<W: Write> Write for Members<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(bytes.get(..taken).unwrap_or(bytes));
        if self.piece.len() == PIECE {
            self.order()?;
        }
        Ok(taken)
    }

    /// Does nothing: a flush in the middle would be seen in the bytes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn broken() -> io::Error {
    io::Error::other(Failure::new(Kind::Internal, "the compression of a layer broke down"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compressed(bytes: &[u8], level: u8) -> Vec<u8> {
        let mut members = Members::new(Vec::new(), level);
        members.write_all(bytes).unwrap();
        members.finish().unwrap()
    }

    /// How many members a stream has, and what is in them.
    fn members(mut stream: &[u8]) -> (usize, Vec<u8>) {
        let (mut count, mut whole) = (0, Vec::new());
        while !stream.is_empty() {
            let mut member = flate2::bufread::GzDecoder::new(stream);
            io::copy(&mut member, &mut whole).unwrap();
            stream = member.into_inner();
            count += 1;
        }
        (count, whole)
    }

    #[test]
    fn a_stream_has_a_member_for_each_piece_and_one_at_least() {
        for (size, count) in [(0, 1), (1, 1), (PIECE, 1), (PIECE + 1, 2), (7 * PIECE, 7)] {
            let bytes: Vec<u8> = (0..size).map(|at| (at / 1000) as u8).collect();
            for level in [0, 1, HIGHEST] {
                assert!(members(&compressed(&bytes, level)) == (count, bytes.clone()), "{size}");
            }
        }
    }

    /// Streams of several levels share the threads.
    #[test]
    fn streams_at_the_same_time_do_not_meet() {
        let bytes: Vec<u8> = (0..5 * PIECE + 3).map(|at| (at % 251 + at / 999) as u8).collect();
        let alone: Vec<Vec<u8>> = (0..4).map(|level| compressed(&bytes, level)).collect();
        thread::scope(|scope| {
            for turn in 0..16_u8 {
                let (bytes, expected) = (&bytes, &alone[usize::from(turn % 4)]);
                scope.spawn(move || assert!(compressed(bytes, turn % 4) == *expected));
            }
        });
    }

    #[test]
    fn a_stream_gives_back_what_others_take() {
        let mut members = Members::new(io::sink(), 0);
        members.spare = (0..50).map(|_| Work::new()).collect();
        // So many that each has the least there is, whatever other tests do meanwhile.
        let _others: Vec<Share> = (0..2 * parallel::cores()).map(|_| Share::take()).collect();
        for _ in 0..9 {
            members.write_all(&vec![1; PIECE]).unwrap();
            let kept = members.spare.len() + members.pending.len();
            assert!(kept <= members.share.pieces(), "{kept} pieces");
        }
    }

    #[test]
    fn what_cannot_be_written_ends_the_stream() {
        let mut room = [0; 100];
        let mut members = Members::new(room.as_mut_slice(), 0);
        let result = members.write_all(&[1; 9 * PIECE]).and_then(|()| members.finish().map(drop));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::WriteZero);
    }
}
