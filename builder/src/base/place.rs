//! Archives of images, unpacked so that their blobs are files.

use std::fs;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::starts_with;
use crate::error::{Context as _, Kind, Result};
use crate::unpack::entries;

/// The directory of an image: `path` itself, or where its archive has been unpacked to.
pub fn unpacked(path: &Path, scratch: &Path) -> Result<PathBuf> {
    if path.is_dir() {
        return Ok(path.to_owned());
    }
    let doing = || "cannot unpack the archive";
    let file = fs::File::open(path).or_fail(Kind::NoInput, doing)?;
    let content: Box<dyn Read> = if starts_with(path, &[0x1f, 0x8b]).or_fail(Kind::Io, doing)? {
        Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(file)))
    } else if starts_with(path, &[0x28, 0xb5, 0x2f, 0xfd]).or_fail(Kind::Io, doing)? {
        Box::new(zstd::Decoder::new(file).or_fail(Kind::Internal, doing)?)
    } else {
        Box::new(file)
    };
    fs::create_dir_all(scratch).or_fail(Kind::CannotCreate, doing)?;
    entries::each(content, |entry| {
        // Folders are made for what is in them, with the modes this machine has for new ones.
        if entries::kind(entry).is_dir() {
            return Ok(());
        }
        entry.set_preserve_permissions(false);
        entry.set_preserve_mtime(false);
        entry.unpack_in(scratch).map(drop).or_fail(Kind::Data, doing)
    })
    .map_err(|failure| failure.context(doing()))?;
    Ok(scratch.to_owned())
}
