//! Blobs of a repository (OCI distribution-spec, "Pushing blobs"): is one there, can one be taken
//! from a neighbour, and how does one get there.
//!
//! A blob is sent in one piece, its length said beforehand: some registries lose every piece but
//! the first, others limit the size of each, a few know no pieces at all; `pieces` are for what
//! stands before a registry and limits bodies (status 413). Each function makes one attempt.

use ureq::Body;
use ureq::http::Response;

use super::client::{Ask, Client, Content, MakeBody, header};
use super::retry::{Again, Attempt, Trouble};
use crate::digest::Digest;
use crate::error::{Failure, Kind};

/// What registries are told about the bytes of a blob.
pub(super) const BYTES: &str = "application/octet-stream";

/// An upload that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Where the bytes go.
    pub address: String,
    /// The fewest bytes a piece may have, but for the last.
    pub least: usize,
}

/// What became of asking for a blob of another repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mount {
    /// It is there now.
    Done,
    /// It is not; the registry has begun an upload instead.
    Upload(Upload),
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
    Ok(match (answer.status().as_u16(), begun(client, &answer)) {
        (201, _) => Mount::Done,
        (202, Some(upload)) => Mount::Upload(upload),
        _ => Mount::Refused,
    })
}

/// Begins an upload; `None` when the registry has the blob after all.
pub fn begin(client: &Client, digest: &Digest) -> Attempt<Option<Upload>> {
    let doing = format!("to begin an upload of {}", named(client, digest));
    let answer = client.send(Ask::new("POST", &client.url("blobs/uploads/"), &doing))?;
    match (answer.status().as_u16(), begun(client, &answer)) {
        (201, _) => Ok(None),
        (202, Some(upload)) => Ok(Some(upload)),
        (202, None) => {
            let host = &client.reference().host;
            let message = format!("{host} is {doing}, and does not say where");
            Err(Failure::new(Kind::Protocol, message).into())
        }
        _ => Err(client.refused(&doing, answer).into()),
    }
}

/// The upload that an answer tells of.
fn begun(client: &Client, answer: &Response<Body>) -> Option<Upload> {
    let least = header(answer, "oci-chunk-min-length").and_then(|least| least.trim().parse().ok());
    Some(Upload { address: client.location(answer)?, least: least.unwrap_or(0) })
}

/// A blob of the repository that is pushed to.
pub(super) fn named(client: &Client, digest: &Digest) -> String {
    format!("blob {digest} of {}", client.reference().repository)
}

/// Sends the whole blob to the address of an upload.
pub fn send(
    client: &Client,
    upload: &Upload,
    digest: &Digest,
    length: u64,
    make: MakeBody<'_>,
) -> Attempt<()> {
    let url = with_digest(&upload.address, digest);
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

/// Ends an upload whose bytes have all been sent.
pub(super) fn end(client: &Client, upload: &str, digest: &Digest) -> Attempt<()> {
    let url = with_digest(upload, digest);
    let doing = format!("to end the upload of {}", named(client, digest));
    let answer = client.send(Ask::new("PUT", &url, &doing))?;
    if !matches!(answer.status().as_u16(), 201 | 204) {
        return Err(client.refused(&doing, answer).into());
    }
    stored(client, digest, header(&answer, "docker-content-digest"))
}

/// How many bytes a `Range` header of an upload tells of: `0-99` are a hundred. An empty upload is
/// told as `0-0`, which cannot be told from a single byte; taken for none, that byte is sent twice
/// at the worst, and the registry says so.
pub(super) fn range(header: &Option<String>) -> Option<u64> {
    let text = header.as_deref()?;
    let text = text.strip_prefix("bytes=").unwrap_or(text);
    let last: u64 = text.strip_prefix("0-")?.parse().ok()?;
    Some(if last == 0 { 0 } else { last.saturating_add(1) })
}

fn length(header: &Option<String>) -> Option<u64> {
    header.as_deref()?.parse().ok()
}

/// What the registry says it stored must be what was sent.
fn stored(client: &Client, digest: &Digest, theirs: Option<String>) -> Attempt<()> {
    match theirs {
        Some(theirs) if theirs != digest.to_string() => {
            let theirs: String = theirs.chars().take(digest.to_string().len()).collect();
            let host = &client.reference().host;
            let why = format!("{host} stored {theirs} and not {digest}");
            Err(Failure::new(Kind::Protocol, why).into())
        }
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
            ("0-18446744073709551615", Some(u64::MAX)),
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
