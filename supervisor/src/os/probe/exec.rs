//! A check that is a command: it is good when it ends with 0.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::unistd::read;
use tokio::task::AbortHandle;

use super::super::attributes::Attributes;
use super::super::bell::Bell;
use super::super::kill::Pid;
use super::super::setting::Setting;
use super::super::spawn::{self, Launch, Place};
use crate::machine::RunEnd;

/// How much of its output is kept to explain a bad end, in bytes.
const KEPT: usize = 200;

/// A command to be run.
#[derive(Clone, Copy)]
pub struct Command<'a> {
    /// Argument vector.
    pub arguments: &'a [String],
    /// That of the process it is about.
    pub setting: &'a Setting,
    /// As whom and within which limits it runs: as the process it is about.
    pub attributes: &'a Attributes,
    /// Something to read from that is at its end.
    pub input: RawFd,
    /// Its limit of open descriptors; absent: ours.
    pub descriptors: Option<libc::rlimit>,
}

/// A command that runs. Its output is read all the time, so that it never waits for us.
pub struct Running {
    /// Its process, which leads a session of its own.
    pub pid: Pid,
    output: Arc<Output>,
    reader: AbortHandle,
}

/// The reading end of the command's output, and the last of what came out.
struct Output {
    pipe: Bell,
    end: Mutex<Vec<u8>>,
}

impl Command<'_> {
    /// Starts the command, within the runtime.
    ///
    /// # Errors
    /// It cannot be started; the text says why.
    pub fn start(self) -> Result<Running, String> {
        let unreadable = |error: io::Error| format!("cannot read its output: {error}");
        let (reader, writer) = spawn::output_pipe().map_err(unreadable)?;
        // Its open file description is ours alone: the writer still waits when the pipe is full.
        fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|e| unreadable(e.into()))?;
        let pipe = Bell::on(reader).map_err(unreadable)?;
        let command: Vec<OsString> = self.arguments.iter().map(OsString::from).collect();
        let launch = Launch {
            command: &command,
            variables: &self.setting.variables,
            directory: self.setting.directory.as_deref(),
            place: Place::Session,
            streams: Some([self.input, writer.as_raw_fd(), writer.as_raw_fd()]),
            own_id_in: &[],
            attributes: Some(self.attributes),
            descriptors: self.descriptors,
        };
        let pid = spawn::spawn(&launch).map_err(|error| error.explain(&launch))?;
        let output = Arc::new(Output { pipe, end: Mutex::default() });
        let reader = tokio::spawn(Arc::clone(&output).keep_reading()).abort_handle();
        Ok(Running { pid, output, reader })
    }
}

impl Running {
    /// What the end of the command says.
    ///
    /// # Errors
    /// It is not 0; the text says how it ended and what it said last.
    pub fn judge(&mut self, end: RunEnd) -> Result<(), String> {
        let how = match end {
            RunEnd::Code(0) => return Ok(()),
            RunEnd::Code(_) | RunEnd::Unusable => format!("exit code {}", end.exit_code()),
            RunEnd::Signal(number) => format!("ended by signal {number}"),
        };
        Err(match self.last_words() {
            Some(words) => format!("{how}: {words}"),
            None => how,
        })
    }

    /// The last line of its output, when there is one.
    pub fn last_words(&mut self) -> Option<String> {
        self.output.read();
        last_line(&self.output.end.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// What a look into the pipe brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// As much as one look takes; there may be more.
    More,
    /// Nothing more for now.
    Empty,
    /// Every writer has closed it.
    End,
}

impl Output {
    async fn keep_reading(self: Arc<Self>) {
        loop {
            self.pipe.rings().await;
            loop {
                match self.read() {
                    Look::More => tokio::task::yield_now().await,
                    Look::Empty => break,
                    Look::End => return,
                }
            }
        }
    }

    /// Reads what is there, at the most as much as a pipe holds.
    fn read(&self) -> Look {
        let mut buffer = [0; 4096];
        for _ in 0..16 {
            match read(self.pipe.descriptor(), &mut buffer) {
                Ok(0) => return Look::End,
                Ok(count) => {
                    let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
                    end.extend_from_slice(buffer.get(..count).unwrap_or_default());
                    let surplus = end.len().saturating_sub(KEPT);
                    end.drain(..surplus);
                }
                Err(Errno::EAGAIN | Errno::EINTR) => return Look::Empty,
                Err(_) => return Look::End,
            }
        }
        Look::More
    }
}

/// The last line that says something, without characters that would move a terminal's cursor.
fn last_line(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    Some(line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_says_something() {
        for (output, want) in [
            (&b""[..], None),
            (b"\n \n", None),
            (b"one\ntwo", Some("two")),
            (b"one\ntwo\n\n", Some("two")),
            (b"\x1b[31mred\x1b[0m\r\n", Some("[31mred [0m")),
        ] {
            let line = last_line(output);
            assert_eq!(line.as_deref().map(str::trim), want, "{}", output.escape_ascii());
        }
    }
}
