//! The exit code says what happened, in every place the supervisor runs in.

use devenv_tests::place::{EVERYWHERE, Place};
use devenv_tests::spec::Spec;
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::json;

#[track_caller]
fn everywhere(spec: &Spec, code: i32) {
    let world = World::new();
    for place in EVERYWHERE {
        let ended = place.run(&world, spec);
        assert_eq!(ended.code, code, "in {place:?}; out: {}\nerr: {}", ended.out, ended.err);
    }
}

#[test]
fn all_well_is_zero() {
    everywhere(&Spec::new().actor("a", &["exit", "0"]).actor("b", &["lines", "3"]), 0);
}

#[test]
fn the_code_of_the_process_that_failed_is_the_code_of_the_container() {
    everywhere(&Spec::new().actor("a", &["exit", "0"]).actor("b", &["exit", "42"]), 42);
}

#[test]
fn death_by_a_signal_is_128_and_its_number() {
    everywhere(&Spec::new().actor("a", &["end-by", "SIGKILL"]), 137);
}

#[test]
fn a_program_that_does_not_exist_is_127_and_one_that_is_not_executable_126() {
    let world = World::new();
    let ended = Place::Shell.run(&world, &Spec::new().process("a", &["/does/not/exist"]));
    let ended = ended.expect_code(127);
    assert!(ended.out.contains("/does/not/exist"), "{}", ended.out);
    let text = world.write("text", "no program");
    let command = [text.to_str().unwrap()];
    let ended = Place::Shell.run(&world, &Spec::new().process("a", &command)).expect_code(126);
    assert!(ended.out.contains("text"), "{}", ended.out);
}

#[test]
fn told_to_stop_by_term_is_143_and_by_interrupt_130() {
    let world = World::new();
    for place in EVERYWHERE {
        for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
            let spec = Spec::new().actor("a", &["wait"]).actor("b", &["wait"]);
            let supervised = place.start(&world, &spec, &[]);
            supervised.wait_for("a.1    | ready");
            supervised.wait_for("b.1    | ready");
            supervised.signal(signal);
            let ended = supervised.end();
            assert_eq!(ended.code, code, "{signal} in {place:?}; out: {}", ended.out);
        }
    }
}

#[test]
fn other_codes_count_as_success_when_the_spec_says_so() {
    let fields = json!({ "success_exit_codes": [42] });
    let spec = Spec::new().actor_with("a", &["exit", "42"], fields);
    let world = World::new();
    let _ = Place::Shell.run(&world, &spec).expect_code(0);
    // The control: the same without the field.
    let _ = Place::Shell.run(&world, &Spec::new().actor("a", &["exit", "42"])).expect_code(42);
}

#[test]
fn a_good_end_that_ends_everything_makes_no_failure_good() {
    let decides =
        json!({ "exit": "on_end", "after": [{ "process": "fails", "condition": "completed" }] });
    let spec = Spec::new()
        .with("exit", json!("all_ended"))
        .actor("fails", &["exit", "3"])
        .actor_with("ends", &["exit", "0"], decides);
    let ended = Place::Shell.run(&World::new(), &spec).expect_code(3);
    assert!(ended.out.contains("ends.1 ends everything (exit code 3)"), "{}", ended.out);
}

#[test]
fn the_first_failure_ends_the_others_when_the_spec_says_so() {
    let spec = Spec::new()
        .with("exit", json!("first_failure"))
        .actor("stays", &["wait"])
        .actor("fails", &["exit", "7"]);
    let ended = Place::Shell.run(&World::new(), &spec).expect_code(7);
    assert!(ended.out.contains("sending SIGTERM to stays.1"), "{}", ended.out);
}
