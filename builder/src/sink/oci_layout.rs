//! An OCI image layout: a directory with `oci-layout`, `index.json` and `blobs/sha256/`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::{IndexSink, Published, Sink};
use crate::cache::{Cache, Compressed};
use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::index::Index;
use crate::image::manifest::{self, Descriptor, Format};
use crate::image::wire::Wire;
use crate::image::{Image, Layer, blob};
use crate::parallel;
use crate::progress::{Item, Silent, Step, Watch};
use crate::temporary;

/// The annotation that names an image in a layout.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// A layout, made when it is not there yet; other images in it stay.
#[derive(Debug)]
pub struct OciLayout {
    directory: PathBuf,
    tag: Option<String>,
    watch: Arc<dyn Watch>,
}

/// Writes a blob and says what it turned out to be: its digest and its size.
type BlobWriter<'a> = &'a mut dyn FnMut(&mut dyn Write) -> Result<(Digest, u64)>;

impl OciLayout {
    /// Puts images into `directory`, under `tag` or the image's own.
    pub fn new(directory: PathBuf, tag: Option<String>) -> Self {
        Self { directory, tag, watch: Arc::new(Silent) }
    }

    /// Tells `watch` what becomes of each layer.
    pub fn watched(self, watch: Arc<dyn Watch>) -> Self {
        Self { watch, ..self }
    }

    fn blobs(&self) -> PathBuf {
        self.directory.join("blobs").join("sha256")
    }

    /// Writes a blob whose digest is known only once it is written.
    fn store(&self, write: BlobWriter<'_>) -> Result<(Digest, u64)> {
        let blobs = self.blobs();
        let doing = || format!("cannot write a blob into {}", blobs.display());
        let file = temporary::File::new_in(&blobs).or_fail(Kind::CannotCreate, doing)?;
        let mut out = BufWriter::with_capacity(256 * 1024, file);
        let (digest, size) = write(&mut out)?;
        let file = out.into_inner().or_fail(Kind::Io, doing)?;
        make_readable(file.as_file()).or_fail(Kind::Io, doing)?;
        file.persist(&blobs.join(digest.hex())).or_fail(Kind::CannotCreate, doing)?;
        Ok((digest, size))
    }

    /// Writes a layer's blob, unless the layout has it.
    fn store_layer(&self, item: Item<'_>, layer: &Layer, cache: &Cache) -> Result<()> {
        let is_there = |known: &Compressed| {
            fs::metadata(self.blobs().join(known.digest.hex()))
                .is_ok_and(|found| found.len() == known.size)
        };
        let item = match cache.compressed(layer) {
            Some(known) => {
                let item = item.known(&known.digest, Some(known.size));
                if is_there(&known) {
                    item.tell(Step::Present);
                    return Ok(());
                }
                item
            }
            None => item,
        };
        let permit = layer.codec.permit();
        let (digest, size) = item.sending(|count| {
            let mut count = Some(count);
            self.store(&mut |out| match count.take() {
                Some(count) => blob::write(layer, &permit, &mut count.through(out)),
                None => blob::write(layer, &permit, out),
            })
        })?;
        item.known(&digest, Some(size)).tell(Step::Sent);
        cache.put_compressed(layer, &Compressed { digest, size });
        Ok(())
    }

    fn store_bytes(&self, bytes: &[u8]) -> Result<(Digest, u64)> {
        self.store(&mut |out| {
            out.write_all(bytes).or_fail(Kind::Io, || "cannot write a blob")?;
            Ok((Digest::of(bytes), bytes.len() as u64))
        })
    }

    /// The manifests other images have in the index.
    fn others(&self, tag: &str) -> Result<Vec<Value>> {
        let path = self.directory.join("index.json");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                return Err(error).or_fail(Kind::Io, || format!("cannot read {}", path.display()));
            }
        };
        let index: Value = serde_json::from_str(&text)
            .or_fail(Kind::Data, || format!("cannot read {}", path.display()))?;
        let manifests = index.get("manifests").and_then(Value::as_array).ok_or_else(|| {
            Failure::new(Kind::Data, format!("{} is no image index", path.display()))
        })?;
        let is_ours = |entry: &&Value| {
            entry.pointer("/annotations").and_then(|notes| notes.get(REF_NAME)?.as_str())
                == Some(tag)
        };
        Ok(manifests.iter().filter(|entry| !is_ours(entry)).cloned().collect())
    }

    fn write_index(&self, ours: &Descriptor, others: Vec<Value>) -> Result<()> {
        let doing = || format!("cannot write the index of {}", self.directory.display());
        let none = BTreeMap::new();
        let mut index: Value = serde_json::from_slice(&manifest::index(
            Format::Oci,
            std::slice::from_ref(ours),
            &none,
        )?)
        .or_fail(Kind::Internal, doing)?;
        if let Some(manifests) = index.get_mut("manifests").and_then(Value::as_array_mut) {
            manifests.splice(0..0, others);
        }
        replace(&self.directory, "index.json", index.to_string().as_bytes())
    }

    /// Makes a layout of the directory, unless it is one.
    fn create(&self) -> Result<()> {
        let blobs = self.blobs();
        fs::create_dir_all(&blobs)
            .or_fail(Kind::CannotCreate, || format!("cannot create {}", blobs.display()))?;
        replace(&self.directory, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)
    }

    /// Writes every blob of an image; `of` is put before what a layer is called.
    fn store_image(&self, image: &Image, of: &str, cache: &Cache) -> Result<Wire> {
        let layers: Vec<(usize, &Layer)> = image.layers.iter().enumerate().collect();
        let store = |(at, layer): &(usize, &Layer)| {
            let item = Item::layer(&*self.watch, of, *at, layers.len());
            self.store_layer(item, layer, cache)
        };
        parallel::map_largest_first(&layers, parallel::cores(), |(_, layer)| layer.size, store)?;
        let wire = Wire::new(image, cache, Format::Oci)?;
        self.store_bytes(&wire.config)?;
        self.store_bytes(&wire.manifest)?;
        Ok(wire)
    }

    /// Has the layout show what `ours` describes under its tag, that of `image` by default.
    fn show(&self, mut ours: Descriptor, image: &Image) -> Result<Published> {
        let tag =
            self.tag.clone().or_else(|| image.tag.clone()).unwrap_or_else(|| "latest".to_owned());
        ours.annotations.insert(REF_NAME.to_owned(), tag.clone());
        // The index comes last: until then the layout shows what it showed before.
        let _turn = take_turn(&self.directory)?;
        self.write_index(&ours, self.others(&tag)?)?;
        Ok(Published {
            reference: format!("oci:{}:{tag}", self.directory.display()),
            digest: ours.digest,
            unchanged: false,
        })
    }
}

impl Sink for OciLayout {
    fn put(&self, image: &Image) -> Result<Published> {
        self.create()?;
        let wire = self.store_image(image, "", &Cache::of_user())?;
        self.show(wire.descriptor, image)
    }
}

impl IndexSink for OciLayout {
    fn put_index(&self, images: &[Image]) -> Result<Published> {
        let Some(first) = images.first() else {
            return Err(Failure::new(Kind::Internal, "there is no image to copy"));
        };
        self.create()?;
        let cache = Cache::of_user();
        let wires = images
            .iter()
            .map(|image| {
                let of = format!("{} ", image.architecture);
                Ok((image, self.store_image(image, &of, &cache)?))
            })
            .collect::<Result<_>>()?;
        let index = Index::new(wires, Format::Oci)?;
        self.store_bytes(&index.bytes)?;
        self.show(index.descriptor, first)
    }
}

/// Keeps other copies from changing the index between its being read and written, until the value
/// is dropped. Where directories cannot be locked, nobody waits.
fn take_turn(directory: &Path) -> Result<fs::File> {
    let handle = fs::File::open(directory)
        .or_fail(Kind::Io, || format!("cannot open {}", directory.display()))?;
    let _ = handle.lock();
    Ok(handle)
}

/// Writes a file of `directory` so that nobody ever sees half of it.
fn replace(directory: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let target = directory.join(name);
    let doing = || format!("cannot write {}", target.display());
    let mut file = temporary::File::new_in(directory).or_fail(Kind::CannotCreate, doing)?;
    file.write_all(bytes).or_fail(Kind::Io, doing)?;
    make_readable(file.as_file()).or_fail(Kind::Io, doing)?;
    file.persist(&target).or_fail(Kind::CannotCreate, doing)?;
    Ok(())
}

/// Temporary files are for their owner only; a layout is for everyone.
fn make_readable(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::image::Config;

    #[test]
    fn images_that_come_at_the_same_time_are_all_in_the_index() {
        let world = tempfile::tempdir().unwrap();
        let image = Image {
            name: Some("app".to_owned()),
            tag: None,
            architecture: "amd64".to_owned(),
            annotations: Default::default(),
            origin: Default::default(),
            created: None,
            config: Config::default(),
            layers: Vec::new(),
        };
        let tags: Vec<String> = (0..32).map(|number| format!("v{number:02}")).collect();
        thread::scope(|scope| {
            for tag in &tags {
                let layout = OciLayout::new(world.path().to_owned(), Some(tag.clone()));
                let image = &image;
                scope.spawn(move || layout.put(image).unwrap());
            }
        });
        let text = fs::read_to_string(world.path().join("index.json")).unwrap();
        let index: Value = serde_json::from_str(&text).unwrap();
        let entries = index["manifests"].as_array().unwrap();
        let mut found: Vec<&str> =
            entries.iter().map(|entry| entry["annotations"][REF_NAME].as_str().unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, tags);
    }
}
