//! The attributes of the derivation this program is the builder of.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Context as _, Failure, Kind, Result};

#[derive(Deserialize)]
struct Outputs {
    outputs: BTreeMap<String, PathBuf>,
}

/// Reads the attributes (`__structuredAttrs`) and the path of the output `out`.
///
/// # Errors
/// When not run by Nix, or when an attribute is missing or of the wrong type.
pub fn read<T: DeserializeOwned>() -> Result<(T, PathBuf)> {
    let file = find().ok_or_else(|| {
        Failure::new(Kind::Usage, "this command is the builder of a derivation")
            .hint("use `devenv-container build`, which has Nix run it")
    })?;
    let doing = || format!("cannot read the derivation's attributes from {}", file.display());
    let text = fs::read_to_string(&file).or_fail(Kind::NoInput, doing)?;
    let attributes = serde_json::from_str(&text).or_fail(Kind::Data, doing)?;
    let mut outputs: Outputs = serde_json::from_str(&text).or_fail(Kind::Data, doing)?;
    let out = outputs
        .outputs
        .remove("out")
        .ok_or_else(|| Failure::new(Kind::Data, "the derivation has no output named out"))?;
    Ok((attributes, out))
}

/// The file with the attributes. Some versions of Nix (2.8 is one) set `NIX_ATTRS_JSON_FILE` to
/// the file's path outside the sandbox, where the builder cannot see it.
fn find() -> Option<PathBuf> {
    let named = env::var_os("NIX_ATTRS_JSON_FILE").map(PathBuf::from);
    let in_build = env::var_os("NIX_BUILD_TOP").map(|top| PathBuf::from(top).join(".attrs.json"));
    named.filter(|file| file.exists()).or(in_build)
}
