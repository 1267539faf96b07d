//! Images that build on those of somebody else.

mod locked;

use std::path::Path;

use devenv_tests::docker::{self, Container};
use devenv_tests::judges::skopeo;
use devenv_tests::project::Project;
use devenv_tests::world::World;
use devenv_tests::{foreign, running, wait};

/// Puts the image somebody else made into a project, as its `base`.
fn put_base(world: &World, project: &Project<'_>) {
    skopeo(&[
        "copy",
        "--insecure-policy",
        &format!("oci:{}:v1", foreign::layout(world).display()),
        &format!("oci:{}", project.directory.join("base").display()),
    ]);
}

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
    put_base(&world, &project);
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
fn accounts_of_a_project_and_its_base_mean_the_same_or_nothing_is_built() {
    let world = World::new();
    let text = |more: &str| {
        format!(
            r#"{{ name = "app"; containers.app = {{ fromImage = ./base; copyToRoot = null; volumes = [ "/data" ];
                 startupCommand = [ "/bin/sh" "-c" "echo $UID; [ -O /data ] && echo ours; while read -r line; do echo $line; done < /etc/passwd" ];
                 {more} }}; }}"#
        )
    };
    let project = world.project("app", &text(""));
    put_base(&world, &project);
    // Its accounts are `root` and `web`, which is 33:33.
    let refused = |more: &str| {
        world.write("app/devenv.nix", &text(more));
        project.run(&["build", "app"]).expect_code(65).err
    };
    let said = refused(r#"user = "web";"#);
    assert!(said.contains("`containers.app.user`: the image has no user `web`"), "{said}");
    assert!(said.contains("as in `containers.<name>.users.web.uid = 33`"), "{said}");
    let said = refused(r#"user = "web"; users.web.uid = 70;"#);
    assert!(
        said.contains(
            "`containers.app.users.web`: `web` is 70:70, and the base image has it as 33:33"
        ),
        "{said}"
    );
    assert!(said.contains("hint: set `uid = 33` and `gid = 33`"), "{said}");
    let said = refused("users.www-data.uid = 33;");
    assert!(
        said.contains("`www-data` is 33:33, and 33 is `web` (33:33) of the base image"),
        "{said}"
    );

    world.write("app/devenv.nix", &text(r#"user = "web"; users.web.uid = 33;"#));
    let name = project.load("app");
    let mut run = docker::docker(&["run", "--rm", "--network", "none", &name]);
    let by_docker = running::run(&mut run).expect_code(0).out;
    let native = project.run(&["run", "app", "--engine", "native"]).expect_code(0).out;
    for said in [by_docker, native] {
        assert!(said.starts_with("33\nours\n"), "{said}");
        let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("web:")).collect();
        assert_eq!(lines, ["web:x:33:33:::"], "{said}");
    }
}

#[test]
fn what_engines_take_of_a_base_they_get_and_windows_is_refused() {
    let world = World::new();
    let project = world.project(
        "app",
        r#"{ name = "app"; containers.app = { fromImage = ./saved; copyToRoot = null;
             startupCommand = [ "/bin/sh" "-c" "echo $BASE [$UNSET]" ]; }; }"#,
    );
    let archive = world.path("saved.tar");
    skopeo(&[
        "copy",
        "--insecure-policy",
        &format!("oci:{}:v1", foreign::layout(&world).display()),
        &format!("docker-archive:{}:base:v1", archive.display()),
    ]);
    let saved = project.directory.join("saved");
    std::fs::create_dir(&saved).expect("a folder");
    let mut tar = std::process::Command::new("tar");
    let _ = running::run(tar.arg("-xf").arg(&archive).arg("-C").arg(&saved)).expect_code(0);
    let json = |file: &Path| -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(file).expect("a file")).expect("JSON")
    };
    let manifest = json(&saved.join("manifest.json"));
    let file = saved.join(manifest[0]["Config"].as_str().expect("a name"));
    let mut configuration = json(&file);
    for (key, value) in [
        ("User", serde_json::Value::Null),
        ("WorkingDir", serde_json::Value::Null),
        ("StopSignal", serde_json::Value::Null),
        ("ArgsEscaped", serde_json::Value::Null),
        ("Volumes", serde_json::json!({"/state": null, "data": {}})),
        ("ExposedPorts", serde_json::json!({"53/UDP": {}, "8000-8010/tcp": {}})),
        ("Env", serde_json::json!(["BASE=theirs", "UNSET"])),
        ("Healthcheck", serde_json::json!({"Test": null, "Interval": -1})),
    ] {
        configuration["config"][key] = value;
    }
    std::fs::write(&file, configuration.to_string()).expect("a file");
    let name = project.load("app");
    let mut run = docker::docker(&["run", "--rm", "--network", "none", &name]);
    assert_eq!(running::run(&mut run).expect_code(0).out, "theirs []\n");
    let native = ["run", "app", "--engine", "native", "--read-only"];
    assert_eq!(project.run(&native).expect_code(0).out, "theirs []\n");

    configuration["os"] = "windows".into();
    std::fs::write(&file, configuration.to_string()).expect("a file");
    let refused = project.run(&["build", "app"]).expect_code(65).err;
    assert!(refused.contains("it is for windows and not for linux"), "{refused}");
}

#[test]
fn a_base_in_the_project_is_not_copied_with_it() {
    let world = World::new();
    let text = |copy: &str| {
        format!(
            r#"{{ name = "app"; containers.app = {{ fromImage = ./images/base; {copy}
                 startupCommand = [ "/bin/sh" "-c" "for file in /env/* /env/images/*; do echo $file; done" ]; }};
                 containers.other.startupCommand = [ "/bin/sh" ]; }}"#
        )
    };
    let project = world.project("app", &text(""));
    world.write("app/images/other", "");
    put_base(&world, &project);
    std::fs::rename(project.directory.join("base"), project.directory.join("images/base"))
        .expect("it goes there");
    world.write("app/base", "");
    let files = || project.run(&["run", "app", "--engine", "native"]).expect_code(0).out;
    assert_eq!(
        files(),
        "/env/base\n/env/devenv.nix\n/env/devenv.yaml\n/env/images\n/env/images/other\n"
    );
    // Who wants it there names it.
    world.write("app/devenv.nix", &text("copyToRoot = [ ./. ];"));
    assert!(files().contains("/env/images/base\n"));
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
