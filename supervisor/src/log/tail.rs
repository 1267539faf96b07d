//! The last bytes of a source, for a post-mortem and for `logs`.

use super::mask::Mask;
use super::separators;

/// How much of a source is remembered at most, in bytes.
const CAPACITY: usize = 4096;

/// How much is left when room has to be made, in bytes: enough to make that rare.
const KEPT: usize = CAPACITY / 2;

/// The undressed end of a source's output. Takes no memory until the source writes.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: Vec<u8>,
    /// Something before `bytes` has been forgotten.
    cut: bool,
}

impl Tail {
    /// Remembers the end of `chunk`.
    pub fn push(&mut self, chunk: &[u8]) {
        if self.bytes.len() + chunk.len() > CAPACITY {
            let kept = KEPT.saturating_sub(chunk.len()).min(self.bytes.len());
            self.bytes.drain(..self.bytes.len() - kept);
            self.cut = true;
        }
        let room = CAPACITY - self.bytes.len();
        let needed = chunk.len().min(room);
        if needed > self.bytes.capacity() - self.bytes.len() {
            // Doubles like any vector, but never beyond what is remembered.
            self.bytes.reserve_exact(needed.max(self.bytes.len()).min(room));
        }
        let end = chunk.get(chunk.len().saturating_sub(room)..).unwrap_or_default();
        self.bytes.extend_from_slice(end);
    }

    /// Ends the unfinished line, so that what comes next is another one.
    pub fn end_line(&mut self) {
        if self.bytes.last().is_some_and(|byte| *byte != b'\n') {
            self.push(b"\n");
        }
    }

    /// At most the last `count` lines, the unfinished one included, secrets masked. A line whose
    /// beginning was forgotten is left out, because what is left of it may be half a secret.
    pub fn lines(&self, count: usize, mask: &Mask) -> Vec<String> {
        let lines = separators::split(&self.bytes);
        let first = lines.len().saturating_sub(count).max(usize::from(self.cut));
        let masked = |line: &&[u8]| {
            let mut out = Vec::new();
            mask.apply(line, 0, true, &mut |piece| out.extend_from_slice(piece));
            String::from_utf8_lossy(&out).into_owned()
        };
        lines.iter().skip(first).map(masked).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_whole_lines_of_the_end() {
        let mask = Mask::new(&[b"hunter2".to_vec()]);
        let mut tail = Tail::default();
        tail.push(b"one\ntw");
        tail.push(b"o hunter2\nlast");
        assert_eq!(tail.lines(9, &mask), ["one", "two ***", "last"]);
        assert_eq!(tail.lines(1, &mask), ["last"]);
        tail.end_line();
        tail.end_line();
        tail.push(b"next");
        assert_eq!(tail.lines(2, &mask), ["last", "next"]);
        for i in 0..10_000 {
            tail.push(format!("line {i}\n").as_bytes());
        }
        assert_eq!(tail.lines(2, &mask), ["line 9998", "line 9999"]);
        let all = tail.lines(usize::MAX, &mask);
        assert!(all.len() > 150 && all.iter().all(|line| line.len() == 9), "{all:?}");
        assert!(tail.bytes.capacity() <= CAPACITY);
        tail.push(&[b'x'; CAPACITY + 1]);
        assert_eq!(tail.lines(1, &mask), [""; 0], "the beginning of the line is gone");
    }
}
