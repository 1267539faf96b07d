//! Reaching an engine in all the ways its own client does, and running on one that is not Docker.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use devenv_tests::certificates::{Authority, Use};
use devenv_tests::docker;
use devenv_tests::lines;
use devenv_tests::programs::tool;
use devenv_tests::running;
use devenv_tests::world::World;

const PROJECT: &str = r#"{
    name = "reached";
    processes.once = { exec = "echo only once"; restart.on = "never"; };
}"#;

fn program(world: &World, name: &str, script: &str) {
    let file = world.write(name, &format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).expect("our own file");
}

fn with_first(directory: &Path) -> String {
    let path = std::env::var("PATH").expect("a PATH");
    format!("{}:{path}", directory.display())
}

#[test]
fn the_engine_of_the_context_in_use_is_the_one_that_is_meant() {
    let world = World::new();
    let project = world.project("reached", PROJECT);
    let config = world.directory("docker");
    let client = |arguments: &[&str]| {
        let mut command = std::process::Command::new(tool("docker"));
        command.arg("--config").arg(&config).args(arguments).env_remove("DOCKER_HOST");
        running::run(command.env_remove("DOCKER_CONTEXT")).expect_code(0)
    };
    let _ = client(&["context", "create", "ours", "--docker", &format!("host={}", docker::host())]);
    let run = |context: &str| {
        let run = ["run", "processes", "--engine", "docker", "--network", "none"];
        let mut command = project.command(&run);
        command.env_remove("DOCKER_HOST").env("DOCKER_CONFIG", &config);
        running::run(command.env("DOCKER_CONTEXT", context))
    };
    let ended = run("ours").expect_code(0);
    assert_eq!(lines::of(&ended.out, "once.1"), ["only once"]);
    let _ = client(&["context", "use", "ours"]);
    let _ = run("").expect_code(0);
    let unknown = run("theirs");
    assert_eq!(unknown.code, 69, "{}", unknown.err);
    assert!(unknown.err.contains("cannot use Docker's context theirs"), "{}", unknown.err);
}

#[test]
fn the_engine_of_another_machine_is_reached_by_ssh() {
    let world = World::new();
    let project = world.project("reached", PROJECT);
    // Another machine whose engine is ours: it runs what it is asked to, as sshd would.
    let log = world.path("asked");
    let script = format!(
        "echo \"$*\" >> {}\nwhile [ \"$1\" != -- ]; do shift; done; shift 2\n\
         DOCKER_HOST={} exec \"$@\"",
        log.display(),
        docker::host()
    );
    program(&world, "bin/ssh", &script);
    let name = docker::Container::name("by-ssh").name.clone();
    let destination = format!("docker-daemon:{name}:test");
    let mut command = project.command(&["copy", "processes", &destination]);
    command.env("DOCKER_HOST", "ssh://me@far.example:2222");
    command.env("PATH", with_first(&world.path("bin")));
    let _ = running::run(&mut command).expect_code(0);
    let asked = std::fs::read_to_string(&log).expect("ssh was asked");
    assert!(asked.starts_with("-l me -p 2222 "), "{asked}");
    assert!(asked.contains("-- far.example docker system dial-stdio"), "{asked}");
    let image = format!("{name}:test");
    let run = ["run", "--rm", "--network", "none", &image];
    let ended = running::run(&mut docker::docker(&run)).expect_code(0);
    assert_eq!(lines::of(&ended.out, "once.1"), ["only once"]);
}

#[test]
fn the_engine_of_another_machine_is_reached_with_certificates_on_both_sides() {
    let world = World::new();
    let project = world.project("reached", PROJECT);
    let ours = Authority::new(world.path("ours"));
    let (address, socket) = docker::encrypted(&ours.issue("daemon", Use::Server));
    let certificates = ours.issue("client", Use::Client);
    let with = |certificates: &Path, arguments: &[&str]| {
        let mut command = project.command(arguments);
        command.env("DOCKER_HOST", &address).env("DOCKER_TLS_VERIFY", "1");
        running::run(command.env("DOCKER_CERT_PATH", certificates))
    };
    let copy = ["copy", "processes", "docker-daemon:encrypted:test"];
    let there = || {
        let mut ask = std::process::Command::new(tool("docker"));
        ask.args(["--host", &socket, "image", "inspect", "encrypted:test"]);
        running::run(&mut ask).code == 0
    };

    // Whom we do not believe gets nothing; who shows nothing gets nothing from the daemon.
    let theirs = Authority::new(world.path("theirs"));
    let ended = with(&theirs.issue("client", Use::Client), &copy).expect_code(69);
    assert!(ended.err.contains("invalid peer certificate"), "{}", ended.err);
    assert!(ended.err.contains("hint: both sides must believe each other"), "{}", ended.err);
    let nobody = world.directory("nobody");
    std::fs::copy(ours.file(), nobody.join("ca.pem")).expect("a copy");
    let ended = with(&nobody, &copy).expect_code(69);
    assert!(ended.err.contains("ertificate"), "{}", ended.err);
    let broken = world.directory("broken");
    std::fs::write(broken.join("ca.pem"), "no certificate").expect("room");
    let ended = with(&broken, &copy).expect_code(69);
    assert!(ended.err.contains("ca.pem"), "{}", ended.err);
    assert!(!there());

    let _ = with(&certificates, &copy).expect_code(0);
    assert!(there());
    let again = with(&certificates, &copy).expect_code(0);
    assert!(again.err.contains("is up to date"), "{}", again.err);
    let run = ["run", "processes", "--engine", "docker", "--network", "none"];
    let ended = with(&certificates, &run).expect_code(0);
    assert_eq!(lines::of(&ended.out, "once.1"), ["only once"]);

    // In skopeo's words, which name the certificates as well.
    let place = format!("--dest-daemon-host={address} --dest-cert-dir={}", certificates.display());
    let ended = project.run(&[&copy[..], &["--copy-args", &place]].concat()).expect_code(0);
    assert!(ended.err.contains("is up to date"), "{}", ended.err);
}

#[test]
fn docker_s_client_goes_where_the_image_went() {
    let world = World::new();
    let project = world.project("reached", PROJECT);
    let image = project.build("processes");
    let run = ["run", &image, "--engine", "docker", "--network", "none"];
    let mut asked = project.command(&run);
    asked.env_remove("DOCKER_HOST");
    asked.arg(format!("--copy-args=--dest-daemon-host={}", docker::host()));
    let ended = running::run(&mut asked).expect_code(0);
    assert_eq!(lines::of(&ended.out, "once.1"), ["only once"]);

    // The engine of a user is known to us and not to the client; the machine's own comes first.
    if std::path::Path::new("/var/run/docker.sock").exists() {
        return;
    }
    let place = world.directory("runtime");
    let socket = docker::host().trim_start_matches("unix://").to_owned();
    std::os::unix::fs::symlink(socket, place.join("docker.sock")).expect("a link");
    for engine in [&["--engine", "docker"][..], &[]] {
        let mut rootless = project.command(&["run", &image, "--network", "none"]);
        rootless.args(engine).env_remove("DOCKER_HOST").env("XDG_RUNTIME_DIR", &place);
        let ended = running::run(&mut rootless).expect_code(0);
        assert_eq!(lines::of(&ended.out, "once.1"), ["only once"]);
    }
}

/// Podman does not work on machines with mixed control groups; its program takes the arguments of
/// Docker's, so Docker's stands for it here.
#[test]
fn podman_is_given_the_image_and_the_arguments() {
    let world = World::new();
    let project = world.project("reached", PROJECT);
    let client = format!("exec {} --host {} \"$@\"", tool("docker").display(), docker::host());
    program(&world, "bin/podman", &client);
    let run = ["run", "processes", "--engine", "podman", "--network", "none", "--", "once"];
    let mut command = project.command(&run);
    command.env("PATH", with_first(&world.path("bin")));
    let ended = running::run(&mut command).expect_code(0);
    assert_eq!(lines::of(&ended.out, "once.1"), ["only once"]);
}

/// Images of all projects are called `processes:latest`, and the name goes to whoever loads last.
#[test]
fn the_project_s_own_image_runs_also_when_its_name_is_another_s_by_then() {
    let world = World::new();
    let project = world.project("reached", PROJECT);
    let others = world.project("others", &PROJECT.replace("only once", "something else"));
    let name = docker::Container::name("renamed").name.clone();
    let destination = format!("docker-daemon:{name}:test");
    let mut copy = others.command(&["copy", "processes", &destination]);
    let _ = running::run(copy.env("DOCKER_HOST", docker::host())).expect_code(0);
    for client in ["docker", "podman"] {
        // Between its being loaded and run.
        let original = format!("{} --host {}", tool("docker").display(), docker::host());
        let script = format!(
            "[ $1 != run ] || {original} tag {name}:test processes:latest\nexec {original} \"$@\""
        );
        program(&world, &format!("bin/{client}"), &script);
        let run = ["run", "processes", "--engine", client, "--network", "none"];
        let mut command = project.command(&run);
        command.env("DOCKER_HOST", docker::host()).env("PATH", with_first(&world.path("bin")));
        let ended = running::run(&mut command).expect_code(0);
        assert_eq!(lines::of(&ended.out, "once.1"), ["only once"], "{client}");
    }
}
