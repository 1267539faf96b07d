//! A notify socket that is fed what no one should send.

use devenv_tests::place::Place;
use devenv_tests::process_table;
use devenv_tests::programs::repository;
use devenv_tests::random::seeds;
use devenv_tests::spec::Spec;
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::json;

fn speaker(arguments: &[&str]) -> Spec {
    let ready = json!({ "check": "notify" });
    Spec::new().actor("bystander", &["wait"]).actor_with(
        "speaks",
        arguments,
        json!({ "ready": ready, "watchdog": { "usec": 60_000_000 } }),
    )
}

#[test]
fn garbage_in_the_notify_socket_is_passed_over_until_something_true_is_said() {
    let world = World::new();
    for seed in seeds(1..=5) {
        let seed = &seed.to_string();
        let supervised =
            Place::PidNamespace.start(&world, &speaker(&["notify", seed, "5000"]), &[]);
        supervised.wait_for("speaks.1 is ready");
        let peak = process_table::peak_memory_kb(supervised.pid()).expect("it runs");
        assert!(peak < 16 * 1024, "seed {seed}: {peak} kB");
        supervised.signal(Signal::SIGTERM);
        let ended = supervised.end().expect_code(143);
        assert!(ended.out.contains("bystander.1 stopped (rc=-15)"), "{}", ended.out);
        assert!(!ended.out.contains("internal"), "seed {seed}: {}", ended.out);
    }
}

#[test]
fn messages_that_were_trouble_once_are_none_any_more() {
    let world = World::new();
    let corpus = world.copy(&repository().join("tests/corpus/notify"), "corpus");
    let arguments = ["notify-all", corpus.to_str().expect("a plain path")];
    let supervised = Place::PidNamespace.start(&world, &speaker(&arguments), &[]);
    supervised.wait_for("speaks.1 is ready");
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end().expect_code(143);
    assert!(!ended.out.contains("cannot speak"), "{}", ended.out);
}

#[test]
fn a_status_that_is_shown_moves_no_cursor() {
    let world = World::new();
    let corpus = repository().join("tests/corpus/notify");
    let only = world.directory("corpus");
    std::fs::copy(corpus.join("escape-in-status"), only.join("status")).expect("a file");
    // A message does not make it ready, because it is to be known by its output, and so the status
    // is what there is to say when its time is over.
    let never = json!({ "check": { "log_line": { "contains": "never" } }, "deadline_ms": 300 });
    let fields = json!({ "ready": never, "watchdog": { "usec": 60_000_000 } });
    let arguments = ["notify-all", only.to_str().expect("a plain path")];
    let spec = Spec::new().actor_with("speaks", &arguments, fields);
    let ended = Place::Shell.run(&world, &spec).expect_code(69);
    assert!(ended.out.contains("its status:  [2J ]0;title cleared"), "{:?}", ended.out);
    assert!(!ended.out.contains(['\u{1b}', '\u{7}']), "{:?}", ended.out);
}
