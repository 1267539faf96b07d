//! Finds the one line of a request in what a client sends, however it is cut, within bounds.

/// The longest request, in bytes, its newline included. Room for a thousand names.
pub const LIMIT: usize = 64 * 1024;

/// What has been received of a request.
#[derive(Debug, Default)]
pub struct Received {
    bytes: Vec<u8>,
}

/// Why what is being received can become no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl Received {
    /// Takes in more bytes and returns the line once it is complete. What follows the line is
    /// dropped: a connection carries one request.
    ///
    /// # Errors
    /// The line has more than [`LIMIT`] bytes. Nothing beyond is kept.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Option<Vec<u8>>, TooLong> {
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let line = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or(chunk);
        // The newline counts, whether it has come or not.
        if self.bytes.len() + line.len() >= LIMIT {
            return Err(TooLong);
        }
        self.bytes.extend_from_slice(line);
        Ok(end.map(|_| std::mem::take(&mut self.bytes)))
    }

    /// The line as the client left it when it has nothing more to say. Empty if it said nothing.
    #[must_use]
    pub fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}
