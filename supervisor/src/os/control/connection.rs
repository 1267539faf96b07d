//! One client: who it is, its one request, and its answer.
//!
//! A client has [`REQUEST`] to send its request and [`PATIENCE`] to take each piece of its answer. One that
//! waits for something to come to pass, or follows output, may stay as long as it takes what it is
//! given; it is forgotten as soon as it has gone.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::geteuid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::{Answer, Ask, CONNECTIONS, STAYING};
use crate::control::line::LIMIT;
use crate::control::{Received, Request, Response};
use crate::log::{Followed, Following};
use crate::machine::exit;
use crate::spec::{Plan, ProcessId};

/// How long a client may take over its request, which one of ours sends at once.
const REQUEST: Duration = Duration::from_secs(2);

/// How long a client may take over a piece of its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves one client from its first byte to its last. The permit is given back at the end.
pub(super) async fn serve(
    mut stream: UnixStream,
    asks: mpsc::Sender<Ask>,
    plan: Arc<Plan>,
    staying: Arc<Semaphore>,
    _permit: OwnedSemaphorePermit,
) {
    if let Err(response) = talk(&mut stream, &asks, &plan, &staying).await {
        let _ = write(&mut stream, &[response]).await;
    }
}

/// Tells a client that there are too many, if it can be told at once.
pub(super) fn turn_away(stream: &UnixStream) {
    let _ = stream.try_write(&too_many(CONNECTIONS).to_line());
}

fn too_many(count: usize) -> Response {
    let message = format!("there are {count} other connections\nhint: try again");
    error(exit::UNAVAILABLE, message)
}

/// Carries out the conversation; the error is what is left to be said.
async fn talk(
    stream: &mut UnixStream,
    asks: &mpsc::Sender<Ask>,
    plan: &Plan,
    staying: &Semaphore,
) -> Result<(), Response> {
    check_credentials(stream)?;
    let request = match timeout(REQUEST, receive(stream)).await {
        Ok(request) => request?,
        Err(_) => return Err(error(exit::USAGE, "no whole request came in time\nhint: `devenv-init` itself is the client for this socket".to_owned())),
    };
    let Some(request) = request else { return Ok(()) };
    let _stays = match request.may_take_long().then(|| staying.try_acquire()) {
        Some(Err(_)) => return Err(too_many(STAYING)),
        stays => stays,
    };
    let (answer, mut answered) = oneshot::channel();
    let ending =
        || error(exit::UNAVAILABLE, "the supervisor is ending\nhint: its log says why".to_owned());
    asks.send(Ask { request, answer }).await.map_err(|_| ending())?;
    let answer = tokio::select! {
        biased;
        answer = &mut answered => answer.map_err(|_| ending())?,
        () = gone(stream) => return Ok(()),
    };
    give(stream, answer, plan).await;
    Ok(())
}

/// The user of the supervisor, or root, and from within the container. A client whose user the
/// kernel does not tell is nobody.
///
/// The kernel gives pid 0 to whoever is not in our pid namespace: another container that shares a
/// directory or the network with this one. Its user may look like ours and be another one, since
/// users that a namespace does not know all look alike.
fn check_credentials(stream: &UnixStream) -> Result<(), Response> {
    let client = stream.peer_cred().ok();
    let own = geteuid().as_raw();
    match client.map(|client| (client.uid(), client.pid())) {
        Some((_, None | Some(..=0))) => Err(error(
            exit::NOT_PERMITTED,
            "this is the supervisor of another container\nhint: ask within that container"
                .to_owned(),
        )),
        Some((uid, _)) if uid == 0 || uid == own => Ok(()),
        Some((uid, _)) => Err(error(
            exit::NOT_PERMITTED,
            format!(
                "user {uid} may not control a supervisor of user {own}\n\
                 hint: ask as user {own} or as root"
            ),
        )),
        None => Err(error(
            exit::NOT_PERMITTED,
            "your user is unknown\nhint: ask within the container, as its user or as root"
                .to_owned(),
        )),
    }
}

/// Reads the request; `None` from a client that came only to see whether somebody listens.
async fn receive(stream: &mut UnixStream) -> Result<Option<Request>, Response> {
    let mut received = Received::default();
    let mut buffer = [0; 1024];
    let line = loop {
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        if count == 0 {
            break received.rest();
        }
        match received.push(buffer.get(..count).unwrap_or_default()) {
            Ok(Some(line)) => break line,
            Ok(None) => {}
            Err(_) => {
                let message = format!("the request is longer than {LIMIT} bytes");
                return Err(error(exit::USAGE, message));
            }
        }
    };
    if line.is_empty() {
        return Ok(None);
    }
    let wrong = |why: String| {
        error(
            exit::USAGE,
            format!(
                "this is no request: {why}\nhint: `devenv-init` itself is the client for this socket"
            ),
        )
    };
    Request::parse(&line).map(Some).map_err(wrong)
}

async fn give(stream: &mut UnixStream, answer: Answer, plan: &Plan) {
    if !write(stream, &answer.responses).await {
        return;
    }
    let Some(mut following) = answer.follow else { return };
    while let Some(responses) = follow(stream, &mut following, plan).await {
        if !write(stream, &responses).await {
            return;
        }
    }
    // For one that has gone in vain.
    let _ = write(stream, &[Response::Done {}]).await;
}

/// What comes next for a follower; `None` when it has gone or been told the last.
async fn follow(
    stream: &mut UnixStream,
    following: &mut Following,
    plan: &Plan,
) -> Option<Vec<Response>> {
    let told = tokio::select! {
        biased;
        told = following.next() => told?,
        () = gone(stream) => return None,
    };
    let response = |followed: Followed| match followed {
        Followed::Line { source, text, more } => {
            let process = plan.process(ProcessId(source.0));
            let process = process.map(|process| process.label.clone()).unwrap_or_default();
            Response::Line { process, text, more }
        }
        Followed::Lost(bytes) => Response::Dropped { bytes },
    };
    Some(told.into_iter().map(response).collect())
}

/// Writes responses in pieces; whether the client took them all in time.
async fn write(stream: &mut UnixStream, responses: &[Response]) -> bool {
    for piece in responses.chunks(64) {
        let bytes: Vec<u8> = piece.iter().flat_map(Response::to_line).collect();
        if !matches!(timeout(PATIENCE, stream.write_all(&bytes)).await, Ok(Ok(()))) {
            return false;
        }
    }
    true
}

/// Returns when the client has gone. One that has only shut down its writing end, as `nc -N` and
/// the like do, may still read: it gets [`PATIENCE`].
async fn gone(stream: &mut UnixStream) {
    let mut ignored = [0; 256];
    while let Ok(1..) = stream.read(&mut ignored).await {}
    let mut fds = [PollFd::new(stream.as_fd(), PollFlags::empty())];
    let hung_up = |fd: &PollFd<'_>| fd.revents().is_none_or(|events| !events.is_empty());
    if poll(&mut fds, PollTimeout::ZERO).is_ok() && !fds.iter().any(hung_up) {
        tokio::time::sleep(PATIENCE).await;
    }
}

fn error(code: u8, message: String) -> Response {
    Response::Error { code, message }
}
