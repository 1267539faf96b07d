//! The bytes of layers: made when they are wanted, checked while they are made.

use std::fs;
use std::io::{self, Read, Seek as _, Write};
use std::path::Path;

use super::codec::{self, Codec};
use super::room::Permit;
use super::{Image, Layer, Source, pack};
use crate::digest::{Digest, Hashing};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::tar;

/// Writes the uncompressed tar stream of a layer.
///
/// # Errors
/// When the stream is not the one the image describes: the store was tampered with, or the file
/// is of another layer.
pub fn write_tar(layer: &Layer, out: &mut dyn Write) -> Result<u64> {
    let mut hashing = Hashing::new(out);
    match &layer.source {
        Source::Paths(paths) => tar::write::write(pack::tree(paths)?, &mut hashing)?,
        Source::File(file) => {
            let doing = || format!("cannot read layer {}", file.display());
            let mut content =
                unpacked(&layer.media_type, file).map_err(|failure| failure.context(doing()))?;
            io::copy(&mut content, &mut hashing).or_fail(Kind::Io, doing)?;
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

/// A reader of a layer's tar stream, which is not compared with the image.
pub fn open(layer: &Layer) -> Result<Box<dyn Read>> {
    match &layer.source {
        Source::File(file) => unpacked(&layer.media_type, file),
        Source::Paths(_) => {
            let file =
                tempfile::tempfile().or_fail(Kind::CannotCreate, || "cannot keep a layer")?;
            let mut out = io::BufWriter::with_capacity(256 * 1024, file);
            write_tar(layer, &mut out)?;
            let mut file = out.into_inner().or_fail(Kind::Io, || "cannot keep a layer")?;
            file.rewind().or_fail(Kind::Io, || "cannot keep a layer")?;
            Ok(Box::new(file))
        }
    }
}

/// The tar stream within a blob of a media type, of OCI's names or Docker's.
fn unpacked(media_type: &str, blob: &Path) -> Result<Box<dyn Read>> {
    let doing = || format!("cannot open {}", blob.display());
    let blob = fs::File::open(blob).or_fail(Kind::NoInput, doing)?;
    Ok(match media_type.rsplit(['.', '+']).next() {
        Some("tar") => Box::new(blob),
        Some("gzip") => Box::new(flate2::read::MultiGzDecoder::new(io::BufReader::new(blob))),
        Some("zstd") => Box::new(zstd::Decoder::new(blob).or_fail(Kind::Internal, doing)?),
        _ => {
            return Err(Failure::new(Kind::Data, format!("cannot unpack media type {media_type}")));
        }
    })
}

/// The size of a layer's uncompressed tar stream in bytes.
pub fn tar_size(layer: &Layer) -> Result<u64> {
    match (&layer.source, layer.tar_size) {
        (_, Some(size)) => Ok(size),
        _ if layer.size > 0 && layer.media_type == codec::TAR => Ok(layer.size),
        (Source::Paths(paths), None) => tar::write::size(&pack::tree(paths)?),
        (Source::File(_), None) => write_tar(layer, &mut io::sink()),
    }
}

/// Writes a layer as a registry or a layout gets it; returns digest and size of that. The permit is that
/// of the layer's codec: who has it has waited for the memory this takes.
///
/// # Errors
/// As [`write_tar`]; and when a blob that is sent as it is has become another one.
pub fn write(layer: &Layer, _: &Permit, out: &mut dyn Write) -> Result<(Digest, u64)> {
    let (Source::File(file), Codec::AsIs) = (&layer.source, layer.codec) else {
        let hashing =
            layer.codec.compress(Hashing::new(out), |out| write_tar(layer, out).map(drop))?;
        let (_, digest, size) = hashing.finish();
        return Ok((digest, size));
    };
    let doing = || format!("cannot read layer {}", file.display());
    let mut content = fs::File::open(file).or_fail(Kind::NoInput, doing)?;
    let mut hashing = Hashing::new(out);
    io::copy(&mut content, &mut hashing).or_fail(Kind::Io, doing)?;
    let (_, digest, size) = hashing.finish();
    if digest == layer.digest {
        return Ok((digest, size));
    }
    Err(Failure::new(Kind::Data, format!("layer {} has become {digest}", layer.digest))
        .hint("check the store (nix-store --verify --check-contents), then build again"))
}

/// Digest and bytes of an image's configuration.
pub fn config(image: &Image) -> Result<(Digest, Vec<u8>)> {
    let bytes = super::config::blob(image)?;
    Ok((Digest::of(&bytes), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::History;

    /// A layer of a file with these bytes.
    fn layer(file: &Path, media_type: &str, bytes: &[u8], tar: &[u8]) -> Layer {
        fs::write(file, bytes).unwrap();
        Layer {
            digest: Digest::of(bytes),
            size: 0,
            diff_id: Digest::of(tar),
            tar_size: None,
            media_type: media_type.to_owned(),
            source: Source::File(file.to_owned()),
            history: History::default(),
            codec: Codec::default(),
        }
    }

    #[test]
    fn a_layer_that_has_changed_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("layer.tar");
        let mut layer = layer(&file, codec::TAR, b"tar", b"tar");
        fs::write(&file, "other").unwrap();
        for codec in [Codec::default(), Codec::None] {
            layer.codec = codec;
            let failure = write(&layer, &layer.codec.permit(), &mut io::sink()).unwrap_err();
            assert!(failure.to_string().contains("has changed"), "{failure}");
        }
        layer.codec = Codec::AsIs;
        let failure = write(&layer, &layer.codec.permit(), &mut io::sink()).unwrap_err();
        assert!(failure.to_string().contains("has become"), "{failure}");
    }

    #[test]
    fn a_layer_of_any_form_has_its_tar_stream_and_can_be_sent_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        for (codec, media_type) in [
            (Codec::None, "application/vnd.docker.image.rootfs.diff.tar"),
            (Codec::Gzip(9), "application/vnd.docker.image.rootfs.diff.tar.gzip"),
            (Codec::Gzip(1), codec::TAR_GZIP),
            (Codec::Zstd(3), codec::TAR_ZSTD),
        ] {
            let blob =
                codec.compress(Vec::new(), |out| out.write_all(b"a tar").or_fail(Kind::Io, || ""));
            let blob = blob.unwrap();
            let mut layer = layer(&directory.path().join("blob"), media_type, &blob, b"a tar");
            let mut tar = Vec::new();
            write_tar(&layer, &mut tar).unwrap();
            assert_eq!(tar, b"a tar", "{media_type}");

            layer.codec = Codec::AsIs;
            let mut sent = Vec::new();
            let said = write(&layer, &layer.codec.permit(), &mut sent).unwrap();
            assert_eq!(said, (Digest::of(&blob), blob.len() as u64));
            assert_eq!(sent, blob, "{media_type}");
        }
        let other = layer(&directory.path().join("blob"), "text/plain", b"", b"");
        assert!(write_tar(&other, &mut io::sink()).unwrap_err().to_string().contains("text/plain"));
    }
}
