//! How two images differ: configuration, parts and layers. Whatever gives them two digests is told.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::contents::{Item, name};
use crate::digest::Digest;
use crate::image::{Image, Layer, Source};
use crate::tar::Options;

/// A store path, or a layer of the base, that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "change")]
pub enum Change {
    /// Only the second image has it.
    Added {
        /// The path.
        path: String,
        /// Its bytes.
        size: u64,
    },
    /// Only the first image has it.
    Removed {
        /// The path.
        path: String,
        /// Its bytes.
        size: u64,
    },
    /// Both have one of this name, with other contents.
    Rebuilt {
        /// The path in the first image.
        from: String,
        /// The path in the second image.
        to: String,
        /// Bytes in the first image.
        before: u64,
        /// Bytes in the second image.
        after: u64,
    },
    /// Both have it, in other places, with other owners or modes, or not as often.
    Repacked {
        /// The path.
        path: String,
        /// What is done with it in the first image, for each time it is there; null is nothing.
        before: Vec<Option<Options>>,
        /// The same in the second image.
        after: Vec<Option<Options>>,
    },
}

/// The differences in order of names. Paths of one name are paired in the order they come in.
pub fn contents(first: &[Item], second: &[Item]) -> Vec<Change> {
    let only = |these: &[Item], others: &[Item]| {
        let mut by_name: BTreeMap<String, Vec<Item>> = BTreeMap::new();
        for item in these {
            if !others.iter().any(|other| other.path == item.path) {
                by_name.entry(name(&item.path).to_owned()).or_default().push(item.clone());
            }
        }
        by_name
    };
    let (mut gone, mut new) = (only(first, second), only(second, first));
    let mut names: Vec<String> = gone.keys().chain(new.keys()).cloned().collect();
    names.sort_unstable();
    names.dedup();
    let mut changes = Vec::new();
    for name in names {
        let mut gone = gone.remove(&name).unwrap_or_default().into_iter();
        let mut new = new.remove(&name).unwrap_or_default().into_iter();
        loop {
            changes.push(match (gone.next(), new.next()) {
                (Some(from), Some(to)) => Change::Rebuilt {
                    from: from.path,
                    to: to.path,
                    before: from.size,
                    after: to.size,
                },
                (Some(item), None) => Change::Removed { path: item.path, size: item.size },
                (None, Some(item)) => Change::Added { path: item.path, size: item.size },
                (None, None) => break,
            });
        }
    }
    changes
}

/// The store paths that both images have and pack otherwise, in the order of their paths.
pub fn repacked(first: &Image, second: &Image) -> Vec<Change> {
    let (first, mut second) = (options(first), options(second));
    first
        .into_iter()
        .filter_map(|(path, before)| Some((path, before, second.remove(path)?)))
        .filter(|(_, before, after)| before != after)
        .map(|(path, before, after)| Change::Repacked { path: path.to_owned(), before, after })
        .collect()
}

/// What is done with each store path, for each time it is in the image.
fn options(image: &Image) -> BTreeMap<&str, Vec<Option<Options>>> {
    let mut options: BTreeMap<&str, Vec<Option<Options>>> = BTreeMap::new();
    for layer in &image.layers {
        if let Source::Paths(paths) = &layer.source {
            for path in paths {
                options.entry(&path.path).or_default().push(path.options.clone());
            }
        }
    }
    options
}

/// The fields of what is done with a store path that differ.
pub fn packing(before: &[Option<Options>], after: &[Option<Options>]) -> Vec<String> {
    let fields = |options: &Option<Options>| match options {
        Some(options) => json!(options),
        None => json!({}),
    };
    match (before, after) {
        ([before], [after]) => configuration(&fields(before), &fields(after)),
        _ => vec![format!("{} -> {}", json!(before), json!(after))],
    }
}

/// How the layers differ beside what is in them: their number, how they came about and are compressed,
/// and, when both images have the same parts (`same_parts`), how these are divided among them.
pub fn layers(first: &Image, second: &Image, same_parts: bool) -> Vec<String> {
    let (before, after) = (first.layers.len(), second.layers.len());
    let mut lines = Vec::new();
    if before != after {
        lines.push(format!("layers: {before} -> {after}"));
    } else if same_parts && !diff_ids(first).eq(diff_ids(second)) {
        lines.push("layers: the same parts, divided otherwise or in another order".to_owned());
    }
    let others = by_diff_id(second);
    for (diff_id, layers) in by_diff_id(first) {
        for (layer, other) in layers.iter().zip(others.get(diff_id).into_iter().flatten()) {
            for line in configuration(&about(layer), &about(other)) {
                lines.push(format!("layer {diff_id}: {line}"));
            }
        }
    }
    lines
}

fn diff_ids(image: &Image) -> impl Iterator<Item = &Digest> {
    image.layers.iter().map(|layer| &layer.diff_id)
}

/// The layers with each content: it may be there several times.
fn by_diff_id(image: &Image) -> BTreeMap<&Digest, Vec<&Layer>> {
    let mut layers: BTreeMap<&Digest, Vec<&Layer>> = BTreeMap::new();
    for layer in &image.layers {
        layers.entry(&layer.diff_id).or_default().push(layer);
    }
    layers
}

/// What manifest and configuration say of a layer beside its content.
fn about(layer: &Layer) -> Value {
    json!({ "blob": layer.digest, "media type": layer.media_type, "history": layer.history })
}

/// What images say of themselves and does not come from their layers, as one object.
pub fn settings(image: &Image) -> serde_json::Result<Value> {
    let mut settings = serde_json::to_value(&image.config)?;
    if let Some(fields) = settings.as_object_mut() {
        fields.insert("architecture".to_owned(), json!(image.architecture));
        fields.insert("created".to_owned(), json!(image.created));
        for (name, value) in &image.annotations {
            fields.insert(format!("annotation {name}"), json!(value));
        }
    }
    Ok(settings)
}

/// The fields of an object that differ, as `field: before -> after`; variables and permissions one by
/// one, and only their order when that is all.
pub fn configuration(first: &Value, second: &Value) -> Vec<String> {
    let empty = serde_json::Map::new();
    let (first, second) =
        (first.as_object().unwrap_or(&empty), second.as_object().unwrap_or(&empty));
    let mut keys: Vec<&String> = first.keys().chain(second.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut lines = Vec::new();
    for key in keys {
        match (first.get(key), second.get(key)) {
            (before, after) if before == after => {}
            (Some(Value::Array(before)), Some(Value::Array(after)))
                if key == "Env" || key == "perms" =>
            {
                lines.extend(
                    members(before, after).into_iter().map(|line| format!("{key}: {line}")),
                );
            }
            (before, after) => {
                let show = |value: Option<&Value>| {
                    value.map_or_else(|| "unset".to_owned(), Value::to_string)
                };
                lines.push(format!("{key}: {} -> {}", show(before), show(after)));
            }
        }
    }
    lines
}

/// The members that only one of two lists has; their order when that is all there is.
fn members(before: &[Value], after: &[Value]) -> Vec<String> {
    let missing = |these: &[Value], others: &[Value], sign: char| -> Vec<String> {
        let show = |one: &Value| one.as_str().map_or_else(|| one.to_string(), str::to_owned);
        let missing = these.iter().filter(|one| !others.contains(one));
        missing.map(|one| format!("{sign} {}", show(one))).collect()
    };
    let mut lines = missing(before, after, '-');
    lines.extend(missing(after, before, '+'));
    if lines.is_empty() {
        lines.push("the same in another order, or not as often".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::image::nix2container;
    use crate::understand::contents::What;

    #[test]
    fn paths_of_one_name_are_one_path_rebuilt() {
        let item = |path: &str, size| Item {
            path: path.to_owned(),
            size,
            what: What::Stored,
            parts: Vec::new(),
        };
        let first = [item("/s/a-app", 10), item("/s/b-lib", 5), item("/s/c-old", 1)];
        let second = [item("/s/x-app", 12), item("/s/b-lib", 5), item("/s/n-new", 2)];
        let changes = contents(&first, &second);
        assert_eq!(
            changes,
            [
                Change::Rebuilt {
                    from: "/s/a-app".into(),
                    to: "/s/x-app".into(),
                    before: 10,
                    after: 12
                },
                Change::Added { path: "/s/n-new".into(), size: 2 },
                Change::Removed { path: "/s/c-old".into(), size: 1 },
            ]
        );
        assert!(contents(&first, &first).is_empty());
    }

    #[test]
    fn variables_are_compared_one_by_one() {
        let first = json!({"Env": ["A=1", "B=2"], "User": "1"});
        let second = json!({"Env": ["B=2", "C=3"], "Cmd": ["x"], "User": "1"});
        assert_eq!(
            configuration(&first, &second),
            ["Cmd: unset -> [\"x\"]", "Env: - A=1", "Env: + C=3"]
        );
        let turned = json!({"Env": ["B=2", "A=1"], "User": "1"});
        assert_eq!(
            configuration(&first, &turned),
            ["Env: the same in another order, or not as often"]
        );
        assert_eq!(configuration(&first, &first), [""; 0]);
    }

    const IMAGE: &str = r#"{"version": 1, "arch": "amd64", "created": "1970-01-01T00:00:01Z",
        "image-config": {"User": "1", "Env": ["A=1"]}, "annotations": {"licence": "MIT"},
        "layers": [
          {"digest": "sha256:DIGIT1", "diff_ids": "sha256:DIGIT2", "size": 9, "tar-size": 20,
           "layer-path": "/base", "mediatype": "application/vnd.oci.image.layer.v1.tar+gzip",
           "History": {"created_by": "theirs"}},
          {"digest": "sha256:DIGIT3", "diff_ids": "sha256:DIGIT3", "size": 10,
           "paths": [{"path": "/nix/store/h-app", "options": {"rewrite": {"regex": "^/nix", "repl": ""},
             "perms": [{"regex": "x", "mode": "0755", "uid": 0, "gid": 0, "uname": "", "gname": ""}]}},
             {"path": "/nix/store/h-lib"}],
           "mediatype": "application/vnd.oci.image.layer.v1.tar"},
          {"digest": "sha256:DIGIT4", "diff_ids": "sha256:DIGIT4", "size": 11,
           "paths": [{"path": "/nix/store/h-libc"}],
           "mediatype": "application/vnd.oci.image.layer.v1.tar"}]}"#;

    fn image(text: &str) -> Image {
        let mut text = text.to_owned();
        for digit in ["1", "2", "3", "4", "5"] {
            text = text.replace(&format!("DIGIT{digit}"), &digit.repeat(64));
        }
        nix2container::parse(&text).unwrap()
    }

    /// All that is told, sizes left out.
    fn told(first: &Image, second: &Image) -> Vec<String> {
        let items = |image: &Image| -> Vec<Item> {
            let item = |path: String| Item { path, size: 0, what: What::Stored, parts: Vec::new() };
            let base = image.layers.iter().filter(|layer| matches!(layer.source, Source::File(_)));
            let base = base.map(|layer| item(layer.diff_id.to_string()));
            base.chain(options(image).into_keys().map(|path| item(path.to_owned()))).collect()
        };
        let mut told = configuration(&settings(first).unwrap(), &settings(second).unwrap());
        let mut changes = contents(&items(first), &items(second));
        changes.extend(repacked(first, second));
        told.extend(changes.iter().map(|change| match change {
            Change::Repacked { path, before, after } => {
                format!("{} {}", name(path), packing(before, after).join("; "))
            }
            Change::Added { path, .. } => format!("+ {path}"),
            Change::Removed { path, .. } => format!("- {path}"),
            Change::Rebuilt { to, .. } => format!("~ {to}"),
        }));
        told.extend(layers(first, second, changes.is_empty()));
        told
    }

    /// Each of these changes gives an image another digest.
    #[test]
    fn whatever_changes_the_digest_is_told() {
        let first = image(IMAGE);
        assert_eq!(told(&first, &first), [""; 0]);
        for (from, to, expected) in [
            ("\"amd64\"", "\"arm64\"", "architecture: \"amd64\" -> \"arm64\""),
            ("01Z", "02Z", "created: \"1970-01-01T00:00:01Z\" -> \"1970-01-01T00:00:02Z\""),
            ("licence", "license", "annotation licence: \"MIT\" -> unset"),
            ("MIT", "BSD", "annotation licence: \"MIT\" -> \"BSD\""),
            ("A=1", "A=2", "Env: - A=1"),
            ("DIGIT2", "DIGIT5", "+ sha256:5"),
            ("DIGIT1", "DIGIT5", "blob: \"sha256:1"),
            (
                "tar+gzip",
                "tar+zstd",
                "media type: \"application/vnd.oci.image.layer.v1.tar+gzip\" -> ",
            ),
            ("theirs", "ours", "history: {\"created_by\":\"theirs\"} -> {\"created_by\":\"ours\"}"),
            ("0755", "0700", "app perms: - {\"gid\":0,"),
            ("^/nix", "^/nix/store", "app rewrite: {\"regex\":\"^/nix\",\"repl\":\"\"} -> "),
            ("h-libc", "h-musl", "+ /nix/store/h-musl"),
            ("h-libc", "h-lib", "lib [null] -> [null,null]"),
            (",\n             {\"path\": \"/nix/store/h-lib\"}", "", "- /nix/store/h-lib"),
            ("DIGIT4", "DIGIT5", "layers: the same parts, divided otherwise or in another order"),
        ] {
            let text = IMAGE.replace(from, to);
            assert_ne!(text, IMAGE, "{from}");
            let told = told(&first, &image(&text));
            assert!(told.iter().any(|line| line.contains(expected)), "{expected}: {told:?}");
        }
        // Nothing but the layers' number tells that.
        let mut divided = first.clone();
        let mut last = divided.layers[2].clone();
        last.diff_id = Digest::of(b"another");
        if let Source::Paths(paths) = &mut divided.layers[1].source {
            last.source = Source::Paths(paths.split_off(1));
        }
        divided.layers.push(last);
        assert_eq!(told(&first, &divided), ["layers: 3 -> 4"]);
    }
}
