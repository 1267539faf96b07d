//! A clock that is set: by an administrator, or by a machine that wakes from sleep.

use std::io::Read as _;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use devenv_tests::place::Place;
use devenv_tests::spec::Spec;
use devenv_tests::wait;
use devenv_tests::warp::Warped;
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::json;

const HOUR: i64 = 3600;

/// Waits and graces of the plan below. Those of a clock that is set would be hours, or none at all.
const WAIT: Duration = Duration::from_millis(400);

#[test]
fn waits_and_graces_are_as_long_as_ever_while_the_clock_is_set_back_and_forth() {
    let world = World::new();
    let wait_ms = u64::try_from(WAIT.as_millis()).unwrap();
    let again = json!({
        "on": "always", "max_restarts": null, "backoff_ms": wait_ms, "backoff_max_ms": wait_ms,
    });
    let ready = json!({
        "check": { "exec": { "command": ["/bin/true"] } }, "timing": { "period_ms": 100 },
    });
    let spec = Spec::new()
        .actor_with("flaps", &["exit", "0"], json!({ "restart": again }))
        .actor_with("deaf", &["deaf"], json!({ "ready": ready, "stop": { "grace_ms": wait_ms } }));
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let mut up = Place::Shell.up(&world, &spec);
    up.env("TZ", "UTC").stdout(writer).stderr(Stdio::inherit());
    let warped = Warped::start(up);
    let log = Arc::new(Mutex::new(String::new()));
    let written = Arc::clone(&log);
    let follow = std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = reader.read(&mut chunk) {
            written.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..count]));
        }
    });
    let starts = || log.lock().unwrap().matches("flaps.1 started").count();
    let mut hours = Vec::new();
    for offset in [0, -5 * HOUR, 19 * HOUR, -2 * HOUR, 0] {
        // Set in the middle of a wait.
        let before = starts();
        wait::until_true(wait::SOON, "the next run", || starts() > before);
        warped.set(offset);
        let set = Instant::now();
        let before = starts();
        wait::until_true(wait::SOON, "three more runs", || starts() >= before + 3);
        let took = set.elapsed();
        assert!(took > 2 * WAIT, "set to {offset} s: three runs within {took:?}");
        assert!(took < 10 * WAIT, "set to {offset} s: three runs took {took:?}");
        let log = log.lock().unwrap();
        hours.push(log.lines().last().and_then(|line| line.get(..2)).map(str::to_owned));
    }
    // The lines have the time of day as it is, and so were those that proved something here.
    assert_ne!(hours[0], hours[1], "the clock was never set: {hours:?}");
    warped.signal(Signal::SIGTERM);
    let told = Instant::now();
    wait::until_true(wait::SOON, "the stop", || {
        log.lock().unwrap().contains("sending SIGTERM to deaf.1")
    });
    warped.set(-9 * HOUR);
    let ended = warped.end();
    let took = told.elapsed();
    follow.join().unwrap();
    let log = log.lock().unwrap();
    assert_eq!(ended.code, 143, "{log}");
    assert!(log.contains("deaf.1 is ready"), "{log}");
    assert!(log.contains("deaf.1 stopped (rc=-9)"), "{log}");
    assert!(took >= WAIT && took < 10 * WAIT, "the grace took {took:?}: {log}");
    assert!(ended.looks > 0, "the time of day was never asked for");
    assert_eq!(ended.waits, Vec::<String>::new(), "it waits for a time of day");
}
