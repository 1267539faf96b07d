//! A registry as a sink: one request for an image that is there already, and never a blob twice.

mod current;
mod kept;
mod publish;
mod stream;

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

pub use self::current::{Current, changes};
use self::kept::Kept;
use self::stream::{Compressing, Exact};
use super::{IndexSink, Published, Sink};
use crate::cache::{Cache, Compressed};
use crate::digest::Digest;
use crate::error::{Failure, Result};
use crate::image::index::Index;
use crate::image::manifest::Format;
use crate::image::room::Permit;
use crate::image::wire::Wire;
use crate::image::{Codec, Image, Layer, blob};
use crate::parallel;
use crate::progress::{self, Event, Step, Watch};
use crate::registry::blobs::{self, Mount, Upload};
use crate::registry::pieces::{self, Listener};
use crate::registry::retry::{self, Again, Attempt, Policy, Trouble};
use crate::registry::{Client, Places};

/// How many blobs are sent at the same time.
const PARALLEL: usize = 4;

/// Pauses above this length are told.
const SHORT: Duration = Duration::from_secs(1);

/// How many bytes of compressed layers are kept in memory until they are sent.
const IN_MEMORY: usize = 64 * 1024 * 1024;

/// A repository and a tag in it.
pub struct Registry {
    client: Client,
    cache: Cache,
    places: Places,
    watch: Arc<dyn Watch>,
    format: Format,
}

/// Makes the bytes of a blob, as often as they are wanted, with the memory there is a permit for.
type Make<'a> = dyn Fn(&Arc<Permit>) -> Result<Box<dyn Read + 'a>> + Sync + 'a;

/// Hears why something is tried again, and when.
type Waiting<'a> = &'a dyn Fn(&Failure, Duration);

/// A blob that is to be in the repository.
struct Blob<'a> {
    /// What it is to the image.
    item: &'a str,
    digest: &'a Digest,
    size: u64,
    /// What its bytes are made with while they are sent.
    codec: Codec,
    make: &'a Make<'a>,
}

impl Registry {
    /// Pushes to what `client` talks about; `cache` knows what layers compress to, `places` where
    /// blobs are already, and `watch` is told what happens.
    pub fn new(client: Client, cache: Cache, places: Places, watch: Arc<dyn Watch>) -> Self {
        let teller = Arc::clone(&watch);
        client.tell_pauses(Box::new(move |failure, pause| {
            if pause > SHORT {
                let why = failure.message().to_owned();
                let (item, step) = ("registry".to_owned(), Step::Waiting { why, pause });
                teller.tell(Event { item, digest: None, size: None, step });
            }
        }));
        Self { client, cache, places, watch, format: Format::default() }
    }

    /// Writes manifests in `format`.
    pub fn in_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// Whether the repository has a blob.
    pub fn has_blob(&self, digest: &Digest, size: u64) -> Result<bool> {
        self.ask(|| blobs::has(&self.client, digest, size, None))
    }

    /// A repository from which the blob could be mounted. Where that cannot be told, it is as if there
    /// were none: a push goes on without it, too.
    pub fn neighbour(&self, digest: &Digest, size: u64) -> Option<String> {
        let reference = self.client.reference();
        for place in self.places.of(&reference.host, digest, &reference.repository) {
            let attempt = || blobs::has(&self.client, digest, size, Some(&place));
            if retry::repeat(self.once_more(), &|_, _| {}, attempt).is_ok_and(|has| has) {
                return Some(place);
            }
        }
        None
    }

    fn manifest_url(&self) -> String {
        self.client.url(&format!("manifests/{}", self.client.reference().tag))
    }

    /// The image's name, without the registry.
    fn named(&self) -> String {
        let reference = self.client.reference();
        format!("{}:{}", reference.repository, reference.tag)
    }

    /// Asks until there is an answer.
    fn ask<T>(&self, attempt: impl FnMut() -> Attempt<T>) -> Result<T> {
        let waiting = |failure: &Failure, pause| self.tell_pause(failure, pause);
        retry::repeat(self.client.policy(), &waiting, attempt).map_err(|trouble| trouble.failure)
    }

    /// Tells of a pause before something about the manifest is asked again.
    fn tell_pause(&self, failure: &Failure, pause: Duration) {
        if pause > SHORT {
            let why = failure.message().to_owned();
            self.tell("manifest", None, None, Step::Waiting { why, pause });
        }
    }

    /// What may be done without is tried twice at the most.
    fn once_more(&self) -> Policy {
        let policy = self.client.policy();
        Policy { times: policy.times.min(1), ..policy }
    }

    /// Brings a layer into the repository.
    fn push_layer(&self, item: &str, layer: &Layer) -> Result<()> {
        if let Some(Compressed { digest, size }) = self.cache.compressed(layer) {
            let make = |permit: &_| -> Result<Box<dyn Read>> {
                let (layer, digest) = (layer.clone(), digest.clone());
                Ok(Box::new(Compressing::start(layer, permit, digest, &self.cache)?))
            };
            let codec = layer.codec;
            return self.push(&Blob { item, digest: &digest, size, codec, make: &make });
        }
        // Nobody knows yet what it compresses to. Its length must be said before its bytes, so
        // they are kept meanwhile. What codecs take is not there for them.
        self.tell(item, None, None, Step::Making);
        let permit = layer.codec.permit();
        let mut kept = Kept::new(IN_MEMORY.saturating_sub(PARALLEL * layer.codec.memory()));
        let (digest, size) = blob::write(layer, &permit, &mut kept)?;
        drop(permit);
        self.cache.put_compressed(layer, &Compressed { digest: digest.clone(), size });
        let make = |_: &_| -> Result<Box<dyn Read>> { Ok(Box::new(kept.read())) };
        self.push(&Blob { item, digest: &digest, size, codec: Codec::None, make: &make })
    }

    /// Brings a blob into the repository, whatever that takes.
    fn push(&self, blob: &Blob<'_>) -> Result<()> {
        let waiting = |failure: &Failure, pause: Duration| {
            let why = failure.message().to_owned();
            self.tell_of(blob, Step::Waiting { why, pause });
        };
        // Each attempt looks anew: the blob may have arrived, and only the answer got lost.
        retry::repeat(self.client.policy(), &waiting, || self.try_push(blob, &waiting))
            .map_err(|trouble| trouble.failure)
    }

    fn try_push(&self, blob: &Blob<'_>, waiting: Waiting<'_>) -> Attempt<()> {
        let reference = self.client.reference();
        let (host, repository) = (&reference.host, &reference.repository);
        if blobs::has(&self.client, blob.digest, blob.size, None)? {
            self.tell_of(blob, Step::Present);
            self.places.put(host, blob.digest, repository);
            return Ok(());
        }
        let mut upload = None;
        let places = self.places.of(host, blob.digest, repository);
        let last = places.len().saturating_sub(1);
        for (at, from) in places.into_iter().enumerate() {
            // An upload begins where nothing is mounted, and one is all that is needed: so each place
            // is looked at first, but for the last.
            if at < last && !self.is_in(blob, &from) {
                continue;
            }
            match self.mount(blob, &from, waiting)? {
                Some(Mount::Done) => {
                    self.tell_of(blob, Step::Mounted { from });
                    self.places.put(host, blob.digest, repository);
                    return Ok(());
                }
                Some(Mount::Upload(begun)) => {
                    self.places.remove(host, blob.digest, &from);
                    upload = Some(begun);
                    break;
                }
                Some(Mount::Refused) => self.places.remove(host, blob.digest, &from),
                None => break,
            }
        }
        // A connection is not left waiting for memory.
        let permit = Arc::new(blob.codec.permit());
        let upload = match upload {
            Some(begun) => Some(begun),
            None => blobs::begin(&self.client, blob.digest)?,
        };
        if let Some(upload) = upload {
            self.send(blob, &permit, &upload, waiting)?;
        }
        self.tell_of(blob, Step::Sent);
        self.places.put(host, blob.digest, repository);
        Ok(())
    }

    /// Whether another repository has the blob. Where that cannot be told, it is as if it had not.
    fn is_in(&self, blob: &Blob<'_>, place: &str) -> bool {
        let found = blobs::has(&self.client, blob.digest, blob.size, Some(place));
        if matches!(found, Ok(false)) {
            self.places.remove(&self.client.reference().host, blob.digest, place);
        }
        matches!(found, Ok(true))
    }

    /// Asks for the blob of repository `from`, once more after a bad moment: that may save many
    /// bytes. `None` when the moment stays bad, since a registry that fails at mounts may well take
    /// the bytes.
    fn mount(&self, blob: &Blob<'_>, from: &str, waiting: Waiting<'_>) -> Attempt<Option<Mount>> {
        let attempt = || blobs::mount(&self.client, blob.digest, from);
        match retry::repeat(self.once_more(), waiting, attempt) {
            Ok(mount) => Ok(Some(mount)),
            Err(Trouble { again: Again::Soon | Again::After(_) | Again::TooOften, .. }) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    fn send(
        &self,
        blob: &Blob<'_>,
        permit: &Arc<Permit>,
        upload: &Upload,
        waiting: Waiting<'_>,
    ) -> Attempt<()> {
        let tell = |sent| self.tell_of(blob, Step::Sending { sent });
        let make = || -> Result<Box<dyn Read + '_>> {
            Ok(Box::new(Exact::new((blob.make)(permit)?, blob.size, &tell)))
        };
        let whole = blobs::send(&self.client, upload, blob.digest, blob.size, &make);
        let Err(Trouble { again: Again::Smaller, failure }) = whole else { return whole };
        let Some(upload) = blobs::begin(&self.client, blob.digest)? else { return Ok(()) };
        // Bytes of a piece count when the piece goes out, and not when it is made.
        let make = || -> Result<Box<dyn Read + '_>> {
            Ok(Box::new(Exact::new((blob.make)(permit)?, blob.size, &|_| {})))
        };
        let listener = Listener { sent: &tell, waiting };
        let (digest, size) = (blob.digest, blob.size);
        pieces::send_in_pieces(&self.client, &upload, digest, size, &make, &listener).map_err(
            |trouble| Trouble { failure: trouble.failure.context(failure.message()), ..trouble },
        )
    }

    fn put_image(&self, image: &Image) -> Result<Published> {
        // When every digest is known already, one request tells whether there is anything to do.
        let known = self.knows(image);
        if known {
            let wire = Wire::new(image, &self.cache, self.format)?;
            if self.stands_for(wire.digest())? {
                return Ok(self.published(wire.digest(), true));
            }
        }
        let wire = self.push_blobs(image, "")?;
        // Otherwise the same question comes once they are.
        if !known && self.stands_for(wire.digest())? {
            return Ok(self.published(wire.digest(), true));
        }
        // The manifest comes last: until then the tag stands for what it stood for before.
        self.put_manifest(&self.manifest_url(), &wire.manifest, &wire.descriptor)?;
        Ok(self.published(wire.digest(), false))
    }

    fn put_images(&self, images: &[Image]) -> Result<Published> {
        let known = images.iter().all(|image| self.knows(image));
        if known {
            let index = Index::of(images, &self.cache, self.format)?;
            if self.stands_for(index.digest())? {
                return Ok(self.published(index.digest(), true));
            }
        }
        let wires = images
            .iter()
            .map(|image| Ok((image, self.push_blobs(image, &format!("{} ", image.architecture))?)))
            .collect::<Result<_>>()?;
        let index = Index::new(wires, self.format)?;
        if !known && self.stands_for(index.digest())? {
            return Ok(self.published(index.digest(), true));
        }
        // The index refers to what must be there, and no tag stands for any of it yet.
        for wire in &index.images {
            let url = self.client.url(&format!("manifests/{}", wire.digest()));
            self.put_manifest(&url, &wire.manifest, &wire.descriptor)?;
        }
        self.put_manifest(&self.manifest_url(), &index.bytes, &index.descriptor)?;
        Ok(self.published(index.digest(), false))
    }

    /// Whether the tag stands for this image or index already.
    fn stands_for(&self, digest: &Digest) -> Result<bool> {
        Ok(self.digest()?.as_ref() == Some(digest))
    }

    /// Whether the digest of every layer's blob is known.
    fn knows(&self, image: &Image) -> bool {
        image.layers.iter().all(|layer| self.cache.compressed(layer).is_some())
    }

    /// Brings everything but the manifest into the repository; `of` is put before what a blob is
    /// called.
    fn push_blobs(&self, image: &Image, of: &str) -> Result<Wire> {
        let count = image.layers.len();
        let layers: Vec<(String, &Layer)> = (0..)
            .zip(&image.layers)
            .map(|(at, layer)| (progress::layer(of, at, count), layer))
            .collect();
        parallel::map_largest_first(
            &layers,
            PARALLEL,
            |(_, layer)| layer.size,
            |(item, layer)| self.push_layer(item, layer),
        )?;
        let wire = Wire::new(image, &self.cache, self.format)?;
        self.push(&Blob {
            item: &format!("{of}config"),
            digest: &wire.config_descriptor.digest,
            size: wire.config_descriptor.size,
            codec: Codec::None,
            make: &|_| Ok(Box::new(wire.config.as_slice())),
        })?;
        Ok(wire)
    }

    fn published(&self, digest: &Digest, unchanged: bool) -> Published {
        Published {
            reference: self.client.reference().to_string(),
            digest: digest.clone(),
            unchanged,
        }
    }

    fn tell_of(&self, blob: &Blob<'_>, step: Step) {
        self.tell(blob.item, Some(blob.digest), Some(blob.size), step);
    }

    fn tell(&self, item: &str, digest: Option<&Digest>, size: Option<u64>, step: Step) {
        self.watch.tell(Event { item: item.to_owned(), digest: digest.cloned(), size, step });
    }
}

impl Sink for Registry {
    fn put(&self, image: &Image) -> Result<Published> {
        let result = self.put_image(image);
        self.watch.finish();
        result
    }
}

impl IndexSink for Registry {
    fn put_index(&self, images: &[Image]) -> Result<Published> {
        let result = self.put_images(images);
        self.watch.finish();
        result
    }
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
