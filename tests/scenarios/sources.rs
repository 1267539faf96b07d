//! Where containers may be described: a file of any name, and a flake.

use devenv_tests::lines;
use devenv_tests::programs::{devenv_container, devenv_init, repository};
use devenv_tests::running::{self, Ended};
use devenv_tests::world::World;

/// `devenv-container` in a folder of the world.
#[track_caller]
fn run_in(world: &World, folder: &str, arguments: &[&str]) -> Ended {
    running::run(world.container(arguments).current_dir(world.path(folder)))
}

#[test]
fn a_file_of_any_name_describes_a_project() {
    let world = World::new();
    let project = world.project("app", r#"{ processes.wrong.exec = "false"; }"#);
    world.write(
        "app/staging.nix",
        r#"{ name = "staging"; processes.right = { exec = "cat env.txt"; restart.on = "never"; }; }"#,
    );
    world.write("app/env.txt", "of staging\n");
    world.write("app/below/file", "");
    let run = ["run", "--engine", "native", "processes", "--file"];
    let ended = run_in(&world, "app/below", &[&run[..], &["../staging.nix"]].concat());
    let ended = ended.expect_code(0);
    assert_eq!(lines::of(&ended.out, "right.1"), ["of staging"], "its folder is copied");
    let failed = project.run(&["list", "--file", "none.nix"]).expect_code(66);
    assert!(failed.err.contains("cannot open none.nix"), "{}", failed.err);
}

/// A flake with an image under its name, one as devenv names it, one of a shell as devenv makes it,
/// and a package that is no image.
fn flake(world: &World) {
    let repository = repository().display().to_string();
    let text = format!(
        r#"{{
          inputs.nixpkgs.url = "path:{repository}/tests/nixpkgs";
          outputs = {{ self, nixpkgs }}:
            let
              system = "{}-linux";
              containers = import {repository}/nix/cli.nix {{
                project = ./.;
                nixpkgs = "${{nixpkgs}}";
                initProgram = {};
                containerProgram = {};
              }};
            in
            {{
              packages.${{system}} = {{
                web = containers.images.web;
                container-processes = containers.images.processes;
                hello = nixpkgs.legacyPackages.${{system}}.hello;
                broken = throw "nobody asked for it";
              }};
              devShells.${{system}}.default.config.containers.job = {{
                name = "a-job";
                version = "3";
                registry = null;
                defaultCopyArgs = [ ];
                derivation = containers.images.web;
              }};
            }};
        }}"#,
        std::env::consts::ARCH,
        devenv_init().display(),
        devenv_container().display(),
    );
    world.write("flake/flake.nix", &text);
    world.write(
        "flake/devenv.nix",
        r#"{ pkgs, ... }: { name = "of-a-flake"; packages = [ pkgs.hello ];
             processes.hello = { exec = "hello"; restart.on = "never"; };
             containers.web = { version = "2"; startupCommand = "hello"; copyToRoot = null; }; }"#,
    );
}

#[test]
fn the_containers_of_a_flake_are_listed_and_run() {
    let world = World::new();
    flake(&world);
    let said = run_in(&world, "flake", &["list", "--flake", "."]).expect_code(0).out;
    let rows: Vec<Vec<&str>> = said.lines().map(|row| row.split_whitespace().collect()).collect();
    let expected = [
        ["job", "of-a-flake-web:2"],
        ["processes", "processes:latest"],
        ["web", "of-a-flake-web:2"],
    ];
    assert_eq!(rows, expected, "{said}");

    for name in ["#web", ".#web", ".#job"] {
        let run = ["run", "--engine", "native", name];
        assert_eq!(run_in(&world, "flake", &run).expect_code(0).out, "Hello, world!\n", "{name}");
    }
    let elsewhere = format!("{}#processes", world.path("flake").display());
    let ended = run_in(&world, "", &["run", "--engine", "native", &elsewhere]).expect_code(0);
    assert_eq!(lines::of(&ended.out, "hello.1"), ["Hello, world!"]);
}

#[test]
fn what_a_flake_does_not_have_is_told() {
    let world = World::new();
    flake(&world);
    for (name, code, said) in [
        (".#wbe", 66, "no container `wbe` in .\nhint: there are: job, processes, web"),
        (".#hello", 65, "hello is not an image"),
        ("./none#web", 65, "cannot find the flake ./none"),
    ] {
        let failed = run_in(&world, "flake", &["build", name]).expect_code(code);
        assert!(failed.err.contains(said), "{name}: {}", failed.err);
    }
}
