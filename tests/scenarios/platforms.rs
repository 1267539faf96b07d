//! Images for several platforms under one name.
//!
//! Nothing here can be built for another processor than this machine's. But what an image is made of
//! may be there already, and so the program of one platform is finished, and so is its init.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use devenv_tests::judges::skopeo;
use devenv_tests::programs::{as_root, devenv_container, devenv_init};
use devenv_tests::project::Project;
use devenv_tests::registry::Registry;
use devenv_tests::running::{self, Ended};
use devenv_tests::world::World;
use devenv_tests::{docker, oci, schemas};

const BOTH: &str = "linux/arm64,linux/amd64";

/// A container of one finished program a platform.
const PROJECT: &str = r#"{ pkgs, ... }:
{
  containers.app = {
    name = "app";
    copyToRoot = ./. + "/dist/${pkgs.stdenv.hostPlatform.system}";
    annotations."org.opencontainers.image.licenses" = "Apache-2.0";
    annotations."org.example.for" = pkgs.stdenv.hostPlatform.system;
    startupCommand = [ "/program" "-c" "echo ran" ];
  };
}"#;

/// The beginning of a program for the other processor: enough to be known as one.
fn foreign_program() -> Vec<u8> {
    let mut head = b"\x7fELF\x02\x01\x01".to_vec();
    head.resize(18, 0);
    head.extend(183_u16.to_le_bytes());
    head.resize(64, 0);
    head
}

fn project(world: &World) -> Project<'_> {
    let project = world.project("app", PROJECT);
    let dist = |system: &str| {
        let folder = project.directory.join("dist").join(system);
        std::fs::create_dir_all(&folder).expect("a folder");
        folder.join("program")
    };
    std::fs::copy("/bin/bash-static", dist("x86_64-linux")).expect("a program");
    std::fs::write(dist("aarch64-linux"), foreign_program()).expect("a program");
    let programs = world.directory("programs");
    std::fs::copy(devenv_container(), programs.join("devenv-container")).expect("a program");
    std::fs::copy(devenv_init(), programs.join("devenv-init")).expect("a program");
    let init = programs.join("devenv-init-aarch64-linux");
    std::fs::write(&init, foreign_program()).expect("a program");
    for program in [init, dist("aarch64-linux")] {
        std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).expect("ours");
    }
    project
}

/// Runs the program that has an init for both platforms beside it.
#[track_caller]
fn run(world: &World, project: &Project<'_>, arguments: &[&str]) -> Ended {
    let ours = project.command(arguments);
    let mut command = Command::new(world.path("programs/devenv-container"));
    command.args(ours.get_args()).current_dir(&project.directory);
    for (name, value) in ours.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    running::run(&mut command)
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn images_for_several_platforms_are_one_index() {
    let world = World::new();
    let project = project(&world);
    let run = |arguments: &[&str]| run(&world, &project, arguments).expect_code(0).out;
    let layout = world.path("layout");
    let target = format!("oci:{}:v1", layout.display());
    let digest = run(&["copy", "app", &target, "--platform", BOTH]);
    assert_eq!(run(&["digest", "app", "--platform", "linux/amd64,linux/arm64/v8"]), digest);
    let built = run(&["build", "app", "--platform", BOTH]);
    let files: Vec<&str> = built.lines().collect();
    assert_eq!(files.len(), 2);
    let other = project.run(&["inspect", files[0], "--platform", "linux/arm64"]).expect_code(65);
    assert!(other.err.contains("and not for linux/arm64\nhint: "), "{}", other.err);
    assert_eq!(oci::problems(&layout), [""; 0]);

    let index = json(&skopeo(&["inspect", "--raw", &target]));
    assert_eq!(index["mediaType"], "application/vnd.oci.image.index.v1+json");
    let notes = serde_json::json!({"org.opencontainers.image.licenses": "Apache-2.0"});
    assert_eq!(index["annotations"], notes, "what all of them have");
    for (at, architecture) in ["amd64", "arm64"].into_iter().enumerate() {
        let entry = &index["manifests"][at];
        let platform = serde_json::json!({"os": "linux", "architecture": architecture});
        assert_eq!(entry["platform"], platform);
        // Each is the image it would be by itself.
        let alone = run(&["digest", "app", "--platform", &format!("linux/{architecture}")]);
        assert_eq!(entry["digest"], alone.trim_end());
        let said = json(&skopeo(&["--override-arch", architecture, "inspect", &target]));
        assert_eq!(said["Architecture"], architecture);
    }
    let archive = world.path("archive.tar");
    let written = format!("oci-archive:{}:v1", archive.display());
    assert_eq!(run(&["copy", "app", &written, "--platform", BOTH]), digest);
    // Reads every blob of every image, and writes the index as it was.
    let copy = format!("dir:{}", world.path("dir").display());
    skopeo(&["copy", "--all", "--preserve-digests", "--insecure-policy", &written, &copy]);
    let copied = std::fs::read(world.path("dir/manifest.json")).expect("an index");
    assert_eq!(json(&String::from_utf8(copied).expect("text")), index);

    umoci_unpacks(&world, &layout);

    let root = world.path("root");
    let to_root = format!("rootfs:{}", root.display());
    let _ = run(&["copy", "app", &to_root, "--platform", "linux/arm64"]);
    assert_eq!(std::fs::read(root.join("env/program")).expect("a program"), foreign_program());

    let shown = run(&["inspect", "app", "--platform", BOTH]);
    assert!(shown.starts_with(&format!("index         {digest}")), "{shown}");
    assert!(shown.contains("platform      linux/arm64\n"), "{shown}");
}

/// umoci lists the tag. It does not choose among platforms (`tag is ambiguous`), so each image is taken out
/// of the index for it to unpack.
fn umoci_unpacks(world: &World, layout: &Path) {
    let umoci =
        |arguments: &[&str]| running::run(as_root("umoci").args(arguments)).expect_code(0).out;
    let place = layout.display().to_string();
    assert_eq!(umoci(&["ls", "--layout", &place]), "v1\n");
    for (architecture, system) in [("amd64", "x86_64-linux"), ("arm64", "aarch64-linux")] {
        let alone = world.path(&format!("only-{architecture}")).display().to_string();
        let from = format!("oci:{place}:v1");
        let to = format!("oci:{alone}:v1");
        let choice = ["--insecure-policy", "--override-arch", architecture];
        skopeo(&[&choice[..], &["copy", "--preserve-digests", &from, &to]].concat());
        let bundle = world.path(&format!("bundle-{architecture}"));
        umoci(&["unpack", "--image", &format!("{alone}:v1"), &bundle.display().to_string()]);
        let unpacked = std::fs::read(bundle.join("rootfs/env/program")).expect("a program");
        let ours = world.path("app/dist").join(system).join("program");
        assert!(unpacked == std::fs::read(ours).expect("a program"), "{architecture}");
    }
}

#[test]
fn an_index_is_pushed_once_and_everybody_gets_the_image_for_their_machine() {
    let world = World::new();
    let registry = Registry::open(&world);
    let project = project(&world);
    let name = format!("{}/team/app:v1", registry.address());
    let target = format!("docker://{name}");
    let push = |platforms: &str| {
        run(&world, &project, &["copy", "app", &target, "--platform", platforms]).expect_code(0)
    };
    let plan = || {
        let plan = ["plan", "app", "--to", &target, "--json", "--platform", BOTH];
        json(&run(&world, &project, &plan).expect_code(0).out)
    };
    let planned = plan();
    let to_send = |plan: &serde_json::Value| {
        let blobs = plan["blobs"].as_array().expect("blobs").clone();
        blobs.iter().filter(|blob| blob["fate"] == "send").count()
    };
    assert!(to_send(&planned) >= 4, "layers and configurations of both: {planned}");

    let pushed = push(BOTH);
    assert_eq!(planned["digest"], pushed.out.trim_end());
    let again = push("linux/amd64,linux/arm64");
    assert!(again.err.contains("is up to date"), "{}", again.err);
    assert_eq!(again.out, pushed.out);
    assert_eq!(plan()["bytesToSend"], 0);

    let raw = skopeo(&["inspect", "--raw", "--tls-verify=false", &target]);
    assert_eq!(json(&raw)["manifests"].as_array().map(Vec::len), Some(2));
    assert_eq!(schemas::problems(schemas::Kind::Index, &json(&raw)), [""; 0]);
    let copy = format!("dir:{}", world.path("dir").display());
    skopeo(&["copy", "--all", "--insecure-policy", "--src-tls-verify=false", &target, &copy]);
    docker::ask(&["pull", &name]);
    let said = docker::ask(&["run", "--rm", "--network", "none", &name]);
    assert_eq!(said, "ran");

    // A single one takes the place of the index, which is seen beforehand.
    let alone = ["plan", "app", "--to", &target, "--platform", "linux/amd64"];
    let alone = run(&world, &project, &alone).expect_code(0).out;
    assert!(alone.contains(&format!("it is {} now", pushed.out.trim_end())), "{alone}");
    assert!(alone.ends_with("0 B to send\n"), "{alone}");
    assert_ne!(push("linux/amd64").out, pushed.out);

    // Nor is what stands there in Docker's words taken for one of its images.
    let words = "--copy-args=--format=v2s2 --dest-tls-verify=false";
    let of_docker = ["copy", "app", &target, "--platform", BOTH, words];
    let of_docker = run(&world, &project, &of_docker).expect_code(0).out;
    let planned = plan();
    assert_eq!(planned["now"], of_docker.trim_end(), "{planned}");
    let list = skopeo(&["inspect", "--raw", "--tls-verify=false", &target]);
    assert!(list.contains("vnd.docker.distribution.manifest.list.v2+json"), "{list}");
    assert!(!list.contains("vnd.oci."), "{list}");
    assert_eq!(planned["bytesToSend"], 0);
}

#[test]
fn a_base_is_locked_for_each_platform() {
    let world = World::new();
    let registry = Registry::open(&world);
    let base = project(&world);
    let name = format!("{}/base:v1", registry.address());
    let target = format!("docker://{name}");
    let _ = run(&world, &base, &["copy", "app", &target, "--platform", BOTH]).expect_code(0);
    let text = format!(
        r#"{{ containers.above = {{
                name = "above"; copyToRoot = null; fromRegistry = "{name}";
                startupCommand = [ "/program" "-c" "echo above" ]; }}; }}"#
    );
    let above = world.project("above", &text);
    // No image is made, so the init of the other platform, which this program lacks, is not wanted.
    let locked = above.run(&["lock", "--platform", BOTH]).expect_code(0).out;
    let platforms: Vec<&str> = locked.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    assert_eq!(platforms, ["amd64", "arm64"], "{locked}");
    let layout = format!("oci:{}:v1", world.path("layout").display());
    let _ = run(&world, &above, &["copy", "above", &layout, "--platform", BOTH]).expect_code(0);
    for architecture in ["amd64", "arm64"] {
        let lowest = |target: &str| {
            let inspect =
                ["--override-arch", architecture, "inspect", "--tls-verify=false", target];
            json(&skopeo(&inspect))["Layers"][0].clone()
        };
        assert_eq!(lowest(&layout), lowest(&target), "{architecture}");
    }
    let said = ["run", "above", "--engine", "native", "--platform", "linux/amd64"];
    assert_eq!(run(&world, &above, &said).expect_code(0).out, "above\n");

    // Each platform may build on another image, and locking one forgets none of the others'.
    let other = format!("{}/base:other", registry.address());
    let target = format!("docker://{other}");
    let _ = run(&world, &base, &["copy", "app", &target, "--platform", BOTH]).expect_code(0);
    let text = format!(
        r#"{{ pkgs, ... }}: {{ containers.each = {{
                name = "each"; copyToRoot = null; startupCommand = [ "/program" ];
                fromRegistry = if pkgs.stdenv.hostPlatform.system == "aarch64-linux"
                  then "{other}" else "{name}"; }}; }}"#
    );
    let each = world.project("each", &text);
    let listed = each.run(&["list", "--platform", "linux/arm64"]).expect_code(0).out;
    assert!(listed.contains("each"), "{listed}");
    for platforms in [BOTH, "linux/amd64"] {
        let _ = run(&world, &each, &["lock", "--platform", platforms]).expect_code(0);
        let lock = std::fs::read_to_string(each.directory.join("devenv-container.lock"));
        let images = &json(&lock.expect("a lock file"))["images"];
        for (image, architecture) in [(&name, "amd64"), (&other, "arm64")] {
            let known = images[image].as_object().expect("an image").keys();
            assert_eq!(known.collect::<Vec<_>>(), [architecture], "{platforms}");
        }
    }
}

#[test]
fn what_holds_one_image_refuses_several_before_anything_is_built() {
    let world = World::new();
    let project = project(&world);
    let root = format!("rootfs:{}", world.path("root").display());
    for destination in ["docker-daemon:", "docker-archive:a.tar", "podman:", &root, ""] {
        // Building would find out that there is no such container.
        let mut words = vec!["copy", "none", "--platform", BOTH];
        words.extend(Some(destination).filter(|destination| !destination.is_empty()));
        let refused = run(&world, &project, &words).expect_code(64);
        assert!(
            refused.err.contains("it holds an image for one platform\nhint: "),
            "{}",
            refused.err
        );
    }
    let words = ["copy", "./image.json", "oci:layout", "--platform", BOTH];
    let refused = run(&world, &project, &words).expect_code(64);
    assert!(refused.err.contains("it is an image for one\nhint: "), "{}", refused.err);
    for verb in ["run", "explain"] {
        let refused = run(&world, &project, &[verb, "app", "--platform", BOTH]).expect_code(64);
        assert!(refused.err.contains("give --platform a single one"), "{}", refused.err);
    }
    let wrong = run(&world, &project, &["build", "app", "--platform", "linux/s390x"]);
    let wrong = wrong.expect_code(64);
    assert!(wrong.err.contains("there are linux/amd64 and linux/arm64"), "{}", wrong.err);
    // Without the init of the other platform none is taken in its place.
    let missing = project.run(&["build", "app", "--platform", BOTH]).expect_code(65);
    assert!(missing.err.contains("in an image for aarch64-linux"), "{}", missing.err);
}
