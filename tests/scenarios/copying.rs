//! Copying to a registry, to a real one: what is sent, what is not, and who may.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use devenv_tests::docker;
use devenv_tests::lines;
use devenv_tests::programs::tool;
use devenv_tests::project::Project;
use devenv_tests::registry::{PASSWORD, Registry, Request, USER};
use devenv_tests::running::{self, Ended};
use devenv_tests::world::World;

/// A project whose container says something and ends.
fn project<'w>(world: &'w World, name: &str) -> Project<'w> {
    let text = format!(
        r#"{{ pkgs, ... }}: {{
             name = "{name}";
             packages = [ pkgs.hello ];
             processes.once = {{ exec = "echo only {name}"; restart.on = "never"; }};
             containers.processes.maxLayers = 4;
           }}"#
    );
    world.project(name, &text)
}

fn destination(registry: &Registry, name: &str) -> String {
    format!("docker://{}/{name}", registry.address())
}

fn copy(project: &Project<'_>, destination: &str) -> Ended {
    project.run(&["copy", "processes", destination])
}

fn of_method(requests: &[Request], method: &str) -> usize {
    requests.iter().filter(|request| request.method == method).count()
}

fn skopeo(arguments: &[&str]) -> String {
    running::run(Command::new(tool("skopeo")).args(arguments)).expect_code(0).out
}

#[test]
fn what_was_pushed_is_what_was_announced_and_others_can_pull_it() {
    let world = World::new();
    let registry = Registry::open(&world);
    let project = project(&world, "pushed");
    let announced = project.run(&["digest", "processes"]).expect_code(0).out;
    let name = destination(&registry, "team/pushed:v1");
    let pushed = copy(&project, &name).expect_code(0);
    assert_eq!(pushed.out, announced);

    let raw = skopeo(&["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &name]);
    assert_eq!(raw, announced);
    // Reads every blob and compares it with its digest.
    let directory = format!("dir:{}", world.path("dir").display());
    skopeo(&["copy", "--insecure-policy", "--src-tls-verify=false", &name, &directory]);

    let reference = format!("{}/team/pushed:v1", registry.address());
    docker::ask(&["pull", &reference]);
    let run = ["run", "--rm", "--network", "none", &reference];
    let ended = running::run(&mut docker::docker(&run)).expect_code(0);
    assert_eq!(lines::of(&ended.out, "once.1"), ["only pushed"]);
}

#[test]
fn an_image_that_is_there_costs_one_question() {
    let world = World::new();
    let registry = Registry::open(&world);
    let project = project(&world, "again");
    let name = destination(&registry, "again:v1");
    let first = copy(&project, &name).expect_code(0);
    let (second, requests) = registry.requests_of(|| copy(&project, &name).expect_code(0));
    assert!(second.err.contains("is up to date"), "{}", second.err);
    assert_eq!(second.out, first.out);
    let asked: Vec<&Request> =
        requests.iter().filter(|request| request.path.contains("/again/")).collect();
    assert_eq!(asked.len(), 1, "{requests:?}");
    assert_eq!((asked[0].method.as_str(), asked[0].status), ("HEAD", 200));
}

#[test]
fn only_what_the_registry_lacks_is_sent() {
    let world = World::new();
    let registry = Registry::open(&world);
    let project = project(&world, "lacks");
    let name = destination(&registry, "lacks:v1");
    let (_, all) = registry.requests_of(|| copy(&project, &name).expect_code(0));

    // Another text is another topmost layer and another configuration.
    let file = project.directory.join("devenv.nix");
    let text = std::fs::read_to_string(&file).expect("the project");
    std::fs::write(&file, text.replace("echo only", "echo still")).expect("the project");
    let (_, some) = registry.requests_of(|| copy(&project, &name).expect_code(0));
    let blobs = |requests: &[Request]| of_method(requests, "POST");
    assert!(blobs(&some) >= 2 && blobs(&some) < blobs(&all), "{some:?}\nall: {all:?}");

    // Another tag of the same image sends the manifest alone.
    let other = destination(&registry, "lacks:v2");
    let (_, none) = registry.requests_of(|| copy(&project, &other).expect_code(0));
    assert_eq!((blobs(&none), of_method(&none, "PUT")), (0, 1), "{none:?}");
}

/// `{"auths": {HOST: {"auth": BASE64}}}`, as `docker login` writes it.
fn login_file(registry: &Registry) -> String {
    // What RFC 7617 makes of `me:secret`.
    format!(r#"{{"auths": {{"{}": {{"auth": "bWU6c2VjcmV0"}}}}}}"#, registry.address())
}

#[test]
fn a_registry_with_a_password_gets_it_from_wherever_people_keep_it() {
    let world = World::new();
    let registry = Registry::locked(&world);
    let project = project(&world, "locked");
    let login = world.write("login.json", &login_file(&registry)).display().to_string();
    world.write("docker/config.json", &login_file(&registry));
    world.write("podman/containers/auth.json", &login_file(&registry));
    let helper = r#"{"credHelpers": {"HOST": "test"}}"#.replace("HOST", registry.address());
    world.write("helped/config.json", &helper);
    let answer = format!(r#"{{"Username": "{USER}", "Secret": "{PASSWORD}"}}"#);
    let program = world.write(
        "bin/docker-credential-test",
        &format!(
            "#!/bin/sh\n[ \"$1 $(cat)\" = 'get {}' ] && echo '{answer}'\n",
            registry.address()
        ),
    );
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("our file");
    let path =
        format!("{}:{}", world.path("bin").display(), std::env::var("PATH").expect("a PATH"));
    let at = |name: &str| world.path(name).display().to_string();

    // Each time another tag: what is there already asks for no more than a look.
    let run = |tag: &str, variables: &[(&str, &str)], more: &[&str]| {
        let name = destination(&registry, &format!("locked:{tag}"));
        let mut command = project.command(&["copy", "processes", &name]);
        command.args(more).env("HOME", world.path("home"));
        for name in ["REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        running::run(command.envs(variables.iter().copied()))
    };

    let refused = run("none", &[], &[]);
    assert_eq!(refused.code, 77, "{}", refused.err);
    assert!(refused.err.contains("hint: log in"), "{}", refused.err);
    let wrong = run("wrong", &[], &["--copy-args=--dest-creds=me:unguessed"]);
    assert_eq!(wrong.code, 77, "{}", wrong.err);
    assert!(!wrong.err.contains("unguessed"), "the password is told: {}", wrong.err);

    let credentials = format!("--copy-args=--dest-creds={USER}:{PASSWORD}");
    let user = format!("--copy-args=--dest-username={USER} --dest-password {PASSWORD}");
    let authfile = format!("--copy-args=--dest-authfile={login}");
    for (tag, variables, more) in [
        ("argument", vec![], vec![credentials.as_str()]),
        ("two-arguments", vec![], vec![user.as_str()]),
        ("file-argument", vec![], vec![authfile.as_str()]),
        ("docker", vec![("DOCKER_CONFIG", at("docker"))], vec![]),
        ("podman", vec![("XDG_RUNTIME_DIR", at("podman"))], vec![]),
        ("variable", vec![("REGISTRY_AUTH_FILE", login.clone())], vec![]),
        ("helper", vec![("DOCKER_CONFIG", at("helped")), ("PATH", path)], vec![]),
    ] {
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let ended = run(tag, &variables, &more);
        assert_eq!(ended.code, 0, "{tag}: {}", ended.err);
        assert!(!ended.err.contains(PASSWORD), "{tag}: the password is told: {}", ended.err);
    }
}

#[test]
fn a_password_may_come_by_standard_input() {
    let world = World::new();
    let registry = Registry::locked(&world);
    let project = project(&world, "stdin");
    let name = destination(&registry, "stdin:v1");
    let user = format!("--copy-args=--dest-username={USER}");
    let command = project.command(&["copy", "processes", &name, &user, "--password-stdin"]);
    let mut shell = Command::new(tool("sh"));
    shell.args(["-c", &format!("echo {PASSWORD} | \"$@\""), "sh"]).arg(command.get_program());
    shell.args(command.get_args()).current_dir(&project.directory);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let _ = running::run(&mut shell).expect_code(0);
}
