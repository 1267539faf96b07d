//! Exit codes and restarts that others report wrongly.

use std::process::Command;

use devenv_tests::place::Place;
use devenv_tests::programs::{actor, devenv_init};
use devenv_tests::running;
use devenv_tests::spec::{ACTOR, Spec};
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::json;

fn exec(arguments: &[&str]) -> i32 {
    running::run(Command::new(devenv_init()).args(["exec", "--"]).arg(actor()).args(arguments)).code
}

/// The most trusted init of containers is tested with each of the 256; others end with 0 whatever
/// happened.
#[test]
fn each_of_the_256_exit_codes_comes_through() {
    for code in 0..=255 {
        assert_eq!(exec(&["exit", &code.to_string()]), code);
    }
}

/// Others say 241 for a death by SIGTERM, or 137 for a death by any signal.
#[test]
fn each_signal_that_kills_comes_through_as_128_and_its_number() {
    let harmless = [Signal::SIGCHLD, Signal::SIGCONT, Signal::SIGURG, Signal::SIGWINCH];
    let stopping = [Signal::SIGSTOP, Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU];
    let deadly =
        Signal::iterator().filter(|one| !harmless.contains(one) && !stopping.contains(one));
    for signal in deadly {
        assert_eq!(exec(&["end-by", signal.as_str()]), 128 + signal as i32, "{signal}");
    }
}

/// Elsewhere `max = null` is documented as no limit and means five.
#[test]
fn restarts_without_a_limit_have_none() {
    let world = World::new();
    let count = world.directory("state").join("count").display().to_string();
    let script = format!("echo x >> {count}; test $(wc -l < {count}) -ge 12");
    let again = json!({ "on": "on_failure", "max_restarts": null, "backoff_ms": 1 });
    let spec =
        Spec::new().process_with("a", &["/bin/sh", "-c", &script], json!({ "restart": again }));
    let ended = Place::Shell.run(&world, &spec).expect_code(0);
    assert_eq!(ended.out.matches("a.1 started").count(), 12, "{}", ended.out);
}

/// Elsewhere a budget without a window is one within ten seconds, so that a process that fails every
/// few seconds is started for ever; and a window is not what it is documented to be.
#[test]
fn a_budget_counts_within_its_window_and_without_one_over_the_whole_life() {
    let world = World::new();
    let restart = |window: Option<u32>| {
        json!({ "on": "on_failure", "max_restarts": 2, "window_ms": window,
                "backoff_ms": 1, "backoff_max_ms": 1 })
    };
    // Fails slowly: of three failures no two are within the window.
    let count = world.directory("state").join("count").display().to_string();
    let slow = format!("echo x >> {count}; sleep 0.3; test $(wc -l < {count}) -ge 6");
    for (window, starts, code) in [(None, 3, 1), (Some(250), 6, 0)] {
        std::fs::write(&count, "").expect("a file");
        let fields = json!({ "restart": restart(window) });
        let spec = Spec::new().process_with("a", &["/bin/sh", "-c", &slow], fields);
        let ended = Place::Shell.run(&world, &spec).expect_code(code);
        assert_eq!(ended.out.matches("a.1 started").count(), starts, "{window:?}: {}", ended.out);
    }
}

/// Elsewhere a process that fails at once is started again without a pause, and burns a core.
#[test]
fn the_pause_before_a_restart_grows() {
    let again = json!({ "on": "on_failure", "max_restarts": 4, "backoff_ms": 50,
                        "backoff_jitter_percent": 0 });
    let spec = Spec::new().actor_with("a", &["exit", "1"], json!({ "restart": again }));
    let begun = std::time::Instant::now();
    let ended = Place::Shell.run(&World::new(), &spec).expect_code(1);
    assert!(begun.elapsed().as_millis() >= 50 + 100 + 200 + 400, "{}", ended.out);
    for (number, pause) in ["0.05", "0.1", "0.2", "0.4"].into_iter().enumerate() {
        let line = format!("a.1 will be started again in {pause} s ({} of 4)", number + 1);
        assert!(ended.out.contains(&line), "no {line:?} in {}", ended.out);
    }
}

/// Elsewhere a hundred clients of a database that went away all come back in the same millisecond.
#[test]
fn what_failed_together_comes_back_apart() {
    let again = json!({ "on": "on_failure", "max_restarts": 1, "backoff_ms": 1000 });
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let spec = names.iter().fold(Spec::new(), |spec, name| {
        spec.actor_with(name, &["exit", "1"], json!({ "restart": again }))
    });
    let ended = Place::Shell.run(&World::new(), &spec).expect_code(1);
    let seconds = |line: &str| {
        let (_, rest) = line.split_once("will be started again in ")?;
        rest.split_once(" s ")?.0.parse::<f64>().ok()
    };
    let mut waits: Vec<f64> = ended.out.lines().filter_map(seconds).collect();
    assert_eq!(waits.len(), names.len(), "{}", ended.out);
    assert!(waits.iter().all(|wait| (0.9..=1.0).contains(wait)), "{waits:?}");
    waits.sort_by(f64::total_cmp);
    waits.dedup();
    assert!(waits.len() > names.len() / 2, "{waits:?}");
}

/// Elsewhere a code above 128 after our own signal counts as a failure of the process.
#[test]
fn what_a_process_says_when_it_is_stopped_is_no_failure() {
    let world = World::new();
    let again = json!({ "on": "on_failure", "max_restarts": null, "backoff_ms": 1 });
    for code in [143, 3] {
        let script = format!("trap 'exit {code}' TERM; echo ready; while :; do sleep 0.05; done");
        let fields = json!({ "restart": again.clone() });
        let spec = Spec::new().process_with("a", &["/bin/sh", "-c", &script], fields);
        let supervised = Place::Shell.start(&world, &spec, &[]);
        supervised.wait_for("| ready");
        supervised.signal(Signal::SIGTERM);
        let ended = supervised.end().expect_code(143);
        assert!(ended.out.contains(&format!("a.1 stopped (rc={code})")), "{}", ended.out);
        assert!(!ended.out.contains("ends everything"), "{}", ended.out);
        assert!(!ended.out.contains("again"), "{}", ended.out);
    }
}

/// Elsewhere arguments are joined and taken apart again by a shell, which loses quotes and blanks and
/// expands variables a second time.
#[test]
fn arguments_arrive_as_they_were_given() {
    let words = ["a b", "", "$HOME", "-n", "*", "it's \"quoted\"", "\\n", "ü"];
    let script = r#"for word; do printf '<%s>\n' "$word"; done"#;
    let want: Vec<String> = words.iter().map(|word| format!("<{word}>")).collect();
    let mut exec = Command::new(devenv_init());
    exec.args(["exec", "--", "/bin/sh", "-c", script, "sh"]).args(words);
    let said = running::run(&mut exec).expect_code(0).out;
    assert_eq!(said.lines().collect::<Vec<_>>(), want);
    let command: Vec<&str> = ["/bin/sh", "-c", script, ACTOR].into_iter().chain(words).collect();
    let ended = Place::Shell.run(&World::new(), &Spec::new().process("a", &command)).expect_code(0);
    assert_eq!(devenv_tests::lines::of(&ended.out, "a.1"), want);
}
