//! A judge of OCI image layouts, written from the text of the specification and from nothing of ours:
//! `image-layout.md`, `image-index.md`, `manifest.md`, `config.md`, `descriptor.md`, `annotations.md`. Every
//! document is held against the specification's own schema as well.

use std::fs;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::schemas::{self, Kind};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYERS: [&str; 3] = [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
];

/// The rules a layout breaks, each with the place and the rule.
#[must_use]
pub fn problems(layout: &Path) -> Vec<String> {
    let mut judge = Judge { layout, problems: Vec::new() };
    let marker = judge.json(&layout.join("oci-layout"));
    judge.follows(Kind::Layout, &marker, "oci-layout");
    judge.must(marker["imageLayoutVersion"] == "1.0.0", "oci-layout: imageLayoutVersion is 1.0.0");
    let index = judge.json(&layout.join("index.json"));
    judge.index(&index, "index.json");
    judge.problems
}

struct Judge<'a> {
    layout: &'a Path,
    problems: Vec<String>,
}

impl Judge<'_> {
    fn must(&mut self, holds: bool, rule: impl Into<String>) {
        if !holds {
            self.problems.push(rule.into());
        }
    }

    fn follows(&mut self, kind: Kind, document: &Value, at: &str) {
        let found = schemas::problems(kind, document);
        self.problems.extend(found.into_iter().map(|problem| format!("{at}: schema: {problem}")));
    }

    fn json(&mut self, file: &Path) -> Value {
        let value = fs::read(file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        self.must(value.is_some(), format!("{}: is JSON", file.display()));
        value.unwrap_or_default()
    }

    fn index(&mut self, index: &Value, at: &str) {
        self.follows(Kind::Index, index, at);
        self.must(index["schemaVersion"] == 2, format!("{at}: schemaVersion is 2"));
        let media_type = index.get("mediaType").is_none_or(|given| given == INDEX);
        self.must(media_type, format!("{at}: mediaType is that of an index"));
        let manifests = self.list(index, "manifests", at);
        for (number, entry) in manifests.iter().enumerate() {
            let at = format!("{at} manifests[{number}]");
            let blob = self.descriptor(entry, &[MANIFEST, INDEX], &at);
            if let Some(platform) = entry.get("platform") {
                for key in ["architecture", "os"] {
                    self.must(is_text(&platform[key]), format!("{at}: platform has {key}"));
                }
            }
            let Ok(document) = serde_json::from_slice::<Value>(&blob) else {
                self.must(false, format!("{at}: refers to JSON"));
                continue;
            };
            if entry["mediaType"] == INDEX {
                self.index(&document, &at);
            } else {
                self.manifest(&document, &at);
            }
        }
    }

    fn manifest(&mut self, manifest: &Value, at: &str) {
        self.follows(Kind::Manifest, manifest, at);
        self.must(manifest["schemaVersion"] == 2, format!("{at}: schemaVersion is 2"));
        let media_type = manifest.get("mediaType").is_none_or(|given| given == MANIFEST);
        self.must(media_type, format!("{at}: mediaType is that of a manifest"));
        self.annotations(manifest, at);
        let config = self.descriptor(&manifest["config"], &[CONFIG], &format!("{at} config"));
        let layers = self.list(manifest, "layers", at);
        for (number, layer) in layers.iter().enumerate() {
            self.descriptor(layer, &LAYERS, &format!("{at} layers[{number}]"));
        }
        let config = serde_json::from_slice(&config).unwrap_or_default();
        self.config(&config, layers.len(), &format!("{at} config"));
    }

    fn config(&mut self, image: &Value, layers: usize, at: &str) {
        self.follows(Kind::Config, image, at);
        for key in ["architecture", "os"] {
            self.must(is_text(&image[key]), format!("{at}: has {key}"));
        }
        let created = image.get("created").is_none_or(is_time);
        self.must(created, format!("{at}: created is RFC 3339"));
        self.must(image["rootfs"]["type"] == "layers", format!("{at}: rootfs.type is layers"));
        let diff_ids = self.list(&image["rootfs"], "diff_ids", at);
        let digests = diff_ids.iter().all(|id| hex(id).is_some());
        self.must(digests, format!("{at}: diff_ids are digests"));
        self.must(diff_ids.len() == layers, format!("{at}: one diff_id a layer"));
        if image.get("history").is_some() {
            let history = self.list(image, "history", at);
            let with_layer = history.iter().filter(|one| one["empty_layer"] != true).count();
            self.must(with_layer == layers, format!("{at}: one step of history a layer"));
            let created = history.iter().all(|one| is_time(&one["created"]));
            self.must(created, format!("{at}: every step of history has its time"));
        }
        let Some(config) = image.get("config") else { return };
        for (key, holds) in [
            ("User", config["User"].is_null() || config["User"].is_string()),
            ("WorkingDir", config["WorkingDir"].is_null() || config["WorkingDir"].is_string()),
            ("StopSignal", config["StopSignal"].is_null() || is_text(&config["StopSignal"])),
            ("Entrypoint", is_list_of_text(&config["Entrypoint"])),
            ("Cmd", is_list_of_text(&config["Cmd"])),
            ("Env", is_list_of_text(&config["Env"])),
            ("Volumes", is_set(&config["Volumes"])),
            ("ExposedPorts", is_set(&config["ExposedPorts"])),
            ("Labels", is_map_of_text(&config["Labels"])),
        ] {
            self.must(holds, format!("{at}: {key} has its type"));
        }
        let variables = config["Env"].as_array().into_iter().flatten();
        let named =
            variables.filter_map(Value::as_str).all(|one| one.find('=').is_some_and(|at| at > 0));
        self.must(named, format!("{at}: Env holds NAME=value"));
    }

    /// Checks a descriptor and what it refers to, and returns that.
    fn descriptor(&mut self, entry: &Value, kinds: &[&str], at: &str) -> Vec<u8> {
        let kind = entry["mediaType"].as_str().unwrap_or_default();
        self.must(kinds.contains(&kind), format!("{at}: `{kind}` is one of {kinds:?}"));
        self.annotations(entry, at);
        let Some(digest) = hex(&entry["digest"]) else {
            self.must(false, format!("{at}: has a digest"));
            return Vec::new();
        };
        let blob = fs::read(self.layout.join("blobs/sha256").join(digest)).unwrap_or_default();
        let size = entry["size"].as_u64() == Some(blob.len() as u64);
        self.must(size, format!("{at}: size is that of the blob"));
        let is: String = Sha256::digest(&blob).iter().map(|byte| format!("{byte:02x}")).collect();
        self.must(is == digest, format!("{at}: the blob has its digest"));
        blob
    }

    fn annotations(&mut self, holder: &Value, at: &str) {
        let fine = is_map_of_text(&holder["annotations"]);
        self.must(fine, format!("{at}: annotations are a map of text"));
    }

    fn list(&mut self, holder: &Value, key: &str, at: &str) -> Vec<Value> {
        let list = holder[key].as_array().cloned();
        self.must(list.is_some(), format!("{at}: {key} is a list"));
        list.unwrap_or_default()
    }
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn is_list_of_text(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
}

fn is_map_of_text(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(|map| map.values().all(Value::is_string))
}

/// A map whose values say nothing.
fn is_set(value: &Value) -> bool {
    let empty = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
    value.is_null() || value.as_object().is_some_and(|map| map.values().all(empty))
}

/// The digits of a digest of the one algorithm used here.
fn hex(value: &Value) -> Option<&str> {
    let hex = value.as_str()?.strip_prefix("sha256:")?;
    let digits = hex.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    (digits && hex.len() == 64).then_some(hex)
}

/// `2006-01-02T15:04:05`, perhaps with a fraction, and `Z` or an offset.
fn is_time(value: &Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    let shape: String =
        text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).take(19).collect();
    shape == "0000-00-00T00:00:00"
        && (text.ends_with('Z')
            || text.get(text.len().wrapping_sub(6)..).is_some_and(|zone| {
                zone.starts_with(['+', '-']) && zone.as_bytes().get(3) == Some(&b':')
            }))
}
