//! Credentials for registries that are in the environment itself.

use devenv_tests::registry::{PASSWORD, Registry};
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
