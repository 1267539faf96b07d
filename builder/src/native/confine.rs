//! What root of a container may not do: the power of a namespace's root over the mounts of its
//! container, and over what the kernel has only once for all.

use std::io;
use std::path::Path;

use nix::libc;
use nix::mount::MsFlags;

use super::mounts::{self, Attributes};
use crate::error::{Context as _, Kind, Result};

/// What other engines leave to root by default (Docker's list): enough for its files, users and
/// sockets, and nothing with which a mount could be changed.
pub const LEFT: [u32; 14] = [
    0,  // CAP_CHOWN
    1,  // CAP_DAC_OVERRIDE
    3,  // CAP_FOWNER
    4,  // CAP_FSETID
    5,  // CAP_KILL
    6,  // CAP_SETGID
    7,  // CAP_SETUID
    8,  // CAP_SETPCAP
    10, // CAP_NET_BIND_SERVICE
    13, // CAP_NET_RAW
    18, // CAP_SYS_CHROOT
    27, // CAP_MKNOD
    29, // CAP_AUDIT_WRITE
    31, // CAP_SETFCAP
];

/// `_LINUX_CAPABILITY_VERSION_3`: two words of 32 bits for each set.
const VERSION: u32 = 0x2008_0522;

/// Files by which root of the host, whom root of a container may be, governs the kernel. They need no
/// capability, only that owner (OCI runtime-spec, `readonlyPaths`).
const READ_ONLY: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];

/// Files that tell of the host's memory, keys and processes (OCI runtime-spec, `maskedPaths`).
const MASKED: [&str; 8] =
    ["acpi", "kcore", "keys", "latency_stats", "sched_debug", "scsi", "timer_list", "timer_stats"];

/// The same of the hardware in `/sys`: tables of the firmware, and what the processor uses, from which
/// secrets of others can be told.
const MASKED_HARDWARE: [&str; 2] = ["firmware", "devices/virtual/powercap"];

/// Makes the kernel's settings in `proc` read-only, and hides what it and `sys` tell of the host.
pub fn kernel(proc: &Path, sys: &Path, null: &Path) -> Result<()> {
    let read_only = Attributes { read_only: true, devices: true, recursive: false };
    // Kernels differ in which of these they have.
    for (name, path) in READ_ONLY.map(|name| (name, proc.join(name))) {
        if path.exists() {
            mounts::bind(&path, &path, read_only)
                .or_fail(Kind::System, || format!("cannot make /proc/{name} read-only"))?;
        }
    }
    let masked = MASKED.map(|name| (format!("/proc/{name}"), proc.join(name)));
    let hardware = MASKED_HARDWARE.map(|name| (format!("/sys/{name}"), sys.join(name)));
    for (name, path) in masked.into_iter().chain(hardware).filter(|(_, path)| path.exists()) {
        let hidden = if path.is_dir() {
            let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
            mounts::special("tmpfs", &path, flags, "size=0k").map_err(io::Error::from)
        } else {
            mounts::bind(null, &path, Attributes { devices: true, ..read_only })
        };
        hidden.or_fail(Kind::System, || format!("cannot hide {name}"))?;
    }
    Ok(())
}

/// Gives up every capability that is not left to root, for whatever this process becomes, and all but
/// `kept` of those for itself.
pub fn capabilities(kept: &[u32]) -> Result<()> {
    let doing = || "cannot give up capabilities";
    for capability in (0..64).filter(|capability| !LEFT.contains(capability)) {
        // SAFETY: takes numbers only.
        let dropped =
            unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(capability), 0, 0, 0) };
        let error = io::Error::last_os_error();
        // The kernel knows no more of them than this.
        if dropped != 0 && error.raw_os_error() == Some(libc::EINVAL) {
            break;
        }
        if dropped != 0 {
            return Err(error).or_fail(Kind::System, doing);
        }
    }
    let kept = kept.iter().fold(0, |set, capability| set | 1_u32 << capability);
    let header = [VERSION, 0];
    // Effective, permitted and inheritable of the first 32, then of the others.
    let sets = [kept, kept, 0, 0, 0, 0];
    // SAFETY: both arrays have the layout of the kernel's structures for this version, and outlive the
    // call, which only reads them.
    let set = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()).or_fail(Kind::System, doing) }
}
