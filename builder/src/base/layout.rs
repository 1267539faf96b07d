//! Images in directories: OCI layouts, skopeo's `dir:`, and what `docker save` archives.
//!
//! An index is followed to the image of one architecture. Media types of Docker become those of OCI,
//! which mean the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::inherit;
use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::config::HISTORY_SHAPE;
use crate::image::json::{self, Shape, Unknown};
use crate::image::{Codec, Config, History, Image, Layer, Source, codec};

/// How many indexes may refer to each other until the image comes.
const DEPTH: usize = 4;

/// The annotation by which an index tells the tag of an image (OCI image-spec, `annotations.md`).
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// How many bytes an index, manifest or configuration may have; registries take 4 MiB.
const DOCUMENT: u64 = 16 << 20;

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    digest: Digest,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    media_type: String,
    platform: Option<Platform>,
    annotations: Option<BTreeMap<String, String>>,
}

impl Entry {
    /// The name an image goes by in its layout.
    fn tag(&self) -> Option<&str> {
        self.annotations.as_ref()?.get(REF_NAME).map(String::as_str)
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Platform {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    variant: Option<String>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Entry,
    #[serde(default)]
    layers: Vec<Entry>,
}

/// One image of `docker save`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: PathBuf,
    #[serde(default)]
    layers: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    created: Option<String>,
    #[serde(default)]
    config: Config,
    #[serde(default)]
    rootfs: RootFs,
    #[serde(default)]
    history: Vec<History>,
}

#[derive(Default, Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Vec<Digest>,
}

const ENTRY: Shape = Shape::Object(&[
    ("digest", &Shape::Any),
    ("size", &Shape::Any),
    ("mediaType", &Shape::Any),
    (
        "platform",
        &Shape::Object(&[
            ("architecture", &Shape::Any),
            ("os", &Shape::Any),
            ("variant", &Shape::Any),
        ]),
    ),
    ("annotations", &Shape::Any),
]);

/// An index and a manifest.
const LIST: Shape = Shape::Object(&[
    ("manifests", &Shape::List(&ENTRY)),
    ("config", &ENTRY),
    ("layers", &Shape::List(&ENTRY)),
]);

const SAVED: Shape =
    Shape::List(&Shape::Object(&[("Config", &Shape::Any), ("Layers", &Shape::Any)]));

const CONFIGURATION: Shape = Shape::Object(&[
    ("architecture", &Shape::Any),
    ("os", &Shape::Any),
    ("created", &Shape::Any),
    ("config", &inherit::SHAPE),
    ("rootfs", &Shape::Object(&[("diff_ids", &Shape::Any)])),
    ("history", &Shape::List(&HISTORY_SHAPE)),
]);

/// Reads the image for `architecture` in `directory`.
///
/// # Errors
/// When there is none, or what is there contradicts itself.
pub fn read(directory: &Path, architecture: &str) -> Result<Image> {
    let blob = |digest: &Digest| inside(directory, &Path::new("blobs/sha256").join(digest.hex()));
    if directory.join("index.json").is_file() {
        let index = inside(directory, Path::new("index.json"))?;
        let manifest = find(&index, architecture, &blob, DEPTH)?;
        return of_manifest(&manifest, &blob);
    }
    let file = inside(directory, Path::new("manifest.json"))?;
    if json_of(&file)?.is_object() {
        // skopeo's `dir:` has every blob beside the manifest.
        return of_manifest(&file, &|digest| inside(directory, Path::new(&digest.hex())));
    }
    let saved: Vec<Saved> = parse(&file, &SAVED)?;
    let [saved] = saved.as_slice() else {
        return Err(Failure::new(Kind::Data, format!("it holds {} images", saved.len()))
            .hint("save one image alone"));
    };
    of_saved(saved, directory)
}

/// The file of the manifest that an index has for an architecture.
fn find(
    index: &Path,
    architecture: &str,
    blob: &dyn Fn(&Digest) -> Result<PathBuf>,
    depth: usize,
) -> Result<PathBuf> {
    let entries = parse::<Index>(index, &LIST)?.manifests;
    let fits = |entry: &&Entry| {
        entry
            .platform
            .as_ref()
            .is_none_or(|platform| platform.os == "linux" && platform.architecture == architecture)
    };
    let mut fitting: Vec<&Entry> = Vec::new();
    for entry in entries.iter().filter(fits) {
        // One image may have several tags.
        if fitting.iter().all(|known| known.digest != entry.digest) {
            fitting.push(entry);
        }
    }
    let found = match fitting.as_slice() {
        [one] => one,
        // Several variants of one architecture: the first is the most general one.
        [first, ..] if are_variants(&fitting) => first,
        [_, ..] => {
            let tags: Vec<&str> = fitting.iter().filter_map(|entry| entry.tag()).collect();
            let tags =
                if tags.is_empty() { String::new() } else { format!(": {}", tags.join(", ")) };
            return Err(Failure::new(Kind::Data, format!("it holds several images{tags}"))
                .hint("copy the one you mean into a layout of its own"));
        }
        [] => {
            let there: Vec<String> = entries
                .iter()
                .filter_map(|entry| entry.platform.as_ref())
                .map(|platform| format!("{}/{}", platform.os, platform.architecture))
                .collect();
            return Err(Failure::new(
                Kind::Data,
                format!("it holds no image for linux/{architecture}"),
            )
            .hint(format!("there are: {}", there.join(", "))));
        }
    };
    let file = blob(&found.digest)?;
    let is_index =
        found.media_type.ends_with("index.v1+json") || found.media_type.contains("manifest.list");
    match is_index {
        true if depth == 0 => Err(Failure::new(Kind::Data, "its indexes never come to an image")),
        true => find(&file, architecture, blob, depth - 1),
        false => Ok(file),
    }
}

/// Whether these are the same image for variants of one platform.
fn are_variants(entries: &[&Entry]) -> bool {
    let platforms: BTreeSet<_> = entries.iter().map(|entry| &entry.platform).collect();
    let tags: BTreeSet<_> = entries.iter().map(|entry| entry.tag()).collect();
    platforms.len() == entries.len() && !platforms.contains(&None) && tags.len() == 1
}

fn of_manifest(file: &Path, blob: &dyn Fn(&Digest) -> Result<PathBuf>) -> Result<Image> {
    let manifest: Manifest = parse(file, &LIST)?;
    let layers = manifest
        .layers
        .into_iter()
        .map(|layer| Ok((blob(&layer.digest)?, form(&layer.media_type)?, layer.digest, layer.size)))
        .collect::<Result<Vec<_>>>()?;
    image(parse(&blob(&manifest.config.digest)?, &CONFIGURATION)?, |at, diff_id, history| {
        let (file, media_type, digest, size) = layers.get(at)?.clone();
        let codec = if media_type == codec::TAR { Codec::default() } else { Codec::AsIs };
        let media_type = media_type.to_owned();
        let source = Source::File(file);
        Some(Layer { digest, size, diff_id, tar_size: None, media_type, source, history, codec })
    })
}

fn of_saved(saved: &Saved, directory: &Path) -> Result<Image> {
    // Older versions of Docker link a layer that occurs twice.
    let layers =
        saved.layers.iter().map(|name| inside(directory, name)).collect::<Result<Vec<_>>>()?;
    image(parse(&inside(directory, &saved.config)?, &CONFIGURATION)?, |at, diff_id, history| {
        let file = layers.get(at)?.clone();
        Some(Layer {
            digest: diff_id.clone(),
            size: fs::metadata(&file).map(|metadata| metadata.len()).unwrap_or_default(),
            diff_id,
            tar_size: None,
            media_type: codec::TAR.to_owned(),
            source: Source::File(file),
            history,
            codec: Codec::default(),
        })
    })
}

/// The file `name` in `directory`, links followed. An image comes from anywhere: neither a name nor a
/// link in it may lead to other files of this machine.
fn inside(directory: &Path, name: &Path) -> Result<PathBuf> {
    let doing = || format!("cannot read {} of the image", name.display());
    let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    let outside = || Failure::new(Kind::Data, format!("{}: it leads out of the image", doing()));
    if !name.components().all(plain) {
        return Err(outside());
    }
    let real = |path: &Path| path.canonicalize().or_fail(Kind::Data, doing);
    let file = real(&directory.join(name))?;
    if file.starts_with(real(directory)?) { Ok(file) } else { Err(outside()) }
}

/// The image a configuration describes; `layer` makes one of its number, diff id and history.
fn image(
    configuration: Configuration,
    layer: impl Fn(usize, Digest, History) -> Option<Layer>,
) -> Result<Image> {
    // Older versions of Docker wrote none down, when there was no other yet.
    if !matches!(configuration.os.as_str(), "" | "linux") {
        let why = format!("it is for {} and not for linux", configuration.os);
        return Err(Failure::new(Kind::Data, why).hint("build on an image for Linux"));
    }
    // Steps that made no layer have no place in a list of layers.
    let mut history =
        configuration.history.into_iter().filter(|history| history.empty_layer != Some(true));
    let layers = configuration
        .rootfs
        .diff_ids
        .into_iter()
        .enumerate()
        .map(|(at, diff_id)| {
            let mut history = history.next().unwrap_or_default();
            history.empty_layer = None;
            layer(at, diff_id, history).ok_or_else(|| {
                Failure::new(Kind::Data, "its configuration speaks of more layers than it has")
            })
        })
        .collect::<Result<_>>()?;
    Ok(Image {
        name: None,
        tag: None,
        architecture: configuration.architecture,
        annotations: BTreeMap::new(),
        origin: Default::default(),
        created: configuration.created,
        config: configuration.config,
        layers,
    })
}

/// The media type OCI has for one of its or Docker's.
fn form(media_type: &str) -> Result<&'static str> {
    let known = media_type.starts_with("application/vnd.docker.image.rootfs.")
        || media_type.starts_with("application/vnd.oci.image.layer.");
    match media_type.rsplit(['.', '+']).next() {
        Some("tar") if known => Ok(codec::TAR),
        Some("gzip") if known => Ok(codec::TAR_GZIP),
        Some("zstd") if known => Ok(codec::TAR_ZSTD),
        _ => Err(Failure::new(Kind::Data, format!("{media_type} is no layer"))),
    }
}

/// Reads a document as Go would: keys of any case, `null` where nothing is said, unknown keys.
fn parse<T: serde::de::DeserializeOwned>(file: &Path, shape: &Shape) -> Result<T> {
    let doing = || format!("cannot read {}", file.display());
    let value = json::fold(json_of(file)?, shape, Unknown::Drop).or_fail(Kind::Data, doing)?;
    serde_json::from_value(value).or_fail(Kind::Data, doing)
}

fn json_of(file: &Path) -> Result<Value> {
    let doing = || format!("cannot read {}", file.display());
    let mut text = Vec::new();
    let content = fs::File::open(file).or_fail(Kind::Data, doing)?;
    content.take(DOCUMENT + 1).read_to_end(&mut text).or_fail(Kind::Data, doing)?;
    if text.len() as u64 > DOCUMENT {
        return Err(Failure::new(Kind::Data, format!("{}: larger than {DOCUMENT} bytes", doing())));
    }
    serde_json::from_slice(&text).or_fail(Kind::Data, doing)
}
