//! How two images differ: configuration and store paths.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::contents::{Item, name};

/// A store path that differs.
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
}

impl Change {
    /// How much larger the second image is for it.
    pub fn growth(&self) -> i128 {
        match self {
            Self::Added { size, .. } => i128::from(*size),
            Self::Removed { size, .. } => -i128::from(*size),
            Self::Rebuilt { before, after, .. } => i128::from(*after) - i128::from(*before),
        }
    }
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

/// The fields of a configuration that differ, as `field: before -> after`; lists by their members.
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
            (Some(Value::Array(before)), Some(Value::Array(after))) if key == "Env" => {
                let missing = |these: &[Value], others: &[Value], sign: char| {
                    these
                        .iter()
                        .filter(|one| !others.contains(one))
                        .map(|one| format!("{key}: {sign} {}", one.as_str().unwrap_or_default()))
                        .collect::<Vec<_>>()
                };
                lines.extend(missing(before, after, '-'));
                lines.extend(missing(after, before, '+'));
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::understand::contents::What;

    #[test]
    fn paths_of_one_name_are_one_path_rebuilt() {
        let item = |path: &str, size| Item { path: path.to_owned(), size, what: What::Stored };
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
        assert_eq!(changes.iter().map(Change::growth).sum::<i128>(), 3);
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
    }
}
