//! Control from inside: what a user asks of a running supervisor, and who may not.

mod crowd;
mod garbage;
mod health;
mod verbs;
mod who;
mod wishes;

use std::time::Duration;

use devenv_tests::place::Supervised;
use nix::sys::signal::Signal;
use serde_json::Value;

/// `status --json` of one process.
#[track_caller]
fn status(supervised: &Supervised<'_>, name: &str) -> Value {
    let said = supervised.ask(&["status", "--json", name]).expect_code(0).out;
    let report: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e} in {said}"));
    report["processes"][0].clone()
}

/// Ends a supervisor of processes that end when they are told to.
#[track_caller]
fn stop(supervised: Supervised<'_>) -> String {
    supervised.signal(Signal::SIGTERM);
    supervised.end_within(Duration::from_secs(9)).expect_code(143).out
}
