//! `nix-draft`: plans the layers of an image and writes its draft, without reading what is in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use devenv_init::spec;
use serde::Deserialize;
use serde_json::Value;

use super::attrs;
use crate::base::Root;
use crate::base::follow::follow;
use crate::base::inherit::inherit;
use crate::closure::{Closure, StorePath};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::draft::{Draft, DraftLayer, DraftPath};
use crate::image::json::{self, Unknown};
use crate::image::{Config, History, Image, Layer, Origin, check, config, nix2container};
use crate::layers::{self, Group, LayerPath, Special};
use crate::tar::{Options, Perm, Rewrite};

#[derive(Deserialize)]
struct Attributes {
    image: ImageAttributes,
    graph: Vec<StorePath>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ImageAttributes {
    name: String,
    tag: String,
    arch: String,
    created: String,
    #[serde(default)]
    config: Value,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    /// Why paths are there that the configuration does not mention.
    #[serde(default)]
    origin: Origin,
    /// A spec.json whose environment is added to the configuration's, which wins.
    spec: Option<PathBuf>,
    /// The description of the image to build on.
    base: Option<PathBuf>,
    /// The layers asked for, from the lowest up.
    #[serde(default)]
    layers: Vec<GroupAttributes>,
    /// What comes above them: the rest of the image.
    own: GroupAttributes,
    /// Whether layers asked for may hold what those below them hold.
    #[serde(default)]
    repeat: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct GroupAttributes {
    #[serde(default)]
    deps: Vec<String>,
    #[serde(default)]
    paths: Vec<PathAttributes>,
    ignore: Option<String>,
    /// Null: as many as are worth it.
    max_layers: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PathAttributes {
    path: String,
    rewrite: Option<RewriteAttributes>,
    #[serde(default)]
    perms: Vec<PermAttributes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RewriteAttributes {
    regex: String,
    repl: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PermAttributes {
    regex: Option<String>,
    mode: Option<String>,
    uid: Option<u64>,
    gid: Option<u64>,
    uname: Option<String>,
    gname: Option<String>,
}

/// Writes the image's draft to the derivation's output.
pub fn run() -> Result<ExitCode> {
    let (attributes, out) = attrs::read::<Attributes>()?;
    let request = attributes.image;
    let closure = Closure::new(attributes.graph)?;
    let groups: Vec<Group> = request.layers.into_iter().chain([request.own]).map(group).collect();
    let base = request.base.as_deref().map(read_base).transpose()?;
    let root = match &request.base {
        Some(file) => Root::of_file(&file.with_file_name("root.json"))?,
        None => Root::default(),
    };
    let below = base.as_ref().map_or(0, |base| base.layers.len());
    let layers = layers::plan(&closure, &groups, request.repeat, below)?;
    let history = History {
        created: Some(request.created.clone()),
        created_by: Some("devenv-container".to_owned()),
        ..History::default()
    };
    let mut own = read_config(request.config)?;
    if let Some(file) = &request.spec {
        let doing = || format!("cannot read {}", file.display());
        let text = fs::read_to_string(file).or_fail(Kind::NoInput, doing)?;
        let spec = spec::read(&text).or_fail(Kind::Spec, doing)?;
        add_environment(&mut own, spec.environment);
    }
    let config = match &base {
        Some(base) => inherit(own.clone(), &base.config),
        None => own.clone(),
    };
    let draft = Draft {
        image: Image {
            name: Some(request.name),
            tag: Some(request.tag),
            architecture: request.arch,
            created: Some(request.created),
            config,
            annotations: request.annotations,
            origin: request.origin,
            layers: base.map(layers_of).unwrap_or_default(),
        },
        layers: layers
            .into_iter()
            .map(|paths| layer(paths, &closure, &root))
            .collect::<Result<_>>()?,
        history,
    };
    // What is wrong with the configuration is told before anything is digested.
    check::check_project(&own, &draft.image)?;
    fs::write(&out, draft.write()?)
        .or_fail(Kind::CannotCreate, || format!("cannot write {}", out.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// A layer above the root `below`.
fn layer(paths: Vec<LayerPath>, closure: &Closure, below: &Root) -> Result<DraftLayer> {
    let mut layer = DraftLayer { size: 0, paths: Vec::new() };
    for path in paths {
        let known = closure.get(&path.path);
        let hash = known.map(|known| known.nar_hash.clone()).unwrap_or_default();
        layer.size += known.map_or(0, |known| known.nar_size);
        // A part changes with the whole.
        layer.paths.extend(follow(path, below)?.into_iter().map(|part| DraftPath {
            path: part.path,
            hash: hash.clone(),
            options: part.options,
        }));
    }
    Ok(layer)
}

/// The layers of the base. Tools show when each was made, so none is without a time.
fn layers_of(base: Image) -> Vec<Layer> {
    let mut layers = base.layers;
    for layer in &mut layers {
        let created = layer.history.created.take().or_else(|| base.created.clone());
        layer.history.created = created.or_else(|| Some("1970-01-01T00:00:01Z".to_owned()));
    }
    layers
}

fn read_base(file: &Path) -> Result<Image> {
    let text = fs::read_to_string(file)
        .or_fail(Kind::NoInput, || format!("cannot read {}", file.display()))?;
    nix2container::parse(&text)
}

fn read_config(value: Value) -> Result<Config> {
    if value.is_null() {
        return Ok(Config::default());
    }
    let value = json::fold(value, &config::CONFIG_SHAPE, Unknown::Refuse).map_err(|key| {
        Failure::new(Kind::Data, format!("the image's configuration has no option `{key}`"))
            .hint("see `config.md` of the OCI image specification for those there are")
    })?;
    serde_json::from_value(value).or_fail(Kind::Data, || "cannot read the image's configuration")
}

/// Adds variables that the configuration does not set itself, in order of their names.
fn add_environment(config: &mut Config, environment: BTreeMap<String, String>) {
    for (name, value) in environment {
        if config.variable(&name).is_none() {
            config.env.push(format!("{name}={value}"));
        }
    }
}

fn group(group: GroupAttributes) -> Group {
    Group {
        roots: group.deps,
        special: group.paths.into_iter().map(special).collect(),
        ignore: group.ignore,
        max_layers: group.max_layers,
    }
}

fn special(path: PathAttributes) -> Special {
    let rewrite = path
        .rewrite
        .map(|rewrite| Rewrite { regex: rewrite.regex, repl: rewrite.repl })
        .unwrap_or_default();
    let perms = path
        .perms
        .into_iter()
        .map(|perm| Perm {
            regex: perm.regex.unwrap_or_default(),
            mode: perm.mode.unwrap_or_default(),
            uid: perm.uid.unwrap_or_default(),
            gid: perm.gid.unwrap_or_default(),
            uname: perm.uname.unwrap_or_default(),
            gname: perm.gname.unwrap_or_default(),
        })
        .collect();
    Special { path: path.path, options: Options { rewrite, perms } }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn options_have_any_case_and_unknown_ones_are_named() {
        let config = read_config(json!({"entrypoint": ["/bin/a"], "workingDir": "/env"})).unwrap();
        assert_eq!((config.entrypoint.len(), config.working_dir.as_str()), (1, "/env"));
        let failure = read_config(json!({"Entrypiont": []})).unwrap_err();
        assert!(failure.to_string().contains("`Entrypiont`"), "{failure}");
    }

    #[test]
    fn the_configurations_own_variables_win() {
        let mut config = Config { env: vec!["HOME=/env".into()], ..Config::default() };
        let environment = [("HOME", "/root"), ("A", "1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        add_environment(&mut config, environment);
        assert_eq!(config.env, ["HOME=/env", "A=1"]);
    }
}
