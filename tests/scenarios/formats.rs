//! Manifests as Docker had them before OCI, judged by Docker, by skopeo and by a registry.

use devenv_tests::docker;
use devenv_tests::judges::skopeo;
use devenv_tests::programs::tool;
use devenv_tests::project::Project;
use devenv_tests::registry::Registry;
use devenv_tests::running::{self, Ended};
use devenv_tests::world::World;
use serde_json::Value;

/// The words of Docker's "Image Manifest Version 2, Schema 2".
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

fn project(world: &World) -> Project<'_> {
    let text = r#"{ pkgs, ... }: {
        name = "app";
        packages = [ pkgs.hello ];
        processes.once = { exec = "echo ran"; restart.on = "never"; };
    }"#;
    world.project("app", text)
}

/// Copies without any skopeo in reach.
fn copy(world: &World, project: &Project<'_>, arguments: &[&str]) -> Ended {
    let mut command = project.command(&["copy", "processes"]);
    let nix = tool("nix-build");
    let without = world.directory("without");
    for program in ["nix-build", "nix-instantiate", "nix-store", "nix"] {
        let _ = std::os::unix::fs::symlink(nix.with_file_name(program), without.join(program));
    }
    running::run(command.args(arguments).env("PATH", without))
}

fn raw(name: &str) -> Value {
    let text = skopeo(&["inspect", "--raw", "--tls-verify=false", name]);
    serde_json::from_str(&text).expect("JSON")
}

/// Whoever asks for the digest means that of the image people will get.
#[test]
fn what_the_project_says_about_copies_holds_for_what_is_announced() {
    let world = World::new();
    let registry = Registry::open(&world);
    let project = world.project(
        "dense",
        r#"{ name = "dense"; processes.once.exec = "echo once";
             containers.processes.defaultCopyArgs =
               [ "--dest-compress-format" "zstd" "--dest-tls-verify=false" ]; }"#,
    );
    let said = |arguments: &[&str]| project.run(arguments).expect_code(0).out;
    let name = format!("docker://{}/dense:v1", registry.address());
    let pushed = said(&["copy", "processes", &name]);
    assert_eq!(said(&["digest", "processes"]), pushed);
    let manifest = format!("manifest      {pushed}");
    assert!(said(&["inspect", "processes"]).ends_with(&manifest));
    let gzip = said(&["digest", "processes", "--compression", "gzip"]);
    assert_ne!(gzip, pushed);
    assert_eq!(said(&["digest", "processes", "--compression", "zstd", "--format", "oci"]), pushed);
}

#[test]
fn an_image_in_docker_s_format_is_what_was_announced_and_docker_runs_it() {
    let world = World::new();
    let registry = Registry::open(&world);
    let project = project(&world);
    let announced = project.run(&["digest", "processes", "--format", "v2s2"]).expect_code(0).out;
    assert_ne!(announced, project.run(&["digest", "processes"]).expect_code(0).out);
    let name = format!("docker://{}/app:v1", registry.address());
    let file = world.path("digest").display().to_string();
    let digest_file = format!("--digestfile={file}");
    let pushed = copy(&world, &project, &[&name, "--format=v2s2", &digest_file]).expect_code(0);
    assert_eq!(pushed.out, announced);
    assert_eq!(std::fs::read_to_string(&file).expect("a digest"), announced.trim_end());

    let manifest = raw(&name);
    assert_eq!(manifest["mediaType"], MANIFEST);
    assert_eq!(manifest["config"]["mediaType"], CONFIG);
    let layers = manifest["layers"].as_array().expect("layers");
    assert!(layers.iter().all(|layer| layer["mediaType"] == format!("{LAYER}.gzip")));
    let of_theirs = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &name];
    assert_eq!(skopeo(&of_theirs), announced);

    // It is found again, planned as such, and OCI's is another one.
    let again = || copy(&world, &project, &[&name, "--format", "v2s2"]);
    let (again, requests) = registry.requests_of(again);
    assert!(again.expect_code(0).err.contains("is up to date"));
    assert!(requests.iter().all(|request| request.method == "HEAD" || request.method == "GET"));
    let plan = ["plan", "processes", "--to", &name, "--format=v2s2"];
    let planned = project.run(&plan).expect_code(0).out;
    assert!(planned.contains(&format!("is {} already", announced.trim_end())), "{planned}");
    assert!(project.run(&plan[..4]).expect_code(0).out.contains("would become"));

    let reference = name.trim_start_matches("docker://");
    docker::ask(&["pull", reference]);
    let run = ["run", "--rm", "--network", "none", reference];
    let ran = running::run(&mut docker::docker(&run)).expect_code(0);
    assert!(ran.out.contains("ran"), "{}", ran.out);

    let plain = format!("docker://{}/app:plain", registry.address());
    let words = [&plain, "--format=v2s2", "--compression=none"];
    let _ = copy(&world, &project, &words).expect_code(0);
    assert_eq!(raw(&plain)["layers"][0]["mediaType"], LAYER);
    docker::ask(&["pull", plain.trim_start_matches("docker://")]);
}

#[test]
fn what_a_format_cannot_say_is_refused_before_anything_is_built() {
    let world = World::new();
    let project = project(&world);
    let to = "docker://127.0.0.1:1/app";
    for (arguments, said) in [
        (&[to, "--format=v2s1"][..], "format v2s1"),
        (&[to, "--format=schema2"], "no such format"),
        (&[to, "--format=v2s2", "--compression=zstd"], "tar+zstd"),
        (&["oci:layout", "--format=v2s2"], "cannot copy to `oci:layout`"),
    ] {
        let refused = copy(&world, &project, arguments).expect_code(64);
        assert!(refused.err.contains(said), "{arguments:?}: {}", refused.err);
        assert!(refused.err.contains("hint: "), "{arguments:?}: {}", refused.err);
    }
    let digest = ["digest", "processes", "--format=v2s2", "--compression=zstd"];
    let refused = project.run(&digest).expect_code(64);
    assert!(refused.err.contains("compress with gzip"), "{}", refused.err);
}
