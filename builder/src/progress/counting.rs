//! Bytes counted on their way, and told about now and then: often enough to watch, and always once
//! the last one is counted.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// How often somebody is told how far it is.
const BETWEEN: Duration = Duration::from_millis(100);

/// A count of bytes, and who hears of it.
pub struct Counting<'a> {
    count: u64,
    end: u64,
    told: Instant,
    tell: &'a (dyn Fn(u64) + Sync),
}

/// Whatever is read or written through it is counted.
pub struct Counted<'a, T> {
    counting: Counting<'a>,
    inner: T,
}

impl<'a> Counting<'a> {
    /// Begins at `count`, which is told, and expects bytes up to `end`; where nobody knows how many
    /// there are, that is the largest number.
    pub fn from(count: u64, end: u64, tell: &'a (dyn Fn(u64) + Sync)) -> Self {
        tell(count);
        Self { count, end, told: Instant::now(), tell }
    }

    /// Counts what is read or written through the result.
    pub fn through<T>(self, inner: T) -> Counted<'a, T> {
        Counted { counting: self, inner }
    }

    /// Counts `count` more bytes.
    pub fn add(&mut self, count: usize) {
        let before = self.count;
        self.count += count as u64;
        let complete = before < self.end && self.count >= self.end;
        if count > 0 && (complete || self.told.elapsed() >= BETWEEN) {
            self.told = Instant::now();
            (self.tell)(self.count);
        }
    }

    /// How many bytes have been counted.
    pub fn count(&self) -> u64 {
        self.count
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.counting.add(count);
        Ok(count)
    }
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.counting.add(count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn the_first_and_the_last_byte_are_told_however_fast_they_come() {
        let told = Mutex::new(Vec::new());
        let tell = |count| told.lock().unwrap().push(count);
        let mut counted = Counting::from(2, 5, &tell).through(&b"345"[..]);
        let mut byte = [0];
        while counted.read(&mut byte).unwrap() > 0 {}
        let mut counted = Counting::from(0, 4, &tell).through(io::sink());
        counted.write_all(b"1234").unwrap();
        assert_eq!(*told.lock().unwrap(), [2, 5, 0, 4]);
    }
}
