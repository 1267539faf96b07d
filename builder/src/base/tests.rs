//! Bases in every form there is, made by our own sinks and by hand.

mod root;

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::digest::Digest;
use crate::image::{Codec, Config, History, Layer, Source, codec};
use crate::sink::Sink as _;
use crate::sink::docker_archive::DockerArchive;
use crate::sink::oci_archive::OciArchive;
use crate::sink::oci_layout::OciLayout;

/// One entry of a layer.
enum Entry {
    Folder(&'static str),
    Text(&'static str, &'static str),
    Link(&'static str, &'static str),
    /// Another name of a file.
    Name(&'static str, &'static str),
}

use Entry::{Folder, Link, Name, Text};

fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o755);
        header.set_size(0);
        let (path, content) = match entry {
            Folder(path) => {
                header.set_entry_type(tar::EntryType::Directory);
                (path, "")
            }
            Text(path, text) => {
                header.set_size(text.len() as u64);
                (path, *text)
            }
            Link(path, target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_link_name(target).unwrap();
                (path, "")
            }
            Name(path, target) => {
                header.set_entry_type(tar::EntryType::Link);
                header.set_link_name(target).unwrap();
                (path, "")
            }
        };
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

/// The root of an image, without the sizes of its layers.
fn root_of(image: &Image) -> Result<Root> {
    Root::read(image).map(|(root, _)| root)
}

fn image(folder: &Path, layers: &[&[Entry]]) -> Image {
    let layer = |(at, entries): (usize, &&[Entry])| {
        let bytes = tar(entries);
        let file = folder.join(format!("layer{at}.tar"));
        fs::write(&file, &bytes).unwrap();
        Layer {
            digest: Digest::of(&bytes),
            size: bytes.len() as u64,
            diff_id: Digest::of(&bytes),
            tar_size: None,
            media_type: codec::TAR.to_owned(),
            source: Source::File(file),
            history: History { created_by: Some(format!("step {at}")), ..History::default() },
            codec: Codec::Gzip(1),
        }
    };
    Image {
        name: Some("base".into()),
        tag: Some("v1".into()),
        architecture: "arm64".into(),
        annotations: Default::default(),
        origin: Default::default(),
        created: Some("1970-01-01T00:00:01Z".into()),
        config: Config { env: vec!["A=1".into()], ..Config::default() },
        layers: layers.iter().enumerate().map(layer).collect(),
    }
}

const LOWER: &[Entry] = &[
    Folder("usr/bin"),
    Link("bin", "usr/bin"),
    Link("usr/sbin", "/usr/bin"),
    Link("sbin", "usr/sbin"),
    Link("lib", "usr/lib"),
    Text("etc/passwd", "root:x:0:0::/root:/bin/bash\ndaemon:x:1:1:::"),
    Text("etc/group", "root:x:0:\n"),
];
const UPPER: &[Entry] =
    &[Text(".wh.lib", ""), Text("etc/group", "wheel:x:10:\n"), Link("./opt/app", "../srv")];

#[test]
fn every_form_is_read_as_the_image_it_was() {
    let world = tempfile::tempdir().unwrap();
    let base = image(world.path(), &[LOWER, UPPER]);
    let at = |name: &str| world.path().join(name);
    OciLayout::new(at("layout"), None).put(&base).unwrap();
    OciArchive::new(at("oci.tar"), None).put(&base).unwrap();
    DockerArchive::new(at("docker.tar"), None).put(&base).unwrap();
    let zipped = Codec::Gzip(1)
        .compress(Vec::new(), |out| {
            out.write_all(&fs::read(at("docker.tar")).unwrap()).or_fail(Kind::Io, || "")
        })
        .unwrap();
    fs::write(at("docker.tar.gz"), zipped).unwrap();
    fs::write(at("image.json"), nix2container::write(&base).unwrap()).unwrap();

    for form in ["layout", "oci.tar", "docker.tar", "docker.tar.gz", "image.json"] {
        let scratch = at(&format!("scratch-{form}"));
        let read = super::read(&at(form), "arm64", &scratch).unwrap();
        assert_eq!((&read.config, &read.architecture), (&base.config, &base.architecture));
        let steps = |image: &Image| -> Vec<(Digest, History)> {
            let step = |layer: &Layer| (layer.diff_id.clone(), layer.history.clone());
            image.layers.iter().map(step).collect()
        };
        assert_eq!(steps(&read), steps(&base), "{form}");
        let sizes = vec![tar(LOWER).len() as u64, tar(UPPER).len() as u64];
        assert_eq!(Root::read(&read).unwrap(), (root_of(&base).unwrap(), sizes), "{form}");

        let failure = super::read(&at(form), "amd64", &at("other")).unwrap_err();
        assert!(failure.to_string().contains("arm64"), "{form}: {failure}");
    }
    // A compressed layer is sent on as it is.
    let layers = super::read(&at("layout"), "arm64", &at("none")).unwrap().layers;
    assert!(layers.iter().all(|layer| layer.codec == Codec::AsIs));
    assert!(super::read(world.path(), "arm64", &at("none")).unwrap().name.is_some());
}

/// A folder with an image as of `docker save` whose configuration has `config`, for `os`.
fn saved(world: &Path, os: &str, config: &serde_json::Value) -> PathBuf {
    let base = image(world, &[LOWER]);
    let configuration = serde_json::json!({
        "Architecture": "arm64", "os": os, "config": config, "history": null,
        "rootfs": {"type": "layers", "diff_ids": [base.layers[0].diff_id]},
    });
    let saved = world.join("odd");
    fs::create_dir_all(&saved).unwrap();
    fs::copy(world.join("layer0.tar"), saved.join("layer.tar")).unwrap();
    fs::write(saved.join("config.json"), configuration.to_string()).unwrap();
    let manifest = serde_json::json!([
        {"Config": "config.json", "RepoTags": null, "Layers": ["layer.tar"]}
    ]);
    fs::write(saved.join("manifest.json"), manifest.to_string()).unwrap();
    saved
}

#[test]
fn whatever_go_takes_is_taken_and_what_is_not_inherited_is_not_looked_at() {
    let world = tempfile::tempdir().unwrap();
    let read = |os: &str, config: serde_json::Value| {
        super::read(&saved(world.path(), os, &config), "arm64", &world.path().join("none"))
    };
    let odd = serde_json::json!({
        "User": null, "WorkingDir": null, "StopSignal": null, "ArgsEscaped": null, "Entrypoint": "text",
        "Volumes": {"/data": null, "data": {}}, "ExposedPorts": {"53/UDP": {}, "8000-8010/tcp": null},
        "Env": ["A=1", "UNSET", null], "Labels": {"a": null}, "unknown": 1,
        "Healthcheck": {"Test": null, "Interval": -1, "StartInterval": 5},
    });
    let config = read("linux", odd).unwrap().config;
    assert_eq!((config.user.as_str(), config.working_dir.as_str()), ("", ""));
    assert_eq!((config.volumes.len(), config.exposed_ports.len()), (2, 2));
    assert_eq!((config.env.len(), config.labels["a"].as_str()), (3, ""));
    assert_eq!((config.entrypoint.len(), config.healthcheck), (0, None));
    assert_eq!(read("", serde_json::Value::Null).unwrap().config, Config::default());

    let failure = read("windows", serde_json::Value::Null).unwrap_err().to_string();
    assert!(failure.contains("it is for windows and not for linux\nhint: "), "{failure}");
}

#[test]
fn what_is_no_image_or_has_changed_is_refused() {
    let world = tempfile::tempdir().unwrap();
    let empty = world.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let scratch = world.path().join("scratch");
    let failure = super::read(&empty, "arm64", &scratch).unwrap_err();
    assert!(failure.to_string().contains("cannot build on"), "{failure}");

    let base = image(world.path(), &[LOWER]);
    let bytes = tar(UPPER);
    fs::write(world.path().join("layer0.tar"), bytes).unwrap();
    let failure = root_of(&base).unwrap_err();
    assert!(failure.to_string().contains(&base.layers[0].diff_id.to_string()), "{failure}");
}

#[test]
fn a_layout_with_several_images_is_not_guessed_at() {
    let world = tempfile::tempdir().unwrap();
    let layout = world.path().join("layout");
    OciLayout::new(layout.clone(), None).put(&image(world.path(), &[LOWER])).unwrap();
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let one = index["manifests"][0].clone();
    let another = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let read = |tags: [Option<&str>; 2], variants: [Option<&str>; 2], digest: Option<&str>| {
        let mut entries = [one.clone(), one.clone()];
        for ((entry, tag), variant) in entries.iter_mut().zip(tags).zip(variants) {
            entry["platform"] =
                serde_json::json!({"os": "linux", "architecture": "arm64", "variant": variant});
            let name = "org.opencontainers.image.ref.name";
            entry["annotations"] =
                tag.map_or_else(|| ().into(), |tag| serde_json::json!({name: tag}));
        }
        if let Some(digest) = digest {
            entries[1]["digest"] = digest.into();
        }
        let index = serde_json::json!({"schemaVersion": 2, "manifests": entries});
        fs::write(layout.join("index.json"), index.to_string()).unwrap();
        super::read(&layout, "arm64", &world.path().join("scratch")).map_err(|f| f.to_string())
    };
    let (no, v8) = ([None, None], [Some("v8"), None]);
    // Of variants the first is the most general one; one image may have two tags.
    assert!(read(no, v8, Some(another)).is_ok());
    assert!(read([Some("a"), Some("b")], no, None).is_ok());
    let failure = read([Some("a"), Some("b")], v8, Some(another)).unwrap_err();
    assert!(failure.contains("it holds several images: a, b"), "{failure}");
    let failure = read(no, no, Some(another)).unwrap_err();
    assert!(failure.contains("it holds several images"), "{failure}");
}

#[test]
fn a_layout_leads_to_no_other_file() {
    let world = tempfile::tempdir().unwrap();
    let layout = world.path().join("layout");
    OciLayout::new(layout.clone(), None).put(&image(world.path(), &[LOWER])).unwrap();
    let read = || super::read(&layout, "arm64", &world.path().join("scratch"));
    let places: Vec<PathBuf> = fs::read_dir(layout.join("blobs/sha256"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .chain([layout.join("index.json")])
        .collect();
    assert_eq!(places.len(), 4, "manifest, configuration, layer and index");
    for place in places {
        let name = place.file_name().unwrap().to_owned();
        for (elsewhere, is_inside) in [(world.path(), false), (layout.as_path(), true)] {
            let elsewhere = elsewhere.join("elsewhere");
            fs::rename(&place, &elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &place).unwrap();
            match read() {
                Ok(_) => assert!(is_inside, "{}", name.display()),
                Err(failure) => {
                    let failure = failure.to_string();
                    assert!(!is_inside && failure.contains("leads out of the image"), "{failure}");
                }
            }
            fs::rename(&elsewhere, &place).unwrap();
        }
    }
}

#[test]
fn an_archive_of_docker_leads_to_no_other_file() {
    let world = tempfile::tempdir().unwrap();
    let base = image(world.path(), &[LOWER]);
    let secret = world.path().join("layer0.tar");
    let config = format!(
        r#"{{"architecture":"arm64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        base.layers[0].diff_id
    );
    fs::write(world.path().join("config.json"), &config).unwrap();
    let saved = world.path().join("saved");
    fs::create_dir(&saved).unwrap();
    fs::write(saved.join("config.json"), &config).unwrap();
    fs::copy(&secret, saved.join("layer.tar")).unwrap();
    std::os::unix::fs::symlink("../layer0.tar", saved.join("link.tar")).unwrap();
    std::os::unix::fs::symlink("layer.tar", saved.join("twice.tar")).unwrap();
    let read = |config: &str, layer: &str| {
        let manifest = serde_json::json!([{"Config": config, "Layers": [layer]}]);
        fs::write(saved.join("manifest.json"), manifest.to_string()).unwrap();
        super::read(&saved, "arm64", &world.path().join("scratch"))
    };
    for layer in ["layer.tar", "./layer.tar", "twice.tar"] {
        assert!(read("config.json", layer).is_ok(), "{layer}");
    }
    let absolute = secret.to_str().unwrap();
    for layer in [absolute, "../layer0.tar", "link.tar"] {
        let failure = read("config.json", layer).unwrap_err().to_string();
        assert!(failure.contains("leads out of the image"), "{layer}: {failure}");
    }
    let other = world.path().join("config.json");
    for config in [other.to_str().unwrap(), "../config.json"] {
        let failure = read(config, "layer.tar").unwrap_err().to_string();
        assert!(failure.contains("leads out of the image"), "{config}: {failure}");
    }
    // A configuration without end is not read to its end.
    let endless = fs::File::create(saved.join("config.json")).unwrap();
    endless.set_len((16 << 20) + 1).unwrap();
    let failure = read("config.json", "layer.tar").unwrap_err().to_string();
    assert!(failure.contains("config.json: larger than"), "{failure}");
}
