//! What a project asked for that the image's configuration does not tell: why paths are in the image.
//!
//! Nothing of it is in the image itself. It goes along in the description, for `explain`.

use serde::{Deserialize, Serialize};

/// Where an image came from, as far as it is known; images of others say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// The spec of PID 1, also when the entry point is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
    /// The tree of the image's own files, whose links are reasons of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<String>,
    /// In the order of the options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

/// One option, or one file of the image, that brings a store path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// For people: `layers[0].deps`, `the link /bin/sh`.
    pub what: String,
    /// The store path, or a file in it.
    pub path: String,
    /// Whether it is placed elsewhere than in the store.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub placed: bool,
}

impl Origin {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
