//! Credentials for registries that are in the environment itself.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use devenv_tests::registry::{PASSWORD, Registry, USER};
use devenv_tests::running::{self, Ended};
use devenv_tests::world::World;

const PROJECT: &str = r#"{ name = "app"; processes.once.exec = "echo once"; }"#;

#[test]
fn credentials_of_the_environment_come_before_those_of_files() {
    let world = World::new();
    let registry = Registry::locked(&world);
    let project = world.project("app", PROJECT);
    let login =
        |host: &str, auth: &str| format!(r#"{{"auths": {{"{host}": {{"auth": "{auth}"}}}}}}"#);
    // What RFC 7617 makes of `me:secret`, and of `me:unguessed`.
    let right = login(registry.address(), "bWU6c2VjcmV0");
    let wrong = login(registry.address(), "bWU6dW5ndWVzc2Vk");
    let elsewhere = login("registry.example.com", "bWU6c2VjcmV0");
    world.write("right/config.json", &right);
    world.write("wrong/config.json", &wrong);
    let copy = |tag: &str, content: &str, file: &str, more: &[&str]| -> Ended {
        let name = format!("docker://{}/app:{tag}", registry.address());
        let mut command = project.command(&["copy", "processes", &name]);
        command.args(more).env("HOME", world.path("home")).env("DOCKER_AUTH_CONFIG", content);
        for name in ["REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        let ended = running::run(command.env("DOCKER_CONFIG", world.path(file)));
        let said = format!("{}{}", ended.out, ended.err);
        for secret in [PASSWORD, "unguessed", "bWU6"] {
            assert!(!said.contains(secret), "{tag}: the password is told: {said}");
        }
        ended
    };
    let _ = copy("alone", &right, "none", &[]).expect_code(0);
    let _ = copy("before", &right, "wrong", &[]).expect_code(0);
    let _ = copy("counts", &wrong, "right", &[]).expect_code(77);
    let _ = copy("silent", &elsewhere, "right", &[]).expect_code(0);
    let _ = copy("empty", "", "right", &[]).expect_code(0);
    let asked = format!("--copy-args=--dest-creds=me:{PASSWORD}");
    let _ = copy("asked", &wrong, "none", &[&asked]).expect_code(0);
    let file = world.path("right/config.json").display().to_string();
    let file = format!("--copy-args=--dest-authfile={file}");
    let _ = copy("file", &wrong, "none", &[&file]).expect_code(0);
    let broken = copy("broken", "{\"auths\": bWU6c2VjcmV0", "right", &[]).expect_code(65);
    assert!(broken.err.contains("cannot use DOCKER_AUTH_CONFIG: not JSON"), "{}", broken.err);
}

#[test]
fn why_credentials_cannot_be_had_is_told_and_not_that_there_are_none() {
    let world = World::new();
    let registry = Registry::locked(&world);
    let image = world.project("app", PROJECT).build("processes");
    let helper = |name: &str, script: &str| {
        let config = format!(r#"{{"credHelpers": {{"{}": "{name}"}}}}"#, registry.address());
        world.write(&format!("{name}/config.json"), &config);
        let program = format!("bin/docker-credential-{name}");
        let program = world.write(&program, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("our file");
    };
    helper("locked-up", "echo keychain is locked; exit 1");
    helper("blabbing", &format!("echo '{{\"Secret\": \"{PASSWORD}\"}}'; exit 1"));
    helper("empty", "echo credentials not found in native keychain; exit 1");
    // Nobody can read it, not even root.
    fs::create_dir_all(world.path("unreadable/config.json")).expect("a directory");
    let old = format!(
        r#"{{"auths": {{"https://{}/v1/": {{"auth": "bWU6c2VjcmV0"}}}}}}"#,
        registry.address()
    );
    world.write("old/config.json", &old);
    let path =
        format!("{}:{}", world.path("bin").display(), std::env::var("PATH").expect("a PATH"));
    let copy = |variable: &str, place: &str, more: &[&str]| -> Ended {
        let name = format!("docker://{}/app:v1", registry.address());
        let mut command = world.container(&["copy", &image, &name]);
        command.args(more).env("HOME", world.path("home")).env("PATH", &path);
        for name in ["REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME", "DOCKER_AUTH_CONFIG", "DOCKER_CONFIG"]
        {
            command.env_remove(name);
        }
        let ended = running::run(command.env(variable, world.path(place)));
        assert!(!ended.err.contains(PASSWORD), "{place}: the password is told: {}", ended.err);
        ended
    };
    for (variable, place, code, told) in [
        ("DOCKER_CONFIG", "locked-up", 69, "docker-credential-locked-up for the credentials of"),
        ("DOCKER_CONFIG", "locked-up", 69, "keychain is locked"),
        ("DOCKER_CONFIG", "blabbing", 69, "it ended with exit status: 1"),
        ("DOCKER_CONFIG", "empty", 77, "hint: log in"),
        ("DOCKER_CONFIG", "unreadable", 77, "unreadable/config.json: Is a directory"),
        ("REGISTRY_AUTH_FILE", "nowhere", 66, "nowhere, which REGISTRY_AUTH_FILE names"),
    ] {
        let ended = copy(variable, place, &[]).expect_code(code);
        assert!(ended.err.contains(told), "{place}: no `{told}` in: {}", ended.err);
    }
    let _ = copy("DOCKER_CONFIG", "old", &[]).expect_code(0);
    // The way out that is told is one.
    let credentials = format!("--copy-args=--dest-creds=me:{PASSWORD}");
    let _ = copy("REGISTRY_AUTH_FILE", "nowhere", &[&credentials]).expect_code(0);
    let _ = copy("DOCKER_CONFIG", "unreadable", &["--copy-args=--dest-no-creds"]).expect_code(77);
}

/// With all that people write after `skopeo copy` without thinking.
#[test]
fn arguments_of_skopeo_are_flags_as_well() {
    let world = World::new();
    let registry = Registry::locked(&world);
    let project = world.project("app", PROJECT);
    let name = format!("docker://{}/app:v1", registry.address());
    let copy = |given: &[&str]| {
        let mut command = project.command(&[&["copy", "processes", &name], given].concat());
        command.env("HOME", world.path("home")).env_remove("DOCKER_CONFIG");
        running::run(&mut command)
    };
    let digest = world.path("digest");
    let file = format!("--digestfile={}", digest.display());
    let credentials = format!("{USER}:{PASSWORD}");
    let usual = ["--dest-tls-verify=false", "--retry-times", "2", "--format", "oci", "--all"];
    let given = [&usual[..], &[&file, "--insecure-policy", "--dest-creds", &credentials]].concat();
    let copied = copy(&given).expect_code(0);
    assert_eq!(std::fs::read_to_string(digest).expect("a digest"), copied.out.trim_end());
    // Together with --copy-args they are one list, of which the last word counts.
    let words = "--copy-args=--dest-creds me:unguessed";
    let again = copy(&[words, "--dest-creds", &credentials]).expect_code(0);
    assert!(again.err.contains("is up to date"), "{}", again.err);
    let _ = copy(&[words]).expect_code(77);
    let wrong = copy(&["--retry-times=often"]).expect_code(64);
    assert!(wrong.err.contains("copy argument --retry-times: `often`"), "{}", wrong.err);
    let plan = ["plan", "processes", "--to", &name, "--dest-creds", &credentials];
    let _ = project.run(&plan).expect_code(0);
}
