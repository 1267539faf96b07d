//! Memory for codecs that take much of it: whoever wants to compress waits until there is room.
//!
//! Layers are compressed several at a time, and what a codec takes depends on its level alone, not on
//! the layer: without a bound, four uploads at zstd's highest level would take 360 MB.

use std::sync::{Condvar, Mutex, PoisonError};

/// One mebibyte.
const MIB: usize = 1024 * 1024;

/// How much all codecs of this program take together. Up to level 9 of zstd there is room for four of
/// them, which is as many uploads as there are at a time.
static ALL: Room = Room::new(64 * MIB);

/// What zstd takes at levels 1 to 19, in MiB: its window, the tables in which it looks for matches, and
/// buffers for what it reads and writes. A test compares it with what the codec says of itself.
const ZSTD: [usize; 19] = [2, 2, 4, 5, 6, 6, 8, 8, 15, 25, 25, 45, 37, 53, 69, 37, 57, 58, 90];

/// What zstd takes at a level, in bytes.
pub fn of_zstd(level: u8) -> usize {
    let row = usize::from(level).clamp(1, ZSTD.len()) - 1;
    ZSTD.get(row).copied().unwrap_or_default() * MIB
}

/// An amount of memory that is shared.
#[derive(Debug)]
pub struct Room {
    all: usize,
    taken: Mutex<usize>,
    given_back: Condvar,
}

/// The right to take some of it, given back when the value goes.
#[derive(Debug)]
pub struct Permit {
    room: &'static Room,
    bytes: usize,
}

/// Waits for as many bytes of what codecs may take.
pub fn take(bytes: usize) -> Permit {
    ALL.take(bytes)
}

impl Room {
    const fn new(all: usize) -> Self {
        Self { all, taken: Mutex::new(0), given_back: Condvar::new() }
    }

    /// Waits until there is room for `bytes`. Who wants more than there is at all gets it alone.
    fn take(&'static self, bytes: usize) -> Permit {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |taken: &mut usize| *taken > 0 && bytes > self.all.saturating_sub(*taken);
        let taken = self.given_back.wait_while(taken, |taken| bytes > 0 && is_full(taken));
        *taken.unwrap_or_else(PoisonError::into_inner) += bytes;
        Permit { room: self, bytes }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.room.taken.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.room.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use zstd::zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer};

    use super::*;

    /// What the codec says it takes once it is at work.
    fn measured(level: u8) -> usize {
        let mut codec = CCtx::create();
        codec.set_parameter(CParameter::CompressionLevel(level.into())).unwrap();
        let (bytes, mut out) = (vec![b'x'; 256 * 1024], vec![0; 512 * 1024]);
        for _ in 0..2 {
            let mut input = InBuffer::around(&bytes);
            codec.compress_stream(&mut OutBuffer::around(&mut out), &mut input).unwrap();
        }
        codec.sizeof()
    }

    #[test]
    fn zstd_takes_what_is_reckoned_with() {
        for level in 1..=19 {
            let (real, reckoned) = (measured(level), of_zstd(level));
            assert!(reckoned >= real && reckoned - real <= MIB, "{level}: {real} of {reckoned}");
        }
    }

    #[test]
    fn no_more_is_taken_at_once_than_there_is_and_nobody_waits_for_ever() {
        for (wants, most) in
            [(0, usize::MAX), (10, 100), (30, 90), (60, 60), (100, 100), (101, 101)]
        {
            let room: &'static Room = Box::leak(Box::new(Room::new(100)));
            let (now, peak) = (AtomicUsize::new(0), AtomicUsize::new(0));
            thread::scope(|scope| {
                for _ in 0..16 {
                    scope.spawn(|| {
                        for _ in 0..50 {
                            let permit = room.take(wants);
                            let taken = now.fetch_add(wants, Ordering::SeqCst) + wants;
                            peak.fetch_max(taken, Ordering::SeqCst);
                            thread::yield_now();
                            now.fetch_sub(wants, Ordering::SeqCst);
                            drop(permit);
                        }
                    });
                }
            });
            let peak = peak.into_inner();
            assert!(peak <= most, "{wants}: {peak}");
            assert_eq!(*room.taken.lock().unwrap(), 0, "{wants}");
        }
    }

    /// One that needs nothing never waits, whoever has all there is.
    #[test]
    fn what_takes_no_memory_waits_for_none() {
        let room: &'static Room = Box::leak(Box::new(Room::new(1)));
        let _all = room.take(5);
        let _none = room.take(0);
    }
}
