//! The image another one builds on: read whoever made it and in whatever form it lies there.

pub mod accounts;
pub mod follow;
pub mod inherit;
mod layout;
pub mod lock;
mod place;
pub mod root;
mod written;

use std::fs;
use std::path::Path;

use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::{Image, nix2container};

pub use root::Root;

/// Reads the image at `path`: a description in JSON, an OCI layout, a directory of skopeo, or an
/// archive of one of these or of `docker save`, compressed or not. Archives are unpacked below
/// `scratch`, which must stay where it is.
///
/// # Errors
/// When it is none of these, or holds no image for `architecture`.
pub fn read(path: &Path, architecture: &str, scratch: &Path) -> Result<Image> {
    let doing = || format!("cannot build on {}", path.display());
    let image = match description(path)? {
        Some(image) => image,
        None => {
            let directory = place::unpacked(path, scratch).map_err(|f| f.context(doing()))?;
            layout::read(&directory, architecture).map_err(|f| f.context(doing()))?
        }
    };
    if image.architecture != architecture && !image.architecture.is_empty() {
        return Err(Failure::new(
            Kind::Data,
            format!("{}: it is for {} and not for {architecture}", doing(), image.architecture),
        ));
    }
    Ok(image)
}

/// The description in a file, or in a directory we made ourselves; `None`: it is something else.
fn description(path: &Path) -> Result<Option<Image>> {
    let own = path.join("image.json");
    let file = if own.is_file() { &own } else { path };
    let doing = || format!("cannot read {}", file.display());
    if !file.is_file() || !starts_with(file, b"{").or_fail(Kind::Io, doing)? {
        return Ok(None);
    }
    let text = fs::read_to_string(file).or_fail(Kind::Io, doing)?;
    nix2container::parse(&text).map(Some).map_err(|failure| failure.context(doing()))
}

fn starts_with(file: &Path, bytes: &[u8]) -> std::io::Result<bool> {
    use std::io::Read as _;
    let mut start = Vec::new();
    fs::File::open(file)?.take(bytes.len() as u64).read_to_end(&mut start)?;
    Ok(start == bytes)
}

#[cfg(test)]
mod tests;
