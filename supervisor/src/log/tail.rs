//! The last bytes of a source, for a post-mortem and for `logs`.

use memchr::memrchr2;

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

/// A line that a source is in the middle of.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OpenLine {
    pub bytes: Vec<u8>,
    /// Its beginning has been forgotten.
    pub headless: bool,
    /// It is empty, and a `\n` that comes now belongs to the end of the line before.
    pub after_return: bool,
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
        self.last_of(&self.bytes, count, mask)
    }

    /// The last `count` lines that are over, as [`Tail::lines`] gives them, and the one that is not.
    pub fn lines_and_open(&self, count: usize, mask: &Mask) -> (Vec<String>, OpenLine) {
        let over = memrchr2(b'\n', b'\r', &self.bytes).map_or(0, |at| at + 1);
        let (lines, open) = self.bytes.split_at(over);
        let open = OpenLine {
            bytes: open.to_vec(),
            headless: self.cut && lines.is_empty(),
            after_return: lines.last() == Some(&b'\r') && open.is_empty(),
        };
        (self.last_of(lines, count, mask), open)
    }

    fn last_of(&self, bytes: &[u8], count: usize, mask: &Mask) -> Vec<String> {
        let lines = separators::split(bytes);
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
        let (lines, open) = tail.lines_and_open(1, &mask);
        assert_eq!((lines, open), (vec!["line 9999".to_owned()], OpenLine::default()));
        tail.push(&[b'x'; CAPACITY + 1]);
        assert_eq!(tail.lines(1, &mask), [""; 0], "the beginning of the line is gone");
        let (lines, open) = tail.lines_and_open(1, &mask);
        assert!(lines.is_empty() && open.headless, "{lines:?}");
    }

    #[test]
    fn the_line_that_is_not_over_is_told_apart() {
        let (mask, mut tail) = (Mask::default(), Tail::default());
        let mut push = |bytes: &[u8]| {
            tail.push(bytes);
            tail.lines_and_open(9, &mask)
        };
        let open = |bytes: &[u8], headless, after_return| OpenLine {
            bytes: bytes.to_vec(),
            headless,
            after_return,
        };
        assert_eq!(push(b"half"), (vec![], open(b"half", false, false)));
        assert_eq!(push(b" whole\r"), (vec!["half whole".into()], open(b"", false, true)));
        assert_eq!(push(b"\n"), (vec!["half whole".into()], open(b"", false, false)));
        assert_eq!(
            push(b"10%\r2"),
            (vec!["half whole".into(), "10%".into()], open(b"2", false, false))
        );
    }
}
