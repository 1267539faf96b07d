//! Keeps the C library from reading `/proc/self/maps` at every start, and 100 kB out of the program.
//!
//! Rust's runtime asks where the stack ends, to say "stack overflow" before it dies of one. To find
//! out, glibc parses a text, and so brings every kind of number that `scanf` can read into a static
//! program. Without an answer an overflow is what it is for programs in C: death by SIGSEGV, which
//! the kernel does not spare PID 1 either.

use nix::libc::{ENOSYS, c_int, pthread_attr_t, pthread_t};

/// Takes the place of glibc's function of the same name: says that it does not know, as
/// `pthread_getattr_np(3)` allows, and leaves the attributes untouched.
#[unsafe(no_mangle)]
extern "C" fn pthread_getattr_np(_thread: pthread_t, _attributes: *mut pthread_attr_t) -> c_int {
    ENOSYS
}
