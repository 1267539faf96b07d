//! Sets the attributes of a new process, between `fork` and `exec`.
//!
//! The rules of [`super::super::child`] hold: async-signal-safe calls only, nothing is allocated.
//! Users and groups are set by the system calls themselves. The C library's functions would tell
//! all threads to change theirs as well, by means that do not work after a fork.

use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::libc::{self, c_int, c_long, c_ulong};

use super::{Attribute, Attributes, Granted};

/// What could not be set, and the error number.
pub type Failed = (Attribute, c_int);

/// Arguments of `prctl`, which takes whole machine words.
const YES: c_ulong = 1;
const NO: c_ulong = 0;

/// The first descriptor that sockets are passed on at (`sd_listen_fds(3)`).
const FIRST_SOCKET: RawFd = 3;

impl Attributes {
    /// Sets what concerns descriptors, once the standard ones are in place. `report` is moved out
    /// of the way when it stands where a socket belongs.
    ///
    /// # Safety
    /// Only in a process that was just forked.
    pub unsafe fn set_descriptors(&self, report: &mut RawFd) -> Result<(), Failed> {
        // SAFETY: calls on numbers, and a text that lives for ever.
        unsafe {
            if let Some(group) = self.group {
                // Without it the run is followed by other means, so a failure is none of the child.
                libc::write(group, c"0".as_ptr().cast(), 1);
            }
            if self.terminal && libc::ioctl(0, libc::TIOCSCTTY, 0) != 0 {
                return Err((Attribute::Terminal, errno()));
            }
            self.pass_sockets(report).map_err(|errno| (Attribute::Sockets, errno))
        }
    }

    unsafe fn pass_sockets(&self, report: &mut RawFd) -> Result<(), c_int> {
        let Ok(count) = RawFd::try_from(self.sockets.len()) else { return Err(libc::EMFILE) };
        let end = FIRST_SOCKET + count;
        // SAFETY: calls on numbers only. The copies are closed by `exec`.
        unsafe {
            if count > 0 && *report < end {
                *report = check(libc::fcntl(*report, libc::F_DUPFD_CLOEXEC, end))?;
            }
            for (place, socket) in (FIRST_SOCKET..end).zip(&self.sockets) {
                // One that stands where another one belongs would be lost, so none ever does.
                if *socket < end {
                    return Err(libc::EBADF);
                }
                check(libc::dup2(*socket, place))?;
            }
        }
        Ok(())
    }

    /// Sets all else, the user last but for what is to survive that.
    ///
    /// # Safety
    /// Only in a process that was just forked.
    pub unsafe fn set_rights(&self) -> Result<(), Failed> {
        let failed = |attribute| move |errno| (attribute, errno);
        // SAFETY: calls on numbers, and on memory of ours that outlives them.
        unsafe {
            for (resource, limit) in &self.limits {
                let set = libc::setrlimit(u32::from(resource.number()), limit);
                check(set).map_err(failed(Attribute::Limit(*resource)))?;
            }
            if let Some(nice) = self.nice {
                let set = libc::setpriority(libc::PRIO_PROCESS, 0, c_int::from(nice));
                check(set).map_err(failed(Attribute::Nice))?;
            }
            self.set_oom_score().map_err(failed(Attribute::OomScore))?;
            self.set_credentials()?;
            if let Some(granted) = &self.capabilities {
                set_capabilities(granted).map_err(failed(Attribute::Capabilities))?;
            }
            if let Some(umask) = self.umask {
                libc::umask(libc::mode_t::from(umask));
            }
            if self.no_new_privileges {
                let set = libc::prctl(libc::PR_SET_NO_NEW_PRIVS, YES, NO, NO, NO);
                check(set).map_err(failed(Attribute::NoNewPrivileges))?;
            }
        }
        Ok(())
    }

    unsafe fn set_oom_score(&self) -> Result<(), c_int> {
        let Some(text) = &self.oom_score_adj else { return Ok(()) };
        let bytes = text.as_bytes();
        // SAFETY: the path ends with NUL and the text lives on; the descriptor is closed by `exec`.
        unsafe {
            let path = c"/proc/self/oom_score_adj".as_ptr();
            let file = check(libc::open(path, libc::O_WRONLY | libc::O_CLOEXEC))?;
            match libc::write(file, bytes.as_ptr().cast(), bytes.len()) {
                0.. => Ok(()),
                _ => Err(errno()),
            }
        }
    }

    unsafe fn set_credentials(&self) -> Result<(), Failed> {
        let credentials = &self.credentials;
        // SAFETY: calls on numbers, and on a list that is as long as is said.
        unsafe {
            if let Some(user) = credentials.user {
                // So that the process may open its own output by name, as `/dev/stderr`. Where that
                // is refused it can still write to it.
                libc::fchown(1, user, libc::gid_t::MAX);
                libc::fchown(2, user, libc::gid_t::MAX);
            }
            if let Some(groups) = &credentials.supplementary {
                let set = libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr());
                check_long(set, Attribute::SupplementaryGroups)?;
            }
            if let Some(group) = credentials.group {
                let set = libc::syscall(libc::SYS_setresgid, group, group, group);
                check_long(set, Attribute::Group)?;
            }
            if let Some(user) = credentials.user {
                if self.capabilities.is_some() {
                    let kept = libc::prctl(libc::PR_SET_KEEPCAPS, YES, NO, NO, NO);
                    check(kept).map_err(|errno| (Attribute::Capabilities, errno))?;
                }
                let set = libc::syscall(libc::SYS_setresuid, user, user, user);
                check_long(set, Attribute::User)?;
            }
        }
        Ok(())
    }
}

/// The capability sets of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sets {
    /// Those in force.
    pub effective: u64,
    /// Those it may put in force.
    pub permitted: u64,
    /// Those programs it executes may get from it.
    pub inheritable: u64,
}

/// `struct __user_cap_header_struct`.
#[repr(C)]
struct Header {
    version: u32,
    pid: c_int,
}

impl Header {
    /// Version 3, with 64 bits in two halves, of the calling process.
    const OWN: Self = Self { version: 0x2008_0522, pid: 0 };
}

/// `struct __user_cap_data_struct`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// What this process may do.
///
/// # Errors
/// A kernel without capabilities, or a sandbox that hides them.
pub fn own_capabilities() -> Result<Sets, Errno> {
    let mut header = Header::OWN;
    let mut halves = [Half::default(); 2];
    // SAFETY: the kernel writes to both, which are as large as this version of the call says.
    let done = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, halves.as_mut_ptr()) };
    Errno::result(done)?;
    let [low, high] = halves;
    let join = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    Ok(Sets {
        effective: join(low.effective, high.effective),
        permitted: join(low.permitted, high.permitted),
        inheritable: join(low.inheritable, high.inheritable),
    })
}

unsafe fn set_capabilities(granted: &Granted) -> Result<(), c_int> {
    let low = |bits: u64| (bits & u64::from(u32::MAX)) as u32;
    let half = |shift: u32| Half {
        effective: low(granted.effective >> shift),
        permitted: low(granted.permitted >> shift),
        inheritable: low(granted.inheritable >> shift),
    };
    let halves = [half(0), half(32)];
    let header = Header::OWN;
    // SAFETY: the kernel reads both, which are as large as this version of the call says; the rest
    // are calls on numbers.
    unsafe {
        let set = libc::syscall(libc::SYS_capset, &raw const header, halves.as_ptr());
        if set != 0 {
            return Err(errno());
        }
        // A capability can be ambient only while it is permitted and inheritable.
        for bit in (0..64u64).filter(|bit| granted.ambient & (1 << bit) != 0) {
            let raise = libc::PR_CAP_AMBIENT_RAISE as c_ulong;
            check(libc::prctl(libc::PR_CAP_AMBIENT, raise, bit as c_ulong, NO, NO))?;
        }
    }
    Ok(())
}

fn check(result: c_int) -> Result<c_int, c_int> {
    if result < 0 { Err(errno()) } else { Ok(result) }
}

fn check_long(result: c_long, attribute: Attribute) -> Result<(), Failed> {
    if result < 0 { Err((attribute, errno())) } else { Ok(()) }
}

fn errno() -> c_int {
    // SAFETY: the location is that of this thread and always valid.
    unsafe { *libc::__errno_location() }
}
