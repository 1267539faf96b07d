//! What leaves us, held against the schemas of the OCI image specification.

use std::path::{Path, PathBuf};
use std::process::Command;

use devenv_tests::judges::skopeo;
use devenv_tests::oci;
use devenv_tests::programs::tool;
use devenv_tests::registry::Registry;
use devenv_tests::running;
use devenv_tests::schemas::{Kind, problems};
use devenv_tests::world::World;
use serde_json::{Value, json};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The files of an archive.
fn unpacked(world: &World, archive: &Path, name: &str) -> PathBuf {
    let directory = world.directory(name);
    let mut tar = Command::new(tool("tar"));
    let _ = running::run(tar.arg("-xf").arg(archive).arg("-C").arg(&directory)).expect_code(0);
    directory
}

/// Layouts are held against them wherever `oci::problems` judges one, those of several platforms and of
/// images with a base among them.
#[test]
fn every_form_of_an_image_follows_the_schemas() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let copy = |to: &str, more: &[&str]| {
        let _ = project.run(&[&["copy", "processes", to], more].concat()).expect_code(0);
    };
    for (number, codec) in ["gzip", "zstd", "none"].iter().enumerate() {
        let archive = world.path(&format!("archive{number}"));
        copy(&format!("oci-archive:{}:v1", archive.display()), &["--compression", codec]);
        let layout = unpacked(&world, &archive, &format!("layout{number}"));
        assert_eq!(oci::problems(&layout), [""; 0], "{codec}");
    }

    let registry = Registry::open(&world);
    let name = format!("docker://{}/hello:v1", registry.address());
    copy(&name, &[]);
    let ask = |more: &[&str]| {
        parsed(&skopeo(&[&["inspect", "--raw", "--tls-verify=false", &name], more].concat()))
    };
    assert_eq!(problems(Kind::Manifest, &ask(&[])), [""; 0]);
    assert_eq!(problems(Kind::Config, &ask(&["--config"])), [""; 0]);

    // Docker's archives have a list of their own, and the configuration as it is everywhere.
    let archive = world.path("docker");
    copy(&format!("docker-archive:{}:a:b", archive.display()), &[]);
    let files = unpacked(&world, &archive, "files");
    let read = |name: &str| parsed(&std::fs::read_to_string(files.join(name)).expect("a file"));
    let list = read("manifest.json");
    let config = list[0]["Config"].as_str().expect("the name of a file");
    assert_eq!(problems(Kind::Config, &read(config)), [""; 0]);
}

/// The control: the judge is no use if nothing is wrong to it.
#[test]
fn the_schemas_see_what_is_wrong() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let media_type = "application/vnd.oci.image.config.v1+json";
    let descriptor = json!({"mediaType": media_type, "size": 1, "digest": digest});
    let right = [
        (Kind::Layout, json!({"imageLayoutVersion": "1.0.0"})),
        (Kind::Index, json!({"schemaVersion": 2, "manifests": [descriptor]})),
        (Kind::Manifest, json!({"schemaVersion": 2, "config": descriptor, "layers": [descriptor]})),
        (
            Kind::Config,
            json!({
                "architecture": "amd64",
                "os": "linux",
                "created": "1970-01-01T00:00:01Z",
                "config": {"Volumes": {"/a": {}}},
                "rootfs": {"type": "layers", "diff_ids": [digest]},
            }),
        ),
    ];
    let wrong = [
        (Kind::Layout, "/imageLayoutVersion", json!("2.0.0")),
        (Kind::Index, "/schemaVersion", json!(1)),
        (Kind::Index, "/manifests/0/digest", json!("sha256-0")),
        (Kind::Index, "/manifests/0/mediaType", json!("none")),
        (Kind::Manifest, "/config", json!({})),
        (Kind::Manifest, "/layers", json!([])),
        (Kind::Manifest, "/layers/0/size", json!("1")),
        (Kind::Config, "/os", json!(null)),
        (Kind::Config, "/created", json!("yesterday")),
        (Kind::Config, "/config/Volumes", json!(["/a"])),
        (Kind::Config, "/rootfs/type", json!("layer")),
    ];
    for (kind, document) in &right {
        assert_eq!(problems(*kind, document), [""; 0], "{kind:?}");
    }
    for (kind, place, value) in wrong {
        let (_, document) = right.iter().find(|(of, _)| *of == kind).expect("one of each");
        let mut document = document.clone();
        *document.pointer_mut(place).expect("it is there") = value;
        let found = problems(kind, &document);
        assert!(found.iter().any(|told| told.starts_with(place)), "{kind:?} {place}: {found:?}");
    }
}
