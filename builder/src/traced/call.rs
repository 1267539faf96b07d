//! What a system call that we are asked about is about.

use nix::libc::{self, c_long, seccomp_data};

use super::filter;

/// What a call does with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Asks what is there: type, size, times, rights, target of a link.
    Look(Name),
    /// Opens it to read.
    Open(Name),
    /// As [`Call::Open`], where the flags are in memory at this address.
    OpenHow(Name, u64),
    /// Turns to an address that is in memory at this address.
    Connect(u64),
    /// Opens it to write, be it to read as well.
    Write(Name),
    /// Something that nothing is known about afterwards.
    Beyond,
}

/// A name as a call has it: where in memory it is, and the open directory it is looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// The descriptor of the directory, or `AT_FDCWD`.
    pub directory: i32,
    /// The address of the text.
    pub address: u64,
}

const fn number(number: c_long) -> u32 {
    number as u32
}

/// The calls to be asked about. What only writes is not among them.
pub const NUMBERS: &[u32] = &[
    number(libc::SYS_openat),
    number(libc::SYS_openat2),
    number(libc::SYS_newfstatat),
    number(libc::SYS_statx),
    number(libc::SYS_faccessat),
    number(libc::SYS_faccessat2),
    number(libc::SYS_readlinkat),
    number(libc::SYS_connect),
    // By handle or by a ring in memory, files are opened without a name we would see.
    number(libc::SYS_open_by_handle_at),
    number(libc::SYS_io_uring_setup),
    #[cfg(target_arch = "x86_64")]
    number(libc::SYS_open),
    #[cfg(target_arch = "x86_64")]
    number(libc::SYS_stat),
    #[cfg(target_arch = "x86_64")]
    number(libc::SYS_lstat),
    #[cfg(target_arch = "x86_64")]
    number(libc::SYS_access),
    #[cfg(target_arch = "x86_64")]
    number(libc::SYS_readlink),
];

/// Tells what a call is about.
pub fn of(data: &seccomp_data) -> Call {
    if data.arch != filter::OURS {
        return Call::Beyond;
    }
    let [first, second, third, ..] = data.args;
    // The kernel looks at the lower half of a descriptor only.
    let relative = Name { directory: first as i32, address: second };
    #[cfg(target_arch = "x86_64")]
    let absolute = Name { directory: libc::AT_FDCWD, address: first };
    match c_long::from(data.nr) {
        libc::SYS_openat => opened(relative, third),
        libc::SYS_openat2 => Call::OpenHow(relative, third),
        libc::SYS_newfstatat
        | libc::SYS_statx
        | libc::SYS_faccessat
        | libc::SYS_faccessat2
        | libc::SYS_readlinkat => Call::Look(relative),
        libc::SYS_connect => Call::Connect(second),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => opened(absolute, second),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_stat | libc::SYS_lstat | libc::SYS_access | libc::SYS_readlink => {
            Call::Look(absolute)
        }
        _ => Call::Beyond,
    }
}

/// What opening with these flags is.
pub fn opened(name: Name, flags: u64) -> Call {
    let mode = flags & libc::O_ACCMODE as u64;
    if mode == libc::O_RDONLY as u64 { Call::Open(name) } else { Call::Write(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(number: c_long, args: [u64; 3]) -> seccomp_data {
        let [a, b, c] = args;
        seccomp_data {
            nr: i32::try_from(number).unwrap(),
            arch: filter::OURS,
            instruction_pointer: 0,
            args: [a, b, c, 0, 0, 0],
        }
    }

    #[test]
    fn names_are_found_where_each_call_has_them() {
        let here = Name { directory: libc::AT_FDCWD, address: 7 };
        let cwd = u64::from(libc::AT_FDCWD as u32);
        assert_eq!(of(&data(libc::SYS_openat, [cwd, 7, 0])), Call::Open(here));
        assert_eq!(of(&data(libc::SYS_openat2, [cwd, 7, 9])), Call::OpenHow(here, 9));
        assert_eq!(of(&data(libc::SYS_statx, [cwd, 7, 0])), Call::Look(here));
        let below = Name { directory: 3, address: 7 };
        assert_eq!(of(&data(libc::SYS_readlinkat, [3, 7, 0])), Call::Look(below));
        assert_eq!(of(&data(libc::SYS_connect, [3, 7, 16])), Call::Connect(7));
        #[cfg(target_arch = "x86_64")]
        assert_eq!(of(&data(libc::SYS_lstat, [7, 0, 0])), Call::Look(here));
    }

    #[test]
    fn what_is_opened_to_write_is_not_read() {
        let cwd = u64::from(libc::AT_FDCWD as u32);
        for flags in [libc::O_WRONLY, libc::O_RDWR | libc::O_CREAT] {
            let data = data(libc::SYS_openat, [cwd, 7, u64::try_from(flags).unwrap()]);
            let name = Name { directory: libc::AT_FDCWD, address: 7 };
            assert_eq!(of(&data), Call::Write(name));
        }
    }

    #[test]
    fn what_is_not_understood_is_beyond_us() {
        assert_eq!(of(&data(libc::SYS_io_uring_setup, [0; 3])), Call::Beyond);
        let mut other = data(libc::SYS_openat, [0; 3]);
        other.arch = filter::OURS + 1;
        assert_eq!(of(&other), Call::Beyond);
        // One of the x32 calls: the same architecture, but a number beyond all others.
        let x32 = data(libc::SYS_openat | 0x4000_0000, [0; 3]);
        assert_eq!(of(&x32), Call::Beyond);
    }
}
