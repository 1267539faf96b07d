//! The HTTP endpoint: as with [`super::control`], one task a connection and one inbox for the
//! reactor, which never touches a connection itself.

mod connection;

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, SocketAddrV6, TcpListener as StdListener};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::libc;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn6, setsockopt, socket, sockopt,
};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::AbortHandle;

use super::inbox::Inbox;
use crate::http::{Answer, Page};

/// How many connections there may be at a time. Each has at most one request in memory.
const CONNECTIONS: usize = 64;

/// How many of them may be given figures at a time, which are a few kilobytes for each process.
const LARGE: usize = 4;

/// How many descriptors are kept from clients: those of the supervisor itself, and those of each
/// process.
const KEPT: (usize, usize) = (24, 2);

/// How long to leave the socket alone when a connection cannot be had, because no descriptor is
/// left: it stays in the queue, and trying at once would only burn time.
const BREATHER: Duration = Duration::from_secs(1);

/// How long the last answers may take when everything else is over.
const FAREWELL: Duration = Duration::from_millis(200);

/// A page that somebody wants. Dropping it without an answer says that the supervisor is ending.
#[derive(Debug)]
pub struct Query {
    /// Which.
    pub page: Page,
    /// Closed when the client has gone.
    pub answer: oneshot::Sender<Answer>,
}

/// The supervisor's end of it.
#[derive(Debug)]
pub struct Endpoint {
    inbox: Inbox<Query>,
    connections: Arc<Semaphore>,
    room: usize,
}

/// Listens at the first of these addresses that this machine can have.
///
/// # Errors
/// The first one that cannot be had for another reason than that the machine has no such kind of
/// addresses, and why.
pub fn bind(addresses: &[SocketAddr]) -> Result<StdListener, (SocketAddr, io::Error)> {
    let mut missing = None;
    for address in addresses {
        let made = match address {
            SocketAddr::V6(any) if addresses.len() > 1 => of_both_kinds(*any),
            address => StdListener::bind(address),
        };
        match made.and_then(|it| it.set_nonblocking(true).map(|()| it)) {
            Ok(listener) => return Ok(listener),
            Err(error) if addresses.len() > 1 && is_without(&error) => {
                missing = Some((*address, error));
            }
            Err(error) => return Err((*address, error)),
        }
    }
    let none = || (SocketAddr::from(([0, 0, 0, 0], 0)), io::ErrorKind::AddrNotAvailable.into());
    Err(missing.unwrap_or_else(none))
}

/// Listens for clients with IPv4 as well, whatever the system's `net.ipv6.bindv6only` says.
fn of_both_kinds(address: SocketAddrV6) -> io::Result<StdListener> {
    let made = socket(AddressFamily::Inet6, SockType::Stream, SockFlag::SOCK_CLOEXEC, None::<_>)?;
    // As the standard library does: connections of one that has just ended must not keep the port.
    setsockopt(&made, sockopt::ReuseAddr, &true)?;
    setsockopt(&made, sockopt::Ipv6V6Only, &false)?;
    nix::sys::socket::bind(made.as_raw_fd(), &SockaddrIn6::from(address))?;
    nix::sys::socket::listen(&made, Backlog::MAXCONN)?;
    Ok(made.into())
}

/// Whether this is what a kernel without IPv6 says.
fn is_without(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

impl Endpoint {
    /// Begins to listen, within a runtime; without a socket nobody ever asks anything. So many
    /// `processes` are to be had besides, whoever connects.
    ///
    /// # Errors
    /// The kernel has no memory or watch left for it.
    pub fn start(listener: Option<StdListener>, processes: usize) -> io::Result<Self> {
        let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft);
        let room = room(limit, processes);
        let connections = Arc::new(Semaphore::new(room));
        let inbox = match listener {
            Some(listener) => {
                let listener = TcpListener::from_std(listener)?;
                let (queries, inbox) = mpsc::channel(room);
                let large = Arc::new(Semaphore::new(LARGE.min(room / 2)));
                tokio::spawn(listen(listener, Arc::clone(&connections), large, queries));
                Inbox::of(inbox)
            }
            None => Inbox::default(),
        };
        Ok(Self { inbox, connections, room })
    }

    /// Waits until somebody asks something; without a socket for ever. Dropping the future loses
    /// nothing.
    pub async fn asked(&mut self) {
        self.inbox.filled().await;
    }

    /// What has been asked since the last call.
    pub fn take(&mut self) -> Vec<Query> {
        self.inbox.take()
    }

    /// Takes no more queries and lets the connections write what they have.
    pub async fn farewell(self) {
        drop(self.inbox);
        let all = u32::try_from(self.room).unwrap_or(u32::MAX);
        // A client that does not read in time has to do without.
        let _ = tokio::time::timeout(FAREWELL, self.connections.acquire_many(all)).await;
    }
}

/// How many connections there may be where so many descriptors are allowed: never so many that a
/// process cannot be started, or nobody be served at the control socket.
fn room(limit: libc::rlim_t, processes: usize) -> usize {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let kept = KEPT.1.saturating_mul(processes).saturating_add(KEPT.0);
    // At least one besides a client that does not read what it has asked for.
    (limit.saturating_sub(kept) / 2).clamp(2, CONNECTIONS)
}

/// Somebody who is connected.
struct Client {
    task: AbortHandle,
    /// Whether its request is in and its answer is not out. Nobody is given up in between.
    engaged: Arc<AtomicBool>,
}

/// Serves whoever connects. When all the room is taken the oldest client that has not asked yet, or
/// has its answer, makes way: a probe must not find the supervisor ill because others idle.
async fn listen(
    listener: TcpListener,
    connections: Arc<Semaphore>,
    large: Arc<Semaphore>,
    queries: mpsc::Sender<Query>,
) {
    let mut clients: VecDeque<Client> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(BREATHER).await;
            continue;
        };
        clients.retain(|client| !client.task.is_finished());
        if connections.available_permits() == 0 {
            let idle = |client: &Client| !client.engaged.load(Ordering::Relaxed);
            let oldest = clients.iter().position(idle).and_then(|at| clients.remove(at));
            oldest.iter().for_each(|client| client.task.abort());
        }
        // Given back by whoever makes way, or by the next one that is done.
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        let engaged = Arc::new(AtomicBool::new(false));
        let serving = connection::serve(
            stream,
            queries.clone(),
            Arc::clone(&large),
            Arc::clone(&engaged),
            permit,
        );
        clients.push_back(Client { task: tokio::spawn(serving).abort_handle(), engaged });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_never_take_what_processes_need() {
        for (limit, processes, connections) in [
            (libc::RLIM_INFINITY, 1000, 64),
            (1024, 100, 64),
            (128, 2, 50),
            (64, 5, 15),
            (32, 1, 3),
            (8, 1, 2),
            (1024, usize::MAX, 2),
        ] {
            assert_eq!(room(limit, processes), connections, "{limit} {processes}");
        }
    }
}
