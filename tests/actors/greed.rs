//! Ways to take more than one's share.

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, pause};

use crate::signals;

/// Takes processes until the kernel refuses one, holds them until USR1, and gives all of them back.
pub fn fill() {
    let mut set = SigSet::empty();
    set.add(Signal::SIGUSR1);
    if set.thread_block().is_err() {
        return;
    }
    let taken = take_processes();
    println!("full with {}", taken.len());
    let _ = set.wait();
    for child in &taken {
        let _ = kill(*child, Signal::SIGKILL);
    }
    for child in &taken {
        let _ = waitpid(*child, None);
    }
    println!("gave back {}", taken.len());
    signals::wait();
}

fn take_processes() -> Vec<Pid> {
    let mut taken = Vec::new();
    loop {
        // SAFETY: this program has one thread, and the child only waits for its end.
        match unsafe { fork() } {
            Ok(ForkResult::Parent { child }) => taken.push(child),
            Ok(ForkResult::Child) => loop {
                pause();
            },
            Err(Errno::EAGAIN) => return taken,
            Err(error) => {
                println!("no child: {error}");
                return taken;
            }
        }
    }
}

/// Takes memory and uses all of it.
pub fn eat(megabytes: usize) {
    let mut taken = Vec::new();
    for _ in 0..megabytes {
        // Each page is written to: memory that was only asked for is not yet had.
        taken.push(vec![1u8; 1 << 20]);
    }
    println!("has {} MB", taken.len());
    signals::wait();
}
