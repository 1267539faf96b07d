//! Images that build on those of somebody else.

use std::path::Path;

use devenv_tests::docker::{self, Container};
use devenv_tests::judges::{copy_to_layout, nix, skopeo};
use devenv_tests::registry::Registry;
use devenv_tests::world::World;
use devenv_tests::{foreign, running, wait};

#[test]
fn folders_of_layers_and_volumes_leave_links_of_the_base_alone() {
    let world = World::new();
    let project = world.project(
        "app",
        r#"{ pkgs, ... }:
        {
          name = "app";
          containers.app = {
            fromImage = ./base;
            copyToRoot = null;
            layers = [ { copyToRoot = [ (pkgs.writeShellScriptBin "tool" "echo tool") ]; } ];
            volumes = [ "/var/run/app" ];
            startupCommand = [ "/bin/sh" "-c" "/bin/tool; [ -h /bin ] && [ -h /var/run ] && [ -O /run/app ] && echo links" ];
          };
        }"#,
    );
    skopeo(&[
        "copy",
        "--insecure-policy",
        &format!("oci:{}:v1", foreign::layout(&world).display()),
        &format!("oci:{}", project.directory.join("base").display()),
    ]);
    let name = project.load("app");
    let mut run = docker::docker(&["run", "--rm", "--network", "none", &name]);
    let ended = running::run(&mut run).expect_code(0);
    assert_eq!(ended.out, "tool\nlinks\n");
}

#[test]
fn an_image_builds_on_another_in_any_form() {
    let world = World::new();
    let foreign = foreign::layout(&world);
    let project = world.project(
        "app",
        r#"{ config, ... }:
        {
          name = "app";
          containers.app = {
            fromImage = ./base;
            copyToRoot = null;
            startupCommand = [ "/bin/sh" "-c" "echo $BASE $HOME; while read -r line; do echo $line; done < /etc/passwd" ];
          };
        }"#,
    );
    let mut digests = Vec::new();
    for transport in ["oci", "oci-archive", "docker-archive", "dir"] {
        let base = project.directory.join("base");
        let source = format!("oci:{}:v1", foreign.display());
        let target = match transport {
            "docker-archive" => format!("{transport}:{}:base:v1", base.display()),
            _ => format!("{transport}:{}", base.display()),
        };
        skopeo(&["copy", "--insecure-policy", &source, &target]);
        digests.push(project.run(&["digest", "app"]).expect_code(0).out);
        if base.is_dir() {
            std::fs::remove_dir_all(&base).expect("it goes");
        } else {
            std::fs::remove_file(&base).expect("it goes");
        }
    }
    // The layers of archives of Docker are not compressed; all others have the same.
    assert!(digests[0] == digests[1] && digests[0] == digests[3], "{digests:?}");

    skopeo(&[
        "copy",
        "--insecure-policy",
        &format!("oci:{}:v1", foreign.display()),
        &format!("oci:{}", project.directory.join("base").display()),
    ]);
    let name = project.load("app");
    let mut run = docker::docker(&["run", "--rm", "--network", "none", &name]);
    let ended = running::run(&mut run).expect_code(0);
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(lines[0], "theirs /env", "variables of both");
    assert_eq!(lines[1], "root:x:0:0:theirs:/root:/bin/sh", "their accounts stay");
    assert!(lines.iter().any(|line| line.starts_with("user:x:1000:")), "ours come along");
    // The shell was found at /bin/sh, where it is by a link that our own files did not replace.
}

#[test]
fn a_container_stops_by_its_own_signal_and_not_by_that_of_its_base() {
    let world = World::new();
    let layout = foreign::layout(&world);
    let source = format!("oci:{}:v1", layout.display());
    let theirs: serde_json::Value =
        serde_json::from_str(&skopeo(&["inspect", "--config", &source])).expect("JSON");
    assert_eq!(theirs["config"]["StopSignal"], "SIGQUIT", "{theirs}");
    let project = world.project(
        "app",
        r#"{ name = "app"; processes.web.exec = "echo ready; exec sleep 1000";
             containers.processes.fromImage = ./base; }"#,
    );
    let target = format!("oci:{}", project.directory.join("base").display());
    skopeo(&["copy", "--insecure-policy", &source, &target]);
    let container = Container::name("own-signal");
    let name = project.load("processes");
    docker::ask(&["run", "--detach", "--network", "none", "--name", &container.name, &name]);
    wait::until_true(wait::SOON, "the process", || {
        running::run(&mut docker::docker(&["logs", &container.name])).out.contains("ready")
    });
    docker::ask(&["stop", &container.name]);
    // 137 would say that Docker had to kill PID 1.
    assert_eq!(container.inspect("{{.State.ExitCode}}"), "143");
}

#[test]
fn a_base_of_a_registry_stays_what_it_is_until_it_is_locked_anew() {
    let world = World::new();
    let registry = Registry::open(&world);
    let name = format!("{}/theirs/base:v1", registry.address());
    let push = |source: &str| {
        let target = format!("docker://{name}");
        skopeo(&["copy", "--insecure-policy", "--dest-tls-verify=false", source, &target]);
    };
    push(&format!("oci:{}:v1", foreign::layout(&world).display()));
    let project = world.project(
        "app",
        &format!(
            r#"{{
              name = "app";
              containers.app = {{
                fromRegistry = "{name}";
                copyToRoot = null;
                startupCommand = [ "/bin/sh" ];
              }};
            }}"#
        ),
    );
    let refused = project.run(&["build", "app"]).expect_code(65);
    assert!(refused.err.contains("devenv-container lock"), "{}", refused.err);

    let locked = project.run(&["lock"]).expect_code(0).out;
    assert!(locked.starts_with(&format!("{name} for amd64 is sha256:")), "{locked}");
    // On a machine that has the lock and not the image it is fetched by its digest.
    let fixed = {
        let lock = std::fs::read_to_string(project.directory.join("devenv-container.lock"));
        let lock: serde_json::Value =
            serde_json::from_str(&lock.expect("a lock file")).expect("JSON");
        let hash = lock["images"][&name]["amd64"]["hash"].as_str().expect("a hash").to_owned();
        let hash = hash.trim_start_matches("sha256:");
        nix("nix-store", &["--print-fixed-path", "--recursive", "sha256", hash, "base-image"])
    };
    let _ = nix("nix-store", &["--delete", "--ignore-liveness", fixed.trim()]);
    assert_eq!(project.run(&["lock"]).expect_code(0).out, "", "nothing new");
    assert!(Path::new(fixed.trim()).exists(), "{fixed}");
    let first = project.run(&["digest", "app"]).expect_code(0).out;

    // What Nix would do on a machine that does not have it: the same layout, to the byte.
    let lock = std::fs::read_to_string(project.directory.join("devenv-container.lock"));
    let lock: serde_json::Value = serde_json::from_str(&lock.expect("a lock file")).expect("JSON");
    let known = &lock["images"][&name]["amd64"];
    let out = world.path("pulled");
    let attributes = serde_json::json!({
        "reference": name, "digest": known["digest"], "arch": "amd64", "outputs": { "out": out },
    });
    let attributes = world.write("attrs.json", &attributes.to_string());
    let mut pull = world.container(&["nix-pull"]);
    let _ = running::run(pull.env("NIX_ATTRS_JSON_FILE", attributes)).expect_code(0);
    let hash = nix("nix-hash", &["--type", "sha256", "--base32", &out.display().to_string()]);
    assert_eq!(known["hash"], format!("sha256:{}", hash.trim_end()));

    // The name now stands for another image.
    let other = world.example("hello", "other");
    let layout = world.path("other-layout");
    let _ = copy_to_layout(&other, "processes", &layout);
    push(&format!("oci:{}:test", layout.display()));
    assert_eq!(project.run(&["lock"]).expect_code(0).out, "", "nothing new");
    assert_eq!(project.run(&["digest", "app"]).expect_code(0).out, first);
    assert_ne!(project.run(&["lock", "--update"]).expect_code(0).out, "");
    assert_ne!(project.run(&["digest", "app"]).expect_code(0).out, first);
}

#[test]
fn a_base_of_a_registry_may_be_named_by_its_digest() {
    let world = World::new();
    let registry = Registry::open(&world);
    let place = format!("{}/theirs/base", registry.address());
    let source = format!("oci:{}:v1", foreign::layout(&world).display());
    let target = format!("docker://{place}:v1");
    skopeo(&["copy", "--insecure-policy", "--dest-tls-verify=false", &source, &target]);
    let inspect = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &target];
    let digest = skopeo(&inspect).trim_end().to_owned();
    let project = |name: &str| {
        let text = format!(
            r#"{{ name = "app"; containers.app = {{ fromRegistry = "{name}"; copyToRoot = null;
                 startupCommand = [ "/bin/sh" ]; }}; }}"#
        );
        world.project("app", &text)
    };
    let name = format!("{place}@{digest}");
    let app = project(&name);
    let locked = app.run(&["lock"]).expect_code(0).out;
    assert_eq!(locked, format!("{name} for amd64 is {digest}\n"));
    let _ = app.run(&["build", "app"]).expect_code(0);
    // Nix fetches it by the same name.
    let attributes = serde_json::json!({
        "reference": name, "digest": digest, "arch": "amd64",
        "outputs": { "out": world.path("pulled") },
    });
    let attributes = world.write("attrs.json", &attributes.to_string());
    let mut pull = world.container(&["nix-pull"]);
    let _ = running::run(pull.env("NIX_ATTRS_JSON_FILE", attributes)).expect_code(0);

    let other = format!("{place}@sha256:{}", "0".repeat(64));
    let ended = project(&other).run(&["lock"]).expect_code(76);
    assert!(ended.err.contains(&format!("cannot pull {other}: ")), "{}", ended.err);
    let ended = project(&format!("{place}:v2")).run(&["lock"]).expect_code(76);
    assert!(ended.err.contains(&format!("cannot pull {place}:v2: ")), "{}", ended.err);
}
