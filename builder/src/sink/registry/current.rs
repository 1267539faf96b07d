//! What a tag stands for now, as far as it can be compared with what it would stand for.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Registry;
use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::registry::client::{Ask, header};
use crate::registry::pull::{LARGEST, MANIFESTS};
use crate::registry::said;

/// How many images of an index are looked at.
const LISTED: usize = 32;

/// An image in a registry.
#[derive(Clone, Debug, PartialEq)]
pub struct Current {
    /// The digests of its layers' blobs; of an index, those of all its images.
    pub layers: Vec<String>,
    /// Its configuration; null for an index, and where it cannot be read.
    pub config: Value,
    /// Why something of it cannot be told.
    pub unread: Option<String>,
}

impl Registry {
    /// The manifest the tag stands for now, if any.
    pub fn digest(&self) -> Result<Option<Digest>> {
        let (url, doing) = (self.manifest_url(), format!("to look for {}", self.named()));
        let ask = Ask::new("HEAD", &url, &doing).accept(MANIFESTS);
        let answer = self.ask(|| self.client.send(ask))?;
        match answer.status().as_u16() {
            // Who does not say what it is, or says it in another way, is asked for it.
            200 => {
                match header(&answer, "docker-content-digest").map(|text| Digest::parse(&text)) {
                    Some(Ok(digest)) => Ok(Some(digest)),
                    _ => self.digest_of_bytes(),
                }
            }
            404 => Ok(None),
            _ => Err(self.client.refused(&doing, answer)),
        }
    }

    /// What the tag stands for; `None` when it stands for nothing yet.
    pub fn current(&self) -> Result<Option<Current>> {
        let Some(manifest) = self.manifest(&self.manifest_url())? else { return Ok(None) };
        let mut layers = listed(&manifest, "layers");
        for image in listed(&manifest, "manifests").iter().take(LISTED) {
            // What else may stand there is no name of a manifest.
            let Ok(image) = Digest::parse(image) else { continue };
            let url = self.client.url(&format!("manifests/{image}"));
            // An index may refer to what was never pushed or is gone.
            if let Some(image) = self.manifest(&url)? {
                layers.extend(listed(&image, "layers"));
            }
        }
        let config = manifest.get("config").and_then(digest_of);
        let config = config.and_then(|digest| Digest::parse(&digest).ok());
        let (config, unread) = match config.map(|digest| self.read_blob(&digest)) {
            Some(Ok(config)) => (config, None),
            // Images may be there without all of their parts: that hinders no push.
            Some(Err(failure)) if failure.kind() != Kind::Io => {
                (Value::Null, Some(failure.message().to_owned()))
            }
            Some(Err(failure)) => return Err(failure),
            None => (Value::Null, None),
        };
        Ok(Some(Current { layers, config, unread }))
    }

    /// The manifest the tag stands for, by its bytes: what a registry is asked that does not say which
    /// one it is. `None` when it shows none.
    fn digest_of_bytes(&self) -> Result<Option<Digest>> {
        let doing = format!("to show {}", self.named());
        let bytes = self.read(&self.manifest_url(), &doing)?;
        Ok(bytes.map(|bytes| Digest::of(&bytes)))
    }

    /// The manifest or index at an address; `None`: there is none.
    fn manifest(&self, url: &str) -> Result<Option<Value>> {
        let doing = format!("to show {}", self.named());
        let bytes = self.read(url, &doing)?;
        bytes.map(|bytes| parse(&bytes, "the manifest")).transpose()
    }

    fn read_blob(&self, digest: &Digest) -> Result<Value> {
        let url = self.client.url(&format!("blobs/{digest}"));
        let doing = format!("to show the configuration of {}", self.named());
        match self.read(&url, &doing)? {
            Some(bytes) => parse(&bytes, "the configuration"),
            None => {
                let host = &self.client.reference().host;
                Err(Failure::new(Kind::Protocol, format!("{host} does not have blob {digest}")))
            }
        }
    }

    /// What is at an address; `None`: there is nothing.
    fn read(&self, url: &str, doing: &str) -> Result<Option<Vec<u8>>> {
        self.ask(|| {
            let mut answer = self.client.send(Ask::new("GET", url, doing).accept(MANIFESTS))?;
            match answer.status().as_u16() {
                200 => {}
                404 => return Ok(None),
                _ => return Err(self.client.refused(doing, answer).into()),
            }
            let body = answer.body_mut().with_config().limit(LARGEST);
            let bytes = body.read_to_vec();
            bytes.map(Some).map_err(|error| self.client.lost(error.into_io()))
        })
    }
}

/// The digest of everything in a list of a manifest.
fn listed(manifest: &Value, list: &str) -> Vec<String> {
    let list = manifest.get(list).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(digest_of).collect()
}

fn digest_of(blob: &Value) -> Option<String> {
    blob.get("digest")?.as_str().map(str::to_owned)
}

fn parse(bytes: &[u8], what: &str) -> Result<Value> {
    let doing = || format!("cannot read {what} of the image that is there");
    serde_json::from_slice(bytes).or_fail(Kind::Protocol, doing)
}

/// How two configurations differ, in the names of their fields, fit for a terminal. Of variables and
/// labels only the names are told: values may be nobody's business.
pub fn changes(before: &Value, after: &Value) -> Vec<String> {
    differences(before, after).iter().map(|change| said::line(change)).collect()
}

fn differences(before: &Value, after: &Value) -> Vec<String> {
    let mut changes = Vec::new();
    for field in fields(before, after) {
        let side = |value: &Value| value.get(&field).cloned().unwrap_or_default();
        if matches!(field.as_str(), "rootfs" | "history" | "config") {
            continue;
        }
        if side(before) != side(after) {
            changes.push(field);
        }
    }
    let none = Value::Null;
    let (before, after) =
        (before.get("config").unwrap_or(&none), after.get("config").unwrap_or(&none));
    for field in fields(before, after) {
        let (old, new) = (named(before, &field), named(after, &field));
        if old == new {
            continue;
        }
        match (old, new) {
            (Some(old), Some(new)) => {
                let names: BTreeSet<&String> =
                    old.symmetric_difference(&new).map(|(name, _)| name).collect();
                changes.extend(names.into_iter().map(|name| format!("{field} {name}")));
            }
            _ => changes.push(field),
        }
    }
    changes
}

fn fields(before: &Value, after: &Value) -> BTreeSet<String> {
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().into_iter().flat_map(|object| object.keys().cloned()).collect()
    };
    keys(before).into_iter().chain(keys(after)).collect()
}

/// The entries of a field that has named ones; otherwise its value under no name, and nothing for
/// a field that is not there.
fn named(config: &Value, field: &str) -> Option<BTreeSet<(String, String)>> {
    let value = config.get(field)?;
    Some(match value {
        Value::Array(entries) if field == "Env" => entries
            .iter()
            .filter_map(|entry| entry.as_str()?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        Value::Object(entries) => {
            entries.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
        }
        other => BTreeSet::from([("is another one".to_owned(), other.to_string())]),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_are_told_by_name_and_not_by_value() {
        let before = json!({
            "architecture": "amd64",
            "rootfs": {"diff_ids": ["a"]},
            "config": {
                "Env": ["A=1", "B=secret", "C=3"],
                "Cmd": ["a"],
                "Labels": {"x": "1"},
                "User": "1000",
            },
        });
        let after = json!({
            "architecture": "arm64",
            "rootfs": {"diff_ids": ["b"]},
            "config": {
                "Env": ["A=1", "B=other", "D=4"],
                "Cmd": ["b"],
                "Labels": {"x": "1"},
                "WorkingDir": "/",
            },
        });
        assert_eq!(
            changes(&before, &after),
            ["architecture", "Cmd is another one", "Env B", "Env C", "Env D", "User", "WorkingDir"]
        );
        assert!(changes(&before, &before).is_empty());
    }
}
