//! An OCI image layout in one file, as `skopeo` and `podman` know it under `oci-archive:`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::Output;
use super::oci_layout::OciLayout;
use super::{IndexSink, Published, Sink};
use crate::error::{Context as _, Kind, Result};
use crate::image::Image;
use crate::progress::{Silent, Watch};
use crate::tar::header;
use crate::temporary;

/// An archive in a file.
#[derive(Debug)]
pub struct OciArchive {
    file: PathBuf,
    tag: Option<String>,
    watch: Arc<dyn Watch>,
}

impl OciArchive {
    /// Writes images to `file`, under `tag` or the image's own.
    pub fn new(file: PathBuf, tag: Option<String>) -> Self {
        Self { file, tag, watch: Arc::new(Silent) }
    }

    /// Tells `watch` what becomes of each layer.
    pub fn watched(self, watch: Arc<dyn Watch>) -> Self {
        Self { watch, ..self }
    }
}

impl Sink for OciArchive {
    fn put(&self, image: &Image) -> Result<Published> {
        self.archive(|layout| layout.put(image))
    }
}

impl IndexSink for OciArchive {
    fn put_index(&self, images: &[Image]) -> Result<Published> {
        self.archive(|layout| layout.put_index(images))
    }
}

impl OciArchive {
    /// Makes an archive of what is put into a layout.
    fn archive(&self, put: impl FnOnce(&OciLayout) -> Result<Published>) -> Result<Published> {
        let doing = || format!("cannot write {}", self.file.display());
        let mut out = Output::create(&self.file)?;
        // A tar header holds the length of what follows, which for a compressed layer is known
        // only once it is written. The layout is made beside the archive: there is room for it.
        let layout = temporary::Directory::new_in(&out.beside(), ".oci-")
            .or_fail(Kind::CannotCreate, doing)?;
        let published = put(&OciLayout::new(layout.path().to_owned(), self.tag.clone())
            .watched(Arc::clone(&self.watch)))?;

        pack(layout.path(), &mut out).or_fail(Kind::Io, doing)?;
        out.finish()?;
        let tag = published.reference.rsplit(':').next().unwrap_or_default();
        Ok(Published {
            reference: format!("oci-archive:{}:{tag}", self.file.display()),
            ..published
        })
    }
}

/// Writes the files of a layout in one fixed order, so that an image is one archive.
fn pack(layout: &Path, out: &mut dyn Write) -> io::Result<()> {
    let mut names = vec!["oci-layout".to_owned(), "index.json".to_owned()];
    let mut blobs = fs::read_dir(layout.join("blobs/sha256"))?
        .map(|entry| Ok(format!("blobs/sha256/{}", entry?.file_name().to_string_lossy())))
        .collect::<io::Result<Vec<_>>>()?;
    blobs.sort();
    names.extend(blobs);
    for folder in ["blobs", "blobs/sha256"] {
        out.write_all(&header::plain(folder, header::Kind::Directory, 0o755, 0))?;
    }
    for name in names {
        let mut file = File::open(layout.join(&name))?;
        let size = file.metadata()?.len();
        out.write_all(&header::plain(&name, header::Kind::Regular, 0o644, size))?;
        io::copy(&mut file, out)?;
        out.write_all([0; header::BLOCK].get(..header::padding(size)).unwrap_or_default())?;
    }
    out.write_all(&[0; 2 * header::BLOCK])?;
    out.flush()
}
