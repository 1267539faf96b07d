//! Several images under one name, each for a platform of its own (OCI image-spec,
//! `image-index.md`): whoever pulls the name gets the one for their machine.

use std::collections::BTreeMap;

use super::Image;
use super::manifest::{self, Descriptor, Format};
use super::wire::Wire;
use crate::cache::Cache;
use crate::digest::Digest;
use crate::error::{Failure, Kind, Result};

/// An index and the images in it, as registries and layouts hold them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The index's bytes.
    pub bytes: Vec<u8>,
    /// The index as others refer to it.
    pub descriptor: Descriptor,
    /// What it refers to, in its order: that of the platforms' names.
    pub images: Vec<Wire>,
}

impl Index {
    /// Puts images together, whatever their order, in an index of the `format` they have
    /// themselves. What they all say of themselves, the index says, too.
    ///
    /// # Errors
    /// When two are for one platform.
    pub fn new(mut images: Vec<(&Image, Wire)>, format: Format) -> Result<Self> {
        images.sort_by(|(a, _), (b, _)| a.architecture.cmp(&b.architecture));
        for pair in images.windows(2) {
            if let [(a, _), (b, _)] = pair
                && a.architecture == b.architecture
            {
                let why = format!("two images are for linux/{}", a.architecture);
                return Err(Failure::new(Kind::Data, format!("cannot make an index: {why}")));
            }
        }
        let annotations = common(images.iter().map(|(image, _)| &image.annotations));
        let images: Vec<Wire> = images.into_iter().map(|(_, wire)| wire).collect();
        let manifests: Vec<Descriptor> =
            images.iter().map(|wire| wire.descriptor.clone()).collect();
        let bytes = manifest::index(format, &manifests, &annotations)?;
        let descriptor = Descriptor::new(format.index(), Digest::of(&bytes), bytes.len() as u64);
        Ok(Self { bytes, descriptor, images })
    }

    /// Works out every digest, as [`Wire::new`] does.
    pub fn of(images: &[Image], cache: &Cache, format: Format) -> Result<Self> {
        let wires = images
            .iter()
            .map(|image| Ok((image, Wire::new(image, cache, format)?)))
            .collect::<Result<_>>()?;
        Self::new(wires, format)
    }

    /// The digest under which all of it is known.
    pub fn digest(&self) -> &Digest {
        &self.descriptor.digest
    }
}

/// What all of them have.
fn common<'a>(
    mut all: impl Iterator<Item = &'a BTreeMap<String, String>>,
) -> BTreeMap<String, String> {
    let mut common = all.next().cloned().unwrap_or_default();
    for other in all {
        common.retain(|name, value| other.get(name) == Some(value));
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Config;

    fn image(architecture: &str, notes: &[(&str, &str)]) -> Image {
        Image {
            name: Some("app".to_owned()),
            tag: None,
            architecture: architecture.to_owned(),
            annotations: notes.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
            origin: Default::default(),
            created: None,
            config: Config::default(),
            layers: Vec::new(),
        }
    }

    #[test]
    fn an_index_does_not_depend_on_the_order_of_its_images() {
        let [amd, arm] = [
            image("amd64", &[("licence", "A"), ("for", "amd")]),
            image("arm64", &[("for", "arm"), ("licence", "A")]),
        ];
        let cache = Cache::none();
        let index = Index::of(&[arm.clone(), amd.clone()], &cache, Format::Oci).unwrap();
        assert_eq!(index, Index::of(&[amd.clone(), arm], &cache, Format::Oci).unwrap());
        let text = String::from_utf8(index.bytes.clone()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let of = |at: usize| json["manifests"][at]["platform"]["architecture"].clone();
        assert_eq!((of(0), of(1)), ("amd64".into(), "arm64".into()));
        assert_eq!(json["annotations"], serde_json::json!({"licence": "A"}));
        assert_eq!(json["mediaType"], manifest::INDEX);
        let failure = Index::of(&[amd.clone(), amd], &cache, Format::Oci).unwrap_err();
        assert!(failure.to_string().contains("two images are for linux/amd64"), "{failure}");
    }
}
