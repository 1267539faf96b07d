//! What those who watch over containers ask of a running supervisor over HTTP.

mod crowd;
mod figures;
mod garbage;
mod health;
mod start;

use devenv_tests::http;
use devenv_tests::place::{Place, Supervised};
use devenv_tests::spec::Spec;
use devenv_tests::world::World;

/// Starts a supervisor that answers HTTP, and gives its port.
#[track_caller]
fn start<'w>(world: &'w World, spec: &Spec, arguments: &[&str]) -> (Supervised<'w>, u16) {
    let port = http::free_port();
    let address = format!("127.0.0.1:{port}");
    let arguments = [&["--http", &address], arguments].concat();
    let supervised = Place::Shell.start(world, spec, &arguments);
    supervised.wait_for(" started");
    (supervised, port)
}
