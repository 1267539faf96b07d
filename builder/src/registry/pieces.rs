//! A blob sent in pieces (OCI distribution-spec, "Pushing a blob in chunks"), for what stands before
//! a registry and limits bodies. How large a body may be nobody says, so pieces that are refused
//! become smaller; how small a registry takes them it says when an upload begins.

use std::io::Read;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::blobs::{self, BYTES, Upload, named, range};
use super::client::{Ask, Client, Content, MakeBody, header};
use super::retry::{self, Again, Attempt, Policy, Trouble};
use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::progress::counting::Counting;

/// The size of a piece at first: the most that the strictest known registry takes.
const PIECE: usize = 4 * 1024 * 1024;
/// Pieces do not become smaller than this, in bytes: a limit below it is a mistake.
const SMALLEST: usize = 64 * 1024;
/// The largest piece that a registry may insist on. Pieces are kept in memory, to be sent again, and are up
/// to twice as large where a blob is cut into equal ones.
const LARGEST: usize = 128 * 1024 * 1024;

/// What to do about bodies that are too large.
const ALLOW: &str =
    "allow larger bodies on the way to the registry (client_max_body_size of nginx)";

/// Whoever hears how things go.
pub struct Listener<'a> {
    /// Is told how many bytes are on their way.
    pub sent: &'a (dyn Fn(u64) + Sync),
    /// Is told of a pause and why it is made.
    pub waiting: &'a dyn Fn(&Failure, Duration),
}

/// What has been read of a blob and has not arrived yet.
struct Window<'a> {
    body: Box<dyn Read + 'a>,
    /// How many bytes of it are still to be read.
    unread: u64,
    /// Where `bytes` begin in the blob.
    offset: u64,
    bytes: Vec<u8>,
}

/// What became of a piece.
enum Taken {
    /// So many bytes of the blob are there, and the next ones go to this address.
    UpTo(u64, Option<String>),
    /// The registry says that it has the whole blob.
    Whole,
}

/// Sends the blob piece by piece. A piece that gets lost is sent again from where the registry
/// says it stands; the blob itself is made once.
pub fn send_in_pieces(
    client: &Client,
    upload: &Upload,
    digest: &Digest,
    length: u64,
    make: MakeBody<'_>,
    listener: &Listener<'_>,
) -> Attempt<()> {
    let least = upload.least;
    if least > LARGEST {
        let message = format!("{} takes no pieces below {least} bytes", client.reference().host);
        return Err(Failure::new(Kind::Protocol, message).hint(ALLOW).into());
    }
    let mut window = Window { body: make()?, unread: length, offset: 0, bytes: Vec::new() };
    let mut address = upload.address.clone();
    let mut size = match client.piece.load(Ordering::Relaxed) {
        0 => PIECE,
        known => known,
    };
    if least > size {
        // Of one size all of them: some do not take a smaller one at the end either.
        let count = (length / least as u64).max(1);
        size = usize::try_from(length.div_ceil(count)).unwrap_or(least).max(least);
    }
    let mut tried = 0;
    while window.fill(size)? {
        let piece = window.bytes.get(..size.min(window.bytes.len())).unwrap_or_default();
        let trouble = match send_piece(client, digest, &address, window.offset, piece, listener) {
            Ok(Taken::Whole) => return whole(client, digest, length),
            Ok(Taken::UpTo(has, next)) => {
                address = next.unwrap_or(address);
                let end = window.offset + piece.len() as u64;
                if has >= end {
                    window.forget(end);
                    tried = 0;
                    continue;
                }
                let message = format!("{} kept {has} of {end} bytes", client.reference().host);
                Trouble { failure: Failure::new(Kind::Protocol, message), again: Again::Soon }
            }
            Err(trouble) if trouble.again == Again::Smaller => {
                size = smaller(size.min(piece.len()), least).ok_or(trouble)?;
                client.piece.store(size, Ordering::Relaxed);
                continue;
            }
            Err(trouble) => trouble,
        };
        let asked = match trouble.again {
            _ if tried >= client.policy().times => return Err(trouble),
            Again::After(pause) => Some(pause),
            Again::Soon => None,
            _ => return Err(trouble),
        };
        let pause = retry::at_least(asked, client.policy(), tried);
        (listener.waiting)(&trouble.failure, pause);
        thread::sleep(pause);
        tried += 1;
        let once_more = Policy { times: 1, ..client.policy() };
        let (has, next) =
            retry::repeat(once_more, listener.waiting, || progress(client, digest, &address))?;
        address = next;
        if has > window.offset {
            tried = 0;
        }
        // What came before this piece is gone, so only the whole blob helps.
        if !window.forget(has) {
            return Err(trouble);
        }
    }
    blobs::end(client, &address, digest)?;
    // A registry that takes no pieces may say that all is well, and have the first one only.
    if blobs::has(client, digest, length, None)? {
        return Ok(());
    }
    let message = format!("{} says it has blob {digest}, and has not", client.reference().host);
    let hint = "it may know no uploads in pieces: allow larger bodies on the way to it";
    Err(Failure::new(Kind::Protocol, message).hint(hint).into())
}

impl Window<'_> {
    /// Reads until there are `size` bytes or all; whether there are any.
    fn fill(&mut self, size: usize) -> Attempt<bool> {
        let doing = || "cannot read a layer";
        let lacks = size.saturating_sub(self.bytes.len());
        let wanted = usize::try_from(self.unread).unwrap_or(lacks).min(lacks);
        if wanted > 0 {
            let mut some = (&mut self.body).take(wanted as u64);
            let count = match some.read_to_end(&mut self.bytes) {
                Ok(count) => count,
                Err(error) => match error.get_ref().and_then(|e| e.downcast_ref::<Failure>()) {
                    Some(failure) => return Err(failure.clone().into()),
                    None => return Err(error).or_fail(Kind::Io, doing).map_err(Trouble::from),
                },
            };
            if count < wanted {
                let why = "a layer is shorter than it was said to be";
                return Err(Failure::new(Kind::Internal, why).into());
            }
            self.unread -= count as u64;
        }
        Ok(!self.bytes.is_empty())
    }

    /// Drops what has arrived: the bytes up to `end` of the blob. False when there are some before
    /// these that have not.
    fn forget(&mut self, end: u64) -> bool {
        let Some(count) = end.checked_sub(self.offset) else { return false };
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.bytes.len());
        self.bytes.drain(..count);
        self.offset += count as u64;
        true
    }
}

/// The size of pieces after one of `size` bytes was too large.
fn smaller(size: usize, least: usize) -> Option<usize> {
    let floor = least.max(SMALLEST);
    (size > floor).then(|| (size / 2).max(floor))
}

fn send_piece(
    client: &Client,
    digest: &Digest,
    address: &str,
    offset: u64,
    piece: &[u8],
    listener: &Listener<'_>,
) -> Attempt<Taken> {
    let doing = format!("to take a piece of {}", named(client, digest));
    let make = || -> Result<Box<dyn Read + '_>> {
        let counting = Counting::from(offset, offset + piece.len() as u64, listener.sent);
        Ok(Box::new(counting.through(piece)))
    };
    let length = piece.len() as u64;
    let content = Content { media_type: BYTES, length, offset: Some(offset), make: &make };
    let answer = client.send_content(Ask::new("PATCH", address, &doing), content)?;
    match answer.status().as_u16() {
        202 => {
            let has = range(&header(&answer, "range")).unwrap_or(offset + length);
            Ok(Taken::UpTo(has, client.location(&answer)))
        }
        201 => Ok(Taken::Whole),
        413 => {
            let doing = format!("{doing} of {length} bytes");
            let failure = client.refused(&doing, answer).hint(ALLOW);
            Err(Trouble { failure, again: Again::Smaller })
        }
        // It stands elsewhere than we believe, and says where when it is asked.
        416 => Err(Trouble { failure: client.refused(&doing, answer), again: Again::Soon }),
        _ => Err(client.refused(&doing, answer).into()),
    }
}

/// Judges a registry that takes a piece for the whole: some drop what comes after the first.
fn whole(client: &Client, digest: &Digest, length: u64) -> Attempt<()> {
    if blobs::has(client, digest, length, None)? {
        return Ok(());
    }
    let message = format!(
        "{} takes a piece of {} for all of it (status 201), and the rest is lost",
        client.reference().host,
        named(client, digest)
    );
    let hint = format!(
        "it knows no uploads in pieces, and something before it refuses {length} bytes at once: \
         allow bodies of that size"
    );
    Err(Failure::new(Kind::Protocol, message).hint(hint).into())
}

/// How many bytes of an upload have arrived, and its address from now on.
fn progress(client: &Client, digest: &Digest, upload: &str) -> Attempt<(u64, String)> {
    let doing = format!("to resume the upload of {}", named(client, digest));
    let answer = client.send(Ask::new("GET", upload, &doing))?;
    match answer.status().as_u16() {
        204 => {
            let address = client.location(&answer);
            let has = range(&header(&answer, "range")).unwrap_or(0);
            Ok((has, address.unwrap_or_else(|| upload.to_owned())))
        }
        // The upload is unknown by now, so only a new one helps.
        404 => Err(Trouble { failure: client.refused(&doing, answer), again: Again::Soon }),
        _ => Err(client.refused(&doing, answer).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_smaller_down_to_what_is_taken() {
        let all = |least| {
            let next = |size: &usize| smaller(*size, least);
            std::iter::successors(Some(1024 * 1024), next).map(|size| size / 1024).collect()
        };
        let sizes: [Vec<usize>; 3] = [0, 200 * 1024, 1024 * 1024].map(all);
        assert_eq!(sizes, [vec![1024, 512, 256, 128, 64], vec![1024, 512, 256, 200], vec![1024]]);
    }

    #[test]
    fn what_has_arrived_is_dropped_and_nothing_else() {
        let body = Box::new(&b"0123456789"[..]);
        let mut window = Window { body, unread: 10, offset: 0, bytes: Vec::new() };
        assert!(window.fill(4).unwrap() && window.bytes == b"0123");
        assert!(window.forget(3) && window.bytes == b"3" && window.offset == 3);
        assert!(window.fill(4).unwrap() && window.bytes == b"3456");
        assert!(!window.forget(2), "what was dropped is gone");
        assert!(window.forget(99) && window.offset == 7);
        assert!(window.fill(4).unwrap() && window.bytes == b"789");
        assert!(window.forget(10) && !window.fill(4).unwrap());
        window.unread = 1;
        assert!(window.fill(4).is_err(), "the body is too short");
    }
}
