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

/// How many bytes the codec gets at once; part of what decides the digest, too.
const PIECE: usize = 256 * 1024;

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
    let mut gzip = Gzip::new(hashing);
    write_tar(layer, &mut gzip)?;
    let hashing = gzip.finish().or_fail(Kind::Io, || "cannot write a compressed layer")?;
    let (_, digest, size) = hashing.finish();
    Ok((digest, size))
}

/// The codec, fed in pieces of one size: what it writes depends on the pieces it gets, and files
/// are read in pieces whose sizes nobody promises.
struct Gzip<W: Write> {
    codec: flate2::write::GzEncoder<W>,
    piece: Vec<u8>,
}

impl<W: Write> Gzip<W> {
    fn new(out: W) -> Self {
        let codec = GzBuilder::new().mtime(0).write(out, Compression::new(LEVEL));
        Self { codec, piece: Vec::with_capacity(PIECE) }
    }

    fn finish(mut self) -> io::Result<W> {
        self.codec.write_all(&self.piece)?;
        self.codec.finish()
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(bytes.get(..taken).unwrap_or(bytes));
        if self.piece.len() == PIECE {
            self.codec.write_all(&self.piece)?;
            self.piece.clear();
        }
        Ok(taken)
    }

    /// Does nothing: a flush in the middle would be seen in the bytes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Digest and bytes of an image's configuration.
pub fn config(image: &Image) -> Result<(Digest, Vec<u8>)> {
    let bytes = super::config::blob(image)?;
    Ok((Digest::of(&bytes), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache;
    use crate::image::History;

    /// Something that compresses well in places and not at all in others, larger than any window
    /// of the codec: the high bits of a linear congruential generator, every other stretch zeros.
    fn sample() -> Vec<u8> {
        let mut state = 1_u32;
        (0..300_000_u32)
            .map(|at| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if (at / 5_000) % 2 == 0 { (state >> 24) as u8 } else { (at / 700) as u8 }
            })
            .collect()
    }

    fn layer(file: &std::path::Path) -> Layer {
        let diff_id = Digest::of(&sample());
        fs::write(file, sample()).unwrap();
        Layer {
            digest: diff_id.clone(),
            size: 0,
            diff_id,
            media_type: pack::TAR.to_owned(),
            source: Source::File(file.to_owned()),
            history: History::default(),
        }
    }

    /// Another codec, level or version that writes other bytes must also change the name in the
    /// cache; this digest then changes together with [`cache::GZIP`].
    #[test]
    fn the_bytes_of_a_compressed_layer_are_pinned() {
        let directory = tempfile::tempdir().unwrap();
        let layer = layer(&directory.path().join("layer.tar"));
        let mut bytes = Vec::new();
        let (digest, size) = write_gzip(&layer, &mut bytes).unwrap();
        assert_eq!((&digest, size), (&Digest::of(&bytes), bytes.len() as u64));
        assert_eq!(
            digest.to_string(),
            "sha256:acea7ee542b118c699d343fa8e992c048b09c0e247ac462fd487fddac2f072a0"
        );
        let mut again = Vec::new();
        io::copy(&mut flate2::read::GzDecoder::new(bytes.as_slice()), &mut again).unwrap();
        assert_eq!(again, sample());
    }

    /// Files are read in pieces whose sizes nobody promises.
    #[test]
    fn the_pieces_a_stream_arrives_in_do_not_show() {
        let whole = sample();
        let compressed = |pieces: &[usize]| {
            let mut gzip = Gzip::new(Vec::new());
            let (mut rest, mut sizes) = (whole.as_slice(), pieces.iter().cycle());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                gzip.write_all(piece).unwrap();
                rest = after;
            }
            Digest::of(&gzip.finish().unwrap())
        };
        let at_once = compressed(&[whole.len()]);
        for pieces in [&[1][..], &[512], &[8192], &[512, 262_144, 300], &[65_537, 3]] {
            assert_eq!(compressed(pieces), at_once, "{pieces:?}");
        }
    }

    #[test]
    fn the_name_in_the_cache_tells_the_codecs_that_are_built_in() {
        let lock = include_str!("../../../Cargo.lock");
        let version = |name: &str| {
            let entry =
                lock.split("[[package]]").find(|p| p.contains(&format!("name = \"{name}\"\n")));
            entry.unwrap().split("version = \"").nth(1).unwrap().split('"').next().unwrap()
        };
        let expected = format!(
            "gzip-{LEVEL}/{PIECE} flate2-{} zlib-rs-{}",
            version("flate2"),
            version("zlib-rs")
        );
        assert_eq!(cache::GZIP, expected);
    }

    #[test]
    fn a_layer_that_has_changed_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("layer.tar");
        let layer = layer(&file);
        fs::write(&file, "other").unwrap();
        let failure = write_gzip(&layer, &mut io::sink()).unwrap_err();
        assert!(failure.to_string().contains("has changed"), "{failure}");
    }
}
