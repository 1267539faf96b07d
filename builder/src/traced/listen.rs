//! The parent's part: a thread that is asked about each call, notes it, and lets it go on.

use std::io::{IoSliceMut, PipeWriter};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::{ffi, fs, mem, thread};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use super::call::{self, Call, Name};
use super::looked::{How, Looked, Places};

/// The longest name a call may have (`PATH_MAX`), with the byte that ends it.
const LONGEST: usize = 4096;
/// Memory is readable or not by pages of at least this size.
const PAGE: usize = 4096;
/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP` of `linux/seccomp.h`.
const SYNC_WAKE_UP: libc::c_ulong = 1;

/// Hears of a program's calls.
#[derive(Debug)]
pub struct Listener {
    stop: PipeWriter,
    result: Receiver<Looked>,
}

impl Listener {
    /// Begins to answer what comes in at `notifications`. `None` where that is not possible, which
    /// closes the descriptor: each call in question fails then.
    pub fn start(notifications: OwnedFd, places: Places) -> Option<Self> {
        let (wake, stop) = std::io::pipe().ok()?;
        let (tell, result) = mpsc::channel();
        let root = fs::metadata("/").ok()?;
        let root = (root.dev(), root.ino());
        synchronous(&notifications);
        thread::Builder::new()
            .name("traced".to_owned())
            .spawn(move || {
                Ear { notifications, places, root, looked: Looked::default() }
                    .hear(&wake.into(), tell)
            })
            .ok()?;
        Some(Self { stop, result })
    }

    /// What was looked at, once the program has ended. `None` when that is not known.
    pub fn end(self) -> Option<Looked> {
        drop(self.stop);
        self.result.recv().ok()
    }
}

/// Asks the kernel to hand the processor back and forth between the caller and us (Linux 6.6): each
/// waits for the other anyway.
fn synchronous(notifications: &OwnedFd) {
    // SAFETY: this request takes a number and writes nothing; older kernels refuse it.
    let _ = unsafe {
        libc::ioctl(notifications.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP)
    };
}

struct Ear {
    notifications: OwnedFd,
    places: Places,
    /// The device and the number of our root directory.
    root: (u64, u64),
    looked: Looked,
}

impl Ear {
    /// Answers until nobody is left who could ask. What was looked at is told once `wake` is closed:
    /// whoever outlives the program, as what git starts in the background does, is answered but not
    /// listened to.
    fn hear(mut self, wake: &OwnedFd, tell: Sender<Looked>) {
        let mut tell = Some(tell);
        loop {
            let mut ready = vec![PollFd::new(self.notifications.as_fd(), PollFlags::POLLIN)];
            if tell.is_some() {
                ready.push(PollFd::new(wake.as_fd(), PollFlags::POLLIN));
            }
            match poll(&mut ready, PollTimeout::NONE) {
                Err(Errno::EINTR) => continue,
                Err(_) => return,
                Ok(_) => {}
            }
            let of =
                |at: usize| ready.get(at).and_then(PollFd::revents).unwrap_or(PollFlags::empty());
            let (calls, ended) = (of(0), !of(1).is_empty());
            if calls.contains(PollFlags::POLLIN) {
                if self.answer().is_err() {
                    return;
                }
            } else if ended {
                if let Some(tell) = tell.take() {
                    let _ = tell.send(mem::take(&mut self.looked));
                }
            } else if !calls.is_empty() {
                // Nobody who has the filter is left.
                if let Some(tell) = tell {
                    let _ = tell.send(self.looked);
                }
                return;
            }
        }
    }

    /// Notes one call and lets it go on.
    fn answer(&mut self) -> nix::Result<()> {
        // SAFETY: all bytes zero are a valid value of this structure of plain numbers, and what the
        // kernel wants to be given.
        let mut asked: libc::seccomp_notif = unsafe { mem::zeroed() };
        // SAFETY: the descriptor takes this request, and the structure is as large as it says.
        let result = unsafe {
            libc::ioctl(
                self.notifications.as_raw_fd(),
                libc::SECCOMP_IOCTL_NOTIF_RECV,
                &raw mut asked,
            )
        };
        match Errno::result(result) {
            // Who asked was interrupted, or killed, in between.
            Err(Errno::ENOENT | Errno::EINTR) => return Ok(()),
            other => other?,
        };
        let heard = self.understand(&asked);
        // What was read is of the caller only if it is still there: its number may be another's.
        // SAFETY: this request takes the address of a number, which it only reads.
        let there = unsafe {
            libc::ioctl(
                self.notifications.as_raw_fd(),
                libc::SECCOMP_IOCTL_NOTIF_ID_VALID,
                &raw const asked.id,
            )
        };
        if there == 0 {
            match heard {
                Ok(Some((path, how))) => self.looked.note(&self.places, path, how),
                Ok(None) => {}
                Err(why) => self.looked.give_up(why),
            }
        }
        let mut answer = libc::seccomp_notif_resp {
            id: asked.id,
            val: 0,
            error: 0,
            flags: libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
        };
        // SAFETY: the descriptor takes this request, and the structure is as large as it says.
        let result = unsafe {
            libc::ioctl(
                self.notifications.as_raw_fd(),
                libc::SECCOMP_IOCTL_NOTIF_SEND,
                &raw mut answer,
            )
        };
        match Errno::result(result) {
            Err(Errno::ENOENT) => Ok(()),
            other => other.map(drop),
        }
    }

    /// The name a call looks up, and what for.
    fn understand(
        &self,
        asked: &libc::seccomp_notif,
    ) -> Result<Option<(PathBuf, How)>, &'static str> {
        let pid = Pid::from_raw(i32::try_from(asked.pid).map_err(|_| "a caller without a number")?);
        let called = match call::of(&asked.data) {
            Call::OpenHow(name, how) => call::opened(name, number(pid, how)?),
            called => called,
        };
        let (name, how) = match called {
            Call::Beyond => return Err("a call that is not understood"),
            Call::Connect(address) => return local(pid, address).map(|()| None),
            Call::Look(name) => (name, How::Look),
            Call::Open(name) => (name, How::Read),
            Call::Write(name) => (name, How::Write),
            Call::OpenHow(..) => return Err("a call that is not understood"),
        };
        // Builders have a root of their own, where names mean something else; what they see is named
        // by their derivation.
        let root = fs::metadata(format!("/proc/{pid}/root"))
            .map_err(|_| "a process one cannot look at")?;
        if (root.dev(), root.ino()) != self.root {
            return Ok(None);
        }
        let text = text(pid, name.address)?;
        // Without a name it is about an open file, whose name was looked up before.
        if text.is_empty() {
            return Ok(None);
        }
        let path = Path::new(ffi::OsStr::from_bytes(&text));
        if path.is_absolute() {
            return Ok(Some((path.to_owned(), how)));
        }
        Ok(Some((below(pid, name)?.join(path), how)))
    }
}

/// The directory that a name which is not absolute is looked up in.
fn below(pid: Pid, name: Name) -> Result<PathBuf, &'static str> {
    let link = match name.directory {
        libc::AT_FDCWD => format!("/proc/{pid}/cwd"),
        open => format!("/proc/{pid}/fd/{open}"),
    };
    let directory = fs::read_link(link).map_err(|_| "a directory one cannot find out")?;
    // A directory that is gone has no name, and its text says so after the one it had.
    if directory.is_absolute() && !directory.as_os_str().as_bytes().ends_with(b" (deleted)") {
        Ok(directory)
    } else {
        Err("a directory without a name")
    }
}

/// The text that ends with a zero byte at this address. What cannot be read, the call itself will not
/// be able to read either: it is as good as none.
fn text(pid: Pid, address: u64) -> Result<Vec<u8>, &'static str> {
    let mut text = vec![0; LONGEST];
    let count = read(pid, address, &mut text)?;
    text.truncate(count);
    match text.iter().position(|&byte| byte == 0) {
        Some(end) => text.truncate(end),
        None => text.clear(),
    }
    Ok(text)
}

/// The number of eight bytes at this address.
fn number(pid: Pid, address: u64) -> Result<u64, &'static str> {
    let mut bytes = [0; 8];
    read(pid, address, &mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

/// Refuses all addresses of a network.
fn local(pid: Pid, address: u64) -> Result<(), &'static str> {
    let mut family = [0; 2];
    read(pid, address, &mut family)?;
    match i32::from(u16::from_ne_bytes(family)) {
        libc::AF_UNIX | libc::AF_UNSPEC | libc::AF_NETLINK => Ok(()),
        _ => Err("the network"),
    }
}

/// Reads from the memory of a process as many bytes as there are, up to the end of the buffer; none
/// where nothing can be read at the address.
fn read(pid: Pid, address: u64, buffer: &mut [u8]) -> Result<usize, &'static str> {
    let base = usize::try_from(address).map_err(|_| "an address that is none")?;
    // Pieces are transferred whole or not at all, so each ends where its page does.
    let in_first = (PAGE - base % PAGE).min(buffer.len());
    let mut pieces = vec![RemoteIoVec { base, len: in_first }];
    if in_first < buffer.len() {
        let Some(base) = base.checked_add(in_first) else { return Ok(0) };
        pieces.push(RemoteIoVec { base, len: buffer.len() - in_first });
    }
    match process_vm_readv(pid, &mut [IoSliceMut::new(buffer)], &pieces) {
        Ok(count) => Ok(count),
        Err(Errno::EFAULT) => Ok(0),
        Err(_) => Err("memory one may not read"),
    }
}
