//! Ways to speak to the notify socket that the protocol does not know.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

use crate::signals;

/// The longest message that is made up: longer than any that is heard.
const LONGEST: u64 = 6_000;

/// What messages are made of that are almost right. Nothing of it says `READY=1` or asks for an end.
const PIECES: [&[u8]; 16] = [
    b"READY",
    b"STATUS",
    b"STOPPING",
    b"WATCHDOG",
    b"EXTEND_TIMEOUT_USEC",
    b"MAINPID",
    b"FDSTORE",
    b"=",
    b"=",
    b"=",
    b"\n",
    b"\n",
    b"\0",
    b"0",
    b"-2",
    b"99999999999999999999",
];

/// Messages of random bytes, and of pieces in a random order; the same for the same seed.
pub fn random(seed: u64, count: u64) {
    let mut numbers = Numbers(seed);
    speak(|socket, to| {
        for _ in 0..count {
            let length = numbers.below(LONGEST);
            let message: Vec<u8> = if numbers.below(2) == 0 {
                (0..length).map(|_| numbers.byte()).collect()
            } else {
                (0..length / 8).flat_map(|_| numbers.one_of(&PIECES)).copied().collect()
            };
            socket.send_to_addr(&message, to)?;
        }
        Ok(())
    });
}

/// The content of each file of a directory, in the order of their names.
pub fn files(directory: &Path) {
    speak(|socket, to| {
        let mut paths: Vec<_> = std::fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
        paths.sort_by_key(std::fs::DirEntry::path);
        for entry in paths {
            socket.send_to_addr(&std::fs::read(entry.path())?, to)?;
        }
        Ok(())
    });
}

/// Says the messages, then that it is ready, and waits.
fn speak(messages: impl FnOnce(&UnixDatagram, &SocketAddr) -> io::Result<()>) {
    let spoken = || {
        let name = std::env::var("NOTIFY_SOCKET").map_err(io::Error::other)?;
        let to = SocketAddr::from_abstract_name(name.trim_start_matches('@'))?;
        let socket = UnixDatagram::unbound()?;
        messages(&socket, &to)?;
        socket.send_to_addr(b"READY=1", &to)
    };
    match spoken() {
        Ok(_) => signals::wait(),
        Err(error) => println!("cannot speak: {error}"),
    }
}

/// Numbers that look random (SplitMix64): a failure can be seen again.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        let count = all.len() as u64;
        all[usize::try_from(self.below(count)).unwrap_or(0)]
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}
