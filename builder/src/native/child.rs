//! The container's first process, from its birth to the program it becomes.

use std::convert::Infallible;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::AsFd as _;

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, chdir, setgroups, sethostname, setresgid, setresuid};

use super::idmap::IdMap;
use super::plan::Plan;
use super::{command, confine, descriptors, network, parent, root};
use crate::error::{Context as _, Failure, Kind, Result};

/// Becomes the container's program. `ready` yields one byte once the user mapping is in place, and ends
/// with the parent.
///
/// # Errors
/// Whatever keeps the program from being executed; returns only then.
pub fn become_program(plan: &Plan, map: &IdMap, mut ready: File) -> Result<Infallible> {
    tie()?;
    wait_for_users(&mut ready)?;
    sethostname(&plan.hostname).or_fail(Kind::System, || "cannot name the container")?;
    if plan.isolated {
        network::bring_up()?;
    }
    root::enter(plan)?;
    confine::capabilities(&confine::LEFT)?;
    take_user(plan, map)?;

    // Again after the change of user, which undoes it. The parent may have ended in between, when
    // nothing tied this process to it.
    tie()?;
    still_there(&ready)?;
    prctl::set_no_new_privs().or_fail(Kind::System, || "cannot give up privileges")?;
    chdir(&plan.working_dir)
        .or_fail(Kind::System, || format!("cannot start in {}", plan.working_dir.display()))?;
    if let Some(signal) = waiting() {
        // What is typed reaches this process alone, and the program would never hear of it.
        // SAFETY: the process ends as it is; nothing of it is needed any more.
        unsafe { libc::_exit(128 + signal as libc::c_int) };
    }
    // The parent blocks signals to wait for them; a program expects none to be blocked.
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
        .or_fail(Kind::System, || "cannot unblock signals")?;
    heed_signals();
    descriptors::close_others()?;
    command::execute(&plan.command, &plan.environment)
}

/// Has this process end with its parent: without it nobody would pass on signals or read the exit code.
pub fn tie() -> Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)
        .or_fail(Kind::System, || "cannot tie the container to this process")
}

/// Fails when the parent has ended.
fn still_there(ready: &File) -> Result<()> {
    let mut watched = [PollFd::new(ready.as_fd(), PollFlags::POLLIN)];
    match poll(&mut watched, PollTimeout::ZERO) {
        Ok(0) => Ok(()),
        _ => Err(gone()),
    }
}

fn gone() -> Failure {
    Failure::new(Kind::System, "the process that starts the container is gone")
}

/// A signal that ends a program and has come while it was blocked.
fn waiting() -> Option<Signal> {
    // SAFETY: zeros are a set; the call writes one to where there is room, and the other reads it.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        if libc::sigpending(&raw mut set) != 0 {
            return None;
        }
        let is_in =
            |signal: &Signal| libc::sigismember(&raw const set, *signal as libc::c_int) == 1;
        parent::ENDING.into_iter().find(is_in)
    }
}

/// Lets every signal do what it does by default: what is ignored stays so in another program, and
/// this one ignores SIGPIPE. What `nohup` began goes on in the container.
fn heed_signals() {
    let ignores_hangup = parent::is_ignored(Signal::SIGHUP);
    for number in 1..=libc::SIGRTMAX() {
        if ignores_hangup && number == libc::SIGHUP {
            continue;
        }
        // SAFETY: no handler of ours runs any more. Numbers that cannot be changed are refused.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
}

/// Waits for the one byte that says who the users here are.
pub fn wait_for_users(ready: &mut File) -> Result<()> {
    // What is made here has the modes it is given, whatever the caller's own files are to have; and
    // a program in a container expects this mask.
    umask(Mode::from_bits_truncate(0o022));
    ready.read_exact(&mut [0]).map_err(|_| gone())
}

fn take_user(plan: &Plan, map: &IdMap) -> Result<()> {
    // With a single user there is nothing to change, and the kernel forbids changing groups. What
    // another change of user takes away goes all the same.
    if matches!(map, IdMap::Single { .. }) {
        return if plan.sole.is_some() { confine::capabilities(&[]) } else { Ok(()) };
    }
    let user = &plan.user;
    let doing = || format!("cannot become user {}:{}", user.uid, user.gid);
    let groups: Vec<Gid> = user.groups.iter().copied().map(Gid::from_raw).collect();
    setgroups(&groups).or_fail(Kind::System, doing)?;
    let gid = Gid::from_raw(user.gid);
    setresgid(gid, gid, gid).or_fail(Kind::System, doing)?;
    let uid = Uid::from_raw(user.uid);
    setresuid(uid, uid, uid).or_fail(Kind::System, doing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_came_too_early_is_found() {
        // A thread has its own mask, and signals of its own.
        let seen = std::thread::spawn(|| {
            let mut set = SigSet::empty();
            set.add(Signal::SIGQUIT);
            set.thread_block().unwrap();
            let before = waiting();
            // SAFETY: the thread is this one.
            let sent = unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGQUIT) };
            assert_eq!(sent, 0);
            (before, waiting(), set.wait().unwrap(), waiting())
        });
        let expected = (None, Some(Signal::SIGQUIT), Signal::SIGQUIT, None);
        assert_eq!(seen.join().unwrap(), expected);
    }
}
