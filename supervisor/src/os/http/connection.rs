//! One client: its one request, and its answer.
//!
//! A client has [`REQUEST`] to send its request and [`PATIENCE`] to take its answer, however slowly
//! it does that byte by byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::Utc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::Query;
use crate::http::{Answer, Page, Received, Request, Status};

/// How long a client may take over its request.
const REQUEST: Duration = Duration::from_secs(5);

/// How long it may take over its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long, and how much, a client may go on sending after its answer. What it has sent unread
/// would have the kernel reset the connection, and the answer with it.
const REST: (Duration, usize) = (Duration::from_secs(1), 64 * 1024);

/// Serves one client from its first byte to its last. The permit is given back at the end; what is
/// `engaged` tells whether somebody would miss an answer if it ended before.
pub(super) async fn serve(
    mut stream: TcpStream,
    queries: mpsc::Sender<Query>,
    large: Arc<Semaphore>,
    engaged: Arc<AtomicBool>,
    _permit: OwnedSemaphorePermit,
) {
    let _given;
    let received = timeout(REQUEST, receive(&mut stream)).await;
    engaged.store(true, Ordering::Relaxed);
    let (answer, head_only) = match received {
        Ok(Ok(Some(request))) => {
            let page = Page::of(&request);
            _given = match &page {
                Some(Page::Metrics) => large.try_acquire().map(Some),
                _ => Ok(None),
            };
            let answer = match page {
                None => Answer::no_such_page(),
                Some(_) if _given.is_err() => too_many(),
                Some(page) => ask(page, &queries).await,
            };
            (answer, request.head_only)
        }
        // Somebody who only looks whether anybody listens.
        Ok(Ok(None)) => return,
        Ok(Err(status)) => (Answer::refusal(status), false),
        Err(_) => (Answer::refusal(Status::RequestTimeout), false),
    };
    drop(queries);
    let answer = to_bytes(&answer, head_only);
    let _ = timeout(PATIENCE, give(&mut stream, &answer, &engaged)).await;
}

/// There are enough clients that are being given figures.
fn too_many() -> Answer {
    Answer::text(Status::Unavailable, "others are being given the figures\nhint: try again\n")
}

fn to_bytes(answer: &Answer, head_only: bool) -> Vec<u8> {
    // RFC 9110, section 5.6.7.
    answer.to_bytes(&Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string(), head_only)
}

/// Reads the request; `None` from a client that said nothing.
async fn receive(stream: &mut TcpStream) -> Result<Option<Request>, Status> {
    let mut received = Received::default();
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        if count == 0 {
            return if received.is_empty() { Ok(None) } else { Err(Status::BadRequest) };
        }
        if let Some(request) = received.push(buffer.get(..count).unwrap_or_default())? {
            return Ok(Some(request));
        }
    }
}

async fn ask(page: Page, queries: &mpsc::Sender<Query>) -> Answer {
    let (answer, answered) = oneshot::channel();
    if queries.send(Query { page, answer }).await.is_err() {
        return Answer::ending();
    }
    answered.await.unwrap_or_else(|_| Answer::ending())
}

async fn give(stream: &mut TcpStream, answer: &[u8], engaged: &AtomicBool) {
    if stream.write_all(answer).await.is_err() || stream.shutdown().await.is_err() {
        return;
    }
    engaged.store(false, Ordering::Relaxed);
    let rest = async {
        let (mut buffer, mut count) = ([0; 1024], 0);
        while let Ok(more @ 1..) = stream.read(&mut buffer).await {
            count += more;
            if count >= REST.1 {
                return;
            }
        }
    };
    let _ = timeout(REST.0, rest).await;
}
