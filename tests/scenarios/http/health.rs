//! `/livez` and `/readyz`: which process is not as it should be, and why.

use devenv_tests::http::{self, Reply, get};
use devenv_tests::spec::{ACTOR, Spec};
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::start;

fn told(reply: &Reply) -> (u16, &str) {
    (reply.status, reply.body.as_str())
}

/// Ready as long as there is a file of this path.
fn ready_with(path: &str) -> Value {
    let check = json!({ "exec": { "command": [ACTOR, "exists", path] } });
    json!({ "check": check, "timing": { "period_ms": 50, "failure_threshold": 1 } })
}

#[test]
fn a_container_is_ready_when_its_processes_are_and_says_which_is_not() {
    let world = World::new();
    let file = world.path("ready").display().to_string();
    let spec = Spec::new()
        .actor("db", &["wait"])
        .actor_with("web", &["wait"], json!({ "ready": ready_with(&file) }))
        .actor_with("spare", &["wait"], json!({ "enabled": false }));
    let (supervised, port) = start(&world, &spec, &[]);
    supervised.wait_for("web.1 is not ready yet");
    let not_ready = "[+]db.1 ok\n[-]web.1 failed: web.1 runs but is not ready: exit code 1\n\
                     [+]shutdown ok\nreadyz check failed\n";
    assert_eq!(told(&get(port, "/readyz")), (503, not_ready));
    assert_eq!(told(&get(port, "/readyz/db")), (200, "ok\n"));
    assert_eq!(get(port, "/readyz/web").status, 503);
    assert_eq!(told(&get(port, "/livez")), (200, "ok\n"));
    std::fs::write(&file, "").expect("a file");
    wait::until_true(wait::SOON, "the container to be ready", || {
        get(port, "/readyz").status == 200
    });
    assert_eq!(told(&get(port, "/readyz")), (200, "ok\n"));
    let verbose = "[+]db.1 ok\n[+]web.1 ok\n[+]shutdown ok\nreadyz check passed\n";
    assert_eq!(told(&get(port, "/readyz?verbose")), (200, verbose));
    // What nobody wants is not missed, except by who asks for it.
    let spare = get(port, "/readyz/spare");
    assert_eq!(spare.status, 503);
    assert!(spare.body.starts_with("[-]spare.1 failed: spare.1 is not started\n"), "{spare:?}");
    std::fs::remove_file(&file).expect("our file");
    wait::until_true(wait::SOON, "the container not to be", || get(port, "/readyz").status == 503);
}

#[test]
fn while_everything_is_being_stopped_nothing_is_ready_and_all_is_alive() {
    let world = World::new();
    let spec = Spec::new().actor("slow", &["deaf"]);
    let (supervised, port) = start(&world, &spec, &[]);
    supervised.wait_for("slow.1 | ready");
    assert_eq!(get(port, "/readyz").status, 200);
    supervised.signal(Signal::SIGTERM);
    supervised.wait_for("sending SIGTERM");
    let reply = get(port, "/readyz");
    assert_eq!(reply.status, 503);
    assert!(reply.body.contains("[-]shutdown failed: everything is being stopped\n"), "{reply:?}");
    assert!(reply.body.contains("[-]slow.1 failed: slow.1 is being stopped\n"), "{reply:?}");
    assert_eq!(told(&get(port, "/livez")), (200, "ok\n"));
    supervised.signal(Signal::SIGTERM);
    let _ = supervised.end().expect_code(143);
}

#[test]
fn a_process_that_failed_for_good_is_told_unless_it_does_not_count() {
    let world = World::new();
    let spec = Spec::new()
        .actor("stays", &["wait"])
        .actor_with("aside", &["exit", "4"], json!({ "exit": "never" }))
        .actor_with("late", &["exit", "3"], json!({ "enabled": false }));
    let (supervised, port) = start(&world, &spec, &[]);
    supervised.wait_for("aside.1 stopped (rc=4)");
    assert_eq!(told(&get(port, "/livez?verbose")), (200, "[+]stays.1 ok\nlivez check passed\n"));
    assert_eq!(get(port, "/livez/aside").status, 503);
    let _ = supervised.ask(&["start", "--no-wait", "late"]);
    supervised.wait_for("late.1 stopped (rc=3)");
    let reply = get(port, "/livez");
    let want =
        "[+]stays.1 ok\n[-]late.1 failed: late.1 has failed (exit code 3)\nlivez check failed\n";
    assert_eq!(told(&reply), (503, want));
}

#[test]
fn only_what_there_is_is_answered_and_only_to_those_who_look() {
    let world = World::new();
    let (_supervised, port) = start(&world, &Spec::new().actor("web", &["wait"]), &[]);
    for (path, status, body) in [
        ("/", 404, "there are /livez, /readyz, /livez/NAME, /readyz/NAME and /metrics\n"),
        ("/readyz/", 404, "there are /livez"),
        ("/readyz/nobody", 404, "there is no process \"nobody\"\n"),
        ("/readyz/%22%0A", 404, "there is no process \"\\\"\\n\"\n"),
        ("/readyz/web%2E1", 200, "ok\n"),
    ] {
        let reply = get(port, path);
        assert_eq!(reply.status, status, "{path}");
        assert!(reply.body.starts_with(body), "{path}: {reply:?}");
        assert_eq!(reply.header("Content-Type"), Some("text/plain; charset=utf-8"));
        assert_eq!(reply.header("Connection"), Some("close"));
        assert_eq!(reply.header("Cache-Control"), Some("no-store"));
        let date = reply.header("Date").expect("a date");
        assert!(date.len() == 29 && date.ends_with(" GMT"), "{date}");
    }
    let head = http::reply(&http::say(port, b"HEAD /readyz HTTP/1.0\r\n\r\n"));
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("Content-Length"), Some("3"));
    let post = b"POST /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
    let post = http::reply(&http::say(port, post));
    assert_eq!((post.status, post.header("Allow")), (405, Some("GET, HEAD")));
}
