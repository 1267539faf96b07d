//! The pipes of a process's output: one for both streams, which alone keeps their order, or one for
//! each where lines tell of which they are.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use super::spawn::output_pipe;

/// The ends of one side.
#[derive(Debug)]
pub struct Ends {
    /// Of standard output, and of standard error where that has none of its own.
    pub out: OwnedFd,
    /// Of standard error.
    pub err: Option<OwnedFd>,
}

impl Ends {
    /// What a process gets for its three standard descriptors.
    #[must_use]
    pub fn streams(&self, input: RawFd) -> [RawFd; 3] {
        let out = self.out.as_raw_fd();
        [input, out, self.err.as_ref().map_or(out, AsRawFd::as_raw_fd)]
    }
}

/// Our ends and those of a process, for both streams together or `apart`.
///
/// # Errors
/// No descriptor is left.
pub fn pipes(apart: bool) -> io::Result<(Ends, Ends)> {
    let (reader, writer) = output_pipe()?;
    let (err_reader, err_writer) = apart.then(output_pipe).transpose()?.unzip();
    Ok((Ends { out: reader, err: err_reader }, Ends { out: writer, err: err_writer }))
}
