//! From a `devenv.nix` to an image, and what a project's author sees on the way.

use std::path::Path;
use std::process::Command;

use devenv_tests::running::{self, Running};
use devenv_tests::world::World;
use nix::sys::signal::Signal;

#[test]
fn building_prints_one_line_the_description_in_the_store() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let ended = project.run(&["build", "processes"]).expect_code(0);
    let lines: Vec<&str> = ended.out.lines().collect();
    let [line] = lines.as_slice() else { panic!("not one line: {}", ended.out) };
    assert!(line.starts_with("/nix/store/") && line.ends_with(".json"), "{line}");
    assert!(line.contains("-image-"), "{line}");
    let text = std::fs::read_to_string(line).expect("the description is in the store");
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
}

/// Whoever ignores the ends of its children hands that on to them.
#[test]
fn a_project_is_built_for_a_caller_that_wants_to_hear_of_no_child() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let build = project.command(&["build", "processes"]);
    let mut deaf = Command::new("env");
    deaf.arg("--ignore-signal=CHLD").arg(build.get_program()).args(build.get_args());
    deaf.current_dir(&project.directory);
    for (name, value) in build.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        deaf.env(name, value);
    }
    let ended = running::run(&mut deaf).expect_code(0);
    assert!(ended.out.starts_with("/nix/store/"), "{}", ended.out);
}

#[test]
fn building_leaves_nothing_in_the_project() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let before = project.files();
    let _ = project.build("processes");
    assert_eq!(project.files(), before);
}

/// From where the user keeps state, whether Nix knows that place already or not.
#[test]
fn what_was_built_last_is_kept_from_garbage_collection() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let text = std::fs::read_to_string(project.directory.join("devenv.nix")).unwrap();
    let roots = world.path("state/devenv-container/roots");
    let kept = || {
        let mut ask = Command::new("nix-store");
        let said = running::run(ask.args(["--gc", "--print-roots"])).expect_code(0).out;
        let ours = said.lines().filter_map(|line| line.split_once(" -> "));
        ours.filter(|(root, _)| Path::new(root).starts_with(&roots))
            .map(|(_, path)| path.to_owned())
            .filter(|path| path.ends_with("-image-processes.json"))
            .collect::<Vec<String>>()
    };
    for greeting in ["one", "two", "three", "four"] {
        let edited = text.replace("Hello Nix!", greeting);
        std::fs::write(project.directory.join("devenv.nix"), edited).unwrap();
        if greeting == "four" {
            // What Nix has written down about our roots is lost.
            for note in std::fs::read_dir("/nix/var/nix/gcroots/auto").unwrap().flatten() {
                if std::fs::read_link(note.path()).is_ok_and(|root| root.starts_with(&roots)) {
                    std::fs::remove_file(note.path()).unwrap();
                }
            }
            assert!(kept().is_empty());
        }
        assert_eq!([project.build("processes")], *kept(), "{greeting}");
    }
}

#[test]
fn a_project_is_found_from_below_it_and_by_its_name() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let expected = project.build("processes");
    std::fs::create_dir_all(project.directory.join("a/b")).unwrap();
    std::fs::remove_dir(project.directory.join("a/b")).unwrap();
    let mut below = world.container(&["build", "processes"]);
    let below = running::run(below.current_dir(project.directory.join("a"))).expect_code(0);
    // The empty directory itself is part of the project, so only the form is compared.
    assert!(below.out.starts_with("/nix/store/"), "{}", below.out);
    std::fs::remove_dir(project.directory.join("a")).unwrap();
    for arguments in [["-C", "hello", "build", "processes"], ["build", "processes", "-C", "hello"]]
    {
        let mut named = world.container(&arguments);
        let named = running::run(named.current_dir(world.path(""))).expect_code(0);
        assert_eq!(named.out.trim_end(), expected);
    }
}

#[test]
fn listing_shows_every_container_with_its_image() {
    let world = World::new();
    let project = world.project(
        "shop",
        r#"{ name = "shop";
             containers.web = { name = "shop-web"; version = "1.2"; startupCommand = "true"; }; }"#,
    );
    let ended = project.run(&["list"]).expect_code(0);
    let rows: Vec<Vec<&str>> =
        ended.out.lines().map(|line| line.split_whitespace().collect()).collect();
    let expected = [
        vec!["processes", "processes:latest"],
        vec!["shell", "shell:latest"],
        vec!["web", "shop-web:1.2"],
    ];
    assert_eq!(rows, expected, "{}", ended.out);
    let json = project.run(&["list", "--json"]).expect_code(0).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json[2]["name"], "web");
}

#[test]
fn an_empty_folder_becomes_a_project_that_runs() {
    let world = World::new();
    std::fs::create_dir(world.path("fresh")).unwrap();
    let nixpkgs = devenv_tests::programs::repository().join("tests/nixpkgs");
    let init = || {
        let mut init = world.container(&["init", "--nixpkgs", nixpkgs.to_str().unwrap()]);
        running::run(init.current_dir(world.path("fresh"))).expect_code(0).out
    };
    assert_eq!(init(), "devenv.nix is created\ndevenv.yaml is created\n");
    assert_eq!(
        init(),
        "devenv.nix is there, nothing to add\ndevenv.yaml is there, nothing to add\n"
    );
    let mut run = world.container(&["run", "--engine", "native", "processes"]);
    let running = Running::start(run.current_dir(world.path("fresh")));
    running.wait_for("hello.1 | Hello, world!");
    running.signal(Signal::SIGTERM);
    let _ = running.end().expect_code(143);
}

#[test]
fn preparing_a_project_keeps_all_that_is_there() {
    let world = World::new();
    let project = world.project("app", "{ }");
    let before = std::fs::read_to_string(project.directory.join("devenv.yaml")).unwrap();
    let commented = format!("# ours\n{before}");
    world.write("app/devenv.yaml", &commented);
    let ended = project.run(&["init", "--module", "path:/our/module"]).expect_code(0);
    assert_eq!(
        ended.out,
        "devenv.nix is there, nothing to add\ndevenv.yaml has more lines: inputs.devenv-init, \
         imports: devenv-init/nix/devenv-module.nix\n"
    );
    assert_eq!(std::fs::read_to_string(project.directory.join("devenv.nix")).unwrap(), "{ }");
    let after = std::fs::read_to_string(project.directory.join("devenv.yaml")).unwrap();
    let added = "  devenv-init:\n    url: path:/our/module\n    flake: false\n";
    assert!(after.starts_with("# ours\ninputs:\n") && after.contains(added), "{after}");
    assert!(commented.lines().all(|line| after.contains(line)), "{after}");

    world.write("app/devenv.yaml", "inputs: {}\n");
    let failed = project.run(&["init"]).expect_code(65);
    assert!(failed.err.contains("hint: add by hand:\ninputs:\n  nixpkgs:"), "{}", failed.err);
    assert_eq!(
        std::fs::read_to_string(project.directory.join("devenv.yaml")).unwrap(),
        "inputs: {}\n"
    );
}
