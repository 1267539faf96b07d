//! The filter that has the kernel ask us: a program of classic BPF over `struct seccomp_data`.

use nix::libc::{
    self, BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter,
};

use super::call;

/// Where `struct seccomp_data` has the number of the call, and the architecture it is one of.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// `AUDIT_ARCH_*` of `linux/audit.h`, which the C library does not have.
#[cfg(target_arch = "x86_64")]
pub const OURS: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
pub const OURS: u32 = 0xc000_00b7;
/// Nobody's: calls of any other processor are not understood, and every one is asked about.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub const OURS: u32 = 0;

/// The numbers from here on are of the x32 calls of x86, which are counted differently.
const X32: u32 = 0x4000_0000;

/// The filter: asks about the calls of [`call::NUMBERS`] and about those of other architectures,
/// and lets everything else pass.
pub fn program() -> Vec<sock_filter> {
    let mut program = vec![
        load(ARCHITECTURE),
        // The first of the two leaps is taken when it is equal.
        jump(BPF_JEQ, OURS, 1, 0),
        answer(libc::SECCOMP_RET_USER_NOTIF),
        load(NUMBER),
        jump(BPF_JGE, X32, 0, 1),
        answer(libc::SECCOMP_RET_USER_NOTIF),
    ];
    for &number in call::NUMBERS {
        program.push(jump(BPF_JEQ, number, 0, 1));
        program.push(answer(libc::SECCOMP_RET_USER_NOTIF));
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program
}

fn load(offset: u32) -> sock_filter {
    instruction(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0)
}

fn jump(kind: u32, value: u32, then: u8, otherwise: u8) -> sock_filter {
    instruction(BPF_JMP | kind | BPF_K, value, then, otherwise)
}

fn answer(value: u32) -> sock_filter {
    instruction(BPF_RET | BPF_K, value, 0, 0)
}

fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    // All codes of classic BPF are below 256.
    sock_filter { code: code as u16, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the filter answers to a call, worked out as the kernel would.
    fn answer_to(architecture: u32, number: u32) -> u32 {
        let program = program();
        let (mut at, mut loaded) = (0, 0);
        loop {
            let instruction = program[at];
            at += 1;
            let code = u32::from(instruction.code);
            let leap = |taken| usize::from(if taken { instruction.jt } else { instruction.jf });
            if code == BPF_LD | BPF_W | BPF_ABS {
                loaded = if instruction.k == ARCHITECTURE { architecture } else { number };
            } else if code == BPF_JMP | BPF_JEQ | BPF_K {
                at += leap(loaded == instruction.k);
            } else if code == BPF_JMP | BPF_JGE | BPF_K {
                at += leap(loaded >= instruction.k);
            } else {
                return instruction.k;
            }
        }
    }

    #[test]
    fn only_what_looks_up_names_is_asked_about() {
        let number = |number: libc::c_long| u32::try_from(number).unwrap();
        for asked in [libc::SYS_openat, libc::SYS_statx, libc::SYS_readlinkat, libc::SYS_connect] {
            assert_eq!(answer_to(OURS, number(asked)), libc::SECCOMP_RET_USER_NOTIF, "{asked}");
        }
        for passed in [libc::SYS_read, libc::SYS_write, libc::SYS_mmap, libc::SYS_execve] {
            assert_eq!(answer_to(OURS, number(passed)), libc::SECCOMP_RET_ALLOW, "{passed}");
        }
    }

    #[test]
    fn no_other_way_of_calling_gets_past() {
        let read = u32::try_from(libc::SYS_read).unwrap();
        assert_eq!(answer_to(OURS + 1, read), libc::SECCOMP_RET_USER_NOTIF);
        assert_eq!(answer_to(OURS, X32 + read), libc::SECCOMP_RET_USER_NOTIF);
    }
}
