//! The control socket: one task per connection, one inbox for the reactor.
//!
//! ```text
//! client ──▶ connection (a task: reads, checks, writes) ──Ask──▶ inbox ──▶ reactor
//!    ▲                                   └──────◀── Answer ──◀───────────────┘
//! ```
//!
//! The reactor never touches a connection, so a client that reads or writes slowly, sends garbage
//! or goes away can hold up its own connection only, and that not for long: see [`connection`].

mod connection;
mod place;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::control::{Request, Response};
use crate::log::Following;
use crate::os::inbox::Inbox;
use crate::spec::Plan;
pub use place::{Place, Socket, VARIABLE, usual};

/// How many connections there may be at a time. Each has a bounded buffer.
const CONNECTIONS: usize = 32;

/// How many more may wait for one of these to end, and how long. Health checks of a whole crowd come
/// in one moment, and each is answered in less.
const WAITING: usize = 128;
const TURN: Duration = Duration::from_millis(500);

/// How many connections may stay for as long as it takes: what is asked and answered at once, as a
/// health check is, must find room.
const STAYING: usize = 24;

/// How long to leave the socket alone when a connection cannot be had, because no descriptor is
/// left: it stays in the queue, and trying at once would only burn time.
const BREATHER: Duration = Duration::from_secs(1);

/// How long the last answers may take when everything else is over.
const FAREWELL: Duration = Duration::from_millis(200);

/// A request, and where its answer goes. Dropping it without an answer says that the supervisor
/// is ending.
pub struct Ask {
    /// What is asked.
    pub request: Request,
    /// Closed when the client has gone.
    pub answer: oneshot::Sender<Answer>,
}

/// Everything a client is told.
#[derive(Default)]
pub struct Answer {
    /// What there is now.
    pub responses: Vec<Response>,
    /// What comes later; the last response is then made by the connection.
    pub follow: Option<Following>,
}

impl Answer {
    /// All has come to pass.
    #[must_use]
    pub fn done() -> Self {
        Self::from(vec![Response::Done {}])
    }

    /// It is refused, or cannot come to pass.
    #[must_use]
    pub fn error(code: u8, message: impl Into<String>) -> Self {
        Self::from(vec![Response::Error { code, message: message.into() }])
    }
}

impl From<Vec<Response>> for Answer {
    fn from(responses: Vec<Response>) -> Self {
        Self { responses, follow: None }
    }
}

/// The supervisor's end of control.
pub struct Control {
    inbox: Inbox<Ask>,
    connections: Arc<Semaphore>,
    /// Removes its file when it goes.
    _socket: Option<Socket>,
}

impl Control {
    /// Begins to listen, within a runtime; without a socket nobody ever asks anything.
    ///
    /// # Errors
    /// The kernel has no descriptor left for it.
    pub fn start(socket: Option<Socket>, plan: &Arc<Plan>) -> std::io::Result<Self> {
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        let inbox = match &socket {
            Some(socket) => {
                let listener = UnixListener::from_std(socket.listener.try_clone()?)?;
                let (asks, inbox) = mpsc::channel(CONNECTIONS);
                let names = Arc::clone(plan);
                tokio::spawn(listen(listener, Arc::clone(&connections), asks, names));
                Inbox::of(inbox)
            }
            None => Inbox::default(),
        };
        Ok(Self { inbox, connections, _socket: socket })
    }

    /// Waits until somebody asks something; without a socket for ever. Dropping the future loses
    /// nothing.
    pub async fn asked(&mut self) {
        self.inbox.filled().await;
    }

    /// What has been asked since the last call.
    pub fn take(&mut self) -> Vec<Ask> {
        self.inbox.take()
    }

    /// Takes no more requests and lets the connections write what they have. Whoever still waits
    /// for an answer must have got it, or have had its [`Ask`] dropped.
    pub async fn farewell(self) {
        drop(self.inbox);
        let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
        // A client that does not read in time has to do without.
        let _ = tokio::time::timeout(FAREWELL, self.connections.acquire_many(all)).await;
    }
}

async fn listen(
    listener: UnixListener,
    connections: Arc<Semaphore>,
    asks: mpsc::Sender<Ask>,
    plan: Arc<Plan>,
) {
    let staying = Arc::new(Semaphore::new(STAYING));
    let waiting = Arc::new(Semaphore::new(WAITING));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(BREATHER).await;
            continue;
        };
        let Ok(waits) = Arc::clone(&waiting).try_acquire_owned() else {
            connection::turn_away(&stream);
            continue;
        };
        let turn = Arc::clone(&connections).acquire_owned();
        let (asks, plan, staying) = (asks.clone(), Arc::clone(&plan), Arc::clone(&staying));
        tokio::spawn(async move {
            let Ok(Ok(permit)) = tokio::time::timeout(TURN, turn).await else {
                return connection::turn_away(&stream);
            };
            drop(waits);
            connection::serve(stream, asks, plan, staying, permit).await;
        });
    }
}
