//! Blobs of a repository (OCI distribution-spec, "Pushing blobs"): is one there, can one be taken
//! from a neighbour, and how does one get there.
//!
//! A blob is sent in one piece, its length said beforehand: some registries lose every piece but
//! the first, others limit the size of each, a few know no pieces at all. Pieces are for what
//! stands before a registry and limits bodies (status 413). Each function makes one attempt.

use std::io::{self, Read};

use super::client::{Ask, Client, Content, MakeBody, header};
use super::retry::{self, Again, Attempt, Policy, Trouble};
use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};

/// What registries are told about the bytes of a blob.
const BYTES: &str = "application/octet-stream";

/// The size of a piece: the most that the strictest known registry takes.
const PIECE: usize = 4 * 1024 * 1024;

/// What became of asking for a blob of another repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mount {
    /// It is there now.
    Done,
    /// It is not; the registry has begun an upload at this address instead.
    Upload(String),
    /// The registry will not.
    Refused,
}

/// Whether `repository`, or the one that is pushed to, has the blob, all of it.
pub fn has(client: &Client, digest: &Digest, size: u64, repository: Option<&str>) -> Attempt<bool> {
    let rest = format!("blobs/{digest}");
    let url = match repository {
        Some(repository) => client.url_in(repository, &rest),
        None => client.url(&rest),
    };
    let place = repository.unwrap_or(&client.reference().repository);
    let doing = format!("to look for blob {digest} of {place}");
    let mut ask = Ask::new("HEAD", &url, &doing);
    if let Some(repository) = repository {
        ask = ask.reading(repository);
    }
    let answer = client.send(ask)?;
    match answer.status().as_u16() {
        // A registry that lost a part of it shows by its length alone.
        200 => Ok(length(&header(&answer, "content-length")).is_none_or(|length| length == size)),
        404 => Ok(false),
        // It is not for us to know what is in another repository.
        401 | 403 if repository.is_some() => Ok(false),
        _ => Err(client.refused(&doing, answer).into()),
    }
}

/// Asks for the blob of repository `from`. Without that name some registries answer with an
/// error, so none is ever asked without it.
pub fn mount(client: &Client, digest: &Digest, from: &str) -> Attempt<Mount> {
    let url = client.url(&format!("blobs/uploads/?mount={digest}&from={}", query(from)));
    let doing = format!("to mount blob {digest} from {from}");
    let answer = match client.send(Ask::new("POST", &url, &doing).reading(from)) {
        Ok(answer) => answer,
        // No token for both repositories: that forbids the short way only.
        Err(trouble) if trouble.failure.kind() == Kind::Permission => return Ok(Mount::Refused),
        Err(trouble) => return Err(trouble),
    };
    Ok(match (answer.status().as_u16(), client.location(&answer)) {
        (201, _) => Mount::Done,
        (202, Some(location)) => Mount::Upload(location),
        _ => Mount::Refused,
    })
}

/// Begins an upload and returns its address; `None` when the registry has the blob after all.
pub fn begin(client: &Client, digest: &Digest) -> Attempt<Option<String>> {
    let doing = format!("to begin an upload of {}", named(client, digest));
    let answer = client.send(Ask::new("POST", &client.url("blobs/uploads/"), &doing))?;
    match (answer.status().as_u16(), client.location(&answer)) {
        (201, _) => Ok(None),
        (202, Some(location)) => Ok(Some(location)),
        (202, None) => {
            let host = &client.reference().host;
            let message = format!("{host} is {doing}, and does not say where");
            Err(Failure::new(Kind::Protocol, message).into())
        }
        _ => Err(client.refused(&doing, answer).into()),
    }
}

/// A blob of the repository that is pushed to.
fn named(client: &Client, digest: &Digest) -> String {
    format!("blob {digest} of {}", client.reference().repository)
}

/// Sends the whole blob to the address of an upload.
pub fn send(
    client: &Client,
    upload: &str,
    digest: &Digest,
    length: u64,
    make: MakeBody<'_>,
) -> Attempt<()> {
    let url = with_digest(upload, digest);
    let doing = format!("to take {}", named(client, digest));
    let content = Content { media_type: BYTES, length, offset: None, make };
    let answer = client.send_content(Ask::new("PUT", &url, &doing), content)?;
    match answer.status().as_u16() {
        201 | 204 => stored(client, digest, header(&answer, "docker-content-digest")),
        413 => Err(Trouble {
            failure: client.refused(&format!("{doing} in one piece"), answer),
            again: Again::Smaller,
        }),
        // The upload is unknown by now: its registry was started anew, say.
        404 | 416 => Err(Trouble { failure: client.refused(&doing, answer), again: Again::Soon }),
        _ => Err(client.refused(&doing, answer).into()),
    }
}

/// Sends the blob piece by piece. A piece that gets lost is sent again from where the registry
/// says it stands; the blob itself is made once.
pub fn send_in_pieces(
    client: &Client,
    upload: &str,
    digest: &Digest,
    length: u64,
    make: MakeBody<'_>,
) -> Attempt<()> {
    let mut body = make()?;
    let mut upload = upload.to_owned();
    let mut sent = 0;
    while sent < length {
        let piece = next_piece(&mut *body, length - sent)?;
        upload = send_piece(client, digest, &upload, sent, &piece)?;
        sent += piece.len() as u64;
    }
    let url = with_digest(&upload, digest);
    let doing = format!("to end the upload of {}", named(client, digest));
    let answer = client.send(Ask::new("PUT", &url, &doing))?;
    if !matches!(answer.status().as_u16(), 201 | 204) {
        return Err(client.refused(&doing, answer).into());
    }
    stored(client, digest, header(&answer, "docker-content-digest"))?;
    // A registry that takes no pieces may say that all is well, and have the first one only.
    if has(client, digest, length, None)? {
        return Ok(());
    }
    let message = format!("{} says it has blob {digest}, and has not", client.reference().host);
    Err(Failure::new(Kind::Protocol, message)
        .hint("it may know no uploads in pieces: allow larger bodies on the way to it")
        .into())
}

fn next_piece(body: &mut dyn Read, left: u64) -> Attempt<Vec<u8>> {
    let doing = || "cannot read a layer";
    let size = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
    let mut piece = vec![0; size];
    let mut filled = 0;
    while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match body.read(rest) {
            Ok(0) => return Err(short().into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => match error.get_ref().and_then(|e| e.downcast_ref::<Failure>()) {
                Some(failure) => return Err(failure.clone().into()),
                None => return Err(error).or_fail(Kind::Io, doing).map_err(Trouble::from),
            },
        }
    }
    Ok(piece)
}

fn short() -> Failure {
    Failure::new(Kind::Internal, "a layer is shorter than it was said to be")
}

/// Sends one piece, what of it the registry has not got as often as that helps; returns the
/// address for the next one.
fn send_piece(
    client: &Client,
    digest: &Digest,
    upload: &str,
    offset: u64,
    piece: &[u8],
) -> Attempt<String> {
    let doing = format!("to take a piece of {}", named(client, digest));
    let mut upload = upload.to_owned();
    let mut kept = 0;
    let mut left = client.policy().times;
    loop {
        let rest = piece.get(kept..).unwrap_or_default();
        let begin = offset + kept as u64;
        let make = || -> Result<Box<dyn Read + '_>> { Ok(Box::new(rest)) };
        let content = Content {
            media_type: BYTES,
            length: rest.len() as u64,
            offset: Some(begin),
            make: &make,
        };
        let trouble = match client.send_content(Ask::new("PATCH", &upload, &doing), content) {
            Ok(answer) if answer.status().as_u16() == 202 => {
                if let Some(location) = client.location(&answer) {
                    upload = location;
                }
                let end = offset + piece.len() as u64;
                let has = range(&header(&answer, "range")).unwrap_or(end);
                if has >= end {
                    return Ok(upload);
                }
                let message = format!("{} kept {has} of {end} bytes", client.reference().host);
                Trouble { failure: Failure::new(Kind::Protocol, message), again: Again::Soon }
            }
            Ok(answer) => return Err(client.refused(&doing, answer).into()),
            Err(trouble) => trouble,
        };
        if left == 0 || matches!(trouble.again, Again::Never | Again::Smaller) {
            return Err(trouble);
        }
        left -= 1;
        let pause = Policy { times: 1, pause: client.policy().pause };
        let (has, address) =
            retry::repeat(pause, &|_, _| {}, || progress(client, digest, &upload))?;
        upload = address;
        // What came before this piece is gone, so only the whole blob helps.
        kept = match has.checked_sub(offset).and_then(|kept| usize::try_from(kept).ok()) {
            Some(kept) if kept < piece.len() => kept,
            Some(_) => return Ok(upload),
            None => return Err(trouble),
        };
    }
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
        _ => Err(client.refused(&doing, answer).into()),
    }
}

/// How many bytes a `Range` header of an upload tells of: `0-99` are a hundred. An empty upload is
/// told as `0-0`, which cannot be told from a single byte; taken for none, that byte is sent twice
/// at the worst, and the registry says so.
fn range(header: &Option<String>) -> Option<u64> {
    let text = header.as_deref()?;
    let text = text.strip_prefix("bytes=").unwrap_or(text);
    let last: u64 = text.strip_prefix("0-")?.parse().ok()?;
    Some(if last == 0 { 0 } else { last + 1 })
}

fn length(header: &Option<String>) -> Option<u64> {
    header.as_deref()?.parse().ok()
}

/// What the registry says it stored must be what was sent.
fn stored(client: &Client, digest: &Digest, theirs: Option<String>) -> Attempt<()> {
    match theirs {
        Some(theirs) if theirs != digest.to_string() => Err(Failure::new(
            Kind::Protocol,
            format!("{} stored {theirs} and not {digest}", client.reference().host),
        )
        .into()),
        _ => Ok(()),
    }
}

fn with_digest(upload: &str, digest: &Digest) -> String {
    let joint = if upload.contains('?') { '&' } else { '?' };
    format!("{upload}{joint}digest={digest}")
}

/// A repository's name in a query; its slashes may stay.
fn query(name: &str) -> String {
    name.replace('%', "%25").replace('&', "%26").replace('+', "%2B").replace('#', "%23")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_tell_how_much_has_arrived() {
        for (header, expected) in [
            ("0-99", Some(100)),
            ("bytes=0-99", Some(100)),
            ("0-0", Some(0)),
            ("5-9", None),
            ("x", None),
        ] {
            assert_eq!(range(&Some(header.to_owned())), expected, "{header}");
        }
        assert_eq!(range(&None), None);
    }

    #[test]
    fn an_upload_s_address_keeps_its_own_query() {
        let digest = Digest::of(b"");
        assert!(with_digest("http://a/u", &digest).starts_with("http://a/u?digest=sha256:"));
        assert!(
            with_digest("http://a/u?s=1", &digest).starts_with("http://a/u?s=1&digest=sha256:")
        );
    }
}
