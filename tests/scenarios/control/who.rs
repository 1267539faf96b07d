//! Who may ask: the user of the supervisor and root, and nobody else.

use std::process::Command;

use devenv_tests::docker;
use devenv_tests::place::{Place, Supervised};
use devenv_tests::programs::as_root;
use devenv_tests::running::{self, Ended};
use devenv_tests::spec::Spec;
use devenv_tests::world::World;

use super::stop;

/// Asks for the status, on this machine, by a user of this number.
fn asked_by(user: u32, world: &World, socket: &str) -> Ended {
    let mut command: Command = as_root("setpriv");
    command.arg(format!("--reuid={user}")).arg(format!("--regid={user}"));
    command.args(["--clear-groups", "--"]).arg(world.path("devenv-init"));
    running::run(command.args(["status", "--control", socket]))
}

fn start<'w>(place: Place, world: &'w World, arguments: &[&str]) -> Supervised<'w> {
    let supervised = place.start(world, &Spec::new().actor("a", &["wait"]), arguments);
    supervised.wait_for("a.1    | ready");
    supervised
}

#[test]
fn another_user_may_not_connect_and_is_refused_where_no_file_keeps_it_out() {
    let world = World::new();
    let supervised = start(Place::Unprivileged, &world, &[]);
    let socket = supervised.socket().display().to_string();
    let refused = asked_by(12346, &world, &socket).expect_code(77);
    assert!(refused.err.contains("as its user or as root"), "{}", refused.err);
    let _ = asked_by(12345, &world, &socket).expect_code(0);
    let _ = asked_by(0, &world, &socket).expect_code(0);
    let _ = stop(supervised);

    // A name in the network namespace has no permissions: only the credentials are left.
    let name = format!("@{}", world.path("control").display());
    let supervised = start(Place::Unprivileged, &world, &["--control", &name]);
    let refused = asked_by(12346, &world, &name).expect_code(77);
    assert!(refused.err.contains("another user's"), "{}", refused.err);
    let _ = asked_by(12345, &world, &name).expect_code(0);
    let _ = asked_by(0, &world, &name).expect_code(0);
    let _ = stop(supervised);
}

#[test]
fn a_client_that_asks_no_questions_first_is_refused_by_the_supervisor_itself() {
    let world = World::new();
    let name = format!("@{}", world.path("control").display());
    let supervised = start(Place::Shell, &world, &["--control", &name]);
    let by = |user: &str| {
        let mut command = as_root("setpriv");
        command.args(["--reuid", user, "--clear-groups", "--"]).arg(world.path("actor"));
        command.args(["say", &name, r#"{"verb":"stop","processes":["a"]}"#]);
        running::run(&mut command).expect_code(0).out
    };
    let said = by("12345");
    assert!(said.contains("\"code\":77"), "{said}");
    assert!(!supervised.running().out().contains("a.1 stopped"), "a stranger stopped it");
    // The control: the same words of its own user are obeyed.
    let said = by("0");
    assert_eq!(said, "{\"done\":{}}\n");
    supervised.wait_for("a.1 stopped");
    let _ = supervised.end().expect_code(0);
}

/// Containers of a pod may share a directory or the network, and with it the socket of one of them.
#[test]
fn in_another_container_even_root_is_refused() {
    let world = World::new();
    let supervised = start(Place::PidNamespace, &world, &[]);
    let socket = supervised.socket();
    let ask = |command: &mut Command| {
        let command = command.arg(world.path("devenv-init"));
        running::run(command.args(["stop", "a", "--control"]).arg(&socket))
    };
    let refused = ask(&mut as_root("env")).expect_code(77);
    assert!(refused.err.contains("the supervisor of another container"), "{}", refused.err);
    let mut beside = as_root("unshare");
    let refused = ask(beside.args(["--pid", "--fork", "--"])).expect_code(77);
    assert!(refused.err.contains("is another container's"), "{}", refused.err);
    assert!(!supervised.running().out().contains("a.1 stopped"), "a stranger stopped it");
    // The control: from within it is answered. It is not told to stop from there, as its end would
    // be that of whoever told it.
    let _ = supervised.ask(&["status"]).expect_code(0);
    let _ = stop(supervised);
}

#[test]
fn in_a_container_another_user_is_refused() {
    let world = World::new();
    let user: &[&str] = &["--user", "12345"];
    let user_without_files: &[&str] = &["--user", "12345", "--read-only", "--ipc", "none"];
    for options in [user, user_without_files] {
        let supervised = start(Place::Docker(options), &world, &[]);
        let name = supervised.container().expect("a container").name.clone();
        let by = |user: &str| {
            let command = ["exec", "--user", user, &name, "/bin/devenv-init", "status"];
            running::run(&mut docker::docker(&command))
        };
        let refused = by("12346").expect_code(77);
        assert!(refused.err.contains("hint: "), "{}", refused.err);
        let _ = by("12345").expect_code(0);
        let _ = by("0").expect_code(0);
        let _ = stop(supervised);
    }
}
