//! Where a process writes to: a trace that it keeps when it leaves its session and empties its
//! environment. Nobody but a run's own processes is given the pipe of its output.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt;

use super::kill::Pid;

/// A pipe or a terminal, by the numbers the kernel gives to it as long as anybody has it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Outlet {
    device: u64,
    inode: u64,
}

impl Outlet {
    /// That of a descriptor that a process is given to write to.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn of(descriptor: BorrowedFd<'_>) -> io::Result<Self> {
        // The standard library knows how to ask only for what it owns.
        let file = File::from(descriptor.try_clone_to_owned()?);
        Ok(Self::from(&file.metadata()?))
    }

    /// What a process has for its standard output and error; nothing when it is gone, or runs under
    /// another user and may not be looked into.
    pub fn open_in(pid: Pid) -> impl Iterator<Item = Self> {
        let file = move |number| std::fs::metadata(format!("/proc/{pid}/fd/{number}"));
        [1, 2].into_iter().filter_map(move |number| Some(Self::from(&file(number).ok()?)))
    }
}

impl From<&Metadata> for Outlet {
    fn from(about: &Metadata) -> Self {
        Self { device: about.dev(), inode: about.ino() }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use crate::os::spawn::output_pipe;

    #[test]
    fn both_ends_of_a_pipe_are_one_outlet_and_two_pipes_are_two() {
        let [(reader, writer), (other, _writer)] = [(); 2].map(|()| output_pipe().expect("a pipe"));
        let of = |descriptor: &dyn AsFd| Outlet::of(descriptor.as_fd()).expect("the kernel tells");
        assert_eq!(of(&reader), of(&writer));
        assert_ne!(of(&reader), of(&other));
    }
}
