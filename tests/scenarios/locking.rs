//! `lock` writes down which revisions the inputs of a project are at.

use std::fs;
use std::process::Command;

use devenv_tests::programs::{repository, tool};
use devenv_tests::running;
use devenv_tests::world::World;

fn git(world: &World, arguments: &[&str]) -> String {
    let mut command = Command::new(tool("git"));
    command.args(["-c", "user.name=me", "-c", "user.email=me@localhost"]).args(arguments);
    running::run(command.current_dir(world.path("packages"))).expect_code(0).out
}

/// The package set as a repository, and its revision.
fn packages(world: &World) -> String {
    world.copy(&repository().join("tests/nixpkgs"), "packages");
    git(world, &["init", "-q"]);
    commit(world)
}

fn commit(world: &World) -> String {
    git(world, &["add", "."]);
    git(world, &["commit", "-q", "-m", "packages"]);
    git(world, &["rev-parse", "HEAD"]).trim().to_owned()
}

#[test]
fn a_new_project_is_locked_and_built_without_the_devenv_command_line() {
    let world = World::new();
    let revision = packages(&world);
    let project =
        world.project("app", r#"{ name = "app"; containers.app.startupCommand = "true"; }"#);
    let url = format!("git+file://{}", world.path("packages").display());
    world.write(
        "app/devenv.yaml",
        &format!("inputs:\n  nixpkgs:\n    url: {url}\n    flake: false\n"),
    );

    let refused = project.run(&["build", "app"]).expect_code(65);
    assert!(refused.err.contains("run `devenv-container lock`"), "{}", refused.err);

    let locked = project.run(&["lock"]).expect_code(0);
    assert_eq!(locked.out, format!("input nixpkgs is at {revision}\n"));
    let first = project.build("app");
    assert!(fs::read_to_string(project.directory.join("devenv.lock")).unwrap().contains(&revision));

    // What is written down stays, whatever happens elsewhere, until it is asked for anew.
    world.write("packages/news", "");
    let newer = commit(&world);
    assert_eq!(project.run(&["lock"]).expect_code(0).out, "");
    assert_eq!(project.build("app"), first);
    let updated = project.run(&["lock", "--update"]).expect_code(0);
    assert_eq!(updated.out, format!("input nixpkgs is at {newer}\n"));
    assert_eq!(project.run(&["lock", "--update"]).expect_code(0).out, "");
}

#[test]
fn an_input_that_is_added_leaves_the_others_where_they_are() {
    let world = World::new();
    let first = packages(&world);
    let project = world.project("app", r#"{ name = "app"; }"#);
    let url = format!("git+file://{}", world.path("packages").display());
    let declare = |names: &[&str]| {
        let inputs: String = names
            .iter()
            .map(|name| format!("  {name}:\n    url: {url}\n    flake: false\n"))
            .collect();
        world.write("app/devenv.yaml", &format!("inputs:\n{inputs}"));
    };
    declare(&["nixpkgs"]);
    let _ = project.run(&["lock"]).expect_code(0);
    world.write("packages/news", "");
    let second = commit(&world);
    declare(&["nixpkgs", "more"]);
    let locked = project.run(&["lock"]).expect_code(0);
    assert_eq!(locked.out, format!("input more is at {second}\n"));
    let text = fs::read_to_string(project.directory.join("devenv.lock")).unwrap();
    assert!(text.contains(&first) && text.contains(&second), "{text}");
}

#[test]
fn an_input_that_is_not_there_is_named() {
    let world = World::new();
    let project = world.project("app", r#"{ name = "app"; }"#);
    let url = format!("git+file://{}", world.path("nowhere").display());
    world.write("app/devenv.yaml", &format!("inputs:\n  nixpkgs:\n    url: {url}\n"));
    let refused = project.run(&["lock"]).expect_code(65);
    assert!(refused.err.contains("cannot find out the revisions of inputs"), "{}", refused.err);
    assert!(refused.err.contains("nowhere"), "{}", refused.err);
    assert!(!project.directory.join("devenv.lock").exists());
}
