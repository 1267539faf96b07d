//! Mistakes and missing things: an error that says what could not be done, a way out, and the
//! documented exit code.

use std::process::Command;

use devenv_tests::docker;
use devenv_tests::programs::devenv_init;
use devenv_tests::running::{self, Ended};
use devenv_tests::world::World;

/// Checks code and words of an error, and that nothing went to standard output.
#[track_caller]
fn expect(ended: Ended, code: i32, words: &[&str]) {
    let ended = ended.expect_code(code);
    for word in words {
        assert!(ended.err.contains(word), "no {word:?} in: {}", ended.err);
    }
    assert_eq!(ended.out, "", "standard output is for results");
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
}

#[test]
fn no_project_is_66_and_says_where_it_looked() {
    let world = World::new();
    let empty = world.directory("empty");
    let mut command = world.container(&["build", "processes"]);
    let ended = running::run(command.current_dir(&empty));
    expect(ended, 66, &["no devenv.nix in", "empty", "hint: "]);
    let ended = running::run(&mut world.container(&["-C", "/no/such/place", "list"]));
    expect(ended, 66, &["/no/such/place"]);
}

#[test]
fn a_supervisor_of_another_system_is_65_and_both_are_named() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let other = if cfg!(target_arch = "x86_64") { "aarch64-linux" } else { "x86_64-linux" };
    let failed = project.run(&["build", "processes", "--system", other]).expect_code(65);
    let here = format!("it is a program for {}-linux\n", std::env::consts::ARCH);
    assert!(failed.err.contains(&format!("in an image for {other}: {here}")), "{}", failed.err);
    assert!(failed.err.contains("--init PATH"), "{}", failed.err);
}

#[test]
fn an_unknown_container_is_66_and_says_which_there_are() {
    let world = World::new();
    let project = world.example("hello", "hello");
    for verb in ["build", "run", "copy"] {
        let ended = project.run(&[verb, "prod"]);
        expect(ended, 66, &["no container `prod`", "hint: ", "processes, shell"]);
    }
}

#[test]
fn a_syntax_error_in_devenv_nix_is_65_and_points_at_the_line() {
    let world = World::new();
    let project = world.project("broken", "{\n  name = \"broken\";\n  processes = ;\n}\n");
    expect(project.run(&["build", "processes"]), 65, &["syntax error", "devenv.nix:3", "hint: "]);
    expect(project.run(&["list"]), 65, &["syntax error", "devenv.nix:3"]);
}

#[test]
fn an_option_that_does_not_exist_is_65_and_is_named() {
    let world = World::new();
    let project = world.project("typo", r#"{ name = "typo"; procesess.a.exec = "true"; }"#);
    expect(project.run(&["build", "processes"]), 65, &["procesess"]);
}

#[test]
fn what_an_image_would_lack_is_65_and_stops_the_build() {
    let world = World::new();
    for (setting, words) in [
        (r#"caCertificates = "/nope""#, ["`containers.processes.caCertificates`", "/nope"]),
        (
            r#"caCertificates = "${pkgs.hello}/nope""#,
            ["/etc/ssl/certs/ca-certificates.crt", "hello"],
        ),
        ("healthcheck.command = [ ]", ["Healthcheck", "[\"CMD\"] names no program"]),
    ] {
        let text = format!(
            "{{ pkgs, ... }}: {{ name = \"lacks\"; processes.a.exec = \"true\"; \
             containers.processes.{setting}; }}"
        );
        let project = world.project("lacks", &text);
        expect(project.run(&["build", "processes"]), 65, &words);
    }
}

#[test]
fn a_spec_that_is_wrong_stops_the_build_and_lists_every_problem() {
    let world = World::new();
    let project = world.project(
        "wrong",
        r#"{ name = "wrong"; processes = {
             a = { exec = "true"; after = [ "devenv:processes:nowhere" ]; };
             b = { exec = "true"; after = [ "devenv:processes:elsewhere" ]; }; }; }"#,
    );
    expect(project.run(&["build", "processes"]), 65, &["nowhere"]);
}

/// Whoever pulls the image would never see the file, nor what is below it in the directory.
#[test]
fn a_file_that_layers_take_for_an_order_is_65_whatever_the_image_is_for() {
    let world = World::new();
    for name in [".wh.file", ".wh..wh..opq"] {
        let text = r#"{ pkgs, ... }:
        {
          name = "app";
          containers.app = {
            copyToRoot = null;
            startupCommand = [ "${pkgs.bash}/bin/bash" "-c" ": ${pkgs.writeTextDir "share/NAME" "text"}" ];
          };
        }"#;
        let project = world.project(name.trim_matches('.'), &text.replace("NAME", name));
        let file = format!("/share/{name}: ");
        let told = ["cannot pack /nix/store/", &file, "`.wh.`", "\nhint: give it another name"];
        for arguments in
            [&["build", "app"][..], &["run", "app", "--engine", "native"], &["digest", "app"]]
        {
            expect(project.run(arguments), 65, &told);
        }
        for sink in ["rootfs", "oci", "oci-archive", "docker-archive"] {
            let place = world.path("place");
            let to = format!("{sink}:{}", place.display());
            expect(project.run(&["copy", "app", &to]), 65, &told);
            assert!(!place.exists(), "{sink}");
        }
    }
    let project =
        world.project("copied", r#"{ name = "copied"; containers.app.startupCommand = [ "x" ]; }"#);
    std::fs::write(project.directory.join(".wh.notes"), "").expect("a file");
    expect(project.run(&["build", "app"]), 65, &["/.wh.notes at /env/.wh.notes: ", "hint: "]);
}

#[test]
fn no_nix_is_69_and_says_how_to_get_it() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let mut command = project.command(&["build", "processes"]);
    let ended = running::run(command.env("PATH", world.directory("empty")));
    expect(ended, 69, &["nix-instantiate", "hint: ", "nixos.org"]);
}

#[test]
fn no_docker_is_69_and_says_where_it_was_looked_for() {
    let world = World::new();
    let project = world.example("hello", "hello");
    for arguments in [
        ["run", "processes", "--engine", "docker"].as_slice(),
        &["copy", "processes", "docker-daemon:"],
    ] {
        expect(project.run(arguments), 69, &["no-docker.sock", "hint: "]);
    }
}

#[test]
fn no_client_of_docker_is_69_and_says_what_to_do() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let image = project.build("processes");
    let mut command = project.command(&["run", &image, "--engine", "docker"]);
    command.env("PATH", world.directory("empty")).env("DOCKER_HOST", docker::host());
    expect(running::run(&mut command), 69, &["docker", "hint: "]);
}

#[test]
fn a_command_line_that_makes_no_sense_is_64() {
    let world = World::new();
    for arguments in
        [&[] as &[&str], &["dance"], &["build"], &["build", "a", "b"], &["list", "--x"]]
    {
        let ended = running::run(&mut world.container(arguments)).expect_code(64);
        assert!(ended.err.contains("Usage:"), "{}", ended.err);
    }
    let project = world.example("hello", "hello");
    let ended = project.run(&["copy", "processes", "floppy:a"]);
    expect(ended, 64, &["floppy:a"]);
}

#[test]
fn a_place_that_cannot_be_written_to_is_73() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let file = world.write("file", "");
    let ended = project.run(&["copy", "processes", &format!("oci:{}", file.display())]);
    expect(ended, 73, &["file"]);
}

#[test]
fn the_supervisor_refuses_a_wrong_spec_with_78_and_lists_every_problem() {
    let world = World::new();
    let spec = world.write(
        "spec.json",
        r#"{ "version": 1, "processes": [
             { "name": "a", "command": [] },
             { "name": "a", "command": ["x"] },
             { "name": "b", "command": ["x"], "after": [{ "process": "c", "condition": "ready" }] }
           ] }"#,
    );
    let mut up = Command::new(devenv_init());
    let ended = running::run(up.args(["up", "--spec"]).arg(&spec));
    expect(ended, 78, &["spec.json is wrong", "command", "\"a\"", "\"c\"", "hint: "]);
}

#[test]
fn the_supervisor_names_what_it_was_told_that_is_not_there() {
    let world = World::new();
    let init = |arguments: &[&str]| running::run(Command::new(devenv_init()).args(arguments));
    expect(init(&["up", "--spec", "/no/such/spec"]), 66, &["/no/such/spec"]);
    expect(init(&["up"]), 64, &["spec", "hint: "]);
    expect(init(&["dance"]), 64, &["dance", "hint: "]);
    let spec = world.write(
        "spec.json",
        r#"{ "version": 1, "processes": [{ "name": "a", "command": ["x"] }] }"#,
    );
    let spec = spec.to_str().unwrap();
    expect(init(&["up", "--spec", spec, "b"]), 64, &["no process \"b\"", "hint: ", "a"]);
    expect(init(&["logs", "-n", "x"]), 64, &["--lines: \"x\" is no number"]);
    expect(init(&["exec", "--", "/no/such/program"]), 127, &["/no/such/program"]);
    expect(init(&["exec", "--", "/dev/null"]), 126, &["/dev/null"]);
    let newer = world.write("newer.json", r#"{ "version": 99 }"#);
    expect(init(&["up", "--spec", newer.to_str().unwrap()]), 78, &["version 99", "hint: "]);
}

#[test]
fn a_fault_of_the_spec_is_told_with_its_place_and_process() {
    let world = World::new();
    for (process, says) in [
        (r#""restart": { "on": "maybe" }"#, "(web).restart.on: unknown variant `maybe`"),
        (r#""colour": 1"#, "(web): unknown field `colour`"),
        (r#""limits": { "core": "1", "core": "2" }"#, "(web).limits.core: is there twice"),
    ] {
        let text = format!(
            r#"{{ "version": 1, "processes": [{{ "name": "web", "command": ["x"], {process} }}] }}"#
        );
        let spec = world.write("spec.json", &text);
        let ended = running::run(Command::new(devenv_init()).args(["up", "--spec"]).arg(&spec));
        expect(ended, 78, &["spec.json is wrong", &format!("processes[0] {says}")]);
    }
}

#[test]
fn that_nothing_is_to_be_started_is_told() {
    let world = World::new();
    let spec = r#"{ "version": 1, "processes": [
                    { "name": "a", "command": ["x"], "enabled": false }] }"#;
    let spec = world.write("spec.json", spec).display().to_string();
    let procfile = world.write("Procfile", "web: x\n").display().to_string();
    for arguments in [&["--spec", &spec] as &[&str], &["-f", &procfile, "-c", "web=0"]] {
        let mut up = Command::new(devenv_init());
        let ended = running::run(up.args(["up", "--control", "none"]).args(arguments));
        expect(ended, 0, &["warning: nothing is to be started"]);
    }
}

#[test]
fn a_reader_that_is_gone_is_no_reason_to_panic() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let _ = project.build("processes");
    let mut help = Command::new(devenv_init());
    help.arg("--help");
    let commands = [
        project.command(&["list"]),
        project.command(&["build", "processes"]),
        project.command(&["--help"]),
        help,
    ];
    for mut command in commands {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let said = command.stdout(writer).output().expect("the program starts");
        let err = String::from_utf8_lossy(&said.stderr);
        assert!(!err.contains("panicked"), "{command:?}: {err}");
        assert_ne!(said.status.code(), Some(101), "{command:?}: {err}");
    }
}

#[test]
fn a_wrong_place_to_copy_to_or_to_mount_from_is_64_before_anything_is_built() {
    let world = World::new();
    // Nothing of it could be evaluated, let alone built.
    let project = world.project("broken", "{");
    for (arguments, words) in [
        (&["copy", "web", "--registry", "ftp://x/"][..], &["`ftp://x/`", "unknown transport"][..]),
        (&["copy", "web", "--registry", "docker://r.example/me"], &["docker://r.example/me/"]),
        (&["copy", "web", "docker://me:s3cr3t@r.example/a"], &["credentials do not belong"]),
        (&["copy", "web", "--registry", "docker://me:s3cr3t@r.example/"], &["credentials do not"]),
        (&["plan", "web", "--to", "docker://me:s3cr3t@r.example/a"], &["credentials do not"]),
        (&["plan", "web", "--to", "docker://r.example/a", "--mount-from", ""], &["it is empty"]),
    ] {
        let ended = project.run(arguments);
        assert!(!ended.err.contains("s3cr3t"), "{}", ended.err);
        expect(ended, 64, words);
    }
    let project = world.example("hello", "hello");
    for place in ["r.example/base", "base:v1", "a b"] {
        let to = "docker://r.example/a";
        let ended = project.run(&["copy", "processes", to, "--mount-from", place]);
        expect(ended, 64, &["cannot mount from", place, "--mount-from team/base"]);
    }
}
