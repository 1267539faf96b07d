//! Looking for one text in the output of one pipe, however its bytes are cut into chunks.

use memchr::memmem::Finder;

/// A text that somebody waits for.
///
/// The text holds no line break, so wherever the stream holds it, one line does: nothing has to be
/// cut into lines to find it, and no more than the text's own length is remembered.
#[derive(Debug)]
pub struct Watch {
    finder: Finder<'static>,
    token: u64,
    /// The end of what has been seen: shorter than the text, so that it alone never matches.
    before: Vec<u8>,
}

impl Watch {
    /// Looks for `text`; `token` is what [`super::Log::heard`] gives when it was found.
    #[must_use]
    pub fn new(text: &str, token: u64) -> Self {
        Self { finder: Finder::new(text).into_owned(), token, before: Vec::new() }
    }

    /// What to say when the text is found.
    pub(super) fn token(&self) -> u64 {
        self.token
    }

    /// Looks at the next bytes of the stream; says whether the text ends within them.
    pub(super) fn sees(&mut self, chunk: &[u8]) -> bool {
        let overlap = self.finder.needle().len().saturating_sub(1);
        let start = chunk.get(..overlap).unwrap_or(chunk);
        self.before.extend_from_slice(start);
        if self.finder.find(&self.before).is_some() || self.finder.find(chunk).is_some() {
            return true;
        }
        if chunk.len() >= overlap {
            self.before.clear();
            let end = chunk.get(chunk.len() - overlap..).unwrap_or_default();
            self.before.extend_from_slice(end);
        } else {
            self.before.drain(..self.before.len().saturating_sub(overlap));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(text: &str, chunks: &[&[u8]]) -> bool {
        let mut watch = Watch::new(text, 7);
        chunks.iter().any(|chunk| watch.sees(chunk))
    }

    #[test]
    fn found_whole_split_and_not_at_all() {
        let ready = "listening on";
        for (chunks, want) in [
            (vec![&b"now listening on 80\n"[..]], true),
            (vec![b"now listen", b"ing on 80\n"], true),
            (vec![b"now l", b"i", b"stening ", b"on"], true),
            (vec![b"listening ", b"listening on"], true),
            (vec![b"listening\non"], false),
            (vec![b"listening ", b"\non"], false),
            (vec![b"listening o"], false),
            (vec![b""], false),
        ] {
            assert_eq!(seen(ready, &chunks), want, "{chunks:?}");
        }
        assert!(seen("x", &[b"ab", b"x"]));
    }

    proptest! {
        /// The cuts make no difference, and little is remembered.
        #[test]
        fn chunks_are_as_good_as_the_whole(
            text in "[ab]{1,5}",
            stream in "[ab\n]{0,40}",
            cuts in prop::collection::vec(0usize..40, 0..6),
        ) {
            let bytes = stream.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|at| *at <= bytes.len()).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut watch = Watch::new(&text, 0);
            let mut found = false;
            for pair in cuts.windows(2) {
                found = found || watch.sees(&bytes[pair[0]..pair[1]]);
                prop_assert!(watch.before.len() < 2 * text.len());
            }
            prop_assert_eq!(found, stream.contains(&text));
        }
    }
}
