//! The native engine and images as others get them: bases unpacked, and layers proved to hold what is
//! mounted.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use devenv_tests::judges::skopeo;
use devenv_tests::project::Project;
use devenv_tests::running::{self, Running};
use devenv_tests::world::World;
use devenv_tests::{foreign, lines};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};

use crate::native::unprivileged;

/// A project whose container builds on what somebody else made, and says what it finds.
fn on_a_base(world: &World) -> Project<'_> {
    let project = world.project(
        "app",
        r#"{ pkgs, ... }:
        {
          name = "app";
          containers.app = {
            fromImage = ./base;
            copyToRoot = null;
            user = "web";
            users.web.uid = 33;
            layers = [ { copyToRoot = [ (pkgs.writeShellScriptBin "tool" "echo tool") ]; } ];
            startupCommand = [ "/bin/sh" "-c" ''
              /bin/tool
              [ -h /bin ] && [ -h /etc/passwd ] && [ ! -e /opt/gone ] && echo "$BASE"
              while IFS=: read -r name x uid rest; do [ "$name" != web ] || echo "web is $uid of $UID"; done < /etc/passwd
              echo changed > /tmp/mine && echo writable
            '' ];
          };
        }"#,
    );
    let base = format!("oci:{}", project.directory.join("base").display());
    let theirs = format!("oci:{}:v1", foreign::layout(world).display());
    skopeo(&["copy", "--insecure-policy", &theirs, &base]);
    project
}

const FOUND: &str = "tool\ntheirs\nweb is 33 of 33\nwritable\n";

/// The directories of a cache in which trees are.
fn trees(cache: &Path) -> usize {
    std::fs::read_dir(cache.join("devenv-container/trees")).map_or(0, Iterator::count)
}

#[test]
fn a_container_runs_on_a_base_without_a_daemon() {
    let world = World::new();
    let project = on_a_base(&world);
    let run = || project.run(&["run", "app", "--engine", "native"]).expect_code(0).out;
    assert_eq!(run(), FOUND);
    assert_eq!(trees(&world.path("cache")), 1);
    // Unpacked once, and what a container writes is not in the next one.
    let write = ["run", "app", "--engine", "native", "--user", "0", "--", "/bin/sh", "-c"];
    let write = [&write[..], &["echo /opt/*; echo x > /opt/theirs; echo /opt/*"]].concat();
    for _ in 0..2 {
        let said = project.run(&write).expect_code(0).out;
        assert_eq!(said, "/opt/*\n/opt/theirs\n");
    }
    assert_eq!(run(), FOUND);
    assert_eq!(trees(&world.path("cache")), 1);

    // What somebody else could have put there is not run.
    let place = world.path("cache").join("devenv-container/trees");
    std::fs::set_permissions(place, Permissions::from_mode(0o777)).expect("it is ours");
    let refused = project.run(&["run", "app", "--engine", "native"]).expect_code(77);
    assert!(refused.err.contains("others may write to it"), "{}", refused.err);
    assert!(refused.err.contains("\nhint: set XDG_CACHE_HOME"), "{}", refused.err);
}

#[test]
fn an_ordinary_user_runs_a_container_on_a_base() {
    let world = World::new();
    let image = on_a_base(&world).build("app");
    // What belongs to root is not theirs, unless they are root in the container.
    let write =
        "for file in /opt/new /etc/passwd; do (: >> $file) && echo $file; done 2> /dev/null; :";
    let write = ["--", "/bin/sh", "-c", write];
    for (options, written) in
        [(&[][..], ""), (&["--as-image"], ""), (&["--user", "0"], "/opt/new\n/etc/passwd\n")]
    {
        let ended = running::run(unprivileged(&world, &image).args(options).args(write));
        assert_eq!(ended.expect_code(0).out, written, "{options:?}");
    }
    for options in [&[][..], &["--as-image"]] {
        let ended = running::run(unprivileged(&world, &image).args(options)).expect_code(0);
        assert_eq!(ended.out, FOUND, "{options:?}");
        // So does one who is root in a namespace of their own, and nobody else there.
        let plain = unprivileged(&world, &image);
        let mut nested = Command::new(plain.get_program());
        let words: Vec<_> = plain.get_args().collect();
        let program = words.iter().position(|word| *word == "--").expect("a program") + 1;
        nested.args(&words[..program]).args(["unshare", "--user", "--map-root-user"]);
        nested.args(&words[program..]).args(options);
        nested.env("HOME", world.directory("nested")).current_dir("/");
        let ended = running::run(&mut nested).expect_code(0);
        assert_eq!(ended.out, FOUND, "{options:?}");
    }
}

#[test]
fn the_layers_hold_what_is_mounted() {
    let world = World::new();
    let project = on_a_base(&world);
    let ended = project.run(&["run", "app", "--as-image"]).expect_code(0);
    assert_eq!(ended.out, FOUND);
    assert!(ended.err.contains("the image holds what is mounted: "), "{}", ended.err);
    assert!(!ended.err.contains("owners"), "they are compared: {}", ended.err);

    // Whatever mask the caller has, and the exit code is the container's.
    let fails = world.project(
        "fails",
        r#"{ name = "fails"; processes.fails = { exec = "exit 42"; restart.on = "never"; }; }"#,
    );
    let mut command = fails.command(&["run", "processes", "--as-image"]);
    // SAFETY: setting the mask is all that happens between fork and exec.
    unsafe {
        command.pre_exec(|| {
            umask(Mode::from_bits_truncate(0o077));
            Ok(())
        });
    }
    let ended = running::run(&mut command).expect_code(42);
    assert!(ended.out.contains("fails.1 stopped (rc=42)"), "{}", ended.out);
    let image = fails.build("processes");
    let ended = running::run(unprivileged(&world, &image).arg("--as-image")).expect_code(42);
    assert!(ended.err.contains("but for owners"), "{}", ended.err);
}

#[test]
fn it_is_the_native_engine_that_runs_it_as_an_image() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let refused = project.run(&["run", "processes", "--as-image", "--engine", "docker"]);
    let refused = refused.expect_code(64);
    assert!(refused.err.contains("--as-image"), "{}", refused.err);
}

#[test]
fn what_was_unpacked_to_be_run_goes_when_the_container_ends() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let _ = project.build("processes");
    let unpacked = || trees(&world.path("cache"));
    let start = || {
        let mut command: Command = project.command(&["run", "processes", "--as-image"]);
        let running = Running::start(&mut command);
        running.wait_for("hello-nix.1    | Hello Nix!");
        running
    };
    let killed = start();
    killed.signal(Signal::SIGKILL);
    let _ = killed.end();
    assert_eq!(unpacked(), 1, "nobody was there to remove it, which the next one makes up for");
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
        let running = start();
        assert_eq!(unpacked(), 1, "what it runs from");
        running.signal(signal);
        let ended = running.end().expect_code(code);
        let said = lines::of(&ended.out, "system");
        assert!(said.iter().any(|line| line == "hello-nix.1 stopped (rc=-15)"), "{said:?}");
        assert_eq!(unpacked(), 0, "{signal}");
    }
}
