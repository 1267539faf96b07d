//! The bytes of layers: made when they are wanted, checked while they are made.

use std::fs;
use std::io::{self, Write};

use flate2::{Compression, GzBuilder};

use super::{Image, Layer, Source, pack};
use crate::digest::{Digest, Hashing};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::tar;

/// The media type of a gzip-compressed layer.
pub const TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The level gzip runs at; part of what decides a compressed layer's digest.
const LEVEL: u32 = 6;

/// Writes the uncompressed tar stream of a layer.
///
/// # Errors
/// When the stream is not the one the image describes: the store was tampered with, or the file
/// is of another layer.
pub fn write_tar(layer: &Layer, out: &mut dyn Write) -> Result<u64> {
    let mut hashing = Hashing::new(out);
    match &layer.source {
        Source::Paths(paths) => tar::write::write(&pack::tree(paths)?, &mut hashing)?,
        Source::File(file) => {
            let doing = || format!("cannot read layer {}", file.display());
            let opened = fs::File::open(file).or_fail(Kind::NoInput, doing)?;
            if layer.media_type.ends_with("gzip") {
                let mut content = flate2::read::MultiGzDecoder::new(io::BufReader::new(opened));
                io::copy(&mut content, &mut hashing).or_fail(Kind::Io, doing)?;
            } else if layer.media_type == pack::TAR {
                let mut content = opened;
                io::copy(&mut content, &mut hashing).or_fail(Kind::Io, doing)?;
            } else {
                return Err(Failure::new(
                    Kind::Data,
                    format!("{}: cannot unpack media type {}", doing(), layer.media_type),
                ));
            }
        }
    }
    let (_, digest, size) = hashing.finish();
    if digest == layer.diff_id {
        Ok(size)
    } else {
        Err(Failure::new(
            Kind::Data,
            format!("layer {} has become {digest}: what it is made of has changed", layer.diff_id),
        )
        .hint("check the store (nix-store --verify --check-contents), then build again"))
    }
}

/// The size of a layer's uncompressed tar stream in bytes.
pub fn tar_size(layer: &Layer) -> Result<u64> {
    match &layer.source {
        _ if layer.size > 0 && layer.media_type == pack::TAR => Ok(layer.size),
        Source::Paths(paths) => tar::write::size(&pack::tree(paths)?),
        Source::File(_) => write_tar(layer, &mut io::sink()),
    }
}

/// Writes a layer as a registry gets it, gzip-compressed; returns digest and size of that.
///
/// One stream, one thread, no name and no time in the header: the bytes are the same on every
/// machine.
pub fn write_gzip(layer: &Layer, out: &mut dyn Write) -> Result<(Digest, u64)> {
    let hashing = Hashing::new(out);
    let mut gzip = GzBuilder::new().mtime(0).write(hashing, Compression::new(LEVEL));
    write_tar(layer, &mut gzip)?;
    let hashing = gzip.finish().or_fail(Kind::Io, || "cannot write a compressed layer")?;
    let (_, digest, size) = hashing.finish();
    Ok((digest, size))
}

/// Digest and bytes of an image's configuration.
pub fn config(image: &Image) -> Result<(Digest, Vec<u8>)> {
    let bytes = super::config::blob(image)?;
    Ok((Digest::of(&bytes), bytes))
}
