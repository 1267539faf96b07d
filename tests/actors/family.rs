//! Ways to have descendants.

use std::process::{Command, ExitCode};

use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork, setsid};

use crate::signals;

/// Has a child in the same process group that waits for a signal.
pub fn parent() {
    let child = std::env::current_exe().and_then(|own| Command::new(own).arg("wait").spawn());
    match child {
        Ok(child) => println!("child pid={}", child.id()),
        Err(error) => println!("no child: {error}"),
    }
    signals::wait();
}

/// Leaves dead orphans: grandchildren that end when their own parent, the child, is already gone or
/// about to go. Whoever is the init has to wait for them.
pub fn orphans(count: u32) {
    for _ in 0..count {
        // SAFETY: this program has one thread, and the children only fork and end.
        match unsafe { fork() } {
            Ok(ForkResult::Parent { child }) => {
                let _ = waitpid(child, None);
            }
            Ok(ForkResult::Child) => {
                // SAFETY: as above.
                let _ = unsafe { fork() };
                // SAFETY: ends at once, without running what the parent has registered.
                unsafe { libc::_exit(0) };
            }
            Err(error) => println!("no child: {error}"),
        }
    }
    println!("orphaned");
    signals::wait();
}

/// Leaves a daemon in a session of its own, with our output still open in it, and ends once it runs.
/// A deaf one ignores signals from its first moment on.
pub fn daemon(verb: &str) {
    // SAFETY: this program has one thread.
    match unsafe { fork() } {
        Ok(ForkResult::Parent { child }) => {
            let _ = waitpid(child, None);
        }
        Ok(ForkResult::Child) => {
            let _ = setsid();
            if verb == "deaf" {
                signals::ignore_all();
            }
            let own = std::env::current_exe();
            if let Ok(daemon) = own.and_then(|own| Command::new(own).arg(verb).spawn()) {
                println!("daemon pid={}", daemon.id());
            }
        }
        Err(error) => println!("no child: {error}"),
    }
}

/// Starts a command and waits for it alone.
pub fn no_init(command: &[&str]) -> ExitCode {
    let Some((program, arguments)) = command.split_first() else { return ExitCode::from(64) };
    match Command::new(program).args(arguments).status() {
        Ok(status) => ExitCode::from(status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("no {program}: {error}");
            ExitCode::from(127)
        }
    }
}
