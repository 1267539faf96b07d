//! Cuts the output of one pipe into lines and dresses each: bytes in, bytes out.

use memchr::{memchr, memchr_iter, memrchr};

use super::dress::Dress;
use super::mask::whole_characters;
use super::page::Page;
use super::separators::{self, Content, Separator};

/// How much room an idle pipe may keep for its next unfinished line, in bytes.
const KEPT_CAPACITY: usize = 1024;

/// The unfinished end of one pipe's output. Empty and without allocation between lines.
///
/// However the bytes of a pipe are cut into chunks, the dressed lines are the same.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// What has been read but not written of the unfinished line.
    carry: Vec<u8>,
    /// Bytes at the front of `carry` that are hidden by a mask already written.
    covered: usize,
    /// The beginning of the unfinished line has been written, its end has not: nothing else may be
    /// written before [`Lines::flush`] or the rest of the line.
    open: bool,
    /// The last byte was `\r`, whose line is written; a `\n` right behind it belongs to it.
    after_return: bool,
}

impl Lines {
    /// Whether a part of the unfinished line has been written, so that it owns the output.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Appends the lines that `chunk` completes to `page` and keeps the rest.
    ///
    /// An unfinished line beyond `dress.carry_limit` is written in parts as it comes, which bounds
    /// memory and loses nothing; [`Lines::is_open`] is true until it ends.
    pub fn push(&mut self, chunk: &[u8], dress: &Dress<'_>, page: &mut Page) {
        let chunk = self.join(chunk, dress, page);
        if chunk.is_empty() {
            return;
        }
        let content = Content::of(chunk);
        if content.newlines_only {
            self.push_newlines_only(chunk, content.ascii, dress, page);
        } else {
            self.push_any(chunk, dress, page);
        }
    }

    /// Ends the unfinished line, if there is one, as if a newline had come.
    pub fn flush(&mut self, dress: &Dress<'_>, page: &mut Page) {
        if self.open || !self.carry.is_empty() {
            self.complete(b"", dress, page);
        }
        self.after_return = false;
    }

    /// Settles what a chunk's first bytes mean together with the last ones of the chunk before: the
    /// `\n` of a `\r\n`, and separators of several bytes. Returns the rest.
    fn join<'c>(&mut self, chunk: &'c [u8], dress: &Dress<'_>, page: &mut Page) -> &'c [u8] {
        let Some(&first) = chunk.first() else { return chunk };
        if std::mem::take(&mut self.after_return) && first == b'\n' {
            return chunk.get(1..).unwrap_or_default();
        }
        // These are also the beginning of longer characters, hence the look at both sides.
        let (before, behind) = match (self.carry.as_slice(), chunk) {
            ([.., 0xc2], [0x85, ..]) => (1, 1),
            ([.., 0xe2], [0x80, 0xa8 | 0xa9, ..]) => (1, 2),
            ([.., 0xe2, 0x80], [0xa8 | 0xa9, ..]) => (2, 1),
            _ => return chunk,
        };
        self.carry.truncate(self.carry.len() - before);
        self.complete(b"", dress, page);
        chunk.get(behind..).unwrap_or_default()
    }

    /// The usual case: only `\n` separates, so the work is one search and two copies a line.
    fn push_newlines_only(
        &mut self,
        chunk: &[u8],
        ascii: bool,
        dress: &Dress<'_>,
        page: &mut Page,
    ) {
        let Some(last) = memrchr(b'\n', chunk) else { return self.keep(chunk, dress, page) };
        let (mut whole, rest) = chunk.split_at(last + 1);
        if self.open || !self.carry.is_empty() {
            let at = memchr(b'\n', whole).unwrap_or(last);
            self.complete(whole.get(..at).unwrap_or_default(), dress, page);
            whole = whole.get(at + 1..).unwrap_or_default();
        }
        let ends = memchr_iter(b'\n', whole);
        let mut from = 0;
        if dress.is_verbatim() && (ascii || std::str::from_utf8(whole).is_ok()) {
            page.bytes.reserve(whole.len());
            for at in ends {
                page.bytes.extend_from_slice(dress.head);
                page.bytes.extend_from_slice(whole.get(from..=at).unwrap_or_default());
                page.lines += 1;
                from = at + 1;
            }
        } else {
            for at in ends {
                self.complete(whole.get(from..at).unwrap_or_default(), dress, page);
                from = at + 1;
            }
        }
        self.keep(rest, dress, page);
    }

    fn push_any(&mut self, mut chunk: &[u8], dress: &Dress<'_>, page: &mut Page) {
        while let Some(Separator { at, len }) = separators::first(chunk) {
            self.complete(chunk.get(..at).unwrap_or_default(), dress, page);
            let (line, rest) = chunk.split_at(at + len);
            self.after_return = rest.is_empty() && line.ends_with(b"\r");
            chunk = rest;
        }
        self.keep(chunk, dress, page);
    }

    /// Writes the unfinished line with `end` behind it, and its foot.
    fn complete(&mut self, end: &[u8], dress: &Dress<'_>, page: &mut Page) {
        if !self.open {
            page.bytes.extend_from_slice(dress.head);
        }
        self.open = false;
        if self.carry.is_empty() {
            self.write(end, true, dress, page);
        } else {
            let mut carry = std::mem::take(&mut self.carry);
            carry.extend_from_slice(end);
            self.write(&carry, true, dress, page);
            if carry.capacity() <= KEPT_CAPACITY {
                carry.clear();
                self.carry = carry;
            }
        }
        // Not 0 of itself when a secret's last byte turned out to begin a separator.
        self.covered = 0;
        page.bytes.extend_from_slice(dress.foot);
        page.lines += 1;
    }

    /// Keeps the beginning of a line, or writes it when there is too much of it.
    fn keep(&mut self, rest: &[u8], dress: &Dress<'_>, page: &mut Page) {
        if rest.is_empty() {
            return;
        }
        self.carry.extend_from_slice(rest);
        if !self.open && self.carry.len() <= dress.carry_limit {
            return;
        }
        if !std::mem::replace(&mut self.open, true) {
            page.bytes.extend_from_slice(dress.head);
        }
        let mut carry = std::mem::take(&mut self.carry);
        let consumed = self.write(&carry, false, dress, page);
        carry.drain(..consumed);
        carry.shrink_to(KEPT_CAPACITY.max(rest.len()));
        self.carry = carry;
    }

    /// Writes the text of a line, or as much as is settled when more follows. Returns how much.
    fn write(&mut self, text: &[u8], last: bool, dress: &Dress<'_>, page: &mut Page) -> usize {
        if dress.mask.is_empty() {
            let settled = if last { text.len() } else { whole_characters(text, text.len()) };
            dress.write_text(text.get(..settled).unwrap_or_default(), &mut page.bytes);
            return settled;
        }
        let mut emit = |piece: &[u8]| dress.write_text(piece, &mut page.bytes);
        let handled = dress.mask.apply(text, self.covered, last, &mut emit);
        self.covered = handled.covered;
        handled.consumed
    }
}

#[cfg(test)]
mod tests;
