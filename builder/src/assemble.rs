//! From the draft of an image in the store to its description in the store.
//!
//! A derivation cannot remember anything, so the digests of an image that changed in one place
//! would all be worked out again. Out here they are remembered one by one, and Nix gets the
//! finished description: the same bytes the derivation would have come to.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cache::Cache;
use crate::error::{Context as _, Kind, Result};
use crate::image::draft::Draft;
use crate::image::{Image, Source, nix2container};
use crate::nix::Nix;

/// The description made from the draft at `draft`, and where it is in the store. `root`, where
/// there is one, is made a link to it, which protects it, and all the image consists of, from garbage
/// collection.
///
/// # Errors
/// When a layer cannot be read, the image breaks a rule, or the store refuses the description.
pub fn assemble(
    nix: &Nix,
    draft: &Path,
    root: Option<&Path>,
    cache: &Cache,
) -> Result<(PathBuf, Image)> {
    if let Some(known) = cache.description(draft)
        && let Ok(text) = fs::read_to_string(&known)
    {
        if let Some(root) = root
            && fs::read_link(root).ok().as_ref() != Some(&known)
        {
            nix.protect(&known, root)?;
        }
        return Ok((known, nix2container::parse(&text)?));
    }
    let text = fs::read_to_string(draft)
        .or_fail(Kind::NoInput, || format!("cannot read {}", draft.display()))?;
    let image = Draft::parse(&text)?.digest(cache)?;
    let text = nix2container::write(&image)?;
    let description = nix.add(&name(draft), &text, &references(&image))?;
    if let Some(root) = root {
        nix.protect(&description, root)?;
    }
    cache.put_description(draft, &description);
    Ok((description, image))
}

/// The store paths that an image is made of, each once, and so all that its description mentions.
fn references(image: &Image) -> Vec<String> {
    let mut paths = BTreeSet::new();
    for layer in &image.layers {
        match &layer.source {
            Source::Paths(layer) => paths.extend(layer.iter().map(|path| top(&path.path))),
            Source::File(blob) => paths.extend(blob.to_str().map(top)),
        }
    }
    paths.into_iter().collect()
}

/// The store path that a file is in, or is.
fn top(path: &str) -> String {
    let parts: Vec<&str> = path.splitn(5, '/').take(4).collect();
    parts.join("/")
}

/// The name of the description: that of the draft without its hash and without `.draft`.
fn name(draft: &Path) -> String {
    let file = draft.file_name().unwrap_or_default().to_string_lossy();
    let named = file.split_once('-').map_or(&*file, |(_, name)| name);
    named.replacen(".draft.", ".", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_the_store_path_it_is_in() {
        for path in ["/nix/store/a-b", "/nix/store/a-b/", "/nix/store/a-b/blobs/sha256/c"] {
            assert_eq!(top(path), "/nix/store/a-b", "{path}");
        }
    }

    #[test]
    fn a_description_is_named_as_by_its_derivation() {
        let draft =
            Path::new("/nix/store/00000000000000000000000000000000-image-my-app.draft.json");
        assert_eq!(name(draft), "image-my-app.json");
    }
}
