//! One datagram socket, and who sent what came in by it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::libc;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, bind, setsockopt, socket, sockopt,
};

use super::super::kill::Pid;

/// A socket that learns the sender of each message from the kernel.
pub(super) struct Socket(OwnedFd);

/// One message.
pub(super) struct Received {
    /// How many bytes of it are in the buffer.
    pub length: usize,
    /// Whether that is all of it.
    pub whole: bool,
    /// Who sent it; `None` when the kernel did not say.
    pub sender: Option<Sender>,
}

/// Who sent a message, by the kernel's word (`SCM_CREDENTIALS`, unix(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Its process; `None` for one that is outside our PID namespace. It may have ended since.
    pub pid: Option<Pid>,
    /// Its user.
    pub uid: libc::uid_t,
}

impl Socket {
    /// A socket of this name in the abstract namespace.
    ///
    /// # Errors
    /// No descriptor is left, or the name is taken.
    pub fn bind(name: &str) -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket(AddressFamily::Unix, SockType::Datagram, flags, None)?;
        // Before it can be found: each message carries its sender from the first one on.
        setsockopt(&fd, sockopt::PassCred, &true)?;
        bind(fd.as_raw_fd(), &UnixAddr::new_abstract(name.as_bytes())?)?;
        Ok(Self(fd))
    }

    /// Takes the next message, `None` when there is none for now.
    ///
    /// There is no room for descriptors: the kernel closes those that come along before this
    /// returns, and none is ever ours. By hand, because the wrapper of the `nix` crate gives
    /// nothing at all, not even the sender, when something had no room.
    pub fn receive(&self, buffer: &mut [u8]) -> Option<Received> {
        let mut control = Control([0; CONTROL]);
        let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // SAFETY: all zeroes is a valid `msghdr`.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = CONTROL as _;
        // SAFETY: every pointer of the header is to memory of that size that outlives the call.
        let length = unsafe { libc::recvmsg(self.0.as_raw_fd(), &raw mut header, 0) };
        let length = usize::try_from(length).ok()?;
        // SAFETY: the kernel has just filled in the header.
        let sender = unsafe { sender(&header) };
        Some(Received { length, whole: header.msg_flags & libc::MSG_TRUNC == 0, sender })
    }
}

/// Room for the credentials of one sender, and for nothing else.
// SAFETY: the macro only computes a number.
const CONTROL: usize =
    unsafe { libc::CMSG_SPACE(size_of::<libc::ucred>() as libc::c_uint) } as usize;

/// Where control messages are put, which begin with a `cmsghdr`.
#[repr(C, align(8))]
struct Control([u8; CONTROL]);

/// Finds the sender among the control messages.
///
/// # Safety
/// The header must have been filled in by `recvmsg`, and its control buffer must still be alive.
unsafe fn sender(header: &libc::msghdr) -> Option<Sender> {
    // SAFETY: as promised by the caller; the macros stay within what the header says is filled.
    let credentials = unsafe {
        let mut next = libc::CMSG_FIRSTHDR(header);
        loop {
            let message = next.as_ref()?;
            let kind = (message.cmsg_level, message.cmsg_type);
            if kind == (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) {
                break libc::CMSG_DATA(next).cast::<libc::ucred>().read_unaligned();
            }
            next = libc::CMSG_NXTHDR(header, next);
        }
    };
    Some(Sender { pid: Pid::new(credentials.pid), uid: credentials.uid })
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
