//! How a layer is compressed where blobs are: the same bytes on every machine, and the name under
//! which they are remembered.
//!
//! No name and no time in a header. What a codec writes depends on its version, its level and the
//! pieces it is fed with, so all of them are fixed, and part of the name.

use std::io::{self, Write};

use super::{gzip, room};
use crate::error::{Context as _, Failure, Kind, Result};

/// The media type of an uncompressed layer.
pub const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
/// The media type of a gzip-compressed layer.
pub const TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The media type of a zstd-compressed layer.
pub const TAR_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// How many bytes zstd gets at once.
const PIECE: usize = 256 * 1024;

/// A way to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// The blob is there already and is sent as it is: that of an image somebody else made.
    AsIs,
    /// Not at all.
    None,
    /// gzip, with a level from 0 to 12. Everything understands it.
    Gzip(u8),
    /// Zstandard, with a level from 1 to 19: faster and smaller, for engines from 2023 on.
    Zstd(u8),
}

/// As dense as zlib's level 3 in half the time; the next levels cost more than they save.
const GZIP_LEVEL: u8 = 1;

impl Default for Codec {
    fn default() -> Self {
        Self::Gzip(GZIP_LEVEL)
    }
}

impl Codec {
    /// The codec called `gzip`, `zstd` or `none`, with its own level unless one is given.
    ///
    /// # Errors
    /// [`Kind::Usage`] when there is no such codec or level.
    pub fn new(name: &str, level: Option<u8>) -> Result<Self> {
        let wrong = |range: &str| {
            Failure::new(Kind::Usage, format!("cannot compress with {name} at such a level"))
                .hint(format!("use {range}"))
        };
        match (name, level) {
            ("none", None) => Ok(Self::None),
            ("none", Some(_)) => Err(wrong("no level, or --compression gzip or zstd")),
            ("gzip", level @ (None | Some(0..=gzip::HIGHEST))) => {
                Ok(Self::Gzip(level.unwrap_or(GZIP_LEVEL)))
            }
            ("gzip", _) => Err(wrong("a level from 0 to 12")),
            ("zstd", level @ (None | Some(1..=19))) => Ok(Self::Zstd(level.unwrap_or(3))),
            ("zstd", _) => Err(wrong("a level from 1 to 19")),
            _ => Err(Failure::new(Kind::Usage, format!("cannot compress with `{name}`"))
                .hint("use gzip, zstd or none")),
        }
    }

    /// Names the codec and everything that decides its bytes. It changes when they do, so that no
    /// answer of another codec is ever taken for this one's.
    pub fn id(self) -> String {
        match self {
            Self::AsIs => "as is".to_owned(),
            Self::None => "none".to_owned(),
            Self::Gzip(level) => format!("{} {level}, libdeflate-sys-1.26.1", gzip::CUT),
            Self::Zstd(level) => format!("zstd-{level}/{PIECE} zstd-sys-2.1.3+zstd.1.5.7"),
        }
    }

    /// The media type of a layer compressed in this way; `own` is the one it has as it is.
    pub fn media_type(self, own: &str) -> &str {
        match self {
            Self::AsIs => own,
            Self::None => TAR,
            Self::Gzip(_) => TAR_GZIP,
            Self::Zstd(_) => TAR_ZSTD,
        }
    }

    /// How much memory a stream takes while it is compressed, in bytes, where that is worth a
    /// [`room::Permit`]. Streams of gzip share what they take among themselves.
    pub fn memory(self) -> usize {
        match self {
            Self::AsIs | Self::None | Self::Gzip(_) => 0,
            Self::Zstd(level) => room::of_zstd(level),
        }
    }

    /// Waits until there is as much memory as a stream takes.
    pub fn permit(self) -> room::Permit {
        room::take(self.memory())
    }

    /// Compresses what `write` writes into `out`, and gives that back.
    pub fn compress<W: Write>(
        self,
        out: W,
        write: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<W> {
        let doing = || "cannot write a compressed layer";
        match self {
            Self::AsIs | Self::None => {
                let mut out = out;
                write(&mut out)?;
                Ok(out)
            }
            Self::Gzip(level) => {
                let mut members = gzip::Members::new(out, level);
                write(&mut members)?;
                members.finish().or_fail(Kind::Io, doing)
            }
            Self::Zstd(level) => {
                let codec = zstd::Encoder::new(out, level.into()).or_fail(Kind::Internal, doing)?;
                let mut pieces = Pieces::new(codec);
                write(&mut pieces)?;
                pieces.finish().and_then(|codec| codec.finish()).or_fail(Kind::Io, doing)
            }
        }
    }
}

/// Feeds a codec with pieces of one size: what it writes depends on the pieces it gets, and files
/// are read in pieces whose sizes nobody promises.
struct Pieces<W: Write> {
    codec: W,
    piece: Vec<u8>,
}

impl<W: Write> Pieces<W> {
    fn new(codec: W) -> Self {
        Self { codec, piece: Vec::with_capacity(PIECE) }
    }

    fn finish(mut self) -> io::Result<W> {
        self.codec.write_all(&self.piece)?;
        Ok(self.codec)
    }
}

impl<W: Write> Write for Pieces<W> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    /// Something that compresses well in places and not at all in others, larger than any window
    /// of the codecs: the high bits of a linear congruential generator, every other stretch zeros.
    fn sample() -> Vec<u8> {
        let mut state = 1_u32;
        (0..300_000_u32)
            .map(|at| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if (at / 5_000) % 2 == 0 { (state >> 24) as u8 } else { (at / 700) as u8 }
            })
            .collect()
    }

    /// What the codec makes of the sample when it arrives in pieces of these sizes, over and over.
    fn compressed(codec: Codec, pieces: &[usize]) -> Vec<u8> {
        let whole = sample();
        codec
            .compress(Vec::new(), |out| {
                let (mut rest, mut sizes) = (whole.as_slice(), pieces.iter().cycle());
                while !rest.is_empty() {
                    let (piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                    out.write_all(piece).unwrap();
                    rest = after;
                }
                Ok(())
            })
            .unwrap()
    }

    /// Another version that writes other bytes must also change the name in [`Codec::id`]; these
    /// digests then change together with it.
    #[test]
    fn the_bytes_are_pinned() {
        for (codec, expected) in [
            (Codec::default(), "01d48be9bf0f9c5b1b9d3439828106c1e4719cf714f91f51d89ba9338579546c"),
            (Codec::Zstd(3), "39ce5a6db7001b395b2aa02b4bea8f5fb9be1b7e951e68cccd340157cf9f3aa0"),
        ] {
            let digest = Digest::of(&compressed(codec, &[300_000]));
            assert_eq!(digest.hex(), expected, "{codec:?}");
        }
    }

    /// Files are read in pieces whose sizes nobody promises.
    #[test]
    fn the_pieces_a_stream_arrives_in_do_not_show() {
        for codec in [Codec::default(), Codec::Zstd(3)] {
            let at_once = compressed(codec, &[300_000]);
            for pieces in [&[1][..], &[512], &[8192], &[512, 262_144, 300], &[65_537, 3]] {
                assert_eq!(compressed(codec, pieces), at_once, "{codec:?} {pieces:?}");
            }
        }
    }

    #[test]
    fn what_is_compressed_can_be_read_again() {
        let (mut gzip, mut zstd) = (Vec::new(), Vec::new());
        let bytes = compressed(Codec::Gzip(9), &[300_000]);
        io::copy(&mut flate2::read::MultiGzDecoder::new(bytes.as_slice()), &mut gzip).unwrap();
        let bytes = compressed(Codec::Zstd(1), &[300_000]);
        io::copy(&mut zstd::Decoder::new(bytes.as_slice()).unwrap(), &mut zstd).unwrap();
        assert!(gzip == sample() && zstd == sample());
        assert_eq!(compressed(Codec::None, &[300_000]), sample());
    }

    #[test]
    fn the_names_tell_the_codecs_that_are_built_in() {
        let lock = include_str!("../../../Cargo.lock");
        let version = |name: &str| {
            let entry =
                lock.split("[[package]]").find(|p| p.contains(&format!("name = \"{name}\"\n")));
            entry.unwrap().split("version = \"").nth(1).unwrap().split('"').next().unwrap()
        };
        let gzip = format!("libdeflate-sys-{}", version("libdeflate-sys"));
        assert_eq!(Codec::Gzip(1).id(), format!("{} 1, {gzip}", gzip::CUT));
        let zstd = format!("zstd-sys-{}", version("zstd-sys"));
        assert_eq!(Codec::Zstd(2).id(), format!("zstd-2/{PIECE} {zstd}"));
    }

    #[test]
    fn levels_are_those_there_are() {
        assert_eq!(Codec::new("gzip", None).unwrap(), Codec::default());
        assert_eq!(Codec::new("zstd", Some(19)).unwrap(), Codec::Zstd(19));
        for (name, level) in [("gzip", 13), ("zstd", 0), ("zstd", 20), ("none", 1), ("xz", 1)] {
            assert_eq!(Codec::new(name, Some(level)).unwrap_err().kind(), Kind::Usage, "{name}");
        }
    }
}
