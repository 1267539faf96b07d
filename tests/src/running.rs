//! A program that was started: its output so far, signals to it, and how it ended.

use std::io::Read;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{process_table, wait};

/// How a program ended, and all it said.
#[derive(Clone, Debug)]
pub struct Ended {
    /// As a shell has it: the exit code, or 128 and the number of the signal.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ended {
    /// The same, when the exit code is this one.
    ///
    /// # Panics
    /// When it is another one, showing what was said.
    #[must_use]
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "the exit code; out: {}\nerr: {}", self.out, self.err);
        self
    }
}

/// A program that was started. It is killed, with all below it, when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    out: Reader,
    err: Reader,
}

impl Running {
    /// Starts a program without input.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let mut running = Self::start_unread(command);
        running.read();
        running
    }

    /// Starts a program whose standard output nobody reads until [`Running::read`].
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    pub fn start_unread(command: &mut Command) -> Self {
        Self::start_into(command, Stdio::piped())
    }

    /// Starts a program whose standard output goes elsewhere.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    pub fn start_into(command: &mut Command, output: Stdio) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let mut err = Reader::default();
        err.follow(child.stderr.take());
        Self { child, out: Reader::default(), err }
    }

    /// Begins to read standard output.
    pub fn read(&mut self) {
        self.out.follow(self.child.stdout.take());
    }

    /// The process id of what was started.
    ///
    /// # Panics
    /// When the kernel's numbers no longer fit.
    #[must_use]
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a process id")
    }

    /// What it wrote so far.
    #[must_use]
    pub fn out(&self) -> String {
        self.out.text()
    }

    /// Waits until its output has this text.
    ///
    /// # Panics
    /// When it never comes, showing what came.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        let end = Instant::now() + wait::SOON;
        while !self.out().contains(text) {
            let (out, err) = (self.out(), self.err.text());
            assert!(Instant::now() < end, "waited in vain for {text:?}\nout: {out}\nerr: {err}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a signal to what was started.
    ///
    /// # Panics
    /// When it is gone.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("the program still runs");
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// When it does not within the limit, showing what it said.
    #[track_caller]
    pub fn end_within(mut self, limit: Duration) -> Ended {
        let end = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                break status;
            }
            let (out, err) = (self.out(), self.err.text());
            assert!(Instant::now() < end, "still runs after {limit:?}\nout: {out}\nerr: {err}");
            thread::sleep(Duration::from_millis(2));
        };
        self.read();
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        Ended { code, out: self.out.rest(), err: self.err.rest() }
    }

    /// Waits until it ends, as long as anything may take.
    ///
    /// # Panics
    /// As [`Running::end_within`].
    #[track_caller]
    pub fn end(self) -> Ended {
        self.end_within(wait::SOON)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed left what it supervised without a supervisor.
        let alive = matches!(self.child.try_wait(), Ok(None));
        let below = if alive { process_table::descendants(self.pid()) } else { Vec::new() };
        let _ = self.child.kill();
        for pid in below {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}

/// Runs a program to its end.
///
/// # Panics
/// When it cannot be started, or takes longer than a build may.
#[track_caller]
pub fn run(command: &mut Command) -> Ended {
    Running::start(command).end_within(Duration::from_secs(240))
}

/// Collects what comes out of a pipe.
#[derive(Debug, Default)]
struct Reader {
    text: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    fn follow(&mut self, pipe: Option<impl Read + Send + 'static>) {
        let Some(mut pipe) = pipe else { return };
        let text = Arc::clone(&self.text);
        self.thread = Some(thread::spawn(move || {
            let mut chunk = [0; 65_536];
            while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                let mut text = text.lock().unwrap_or_else(PoisonError::into_inner);
                text.extend_from_slice(&chunk[..count]);
            }
        }));
    }

    fn text(&self) -> String {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Everything, once the pipe is closed. A process that was left behind may hold it open for
    /// ever; what came until then is what there is.
    fn rest(&mut self) -> String {
        let end = Instant::now() + Duration::from_secs(2);
        if let Some(thread) = self.thread.take() {
            while !thread.is_finished() && Instant::now() < end {
                thread::sleep(Duration::from_millis(2));
            }
        }
        self.text()
    }
}
