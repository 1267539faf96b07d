//! Images as nix2container's JSON describes them: read whoever wrote it, written byte for byte.
//!
//! The format has no place for a name. Ours carries four more keys, `name`, `tag`, `annotations` and
//! `origin`, at its end, and `tar-size` at the end of a layer. nix2container ignores them; they are left
//! out when there is nothing to say.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::{CONFIG_SHAPE, Config, HISTORY_SHAPE, History};
use super::json::{self, Shape, Unknown};
use super::{Codec, Image, Layer, Origin, Source};
use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::layers::LayerPath;
use crate::tar::Options;

/// The version the format says it has; nobody reads it.
const VERSION: u32 = 1;

/// An image as the format's JSON has it.
#[derive(Serialize, Deserialize)]
pub struct Document {
    #[serde(default)]
    version: u32,
    #[serde(rename = "image-config", default)]
    config: Config,
    layers: Option<Vec<LayerDocument>>,
    #[serde(default)]
    arch: String,
    created: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Origin::is_empty")]
    origin: Origin,
}

#[derive(Serialize, Deserialize)]
struct LayerDocument {
    digest: Digest,
    #[serde(default)]
    size: u64,
    diff_ids: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paths: Option<Vec<PathDocument>>,
    #[serde(default)]
    mediatype: String,
    #[serde(rename = "layer-path", default, skip_serializing_if = "Option::is_none")]
    layer_path: Option<PathBuf>,
    #[serde(rename = "History", default)]
    history: History,
    #[serde(rename = "tar-size", default, skip_serializing_if = "Option::is_none")]
    tar_size: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct PathDocument {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    options: Option<Options>,
}

const PATH_SHAPE: Shape = Shape::Object(&[
    ("path", &Shape::Any),
    (
        "options",
        &Shape::Object(&[
            ("rewrite", &Shape::Object(&[("regex", &Shape::Any), ("repl", &Shape::Any)])),
            (
                "perms",
                &Shape::List(&Shape::Object(&[
                    ("regex", &Shape::Any),
                    ("mode", &Shape::Any),
                    ("uid", &Shape::Any),
                    ("gid", &Shape::Any),
                    ("uname", &Shape::Any),
                    ("gname", &Shape::Any),
                ])),
            ),
        ]),
    ),
]);

const SHAPE: Shape = Shape::Object(&[
    ("version", &Shape::Any),
    ("image-config", &CONFIG_SHAPE),
    (
        "layers",
        &Shape::List(&Shape::Object(&[
            ("digest", &Shape::Any),
            ("size", &Shape::Any),
            ("diff_ids", &Shape::Any),
            ("paths", &Shape::List(&PATH_SHAPE)),
            ("mediatype", &Shape::Any),
            ("layer-path", &Shape::Any),
            ("History", &HISTORY_SHAPE),
            ("tar-size", &Shape::Any),
        ])),
    ),
    ("arch", &Shape::Any),
    ("created", &Shape::Any),
    ("name", &Shape::Any),
    ("tag", &Shape::Any),
    ("annotations", &Shape::Any),
    ("origin", &Shape::Any),
]);

/// Reads an image's description. Keys may have any case and unknown ones are ignored, as
/// nix2container does.
///
/// # Errors
/// When it is not that JSON, or a layer has neither paths nor a file.
pub fn parse(text: &str) -> Result<Image> {
    let doing = || "cannot read the image's description";
    let value: Value = serde_json::from_str(text).or_fail(Kind::Data, doing)?;
    let value = json::fold(value, &SHAPE, Unknown::Drop).or_fail(Kind::Data, doing)?;
    let document: Document = serde_json::from_value(value).or_fail(Kind::Data, doing)?;
    Image::try_from(document).map_err(|failure| failure.context(doing()))
}

impl TryFrom<Document> for Image {
    type Error = Failure;

    fn try_from(document: Document) -> Result<Self> {
        let layers = document.layers.unwrap_or_default();
        Ok(Self {
            name: document.name,
            tag: document.tag,
            architecture: document.arch,
            created: document.created,
            config: document.config,
            annotations: document.annotations,
            origin: document.origin,
            layers: layers.into_iter().map(layer).collect::<Result<_>>()?,
        })
    }
}

fn layer(document: LayerDocument) -> Result<Layer> {
    let source = match (document.layer_path, document.paths) {
        (Some(file), _) => Source::File(file),
        (None, Some(paths)) => Source::Paths(
            paths
                .into_iter()
                .map(|path| LayerPath { path: path.path, options: path.options })
                .collect(),
        ),
        (None, None) => {
            return Err(Failure::new(
                Kind::Data,
                format!("layer {} has neither paths nor a file", document.digest),
            ));
        }
    };
    // A blob somebody compressed has a digest that others know it by.
    let codec = match &source {
        Source::File(_) if !document.mediatype.ends_with("tar") => Codec::AsIs,
        _ => Codec::default(),
    };
    Ok(Layer {
        codec,
        digest: document.digest,
        size: document.size,
        diff_id: document.diff_ids,
        tar_size: document.tar_size,
        media_type: document.mediatype,
        source,
        history: document.history,
    })
}

/// Writes an image's description as nix2container does: tabs, no newline at the end.
pub fn write(image: &Image) -> Result<String> {
    json::indented(&Document::from(image))
        .or_fail(Kind::Internal, || "cannot write the image's description")
}

impl From<&Image> for Document {
    fn from(image: &Image) -> Self {
        let layers: Vec<LayerDocument> = image.layers.iter().map(LayerDocument::from).collect();
        Self {
            version: VERSION,
            config: image.config.clone(),
            layers: Some(layers).filter(|layers| !layers.is_empty()),
            arch: image.architecture.clone(),
            created: image.created.clone(),
            name: image.name.clone(),
            tag: image.tag.clone(),
            annotations: image.annotations.clone(),
            origin: image.origin.clone(),
        }
    }
}

impl From<&Layer> for LayerDocument {
    fn from(layer: &Layer) -> Self {
        let document = |path: &LayerPath| PathDocument {
            path: path.path.clone(),
            options: path.options.clone(),
        };
        let (paths, layer_path) = match &layer.source {
            Source::Paths(paths) => (Some(paths.iter().map(document).collect()), None),
            Source::File(file) => (None, Some(file.clone())),
        };
        Self {
            digest: layer.digest.clone(),
            size: layer.size,
            diff_ids: layer.diff_id.clone(),
            paths,
            mediatype: layer.media_type.clone(),
            layer_path,
            history: layer.history.clone(),
            tar_size: layer.tar_size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::origin::Reason;

    const SAMPLE: &str = r#"{
	"version": 1,
	"image-config": {
		"Entrypoint": [
			"/bin/a"
		]
	},
	"layers": [
		{
			"digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			"size": 1024,
			"diff_ids": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			"paths": [
				{
					"path": "/nix/store/a"
				},
				{
					"path": "/nix/store/b",
					"options": {
						"rewrite": {
							"regex": "^/nix/store/b",
							"repl": ""
						},
						"perms": [
							{
								"regex": "\u003c\u0026\u003e",
								"mode": "0755",
								"uid": 1000,
								"gid": 1000,
								"uname": "user",
								"gname": "user"
							}
						]
					}
				}
			],
			"mediatype": "application/vnd.oci.image.layer.v1.tar",
			"History": {
				"created_by": "nix2container"
			}
		}
	],
	"arch": "amd64",
	"created": "0001-01-01T00:00:00Z"
}"#;

    #[test]
    fn what_is_read_is_written_back_byte_for_byte() {
        assert_eq!(write(&parse(SAMPLE).unwrap()).unwrap(), SAMPLE);
    }

    #[test]
    fn the_size_of_what_is_compressed_goes_along() {
        let mut image = parse(SAMPLE).unwrap();
        image.layers[0].tar_size = Some(4096);
        let text = write(&image).unwrap();
        assert_eq!(parse(&text).unwrap(), image);
        assert_eq!(text.replace(",\n\t\t\t\"tar-size\": 4096", ""), SAMPLE);
    }

    #[test]
    fn why_paths_are_there_goes_along() {
        let mut image = parse(SAMPLE).unwrap();
        let reason = |what: &str, placed| Reason {
            what: what.to_owned(),
            path: "/nix/store/b".to_owned(),
            placed,
        };
        image.origin.spec = Some("/nix/store/a".to_owned());
        image.origin.reasons = vec![reason("layers[0].deps", false), reason("copyToRoot", true)];
        assert_eq!(parse(&write(&image).unwrap()).unwrap(), image);
    }

    #[test]
    fn keys_of_any_case_and_null_layers_are_read() {
        let image = parse(
            r#"{"Version":1,"image-config":{"entrypoint":["a"],"Workingdir":"/env","env":null,"user":null,
                "ArgsEscaped":null,"Volumes":{"/data":null},"Labels":{"a":null},"Cmd":["b",null],
                "Healthcheck":{"Test":null,"Interval":-1,"Retries":null}},
                "layers":null,"arch":"arm64","created":null,"unknown":1}"#,
        )
        .unwrap();
        assert_eq!(image.config.entrypoint, ["a"]);
        assert_eq!(image.config.working_dir, "/env");
        assert_eq!((image.config.user.as_str(), image.config.args_escaped), ("", false));
        assert_eq!(
            (image.config.volumes.len(), image.config.cmd.as_slice()),
            (1, &["b".to_owned(), String::new()][..])
        );
        assert_eq!(image.config.labels["a"], "");
        let check = image.config.healthcheck.as_ref().unwrap();
        assert_eq!((check.test.len(), check.interval, check.retries), (0, -1, 0));
        assert!(image.layers.is_empty() && image.created.is_none());
        assert!(write(&image).unwrap().contains("\"layers\": null"));
    }

    #[test]
    fn a_layer_without_bytes_is_refused() {
        let text = SAMPLE.replace("\"paths\"", "\"elsewhere\"");
        assert!(parse(&text).unwrap_err().to_string().contains("neither paths nor a file"));
    }
}
