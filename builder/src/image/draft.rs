//! An image before its layers are digested: everything that follows from names, not from contents.
//!
//! A draft costs no reading of the store, so Nix may make it anew whenever anything changes. What
//! is expensive, digesting, is then done for the layers that are not known yet.

use serde::{Deserialize, Serialize};

use super::nix2container::Document;
use super::{History, Image, check, pack};
use crate::cache::Cache;
use crate::error::{Context as _, Kind, Result};
use crate::layers::LayerPath;
use crate::tar::Options;

/// An image whose topmost layers are only planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The image so far: the layers it has are those of the image it builds on.
    pub image: Image,
    /// The layers to come, from the lowest to the topmost.
    pub layers: Vec<DraftLayer>,
    /// How they came about.
    pub history: History,
}

/// A layer to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftLayer {
    /// About how many bytes it will have; decides which layers are digested first.
    pub size: u64,
    /// What is in it.
    pub paths: Vec<DraftPath>,
}

/// A store path in a layer to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftPath {
    /// `/nix/store/<hash>-<name>`.
    pub path: String,
    /// The hash of its contents as Nix writes it; empty when it is not known.
    pub hash: String,
    /// Where it goes and whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Options>,
}

#[derive(Serialize, Deserialize)]
struct File {
    image: Document,
    layers: Vec<DraftLayer>,
    history: History,
}

impl Draft {
    /// Reads a draft that this version of the program wrote.
    pub fn parse(text: &str) -> Result<Self> {
        let doing = || "cannot read the image's draft";
        let file: File = serde_json::from_str(text).or_fail(Kind::Internal, doing)?;
        let image = Image::try_from(file.image).map_err(|failure| failure.context(doing()))?;
        Ok(Self { image, layers: file.layers, history: file.history })
    }

    /// The draft as JSON.
    pub fn write(&self) -> Result<String> {
        let file = File {
            image: Document::from(&self.image),
            layers: self.layers.clone(),
            history: self.history.clone(),
        };
        serde_json::to_string(&file).or_fail(Kind::Internal, || "cannot write the image's draft")
    }

    /// The image: layers `cache` knows are not read.
    ///
    /// # Errors
    /// When a path cannot be packed or the image breaks a rule.
    pub fn digest(self, cache: &Cache) -> Result<Image> {
        let mut image = self.image;
        image.layers.extend(pack::all(&self.layers, &self.history, cache)?);
        check::check(&image)?;
        Ok(image)
    }
}

impl From<&DraftPath> for LayerPath {
    fn from(path: &DraftPath) -> Self {
        Self { path: path.path.clone(), options: path.options.clone() }
    }
}
