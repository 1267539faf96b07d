//! An image as registries and layouts hold it: every layer compressed, all digests known.

use super::manifest::{self, Descriptor, Format, Platform};
use super::{Image, Layer, blob};
use crate::cache::{Cache, Compressed};
use crate::digest::Digest;
use crate::error::Result;
use crate::parallel;

/// Everything but the layers' bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// The manifest as an index refers to it.
    pub descriptor: Descriptor,
    /// The configuration's bytes.
    pub config: Vec<u8>,
    /// The configuration as the manifest refers to it.
    pub config_descriptor: Descriptor,
    /// The layers as the manifest refers to them, from the lowest up.
    pub layers: Vec<Descriptor>,
}

impl Wire {
    /// Works out every digest, of a manifest in `format`. Layers the cache knows are not read; the
    /// others are compressed once to nowhere, on all cores.
    ///
    /// # Errors
    /// When a layer cannot be read, or `format` cannot speak of it.
    pub fn new(image: &Image, cache: &Cache, format: Format) -> Result<Self> {
        let describe = |layer: &Layer| {
            let compressed = compressed(layer, cache)?;
            let media_type = format.layer(layer.codec.media_type(&layer.media_type))?;
            Ok(Descriptor::new(media_type, compressed.digest, compressed.size))
        };
        let cores = parallel::cores();
        let layers =
            parallel::map_largest_first(&image.layers, cores, |layer| layer.size, describe)?;
        let (digest, config) = blob::config(image)?;
        let config_descriptor = Descriptor::new(format.config(), digest, config.len() as u64);
        let manifest = manifest::manifest(format, &config_descriptor, &layers, &image.annotations)?;
        let mut descriptor =
            Descriptor::new(format.manifest(), Digest::of(&manifest), manifest.len() as u64);
        descriptor.platform =
            Some(Platform { architecture: image.architecture.clone(), os: "linux".to_owned() });
        Ok(Self { manifest, descriptor, config, config_descriptor, layers })
    }

    /// The digest under which the whole image is known.
    pub fn digest(&self) -> &Digest {
        &self.descriptor.digest
    }
}

/// Digest and size of a layer's compressed blob.
pub fn compressed(layer: &Layer, cache: &Cache) -> Result<Compressed> {
    if let Some(known) = cache.compressed(layer) {
        return Ok(known);
    }
    let (digest, size) = blob::write(layer, &layer.codec.permit(), &mut std::io::sink())?;
    let compressed = Compressed { digest, size };
    cache.put_compressed(layer, &compressed);
    Ok(compressed)
}
