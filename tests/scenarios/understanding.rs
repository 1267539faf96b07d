//! What is told about an image: what takes the room, why it is there, and how two images differ.

use devenv_tests::world::World;

#[test]
fn it_is_told_which_variables_and_processes_keep_a_path() {
    let world = World::new();
    let project = world.project(
        "why",
        r#"{ pkgs, ... }: {
             name = "why";
             env.TOOL = "${pkgs.hello}/bin/hello";
             processes.a.exec = "exec ${pkgs.hello}/bin/hello";
             processes.b = { exec = "exec sleep 9"; init.live.exec = "${pkgs.hello}/bin/hello"; }; }"#,
    );
    let said = project.run(&["explain", "processes", "hello", "--json"]).expect_code(0).out;
    let kept_by = |name: &str| {
        let found = said
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
            .find(|one| one["path"].as_str().is_some_and(|path| path.contains(name)));
        found.unwrap_or_else(|| panic!("no {name} in {said}"))["kept_by"].clone()
    };
    let keepers = ["process a", "process b", "variable TOOL"];
    assert_eq!(kept_by("-hello"), serde_json::json!(keepers), "{said}");
    let shown = project.run(&["explain", "processes", "hello"]).expect_code(0).out;
    assert!(shown.contains("variable TOOL -> hello\n"), "{shown}");
    assert!(shown.contains("also kept by process a, process b\n"), "{shown}");
}

#[test]
fn it_is_told_what_changed_between_two_images() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let before = project.build("processes");
    let same = project.run(&["diff", &before, "processes"]).expect_code(0);
    assert_eq!(same.out, "nothing differs\n");
    world.write("hello/README", &"changed ".repeat(1000));
    let changed = project.run(&["diff", &before, "processes"]).expect_code(1).out;
    assert!(changed.lines().any(|line| line.starts_with("~ source")), "{changed}");
    assert!(
        changed.trim_end().lines().last().is_some_and(|l| l.starts_with("larger by ")),
        "{changed}"
    );
}
