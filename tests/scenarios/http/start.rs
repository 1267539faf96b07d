//! Where the endpoint listens, and what happens where it cannot.

use std::net::TcpListener;
use std::process::Command;

use devenv_tests::http;
use devenv_tests::place::Place;
use devenv_tests::running::{Ended, Running};
use devenv_tests::spec::Spec;
use devenv_tests::world::World;

/// Runs a supervisor with an address to its end.
fn up(world: &World, address: &str) -> Ended {
    let mut command: Command = Place::Shell.up(world, &Spec::new().actor("web", &["wait"]));
    Running::start(command.args(["--http", address])).end()
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_starts() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let ended = up(&world, &address).expect_code(71);
    let want = format!(
        "devenv-init: cannot answer HTTP at {address}: Address already in use (os error 98)\n\
         hint: give --http another address or port\n"
    );
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", want.as_str()));
}

#[test]
fn an_address_is_literal() {
    let world = World::new();
    for address in ["pod:9300", "127.0.0.1", "9300", ""] {
        let ended = up(&world, address).expect_code(64);
        let want = format!("--http: \"{address}\" is not an address with a port\nhint: ");
        assert!(ended.err.contains(&want), "{}", ended.err);
    }
}

#[test]
fn a_port_alone_means_every_address() {
    let world = World::new();
    let port = http::free_port();
    let spec = Spec::new().actor("web", &["wait"]);
    let supervised = Place::Shell.start(&world, &spec, &["--http", &format!(":{port}")]);
    supervised.wait_for("web.1  | ready");
    assert_eq!(http::get(port, "/readyz").body, "ok\n");
}

#[test]
fn the_last_word_counts_and_none_is_none() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let spec = Spec::new().actor("web", &["exit", "0"]);
    let mut command = Place::Shell.up(&world, &spec);
    let _ =
        Running::start(command.args(["--http", &address, "--http", "none"])).end().expect_code(0);
}
