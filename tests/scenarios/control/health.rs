//! `devenv-init healthcheck` as the `HEALTHCHECK` of a container, judged by Docker.

use std::process::Command;
use std::time::Duration;

use devenv_tests::docker::{self, Container};
use devenv_tests::programs::{actor, devenv_init, tool};
use devenv_tests::running::{self, Running};
use devenv_tests::wait;
use devenv_tests::world::World;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(30);

/// An image with our program and the actor alone, no shell, that has the check built in.
fn import(world: &World) -> String {
    let bin = world.directory("root/bin");
    for (program, name) in [(devenv_init(), "devenv-init"), (actor(), "actor")] {
        std::fs::copy(&program, bin.join(name)).expect("a copy of a program");
    }
    // The process is ready as long as this file of the container is there.
    let check = json!({ "exec": { "command": ["/bin/actor", "exists", "/state/ready"] } });
    let timing = json!({ "period_ms": 100, "failure_threshold": 1 });
    let spec = json!({ "version": 1, "processes": [{
        "name": "web", "command": ["/bin/actor", "wait"],
        "ready": { "check": check, "timing": timing },
    }] });
    world.write("root/spec.json", &spec.to_string());
    let archive = world.path("root.tar").display().to_string();
    let mut tar = Command::new(tool("tar"));
    tar.args(["-cf", &archive, "-C"]).arg(world.path("root")).arg(".");
    let _ = running::run(&mut tar).expect_code(0);
    let image = "devenv-tests:health".to_owned();
    docker::ask(&[
        "import",
        "--change",
        r#"ENTRYPOINT ["/bin/devenv-init", "up", "--spec", "/spec.json"]"#,
        "--change",
        r#"HEALTHCHECK --interval=1s --retries=1 CMD ["/bin/devenv-init", "healthcheck"]"#,
        &archive,
        &image,
    ]);
    image
}

#[test]
fn docker_sees_a_container_become_healthy_unhealthy_and_healthy_again() {
    let world = World::new();
    let image = import(&world);
    let state = world.directory("state");
    let container = Container::name("health");
    let mount = format!("{}:/state:ro", state.display());
    let mut run = docker::docker(&["run", "--network", "none", "--read-only", "--name"]);
    let running = Running::start(run.arg(&container.name).args(["--volume", &mount, &image]));
    running.wait_for("web.1 started");
    let expect = |health: &str| {
        wait::until_true(LIMIT, &format!("Docker to say {health}"), || {
            container.inspect("{{.State.Health.Status}}") == health
        });
        container.inspect("{{(index .State.Health.Log 0).Output}}")
    };
    let why = expect("unhealthy");
    assert!(why.contains("not healthy: web.1 runs but is not ready"), "{why}");
    std::fs::write(state.join("ready"), "").expect("a file");
    expect("healthy");
    std::fs::remove_file(state.join("ready")).expect("our file");
    expect("unhealthy");
    std::fs::write(state.join("ready"), "").expect("a file");
    expect("healthy");
    docker::ask(&["stop", &container.name]);
    let _ = running.end().expect_code(143);
}
