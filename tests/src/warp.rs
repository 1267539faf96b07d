//! A program that is shown another time of day than the machine's, so that its clock can be stepped
//! without touching anybody else's.
//!
//! The program is traced: every look at the time of day is answered with the machine's time moved
//! by an offset. So that such a look is a system call at all, which it is not where the kernel
//! offers a page that answers it (vdso(7)), that page is hidden from the program as it starts.
//! Only the program and its threads are traced, not its children.

use std::collections::HashSet;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::wait;

/// A program in its own time.
#[derive(Debug)]
pub struct Warped {
    pid: Pid,
    clock: Arc<Clock>,
    tracer: JoinHandle<io::Result<ExitStatus>>,
}

/// What the program is shown, and what it does with time.
#[derive(Debug, Default)]
struct Clock {
    offset: AtomicI64,
    looks: AtomicU64,
    waits: Mutex<Vec<String>>,
}

/// How a program ended, and what it did with time.
#[derive(Debug)]
pub struct Ended {
    /// As a shell has it: the exit code, or 128 and the number of the signal.
    pub code: i32,
    /// How often it looked at the time of day.
    pub looks: u64,
    /// System calls that wait for a time of day, which come too early or too late when it is set.
    pub waits: Vec<String>,
}

impl Warped {
    /// Starts a program with its standard output going where the command says, and no input.
    ///
    /// # Panics
    /// When it cannot be started or may not be traced.
    #[must_use]
    #[track_caller]
    pub fn start(mut command: Command) -> Self {
        let clock = Arc::new(Clock::default());
        let (say, pid) = std::sync::mpsc::channel();
        let shared = Arc::clone(&clock);
        // A tracer is one thread, and the one that has started the program.
        let tracer = thread::spawn(move || {
            command.stdin(Stdio::null());
            // SAFETY: the call is one system call, which is all that is allowed there.
            unsafe { command.pre_exec(|| Ok(ptrace::traceme()?)) };
            let mut child = command.spawn()?;
            let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
            let _ = say.send(pid);
            let traced = trace(pid, &shared);
            if traced.is_err() {
                give_up(&mut child);
            }
            traced
        });
        let pid = pid.recv().expect("the program can be started");
        Self { pid, clock, tracer }
    }

    /// Moves its time of day to the machine's with this many seconds added.
    pub fn set(&self, seconds: i64) {
        self.clock.offset.store(seconds, Ordering::SeqCst);
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it is gone.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        nix::sys::signal::kill(self.pid, signal).expect("the program still runs");
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// When it does not, or could not be traced to its end.
    #[must_use]
    #[track_caller]
    pub fn end(self) -> Ended {
        let end = Instant::now() + wait::SOON;
        while !self.tracer.is_finished() {
            if Instant::now() >= end {
                let _ = nix::sys::signal::kill(self.pid, Signal::SIGKILL);
                panic!("still runs after {:?}", wait::SOON);
            }
            thread::sleep(std::time::Duration::from_millis(5));
        }
        let status = self.tracer.join().expect("the tracer does not panic").expect("it is traced");
        let waits = self.clock.waits.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ended {
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()),
            looks: self.clock.looks.load(Ordering::SeqCst),
            waits,
        }
    }
}

/// Follows the program from its `exec` to its end.
fn trace(main: Pid, clock: &Clock) -> io::Result<ExitStatus> {
    // Only what this thread traces: children of other tests are none of ours.
    let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
    waitpid(main, Some(flags))?;
    hide_vdso(main)?;
    let options =
        Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_EXITKILL;
    ptrace::setoptions(main, options)?;
    go_on(main, None)?;
    let mut answering = HashSet::new();
    let mut greeted = HashSet::from([main]);
    loop {
        let (thread, signal) = match waitpid(None, Some(flags))? {
            WaitStatus::Exited(pid, code) if pid == main => {
                return Ok(ExitStatus::from_raw(code << 8));
            }
            WaitStatus::Signaled(pid, signal, _) if pid == main => {
                return Ok(ExitStatus::from_raw(signal as i32));
            }
            WaitStatus::PtraceSyscall(pid) => {
                at_system_call(pid, clock, &mut answering)?;
                (pid, None)
            }
            // A new thread begins with a stop that nobody has sent.
            WaitStatus::Stopped(pid, Signal::SIGSTOP) if greeted.insert(pid) => (pid, None),
            WaitStatus::Stopped(pid, signal) => (pid, Some(signal)),
            WaitStatus::PtraceEvent(pid, ..) => (pid, None),
            _ => continue,
        };
        go_on(thread, signal)?;
    }
}

/// Lets a thread run to its next system call.
fn go_on(thread: Pid, signal: Option<Signal>) -> io::Result<()> {
    match ptrace::syscall(thread, signal) {
        // It was killed meanwhile, and its end is reported next.
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Looks at a system call as it begins, and changes what it says as it ends.
fn at_system_call(
    thread: Pid,
    clock: &Clock,
    answering: &mut HashSet<(Pid, u64)>,
) -> io::Result<()> {
    let info = match ptrace::syscall_info(thread) {
        Ok(info) => info,
        Err(Errno::ESRCH) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match info.op {
        libc::PTRACE_SYSCALL_INFO_ENTRY => {
            // SAFETY: `op` says which member of the union was filled in.
            let entry = unsafe { info.u.entry };
            let number = libc::c_long::try_from(entry.nr).unwrap_or(-1);
            let [first, second, ..] = entry.args;
            if number == libc::SYS_clock_gettime && is_time_of_day(first) {
                answering.insert((thread, second));
            }
            if let Some(name) = waits_for_time_of_day(number, entry.args) {
                let mut waits = clock.waits.lock().unwrap_or_else(PoisonError::into_inner);
                waits.push(name.to_owned());
            }
        }
        libc::PTRACE_SYSCALL_INFO_EXIT => {
            let Some(asked) = answering.iter().find(|(one, _)| *one == thread).copied() else {
                return Ok(());
            };
            answering.remove(&asked);
            clock.looks.fetch_add(1, Ordering::SeqCst);
            // The seconds come first in what was filled in.
            let at = asked.1 as ptrace::AddressType;
            let seconds = ptrace::read(thread, at)?;
            let moved = seconds + clock.offset.load(Ordering::SeqCst) as libc::c_long;
            ptrace::write(thread, at, moved)?;
        }
        _ => {}
    }
    Ok(())
}

fn is_time_of_day(clock: u64) -> bool {
    [libc::CLOCK_REALTIME, libc::CLOCK_REALTIME_COARSE].iter().any(|one| *one as u64 == clock)
}

/// The name of a system call that waits for, or is woken at, a time of day.
fn waits_for_time_of_day(number: libc::c_long, arguments: [u64; 6]) -> Option<&'static str> {
    let [first, second, _, fourth, ..] = arguments;
    let absolute = second & libc::TIMER_ABSTIME as u64 != 0;
    match number {
        libc::SYS_futex if second & libc::FUTEX_CLOCK_REALTIME as u64 != 0 && fourth != 0 => {
            Some("futex")
        }
        libc::SYS_timerfd_create if is_time_of_day(first) => Some("timerfd_create"),
        libc::SYS_timer_create if is_time_of_day(first) => Some("timer_create"),
        libc::SYS_clock_nanosleep if is_time_of_day(first) && absolute => Some("clock_nanosleep"),
        _ => None,
    }
}

/// Takes the address of the kernel's page out of what a new program finds above its stack: the
/// count and the list of its arguments, its environment, and then pairs of a kind and a value.
fn hide_vdso(program: Pid) -> io::Result<()> {
    const WORD: u64 = size_of::<libc::c_long>() as u64;
    let mut at = ptrace::syscall_info(program)?.stack_pointer;
    let read = |at: u64| ptrace::read(program, at as ptrace::AddressType);
    let arguments = u64::try_from(read(at)?).map_err(io::Error::other)?;
    at += WORD * (arguments + 2);
    while read(at)? != 0 {
        at += WORD;
    }
    at += WORD;
    loop {
        let kind = u64::try_from(read(at)?).map_err(io::Error::other)?;
        match kind {
            libc::AT_NULL => return Ok(()),
            libc::AT_SYSINFO_EHDR => {
                ptrace::write(program, at as ptrace::AddressType, libc::AT_IGNORE as libc::c_long)?;
                return Ok(());
            }
            _ => at += 2 * WORD,
        }
    }
}

fn give_up(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
