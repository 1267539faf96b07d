//! The JSON schemas of the OCI image specification itself (`tests/schemas/oci`), as a judge.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::LazyLock;

use jsonschema::{Retrieve, Uri, Validator};
use serde_json::Value;

/// The files, under the names by which they refer to each other.
const FILES: [(&str, &str); 7] = [
    ("config-schema.json", include_str!("../schemas/oci/config-schema.json")),
    ("content-descriptor.json", include_str!("../schemas/oci/content-descriptor.json")),
    ("defs-descriptor.json", include_str!("../schemas/oci/defs-descriptor.json")),
    ("defs.json", include_str!("../schemas/oci/defs.json")),
    ("image-index-schema.json", include_str!("../schemas/oci/image-index-schema.json")),
    ("image-layout-schema.json", include_str!("../schemas/oci/image-layout-schema.json")),
    ("image-manifest-schema.json", include_str!("../schemas/oci/image-manifest-schema.json")),
];

/// A kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `oci-layout`.
    Layout,
    /// An index of images.
    Index,
    /// The manifest of an image.
    Manifest,
    /// Its configuration.
    Config,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Layout, Self::Index, Self::Manifest, Self::Config];

    fn file(self) -> &'static str {
        match self {
            Self::Layout => "image-layout-schema.json",
            Self::Index => "image-index-schema.json",
            Self::Manifest => "image-manifest-schema.json",
            Self::Config => "config-schema.json",
        }
    }
}

/// Finds a schema another one refers to. The schemas have identifiers that are not where they are, and
/// name each other as if they were beside them: the last part of a reference is what says which is meant.
struct Files;

impl Retrieve for Files {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let text = uri.as_str();
        let name = text.rsplit('/').next().unwrap_or(text);
        let found = FILES.iter().find(|(file, _)| *file == name);
        let (_, schema) = found.ok_or_else(|| format!("there is no schema {text}"))?;
        Ok(serde_json::from_str(schema)?)
    }
}

static VALIDATORS: LazyLock<BTreeMap<Kind, Validator>> = LazyLock::new(|| {
    let validator = |kind: Kind| {
        let (_, text) = FILES.iter().find(|(file, _)| *file == kind.file()).expect("a schema");
        let schema = serde_json::from_str(text).expect("a schema is JSON");
        // Times are what `date-time` says, and not any text.
        let options = jsonschema::options().should_validate_formats(true).with_retriever(Files);
        options.build(&schema).expect("a schema is one")
    };
    Kind::ALL.map(|kind| (kind, validator(kind))).into()
});

/// What a document has that its schema does not allow, each with the place in it.
#[must_use]
pub fn problems(kind: Kind, document: &Value) -> Vec<String> {
    let Some(validator) = VALIDATORS.get(&kind) else { return Vec::new() };
    let told = validator.iter_errors(document);
    told.map(|error| format!("{}: {error}", error.instance_path())).collect()
}
