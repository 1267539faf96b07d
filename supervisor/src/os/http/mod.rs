//! The HTTP endpoint: as with [`super::control`], one task a connection and one inbox for the
//! reactor, which never touches a connection itself.

mod connection;

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use nix::libc;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::inbox::Inbox;
use crate::http::{Answer, Page, Status};

/// How many connections there may be at a time. Each has at most one request in memory.
const CONNECTIONS: usize = 64;

/// How many of them may be given figures at a time, which are a few kilobytes for each process.
const LARGE: usize = 4;

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
}

/// Listens at the first of these addresses that this machine can have.
///
/// # Errors
/// The first one that cannot be had for another reason than that the machine has no such kind of
/// addresses, and why.
pub fn bind(addresses: &[SocketAddr]) -> Result<StdListener, (SocketAddr, io::Error)> {
    let mut missing = None;
    for address in addresses {
        match StdListener::bind(address) {
            Ok(listener) => {
                listener.set_nonblocking(true).map_err(|error| (*address, error))?;
                return Ok(listener);
            }
            Err(error) if addresses.len() > 1 && is_without(&error) => {
                missing = Some((*address, error));
            }
            Err(error) => return Err((*address, error)),
        }
    }
    let none = || (SocketAddr::from(([0, 0, 0, 0], 0)), io::ErrorKind::AddrNotAvailable.into());
    Err(missing.unwrap_or_else(none))
}

/// Whether this is what a kernel without IPv6 says.
fn is_without(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

impl Endpoint {
    /// Begins to listen, within a runtime; without a socket nobody ever asks anything.
    ///
    /// # Errors
    /// The kernel has no memory or watch left for it.
    pub fn start(listener: Option<StdListener>) -> io::Result<Self> {
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        let inbox = match listener {
            Some(listener) => {
                let listener = TcpListener::from_std(listener)?;
                let (queries, inbox) = mpsc::channel(CONNECTIONS);
                tokio::spawn(listen(listener, Arc::clone(&connections), queries));
                Inbox::of(inbox)
            }
            None => Inbox::default(),
        };
        Ok(Self { inbox, connections })
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
        let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
        // A client that does not read in time has to do without.
        let _ = tokio::time::timeout(FAREWELL, self.connections.acquire_many(all)).await;
    }
}

async fn listen(listener: TcpListener, connections: Arc<Semaphore>, queries: mpsc::Sender<Query>) {
    let large = Arc::new(Semaphore::new(LARGE));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(BREATHER).await;
            continue;
        };
        match Arc::clone(&connections).try_acquire_owned() {
            Ok(permit) => {
                let (queries, large) = (queries.clone(), Arc::clone(&large));
                tokio::spawn(connection::serve(stream, queries, large, permit));
            }
            Err(_) => connection::turn_away(&stream),
        }
    }
}

fn too_many(count: usize) -> Answer {
    Answer::text(Status::Unavailable, format!("there are {count} other connections\n"))
}
