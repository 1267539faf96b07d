//! Copying to a registry, to a real one: what is sent, what is not, and who may.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use devenv_tests::docker;
use devenv_tests::lines;
use devenv_tests::programs::tool;
use devenv_tests::project::{BUILD, Project};
use devenv_tests::registry::{PASSWORD, Registry, Request, USER};
use devenv_tests::running::{self, Ended};
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::Signal;

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
fn what_the_project_says_about_copying_holds_for_every_registry() {
    let world = World::new();
    let registry = Registry::locked(&world);
    let text = format!(
        r#"{{ name = "says"; processes.once.exec = "echo once";
             containers.processes.defaultCopyArgs = [ "--dest-creds" "{USER}:{PASSWORD}" ]; }}"#
    );
    let project = world.project("says", &text);
    let run = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        running::run(command.env("HOME", world.path("home")).env_remove("DOCKER_CONFIG"))
    };
    let all = format!("docker://{}/", registry.address());
    let name = destination(&registry, "says:v1");
    let _ = run(&["plan", "processes", "--to", &name]).expect_code(0);
    let _ = run(&["copy", "processes", &name]).expect_code(0);
    let _ = run(&["copy", "processes", "--registry", &all]).expect_code(0);
    // The command line takes their place.
    for arguments in [&["copy", "processes", &name][..], &["plan", "processes", "--to", &name]] {
        for given in ["--copy-args=--dest-no-creds", "--dest-no-creds"] {
            let ended = run(&[arguments, &[given]].concat());
            assert_eq!(ended.code, 77, "{given}: {}", ended.err);
        }
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

#[test]
fn a_destination_nobody_could_take_is_told_before_anything_is_built_or_sent() {
    let world = World::new();
    let registry = Registry::open(&world);
    // It cannot even be evaluated.
    let project = world.project("never", "throw \"built\"");
    let (_, requests) = registry.requests_of(|| {
        for rest in ["x:-bad", "x:t\u{e9}", "a b", "a..b:v1", &format!("x:{}", "y".repeat(200))] {
            let ended = copy(&project, &destination(&registry, rest)).expect_code(64);
            assert!(ended.err.contains(" is no "), "{rest}: {}", ended.err);
        }
    });
    assert_eq!(requests, []);
    let archive = world.path("archive.tar");
    let ended = copy(&project, &format!("docker-archive:{}:UP:x", archive.display()));
    assert!(ended.expect_code(64).err.contains("`UP:x` is no name of an image"));
    assert!(!archive.exists());
}

fn blobs_sent(requests: &[Request]) -> usize {
    requests
        .iter()
        .filter(|request| request.method == "PUT" && request.path.contains("/blobs/uploads/"))
        .count()
}

#[test]
fn what_a_neighbour_has_is_mounted_and_not_sent() {
    let world = World::new();
    let registry = Registry::open(&world);
    let project = project(&world, "mounted");
    let (_, first) =
        registry.requests_of(|| copy(&project, &destination(&registry, "one/app")).expect_code(0));
    assert!(blobs_sent(&first) >= 2, "{first:?}");
    let (second, requests) =
        registry.requests_of(|| copy(&project, &destination(&registry, "two/app")).expect_code(0));
    assert_eq!(blobs_sent(&requests), 0, "{requests:?}");
    assert!(second.err.contains("mounted from one/app"), "{}", second.err);

    // Another machine knows nothing of it; it can be told.
    let third = |more: &[&str]| {
        let mut command = project.command(&["copy", "processes"]);
        command.arg(destination(&registry, &format!("three/app{}", more.len()))).args(more);
        command.env("XDG_CACHE_HOME", world.path("elsewhere"));
        registry.requests_of(|| running::run(&mut command).expect_code(0)).1
    };
    assert_eq!(blobs_sent(&third(&[])), blobs_sent(&first));
    let _ = std::fs::remove_dir_all(world.path("elsewhere"));
    assert_eq!(blobs_sent(&third(&["--mount-from", "one/app"])), 0);
}

#[test]
fn a_plan_tells_what_would_happen_and_changes_nothing() {
    let world = World::new();
    let registry = Registry::open(&world);
    let project = project(&world, "planned");
    let name = destination(&registry, "planned:v1");
    let plan = |to: &str| {
        let ask = || project.run(&["plan", "processes", "--to", to, "--json"]).expect_code(0);
        let (ended, requests) = registry.requests_of(ask);
        let changing = ["POST", "PUT", "PATCH", "DELETE"];
        assert!(changing.iter().all(|method| of_method(&requests, method) == 0), "{requests:?}");
        serde_json::from_str::<serde_json::Value>(&ended.out).expect("JSON")
    };
    let fates = |plan: &serde_json::Value| -> Vec<String> {
        let blobs = plan["blobs"].as_array().expect("blobs");
        blobs.iter().map(|blob| blob["fate"].as_str().expect("a fate").to_owned()).collect()
    };
    let before = plan(&name);
    assert!(fates(&before).iter().all(|fate| fate == "send"), "{before}");
    assert_eq!(before["now"], serde_json::Value::Null);

    let pushed = copy(&project, &name).expect_code(0).out;
    let after = plan(&name);
    assert_eq!(
        (after["now"].as_str(), after["bytesToSend"].as_u64()),
        (Some(pushed.trim()), Some(0))
    );
    let neighbour = plan(&destination(&registry, "other/app"));
    assert!(fates(&neighbour).iter().all(|fate| fate == "mount"), "{neighbour}");

    let file = project.directory.join("devenv.nix");
    let text = std::fs::read_to_string(&file).expect("the project");
    std::fs::write(&file, text.replace("packages =", "env.ADDED = \"1\"; packages ="))
        .expect("the project");
    let changed = plan(&name);
    assert!(changed["changed"].to_string().contains("Env ADDED"), "{changed}");
    assert!(fates(&changed).contains(&"present".to_owned()), "{changed}");
    assert!(fates(&changed).contains(&"send".to_owned()), "{changed}");
}

#[test]
fn what_happens_is_told_to_people_to_programs_or_to_nobody() {
    let world = World::new();
    let registry = Registry::open(&world);
    let project = project(&world, "told");
    let run = |tag: &str, more: &[&str]| {
        let name = destination(&registry, tag);
        let mut command = project.command(&["copy", "processes", &name]);
        running::run(command.args(more)).expect_code(0)
    };
    let lines = run("lines", &[]);
    assert!(lines.err.lines().any(|line| line.contains("layer 1/")), "{}", lines.err);
    assert!(!lines.err.contains('\x1b') && lines.out.starts_with("sha256:"), "{lines:?}");

    let json = run("json", &["--json"]);
    let events: Vec<serde_json::Value> =
        json.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let last = events.last().expect("an event");
    assert_eq!(last["event"], "published");
    assert_eq!(last["digest"], lines.out.trim());
    assert!(events.iter().any(|event| event["event"] == "mounted" && event["size"].is_u64()));
    assert_eq!(json.err, "");

    let quiet = run("quiet", &["--quiet"]);
    assert_eq!((quiet.err.as_str(), quiet.out), ("", lines.out));

    let name = destination(&registry, "terminal");
    let (code, shown) = project.terminal(&["copy", "processes", &name]).end_within(BUILD);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("layer 1/"), "{shown}");
}

#[test]
fn a_copy_that_is_interrupted_leaves_neither_password_nor_layers_behind() {
    let world = World::new();
    let registry = Registry::locked(&world);
    let project = project(&world, "interrupted");
    // It says where the password is, and takes its time.
    let asked = world.path("asked");
    let skopeo = world.write(
        "bin/skopeo",
        &format!(
            "#!/bin/sh\nwhile [ $1 != --dest-authfile ]; do shift; done\n\
             test -s \"$2\" && echo \"$2\" > {0}.new && mv {0}.new {0}\n\
             exec sleep 30 > /dev/null 2>&1\n",
            asked.display()
        ),
    );
    std::fs::set_permissions(&skopeo, std::fs::Permissions::from_mode(0o755)).expect("our file");
    let (temporary, private) = (world.directory("temporary"), world.directory("private"));
    let mut command = project.command(&["copy", "processes", &destination(&registry, "left:v1")]);
    command.arg(format!("--copy-args=--additional-tag=a:b --dest-creds={USER}:{PASSWORD}"));
    let path = std::env::var("PATH").expect("a PATH");
    command.env("PATH", format!("{}:{path}", world.path("bin").display()));
    command.env("TMPDIR", &temporary).env("XDG_RUNTIME_DIR", &private);
    let running = running::Running::start(&mut command);
    wait::until_true(BUILD, "skopeo to be called", || asked.exists());
    let place = std::fs::read_to_string(&asked).expect("a path");
    assert!(place.starts_with(&private.display().to_string()), "{place}");
    running.signal(Signal::SIGTERM);
    let _ = running.end().expect_code(143);
    for directory in [temporary, private] {
        let left: Vec<_> = std::fs::read_dir(&directory).expect("ours").flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_registry_on_this_machine_is_never_asked_through_a_proxy() {
    let world = World::new();
    let registry = Registry::open(&world);
    let project = project(&world, "direct");
    for name in ["HTTP_PROXY", "https_proxy", "ALL_PROXY"] {
        let mut command = project.command(&["copy", "processes"]);
        command.arg(destination(&registry, &format!("direct/{}", name.to_lowercase())));
        // Nobody listens there.
        let _ = running::run(command.env(name, "http://127.0.0.1:1")).expect_code(0);
    }
    let mut command = project.command(&["copy", "processes", "docker://r.example/app"]);
    let ended = running::run(command.env("HTTPS_PROXY", "socks5://me:s3cr3t@h:1")).expect_code(64);
    assert!(ended.err.contains("cannot use HTTPS_PROXY"), "{}", ended.err);
    assert!(!ended.err.contains("s3cr3t"), "{}", ended.err);
}
