//! The last step of a push: the manifest, with which the image is there for everybody. What became
//! of it is found out, also when the answer is lost.

use std::io::Read;

use ureq::Body;
use ureq::http::Response;

use super::Registry;
use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::manifest::Descriptor;
use crate::registry::client::{Ask, Content, header};
use crate::registry::pull::{LARGEST, MANIFESTS};
use crate::registry::retry::{self, Again, Attempt, Trouble};

impl Registry {
    /// Sends a manifest or an index to where it is found by its tag or by its digest.
    ///
    /// # Errors
    /// When it is not there, or nobody can tell whether it is; the hint says which.
    pub(super) fn put_manifest(&self, url: &str, bytes: &[u8], about: &Descriptor) -> Result<()> {
        let waiting = |failure: &Failure, pause| self.tell_pause(failure, pause);
        // What was last found out about it: `None` when the registry would not even tell.
        let mut there = Some(false);
        let attempt = || match self.try_put_manifest(url, bytes, about) {
            Err(trouble) if matches!(trouble.again, Again::Soon | Again::After(_)) => {
                there = self.holds(url, about).ok();
                if there == Some(true) { Ok(()) } else { Err(trouble) }
            }
            result => result,
        };
        let result = retry::repeat(self.client.policy(), &waiting, attempt);
        result.map_err(|trouble| match (trouble.again, there) {
            (Again::Soon | Again::After(_), Some(_)) => {
                trouble.failure.hint("nothing has been published; try again later")
            }
            (Again::Soon | Again::After(_), None) => trouble.failure.hint(format!(
                "it is not known whether {} is published: the answer was lost; \
                 copy it once more, which does no harm",
                self.named()
            )),
            _ => trouble.failure,
        })
    }

    fn try_put_manifest(&self, url: &str, bytes: &[u8], about: &Descriptor) -> Attempt<()> {
        let make = || -> Result<Box<dyn Read + '_>> { Ok(Box::new(bytes)) };
        let media_type = about.media_type.as_str();
        let content = Content { media_type, length: about.size, offset: None, make: &make };
        let (host, named) = (&self.client.reference().host, self.named());
        let doing = format!("to take the manifest of {named}");
        let answer = self.client.send_content(Ask::new("PUT", url, &doing), content)?;
        let status = answer.status().as_u16();
        match status {
            201 => match header(&answer, "docker-content-digest") {
                Some(theirs) if theirs != about.digest.to_string() => {
                    let digest = &about.digest;
                    let message = format!("{host} stored {theirs} and not {digest} as {named}");
                    let hint = "something before the registry changes what it is sent";
                    Err(Failure::new(Kind::Protocol, message).hint(hint).into())
                }
                _ => Ok(()),
            },
            // The specification knows 201 alone: others may come from whoever knows nothing of
            // manifests and answers everything.
            200..=299 => {
                let message = format!("{host} answers {doing} with status {status}");
                let why = match self.holds(url, about) {
                    Ok(true) => return Ok(()),
                    Ok(false) => "and has not got it".to_owned(),
                    Err(trouble) => {
                        format!("and does not tell whether it has: {}", trouble.failure.message())
                    }
                };
                let hint = "see whether it is a registry: a proxy may answer in its place";
                let message = format!("{message}, {why}");
                Err(Failure::new(Kind::Protocol, message).hint(hint).into())
            }
            _ => Err(self.client.refused(&doing, answer).into()),
        }
    }

    /// Whether this very manifest is at an address.
    fn holds(&self, url: &str, about: &Descriptor) -> Attempt<bool> {
        let waiting = |failure: &Failure, pause| self.tell_pause(failure, pause);
        let ask = |method| {
            retry::repeat(self.once_more(), &waiting, || {
                let doing = format!("to look for {}", self.named());
                let answer = self.client.send(Ask::new(method, url, &doing).accept(MANIFESTS))?;
                match answer.status().as_u16() {
                    200 => Ok(Some(answer)),
                    404 => Ok(None),
                    _ => Err(self.client.refused(&doing, answer).into()),
                }
            })
        };
        let Some(answer) = ask("HEAD")? else { return Ok(false) };
        match header(&answer, "docker-content-digest") {
            Some(theirs) => Ok(theirs == about.digest.to_string()),
            // Not every registry says so; what it has then does.
            None => match ask("GET")? {
                Some(answer) => Ok(content(answer)? == about.digest),
                None => Ok(false),
            },
        }
    }
}

/// The digest of what was answered.
fn content(mut answer: Response<Body>) -> Attempt<Digest> {
    let read = answer.body_mut().with_config().limit(LARGEST).read_to_vec();
    let read = read.or_fail(Kind::Io, || "cannot read the manifest that is there");
    read.map(|bytes| Digest::of(&bytes)).map_err(Trouble::from)
}
