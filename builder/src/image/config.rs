//! The configuration of an image (OCI image-spec, `config.md`) and its blob.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Image, json};
use crate::digest::Digest;
use crate::error::{Context as _, Kind, Result};

/// What to run and how, with Go's spelling and order of keys, which the digest depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Config {
    /// `user`, `uid`, `user:group` or `uid:gid`; empty is root.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// `80/tcp`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "map")]
    pub exposed_ports: BTreeMap<String, Empty>,
    /// `NAME=value`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub env: Vec<String>,
    /// The program and its first arguments.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub entrypoint: Vec<String>,
    /// The arguments that follow unless the user gives others.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub cmd: Vec<String>,
    /// Directories whose contents outlive the container.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "map")]
    pub volumes: BTreeMap<String, Empty>,
    /// Where the program starts.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Anything about the image.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "map")]
    pub labels: BTreeMap<String, String>,
    /// How to stop it, `SIGTERM` or a number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// Docker's, for Windows; carried along for the sake of the digest.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub args_escaped: bool,
    /// Docker's and Podman's health check; OCI reserves the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
}

/// Go's `struct{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// How an engine asks whether the container is well. Durations are in nanoseconds, 0 leaves the
/// engine's default. Numbers may be negative as for Go, though no engine takes such a check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct Healthcheck {
    /// `["CMD", program, argument…]`, `["CMD-SHELL", line]` or `["NONE"]`.
    #[serde(deserialize_with = "list")]
    pub test: Vec<String>,
    /// Between two checks.
    #[serde(skip_serializing_if = "is_zero")]
    pub interval: i64,
    /// How long one may take.
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: i64,
    /// During which failures do not count.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_period: i64,
    /// How many failures in a row make it unwell.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: i64,
}

/// How a layer came about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The program or command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Its author.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether it has no layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty_layer: Option<bool>,
}

/// How the keys of [`Config`] are spelled.
pub const CONFIG_SHAPE: json::Shape = json::Shape::Object(&[
    ("User", &json::Shape::Any),
    ("ExposedPorts", &json::Shape::Any),
    ("Env", &json::Shape::Any),
    ("Entrypoint", &json::Shape::Any),
    ("Cmd", &json::Shape::Any),
    ("Volumes", &json::Shape::Any),
    ("WorkingDir", &json::Shape::Any),
    ("Labels", &json::Shape::Any),
    ("StopSignal", &json::Shape::Any),
    ("ArgsEscaped", &json::Shape::Any),
    (
        "Healthcheck",
        &json::Shape::Object(&[
            ("Test", &json::Shape::Any),
            ("Interval", &json::Shape::Any),
            ("Timeout", &json::Shape::Any),
            ("StartPeriod", &json::Shape::Any),
            ("Retries", &json::Shape::Any),
        ]),
    ),
]);

/// How the keys of [`History`] are spelled.
pub const HISTORY_SHAPE: json::Shape = json::Shape::Object(&[
    ("created", &json::Shape::Any),
    ("created_by", &json::Shape::Any),
    ("author", &json::Shape::Any),
    ("comment", &json::Shape::Any),
    ("empty_layer", &json::Shape::Any),
]);

impl Config {
    /// The value of a variable of `Env`; the last one of its name counts.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env
            .iter()
            .rev()
            .filter_map(|entry| entry.split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    }
}

#[derive(Serialize)]
struct Blob<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<&'a str>,
    architecture: &'a str,
    os: &'static str,
    #[serde(skip_serializing_if = "is_default")]
    config: &'a Config,
    rootfs: RootFs<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<&'a History>,
}

#[derive(Serialize)]
struct RootFs<'a> {
    r#type: &'static str,
    diff_ids: Vec<&'a Digest>,
}

/// The configuration blob. Its digest is the image's id.
pub fn blob(image: &Image) -> Result<Vec<u8>> {
    let blob = Blob {
        created: image.created.as_deref(),
        architecture: &image.architecture,
        os: "linux",
        config: &image.config,
        rootfs: RootFs {
            r#type: "layers",
            diff_ids: image.layers.iter().map(|layer| &layer.diff_id).collect(),
        },
        history: image.layers.iter().map(|layer| &layer.history).collect(),
    };
    let json = json::compact(&blob)
        .or_fail(Kind::Internal, || "cannot write the image's configuration")?;
    Ok(json.into_bytes())
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

fn is_default(config: &&Config) -> bool {
    **config == Config::default()
}

/// A value that Go leaves as it is, empty, where JSON has `null`.
#[derive(Deserialize)]
struct Nullable<T>(Option<T>);

impl<T: Default> Nullable<T> {
    fn value(self) -> T {
        self.0.unwrap_or_default()
    }
}

/// Go reads `null` as an empty list, and within a list as an empty element.
fn list<'de, D, T>(deserializer: D) -> std::result::Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    let list = Nullable::<Vec<Nullable<T>>>::deserialize(deserializer)?.value();
    Ok(list.into_iter().map(Nullable::value).collect())
}

/// As [`list`], for a map.
fn map<'de, D, T>(deserializer: D) -> std::result::Result<BTreeMap<String, T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    let map = Nullable::<BTreeMap<String, Nullable<T>>>::deserialize(deserializer)?.value();
    Ok(map.into_iter().map(|(key, value)| (key, value.value())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blob_has_go_s_keys_in_go_s_order() {
        let image = Image {
            name: None,
            tag: None,
            architecture: "amd64".into(),
            annotations: Default::default(),
            origin: Default::default(),
            created: Some("0001-01-01T00:00:00Z".into()),
            config: Config {
                env: vec!["A=<b>".into()],
                cmd: vec!["/bin/x".into()],
                exposed_ports: [("80/tcp".to_owned(), Empty {})].into(),
                user: "1000".into(),
                ..Config::default()
            },
            layers: Vec::new(),
        };
        assert_eq!(
            String::from_utf8(blob(&image).unwrap()).unwrap(),
            concat!(
                r#"{"created":"0001-01-01T00:00:00Z","architecture":"amd64","os":"linux","#,
                r#""config":{"User":"1000","ExposedPorts":{"80/tcp":{}},"Env":["A=\u003cb\u003e"],"#,
                r#""Cmd":["/bin/x"]},"rootfs":{"type":"layers","diff_ids":[]}}"#
            )
        );
    }

    #[test]
    fn the_last_variable_of_a_name_counts() {
        let config = Config { env: vec!["A=1".into(), "A=2".into()], ..Config::default() };
        assert_eq!(config.variable("A"), Some("2"));
        assert_eq!(config.variable("B"), None);
    }
}
