//! Bytes that are kept until they can be sent: in memory while there is room, and the rest in a file
//! without a name.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};

/// How many bytes are in a piece of memory. Pieces are used again, since a new one costs more than what
/// is written into it.
const PIECE: usize = 256 * 1024;

/// The pieces of the whole program.
static PIECES: Pieces = Pieces(Mutex::new(Shelf { spare: Vec::new(), handed_out: 0 }));

struct Pieces(Mutex<Shelf>);

struct Shelf {
    spare: Vec<Vec<u8>>,
    handed_out: usize,
}

/// What has been written, for as long as it is wanted.
pub struct Kept {
    /// How many bytes all that is kept may take in memory.
    most: usize,
    pieces: Vec<Vec<u8>>,
    /// What found no room, and how many bytes that is.
    rest: Option<(File, u64)>,
}

/// A reader from the beginning.
pub struct Reading<'a> {
    kept: &'a Kept,
    piece: usize,
    /// How much has been read of that piece, or of the file.
    at: u64,
}

impl Pieces {
    /// An empty piece, unless as much memory as there may be is taken already.
    fn take(&self, most: usize) -> Option<Vec<u8>> {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if (shelf.handed_out + 1) * PIECE > most {
            return None;
        }
        shelf.handed_out += 1;
        Some(shelf.spare.pop().unwrap_or_else(|| Vec::with_capacity(PIECE)))
    }

    fn give_back(&self, pieces: Vec<Vec<u8>>) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.handed_out -= pieces.len();
        for mut piece in pieces {
            piece.clear();
            shelf.spare.push(piece);
        }
    }
}

impl Kept {
    /// Nothing yet. In memory there will be no more than makes up `most` bytes with all else that is kept
    /// by this program.
    pub fn new(most: usize) -> Self {
        Self { most, pieces: Vec::new(), rest: None }
    }

    /// A reader of all of it, from the beginning.
    pub fn read(&self) -> Reading<'_> {
        Reading { kept: self, piece: 0, at: 0 }
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.rest.is_none() && self.pieces.last().is_none_or(|last| last.len() >= PIECE) {
            match PIECES.take(self.most) {
                Some(piece) => self.pieces.push(piece),
                None => self.rest = Some((tempfile::tempfile()?, 0)),
            }
        }
        if let Some((file, size)) = &mut self.rest {
            let count = file.write(bytes)?;
            *size += count as u64;
            return Ok(count);
        }
        let Some(last) = self.pieces.last_mut() else { return Ok(0) };
        let count = bytes.len().min(PIECE - last.len());
        last.extend_from_slice(bytes.get(..count).unwrap_or(bytes));
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        PIECES.give_back(std::mem::take(&mut self.pieces));
    }
}

impl Read for Reading<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(piece) = self.kept.pieces.get(self.piece) {
            let start = usize::try_from(self.at).unwrap_or(usize::MAX);
            let left = piece.get(start..).unwrap_or_default();
            if !left.is_empty() {
                let count = left.len().min(out.len());
                out[..count].copy_from_slice(&left[..count]);
                self.at += count as u64;
                return Ok(count);
            }
            (self.piece, self.at) = (self.piece + 1, 0);
        }
        let Some((file, size)) = &self.kept.rest else { return Ok(0) };
        let count = file.read_at(out, self.at)?;
        // The file has no name, so nobody else can have cut it.
        if count == 0 && self.at < *size && !out.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(most: usize, size: usize, step: usize) -> (Kept, Vec<u8>) {
        let bytes: Vec<u8> = (0..size).map(|at| (at / 7 % 251) as u8).collect();
        let mut kept = Kept::new(most);
        for part in bytes.chunks(step) {
            kept.write_all(part).unwrap();
        }
        (kept, bytes)
    }

    fn all(kept: &Kept) -> Vec<u8> {
        let mut all = Vec::new();
        kept.read().read_to_end(&mut all).unwrap();
        all
    }

    /// With and without room; a second reader begins anew, wherever the first one is.
    #[test]
    fn what_is_kept_can_be_read_again_and_again() {
        for most in [0, 1, usize::MAX] {
            for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5] {
                for step in [1000, PIECE, 2 * PIECE + 1] {
                    let (kept, bytes) = written(most, size, step);
                    assert_eq!(kept.rest.is_some(), most < PIECE && size > 0);
                    let _ = kept.read().read(&mut [0; 10]).unwrap();
                    assert!(all(&kept) == bytes && all(&kept) == bytes, "{most} {size} {step}");
                }
            }
        }
    }

    /// Other tests keep things at the same time, so the room here is no less than all of them take.
    #[test]
    fn what_finds_no_room_is_not_lost_and_room_is_given_back() {
        let pieces = Pieces(Mutex::new(Shelf { spare: Vec::new(), handed_out: 0 }));
        let most = 3 * PIECE + 1;
        let three: Vec<Vec<u8>> = (0..3).map(|_| pieces.take(most).unwrap()).collect();
        assert!(pieces.take(most).is_none());
        pieces.give_back(three);
        assert!(pieces.take(most).is_some_and(|piece| piece.is_empty()));
        assert_eq!(pieces.0.lock().unwrap().spare.len(), 2);

        // Half in memory, half in the file.
        let (mut kept, mut bytes) = written(usize::MAX, PIECE + 100, PIECE);
        kept.most = 0;
        let more = vec![9; 3 * PIECE];
        kept.write_all(&more).unwrap();
        bytes.extend(more);
        assert!(kept.rest.is_some() && all(&kept) == bytes);
    }
}
