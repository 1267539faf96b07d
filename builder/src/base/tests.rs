//! Bases in every form there is, made by our own sinks and by hand.

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
}

use Entry::{Folder, Link, Text};

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
        };
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
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
        let root = Root::read(&read).unwrap();
        assert_eq!(root, Root::read(&base).unwrap(), "{form}");

        let failure = super::read(&at(form), "amd64", &at("other")).unwrap_err();
        assert!(failure.to_string().contains("arm64"), "{form}: {failure}");
    }
    // A compressed layer is sent on as it is.
    let layers = super::read(&at("layout"), "arm64", &at("none")).unwrap().layers;
    assert!(layers.iter().all(|layer| layer.codec == Codec::AsIs));
    assert!(super::read(world.path(), "arm64", &at("none")).unwrap().name.is_some());
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
    let failure = Root::read(&base).unwrap_err();
    assert!(failure.to_string().contains(&base.layers[0].diff_id.to_string()), "{failure}");
}

#[test]
fn our_files_go_where_links_of_the_base_lead() {
    let world = tempfile::tempdir().unwrap();
    let root = Root::read(&image(world.path(), &[LOWER, UPPER])).unwrap();
    for (path, expected) in [
        ("bin/devenv-init", "usr/bin/devenv-init"),
        ("sbin/a", "usr/bin/a"),
        ("lib/a", "lib/a"),
        ("opt/app/a/b", "srv/a/b"),
        ("bin", "bin"),
        ("etc/passwd", "etc/passwd"),
    ] {
        assert_eq!(root.resolve(Path::new(path)), PathBuf::from(expected), "{path}");
    }
    let endless =
        Root { links: [("a".into(), "b/c".into()), ("b".into(), "a".into())].into(), ..root };
    let _ = endless.resolve(Path::new("a/x"));
}

#[test]
fn accounts_of_the_base_stay_and_ours_are_added() {
    let world = tempfile::tempdir().unwrap();
    let root = Root::read(&image(world.path(), &[LOWER, UPPER])).unwrap();
    assert_eq!(
        root.accounts(Path::new("etc/passwd"), "root:x:0:0:ours\nuser:x:1000:1000\n"),
        "root:x:0:0::/root:/bin/bash\ndaemon:x:1:1:::\nuser:x:1000:1000\n"
    );
    assert_eq!(
        root.accounts(Path::new("etc/group"), "user:x:1000:\n"),
        "wheel:x:10:\nuser:x:1000:\n"
    );
    assert_eq!(Root::default().accounts(Path::new("etc/group"), "a:\n"), "a:\n");
}
