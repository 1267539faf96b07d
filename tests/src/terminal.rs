//! A terminal a program runs in, as a user would sit at it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A program in a terminal of its own. It is killed when this is dropped.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Starts a program in a terminal of 24 lines and 80 columns.
    ///
    /// # Panics
    /// When there is no terminal to be had or the program cannot be started.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let ends = openpty(&size(24, 80), None).expect("a pseudo-terminal");
        let side = |fd: &OwnedFd| fd.try_clone().expect("a copy of a descriptor");
        command.stdin(side(&ends.slave)).stdout(side(&ends.slave)).stderr(ends.slave);
        command.env("TERM", "xterm");
        // SAFETY: only calls that are async-signal-safe happen between fork and exec.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                if libc::ioctl(0, libc::TIOCSCTTY, 0) == 0 {
                    Ok(())
                } else {
                    Err(std::io::Error::last_os_error())
                }
            });
        }
        let child = command.spawn().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        // The command keeps its copies of our side's descriptors until it is changed or dropped;
        // the end of the program would never be seen here.
        command.stdin(std::process::Stdio::null());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());

        let keyboard = File::from(ends.master);
        let mut output = keyboard.try_clone().expect("a copy of a descriptor");
        let screen = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&screen);
        let reader = thread::spawn(move || {
            let mut chunk = [0; 4096];
            // The kernel says EIO, not the end of the file, when nobody has the terminal any more.
            while let Ok(count @ 1..) = output.read(&mut chunk) {
                let mut screen = written.lock().unwrap_or_else(PoisonError::into_inner);
                screen.extend_from_slice(&chunk[..count]);
            }
        });
        Self { child, keyboard, screen, reader }
    }

    /// Everything that was shown so far, escape sequences and all.
    #[must_use]
    pub fn shown(&self) -> String {
        let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&screen).into_owned()
    }

    /// Waits until a text was shown.
    ///
    /// # Panics
    /// When it never is, with what was shown instead.
    #[track_caller]
    pub fn wait_for(&self, limit: Duration, text: &str) {
        let end = Instant::now() + limit;
        while !self.shown().contains(text) {
            let shown = self.shown();
            assert!(Instant::now() < end, "waited in vain for {text:?}, shown was: {shown}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Types a text.
    ///
    /// # Panics
    /// When nobody has the terminal any more.
    #[track_caller]
    pub fn enter(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("the terminal is open");
    }

    /// Sends the program a signal.
    ///
    /// # Panics
    /// When it has ended.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("the program still runs");
    }

    /// Changes the size of the terminal.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[track_caller]
    pub fn resize(&self, lines: u16, columns: u16) {
        let size = size(lines, columns);
        // SAFETY: the descriptor is open and the structure is what this request takes.
        let done = unsafe { libc::ioctl(self.keyboard.as_raw_fd(), libc::TIOCSWINSZ, &size) };
        assert_eq!(done, 0, "cannot change the size: {}", std::io::Error::last_os_error());
    }

    /// Waits until the program ends and returns its code as a shell has it, and all that was shown.
    ///
    /// # Panics
    /// When it does not end within the limit.
    #[track_caller]
    pub fn end_within(mut self, limit: Duration) -> (i32, String) {
        let end = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                break status;
            }
            assert!(Instant::now() < end, "still runs after {limit:?}, shown: {}", self.shown());
            thread::sleep(Duration::from_millis(5));
        };
        // What the program wrote last is still on its way; a process it left behind may keep the
        // terminal open for ever.
        let end = Instant::now() + Duration::from_secs(5);
        while !self.reader.is_finished() && Instant::now() < end {
            thread::sleep(Duration::from_millis(2));
        }
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        (code, self.shown())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(lines: u16, columns: u16) -> Winsize {
    Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}
