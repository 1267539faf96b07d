//! Every example does what it says. Those of `hello` and `shell` are seen in the scenarios about
//! containers.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use devenv_tests::docker::{self, Container};
use devenv_tests::lines;
use devenv_tests::programs::repository;
use devenv_tests::project::Project;
use devenv_tests::running::{self, Ended, Running};
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::Signal;

/// Runs a container to its end, without a daemon.
#[track_caller]
fn run(project: &Project<'_>, container: &str) -> Ended {
    project.run(&["run", "--engine", "native", container])
}

fn place_of(log: &str, text: &str) -> usize {
    log.find(text).unwrap_or_else(|| panic!("no `{text}` in {log}"))
}

#[test]
fn every_example_is_run_by_a_scenario() {
    let examples: BTreeSet<String> = std::fs::read_dir(repository().join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let scenarios: String = std::fs::read_dir(repository().join("tests/scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    for example in &examples {
        assert!(scenarios.contains(&format!(".example(\"{example}\"")), "nothing runs {example}");
    }
}

#[test]
fn an_artifact_runs_alone() {
    let world = World::new();
    let project = world.example("artifact", "artifact");
    project.make();
    assert_eq!(run(&project, "prod").expect_code(0).out, "mybinary: serve\n");
}

#[test]
fn an_image_is_built_on_one_of_somebody_else() {
    let world = World::new();
    let project = world.example("base", "base");
    project.make();
    let image = project.load("app");
    let ended = running::run(&mut docker::docker(&["run", "--rm", "--network", "none", &image]));
    assert_eq!(ended.expect_code(0).out, "somebody else\n");
    // And without a daemon.
    assert_eq!(run(&project, "app").expect_code(0).out, "somebody else\n");
}

#[test]
fn packages_can_be_left_out_of_images() {
    let world = World::new();
    let project = world.example("building", "building");
    let ended = run(&project, "processes").expect_code(0);
    assert_eq!(lines::of(&ended.out, "hello.1"), ["Hello, world!", "no nc here"]);
}

#[test]
fn what_is_copied_is_found_at_home() {
    let world = World::new();
    let project = world.example("copy", "copy");
    for (container, expected) in [
        ("nothing", ""),
        ("folder", "index.html\nstyle.css\n"),
        ("file", "index.html\n"),
        ("several", "config.toml\nindex.html\nstyle.css\n"),
        ("built", "bin\n"),
    ] {
        assert_eq!(run(&project, container).expect_code(0).out, expected, "{container}");
    }
}

#[test]
fn a_client_finds_servers_that_wait_for_each_other() {
    let world = World::new();
    let project = world.example("health", "health");
    let ended = run(&project, "processes").expect_code(0);
    assert_eq!(lines::of(&ended.out, "client.1"), ["the backend answers"]);
}

#[test]
fn health_and_figures_are_asked_for_by_http() {
    let world = World::new();
    let project = world.example("http", "http");
    let ended = run(&project, "processes").expect_code(0);
    let said = lines::of(&ended.out, "curious.1").join("\n");
    assert!(said.contains("[+]web.1 ok\n") && said.contains("\nreadyz check passed\n"), "{said}");
    assert!(said.ends_with(r#"devenv_init_process_ready{process="web",replica="1"} 1"#), "{said}");
}

#[test]
fn files_of_a_layer_are_at_the_root() {
    let world = World::new();
    let project = world.example("layers", "layers");
    let ended = run(&project, "processes").expect_code(0);
    assert_eq!(lines::of(&ended.out, "hello.1"), ["Hello, world!"]);
    let layout = world.path("rootfs");
    let _ =
        project.run(&["copy", "processes", &format!("rootfs:{}", layout.display())]).expect_code(0);
    let motd = std::fs::read_to_string(layout.join("etc/motd")).expect("a file of the layer");
    assert_eq!(motd, "Built in layers.\n");
}

#[test]
fn processes_start_after_tasks_and_stop_before_what_they_need() {
    let world = World::new();
    let project = world.example("order", "order");
    let _ = project.build("processes");
    let running = Running::start(&mut project.command(&["run", "--engine", "native", "processes"]));
    running.wait_for("web.1           | serving");
    running.signal(Signal::SIGTERM);
    let said = running.end().expect_code(143).out;
    // What the database says and what the task says may cross each other.
    let order = [
        "| migrating",
        "| migrated",
        "| serving",
        "| web.1 stopped (rc=-15)",
        "| bye",
        "| database.1 stopped (rc=0)",
    ];
    assert!(order.map(|text| place_of(&said, text)).is_sorted(), "{said}");
    assert!(!said.contains("console.1"), "nobody asked for it: {said}");
}

#[test]
fn a_copy_goes_to_the_project_s_registry_with_a_token_made_at_that_moment() {
    let world = World::new();
    let project = world.example("registry", "registry");
    let registry = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = registry.local_addr().expect("an address");
    let file = project.directory.join("devenv.nix");
    let text = std::fs::read_to_string(&file)
        .unwrap()
        .replace("registry.example.com", &address.to_string())
        .replace("\"--dest-creds\"", "\"--dest-tls-verify=false\" \"--dest-creds\"");
    std::fs::write(&file, text).unwrap();

    // Asks for a name and a password, and wants nothing more once it has them.
    let asked = thread::spawn(move || {
        for stream in registry.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 4096];
            let count = stream.read(&mut request).expect("a request");
            let request = String::from_utf8_lossy(&request[..count]).to_ascii_lowercase();
            let _ = stream.write_all(
                b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"\r\n\
                  Content-Length: 0\r\nConnection: close\r\n\r\n",
            );
            if let Some(line) = request.lines().find(|line| line.starts_with("authorization:")) {
                return line.to_owned();
            }
        }
        String::new()
    });
    let ended = project.run(&["copy", "processes"]);
    assert_ne!(ended.code, 0, "the registry let nobody in");
    // `x:Hello, world!`, of which the second part is what a program printed.
    assert_eq!(asked.join().expect("a request"), "authorization: basic edpizwxsbywgd29ybgqh");
}

#[test]
fn one_of_the_processes_is_a_container_that_serves() {
    let world = World::new();
    let image = world.example("serve", "serve").load("serve");
    let container = Container::name("serve");
    docker::ask(&["run", "--detach", "--network", "none", "--name", &container.name, &image]);
    let page = std::fs::read_to_string(repository().join("examples/serve/public/index.html"));
    let fetch = ["busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/"];
    let fetched = wait::until(wait::SOON, "the page", || {
        let said = container.exec(&fetch);
        (said.code == 0).then_some(said.out)
    });
    assert_eq!(fetched, page.expect("the page"));
    let ports = docker::ask(&["inspect", "--format", "{{json .Config.ExposedPorts}}", &image]);
    assert_eq!(ports, r#"{"8080/tcp":{}}"#);
}

#[test]
fn a_volume_belongs_to_the_user_of_the_container() {
    let world = World::new();
    let project = world.project(
        "data",
        r#"{ pkgs, ... }: {
             containers.data = {
               name = "data"; user = "app"; users.app.uid = 70; volumes = [ "/data" ];
               startupCommand = "touch /data/here && ls -n /data && echo $USER"; }; }"#,
    );
    let image = project.load("data");
    let options = ["run", "--rm", "--network", "none", "--read-only"];
    let said = docker::ask(&[&options[..], &[&image]].concat());
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines.len() == 3 && lines[1].contains(" 70 ") && lines[2] == "app", "{said}");
}

/// Be it one that the project has, one it has not, or one in a folder it has.
#[test]
fn a_volume_may_be_in_the_project_that_is_copied() {
    let world = World::new();
    let project = world.project(
        "inside",
        r#"{ pkgs, ... }: {
             containers.app = {
               name = "inside"; user = "app"; users.app.uid = 70;
               volumes = [ "/env/kept" "/env/new" "/env/has/one" ];
               startupCommand = "cd /env && touch kept/x new/x has/one/x && ls -nd . kept kept/file new has has/one"; }; }"#,
    );
    for file in ["kept/file", "has/file"] {
        world.write(&format!("inside/{file}"), "");
    }
    let image = project.load("app");
    let in_docker = docker::ask(&["run", "--rm", "--network", "none", &image]);
    let natively = project.run(&["run", "app", "--engine", "native"]).expect_code(0).out;
    for said in [in_docker, natively] {
        let owners: Vec<(&str, &str)> = said
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .map(|words| (words[2], *words.last().expect("a name")))
            .collect();
        let expected = [
            ("70", "."),
            ("70", "has"),
            ("70", "has/one"),
            ("70", "kept"),
            ("70", "kept/file"),
            ("70", "new"),
        ];
        assert_eq!(owners, expected, "{said}");
    }
}

#[test]
fn settings_of_processes_are_in_force() {
    let world = World::new();
    let project = world.example("settings", "settings");
    let said = run(&project, "processes").expect_code(0).out;
    for line in [
        "modest.1 | worker 70:70, files 256, umask 0077, nice 5",
        "system   | slow.1 is ready",
        "system   | stuck.1 failed its liveness check: exit code 1",
        "system   | stuck.1 is not started again: too often",
        "system   | last.1 ends everything (exit code 0)",
        "system   | modest.1 stopped (rc=-2)",
    ] {
        assert!(said.lines().any(|said| said == line), "no `{line}` in {said}");
    }
    assert!(place_of(&said, "slow.1 is ready") < place_of(&said, "last.1 started"), "{said}");
}

#[test]
fn tasks_hand_on_what_they_found_out() {
    let world = World::new();
    let project = world.example("tasks", "tasks");
    let said = run(&project, "processes").expect_code(0).out;
    let token = r#""app:token":{"devenv":{"env":{"TOKEN":"made at Linux time"}}}"#;
    let outputs = format!(r#"{{"app:port":{{"port":8080}},{token}}}"#);
    assert_eq!(lines::of(&said, "web.1"), ["made at Linux time", outputs.as_str()]);
    assert_eq!(lines::of(&said, "app:port.1"), [r#"asked for {"kind":"http"}"#]);
    let skipped = "devenv-init: skipped: its status says that there is nothing to do";
    assert_eq!(lines::of(&said, "app:done.1"), [skipped]);
    assert!(place_of(&said, "app:port.1 stopped") < place_of(&said, "web.1 started"), "{said}");
}

#[test]
fn commands_of_every_kind_get_their_arguments_as_they_are() {
    let world = World::new();
    let project = world.example("startup", "startup");
    for (container, expected) in [
        ("words", "Hello, world!\n"),
        ("line", "Hello, world!\nfrom user\n"),
        ("package", "Hello, world!\n"),
        ("list", "<a b><$HOME><*><>\n"),
    ] {
        assert_eq!(run(&project, container).expect_code(0).out, expected, "{container}");
    }
}

#[test]
fn every_example_builds_all_of_its_containers() {
    let world = World::new();
    for example in std::fs::read_dir(repository().join("examples")).unwrap().flatten() {
        let name = example.file_name().into_string().unwrap();
        let project = world.example(&name, &name);
        project.make();
        let list = project.run(&["list", "--json"]).expect_code(0).out;
        let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
        for container in list.as_array().expect("a list") {
            let container = container["name"].as_str().expect("a name");
            let built = project.build(container);
            assert!(Path::new(&built).is_file(), "{name}: {container}: {built}");
        }
    }
}
