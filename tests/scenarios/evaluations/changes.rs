//! What makes a project be evaluated again, and what does not.

use std::os::unix::fs::symlink;

use devenv_tests::world::World;

use super::*;

#[test]
fn an_unchanged_project_is_not_evaluated_again() {
    let world = World::new();
    let counted = Counted::new(&world, &project(""));
    let image = counted.build();
    assert!(counted.asked() > 0, "the first time it is");
    assert_eq!(counted.build(), image);
    assert_eq!(counted.asked(), 0);
    // Each verb that asks the same finds the answer.
    let _ = counted.run(&["diff", "app", "app"]);
    let _ = counted.run(&["run", "app", "--engine", "native"]);
    assert_eq!(counted.asked(), 0);
    let listed = counted.run(&["list"]).out;
    assert_eq!(counted.asked(), 1, "the names are another question");
    assert_eq!(counted.run(&["list"]).out, listed);
    assert_eq!(counted.asked(), 0);
    let _ = counted.run(&["inspect", "app"]);
    assert_eq!(counted.asked(), 1, "how it is copied, which decides its digest, is one more");
    let _ = counted.run(&["digest", "app"]);
    assert_eq!(counted.asked(), 0);
}

#[test]
fn whatever_was_looked_at_makes_a_difference() {
    let world = World::new();
    let counted = Counted::new(
        &world,
        &project(
            r#"env = {
                 IMPORTED = import ./imported.nix;
                 READ = builtins.readFile ./linked;
                 LISTED = toString (builtins.attrNames (builtins.readDir ./listed));
                 THERE = if builtins.pathExists ./maybe then "yes" else "no";
                 OUTSIDE = builtins.readFile ../outside;
                 COPIED = "${./copied}";
               };"#,
        ),
    );
    counted.write("imported.nix", "\"one\"");
    counted.write("listed/a", "");
    counted.write("copied/deep/file", "one");
    world.write("outside", "one");
    world.write("target", "one");
    world.write("other", "two");
    symlink("../target", counted.path("linked")).unwrap();
    let first = counted.build();

    let changes: [(&str, &dyn Fn()); 10] = [
        ("an imported file", &|| counted.write("imported.nix", "\"two\"")),
        ("a listed directory", &|| counted.write("listed/b", "")),
        ("what was not there", &|| counted.write("maybe", "")),
        ("what is gone again", &|| remove(&counted.path("maybe"))),
        ("a file outside", &|| drop(world.write("outside", "two"))),
        ("a file in what is copied", &|| counted.write("copied/deep/file", "two")),
        ("a name in what is copied", &|| counted.write("copied/deep/new", "")),
        ("where a link leads", &|| drop(world.write("target", "three"))),
        ("a link", &|| {
            remove(&counted.path("linked"));
            symlink("../other", counted.path("linked")).unwrap();
        }),
        ("a file of its own", &|| counted.write("devenv.local.nix", "{ env.LOCAL = \"yes\"; }")),
    ];
    let mut images = vec![first];
    for (what, change) in changes {
        assert!(!counted.evaluates(), "nothing has changed before {what}");
        change();
        assert!(counted.evaluates(), "{what}");
        images.push(counted.build());
    }
    // All were told apart, but for the one that went back to what was there before.
    assert_eq!(images[4], images[2]);
    images.remove(4);
    let count = images.len();
    images.sort();
    images.dedup();
    assert_eq!(images.len(), count, "{images:?}");
}

#[test]
fn what_nobody_looked_at_makes_none() {
    let world = World::new();
    let counted = Counted::new(&world, &project(""));
    let _ = counted.build();
    counted.write("notes.txt", "in the project, which is not copied");
    world.write("beside", "");
    assert!(!counted.evaluates());
}

#[test]
fn what_is_copied_by_default_is_the_project_as_a_whole() {
    let world = World::new();
    let counted =
        Counted::new(&world, r#"{ name = "app"; containers.app.startupCommand = "true"; }"#);
    let first = counted.build();
    assert!(!counted.evaluates());
    counted.write("notes.txt", "in the image from now on");
    assert!(counted.evaluates());
    assert_ne!(counted.build(), first);
}

#[test]
fn variables_make_a_difference_and_the_terminal_does_not() {
    let world = World::new();
    let colour = r#"env.COLOUR = builtins.getEnv "COLOUR";"#;
    let counted = Counted::new(&world, &project(colour));
    let build = |variables: &[(&str, &str)]| {
        settle();
        let mut command = counted.command(&["build", "app"]);
        let ended = running::run(command.envs(variables.iter().copied())).expect_code(0);
        (ended.out, counted.asked() > 0)
    };
    let (red, _) = build(&[("COLOUR", "red"), ("SHLVL", "1")]);
    let (blue, asked) = build(&[("COLOUR", "blue"), ("SHLVL", "1")]);
    assert!(asked && blue != red);
    let again = build(&[("COLOUR", "red"), ("SHLVL", "2"), ("TMUX_PANE", "%1")]);
    assert_eq!(again, (red, false));
}

#[test]
fn another_supervisor_makes_a_difference() {
    let world = World::new();
    let counted = Counted::new(&world, &project(""));
    let init = world.path("devenv-init");
    let arguments = ["build", "app", "--init", init.to_str().unwrap()];
    let install = |extra: &[u8]| {
        let program = fs::read(devenv_tests::programs::devenv_init()).unwrap();
        fs::write(&init, [&program, extra].concat()).unwrap();
        fs::set_permissions(&init, fs::Permissions::from_mode(0o755)).unwrap();
    };
    install(b"");
    let first = counted.run(&arguments).out;
    assert_eq!(counted.run(&arguments).out, first);
    install(b"another version");
    assert_ne!(counted.run(&arguments).out, first);
}

#[test]
fn a_commit_makes_a_difference() {
    let world = World::new();
    let counted = Counted::new(
        &world,
        &project("env.REV = (builtins.fetchGit { url = ./repository; }).rev;"),
    );
    let git = |arguments: &[&str]| {
        let mut command = Command::new(tool("git"));
        command.args(["-c", "user.name=me", "-c", "user.email=me@localhost"]).args(arguments);
        running::run(command.current_dir(counted.path("repository"))).expect_code(0).out
    };
    counted.write("repository/file", "one");
    for arguments in [&["init", "-q"][..], &["add", "."], &["commit", "-q", "-m", "one"]] {
        let _ = git(arguments);
    }
    let first = counted.build();
    // Git refreshes what it knows of its files when it is asked for the first time.
    let _ = counted.build();
    assert!(!counted.evaluates());
    counted.write("repository/file", "two");
    for arguments in [&["add", "."][..], &["commit", "-q", "-m", "two"]] {
        let _ = git(arguments);
    }
    assert!(counted.evaluates());
    assert_ne!(counted.build(), first);
}
