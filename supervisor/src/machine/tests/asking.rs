//! Stories of what people ask for, and of how the container ends after it.

use super::plans::{after, find, is_live, plan, restarts};
use super::stories::{Story, run};
use crate::machine::{Action, Event, Report, RunEnd, SpawnFailure, State};
use crate::spec::{Condition, ExitPolicy, ExitRule, Kind, ProcessId, RestartOn, Signal, Spec};

const A: ProcessId = ProcessId(0);
const B: ProcessId = ProcessId(1);
const C: ProcessId = ProcessId(2);

fn term(process: u32, number: u32) -> Action {
    Action::Signal(run(process, number), Signal::TERM)
}

/// `a`, then `b` that waits for it, beside `c` that lives on.
fn story(shape: impl FnOnce(&mut Spec)) -> Story {
    Story::running(plan(&["a", "b", "c"], |spec| {
        after(spec, "b", "a", Condition::Ready);
        shape(spec);
    }))
}

/// How everything ends once `c` has ended by itself with `code`.
fn end_of_all(story: &mut Story, code: u8) -> Vec<Action> {
    story.ends(run(2, 1), code)
}

#[test]
fn a_restart_starts_again_what_it_needs_and_was_stopped() {
    let mut story = story(|_| {});
    assert_eq!(story.feed(Event::StopAsked(A)), [term(0, 1)]);
    assert_eq!(story.ends(run(0, 1), 143), []);
    assert_eq!(story.feed(Event::RestartAsked(B)), [term(1, 1), Action::Spawn(run(0, 2))]);
    assert_eq!(story.ends(run(1, 1), 0), []);
    assert_eq!(story.feed(Event::Spawned(run(0, 2))), [Action::Spawn(run(1, 2))]);
}

#[test]
fn a_start_starts_all_it_needs_that_nobody_starts() {
    let mut story = Story::running(plan(&["a", "b", "c", "d"], |spec| {
        for (who, on) in [("b", "a"), ("c", "b")] {
            find(spec, who).enabled = false;
            after(spec, who, on, Condition::Ready);
        }
        find(spec, "a").enabled = false;
    }));
    assert_eq!(story.feed(Event::StartAsked(C)), [Action::Spawn(run(0, 1))]);
    assert_eq!(story.feed(Event::Spawned(run(0, 1))), [Action::Spawn(run(1, 1))]);
    assert_eq!(story.feed(Event::Spawned(run(1, 1))), [Action::Spawn(run(2, 1))]);
    // What runs is left alone.
    story.feed(Event::Spawned(run(2, 1)));
    assert_eq!(story.feed(Event::StartAsked(C)), []);
}

#[test]
fn a_start_leaves_alone_what_it_waits_for_only_where_that_is_to_run() {
    let mut story = story(|spec| {
        find(spec, "a").enabled = false;
        find(spec, "b").after.clear();
        find(spec, "b").enabled = false;
        after(spec, "b", "a", Condition::Completed);
    });
    assert_eq!(story.feed(Event::StartAsked(B)), [Action::Spawn(run(1, 1))]);
    assert_eq!(story.state(0), State::Disabled);
}

#[test]
fn who_waits_for_what_was_stopped_waits_and_goes_on_with_it() {
    let mut story = story(|spec| restarts(spec, "b", RestartOn::Always, 9));
    story.feed(Event::StopAsked(A));
    story.ends(run(0, 1), 143);
    assert_eq!(story.ends(run(1, 1), 0), []);
    assert_eq!(story.at(50, Event::Tick), []);
    assert_eq!(story.state(1), State::Waiting);
    assert_eq!(story.feed(Event::StartAsked(A)), [Action::Spawn(run(0, 2))]);
    assert_eq!(story.feed(Event::Spawned(run(0, 2))), [Action::Spawn(run(1, 2))]);
}

#[test]
fn what_is_stopped_before_it_ran_is_waited_for_as_well() {
    let mut story = Story::of(plan(&["x", "a", "b"], |spec| {
        find(spec, "x").kind = Kind::Task;
        after(spec, "a", "x", Condition::Succeeded);
        after(spec, "b", "a", Condition::Ready);
    }));
    story.feed(Event::Spawned(run(0, 1)));
    assert_eq!(story.feed(Event::StopAsked(B)), []);
    assert_eq!(story.state(1), State::Stopped);
    assert_eq!(story.state(2), State::Waiting);
    // Nothing is left to run, and nobody is there to wait for: no failure, and no end of waiting.
    assert_eq!(story.ends(run(0, 1), 0), [Action::Exit(0)]);
}

#[test]
fn what_a_person_tries_ends_nothing() {
    let shape = |spec: &mut Spec| {
        find(spec, "a").kind = Kind::Task;
        find(spec, "a").enabled = false;
        find(spec, "b").enabled = false;
        find(spec, "b").after[0].condition = Condition::Succeeded;
    };
    let mut failing = story(shape);
    assert_eq!(failing.feed(Event::StartAsked(B)), [Action::Spawn(run(0, 1))]);
    failing.feed(Event::Spawned(run(0, 1)));
    assert_eq!(failing.ends(run(0, 1), 4), []);
    assert_eq!((failing.state(0), failing.state(1)), (State::Failed, State::Skipped));
    assert_eq!(end_of_all(&mut failing, 0), [Action::Exit(0)]);
    let mut missing = story(shape);
    missing.feed(Event::StartAsked(A));
    let not_found = Event::SpawnFailed(run(0, 1), SpawnFailure::NotFound);
    assert_eq!(missing.feed(not_found), []);
    // Unless it says itself that its end matters.
    let mut declared = story(|spec| {
        shape(spec);
        find(spec, "a").exit = ExitRule::OnEnd;
    });
    declared.feed(Event::StartAsked(A));
    declared.feed(Event::Spawned(run(0, 1)));
    assert_eq!(declared.ends(run(0, 1), 4), [term(2, 1)]);
}

#[test]
fn one_that_has_run_is_said_not_to_start_again() {
    let mut story = story(|spec| {
        find(spec, "a").exit = ExitRule::Never;
        find(spec, "b").exit = ExitRule::Never;
        restarts(spec, "b", RestartOn::Always, 9);
    });
    story.ends(run(0, 1), 1);
    story.ends(run(1, 1), 0);
    let mut actions = Vec::new();
    story.machine.handle(crate::machine::Moment(50), Event::Tick, &mut actions);
    let skipped = Report::Skipped { process: B, because: A, again: true };
    assert_eq!(actions, [Action::Report(skipped)]);
}

#[test]
fn a_good_end_that_ends_everything_makes_no_failure_good() {
    // Over for good, about to be tried again, and not to be had at all.
    let rests = |spec: &mut Spec| spec.exit = ExitPolicy::AllEnded;
    let tries = |spec: &mut Spec| restarts(spec, "a", RestartOn::OnFailure, 9);
    for (code, shape) in [(3, &rests as &dyn Fn(&mut Spec)), (3, &tries)] {
        let mut story = Story::running(plan(&["a", "b"], |spec| {
            find(spec, "b").exit = ExitRule::OnEnd;
            shape(spec);
        }));
        assert_eq!(story.ends(run(0, 1), 3), []);
        assert_eq!(story.ends(run(1, 1), 0), [Action::Exit(code)]);
    }
    let mut story = Story::of(plan(&["a", "b"], |spec| {
        rests(spec);
        find(spec, "b").exit = ExitRule::OnEnd;
    }));
    story.feed(Event::SpawnFailed(run(0, 1), SpawnFailure::NotExecutable));
    story.feed(Event::Spawned(run(1, 1)));
    assert_eq!(story.ends(run(1, 1), 0), [Action::Exit(126)]);
}

#[test]
fn a_failure_is_over_once_the_process_runs_again_or_somebody_stops_it() {
    let shape = || {
        plan(&["a", "b"], |spec| {
            restarts(spec, "a", RestartOn::OnFailure, 9);
            find(spec, "b").exit = ExitRule::OnEnd;
        })
    };
    let mut again = Story::running(shape());
    again.ends(run(0, 1), 3);
    assert_eq!(again.at(50, Event::Tick), [Action::Spawn(run(0, 2))]);
    again.feed(Event::Spawned(run(0, 2)));
    assert_eq!(again.ends(run(1, 1), 0), [term(0, 2)]);
    assert_eq!(again.ends(run(0, 2), 143), [Action::Exit(0)]);
    let mut stopped = Story::running(shape());
    stopped.ends(run(0, 1), 3);
    assert_eq!(stopped.feed(Event::StopAsked(A)), []);
    assert_eq!(stopped.ends(run(1, 1), 0), [Action::Exit(0)]);
}

#[test]
fn of_several_failures_the_first_gives_the_code_and_who_decides_nothing_gives_none() {
    let shape = |exit| {
        plan(&["a", "b", "c"], |spec| {
            spec.exit = ExitPolicy::AllEnded;
            find(spec, "b").exit = exit;
        })
    };
    for (exit, code) in [(ExitRule::OnFailure, 5), (ExitRule::Never, 3)] {
        let mut story = Story::running(shape(exit));
        story.ends(run(1, 1), 5);
        story.ends(run(0, 1), 3);
        assert_eq!(end_of_all(&mut story, 0), [Action::Exit(code)]);
    }
}

#[test]
fn the_unfit_end_with_69_however_they_take_it() {
    for end in [RunEnd::Code(0), RunEnd::Code(143), RunEnd::Signal(15), RunEnd::Signal(9)] {
        let mut story = Story::running(plan(&["a"], |spec| is_live(spec, "a")));
        let aspect = crate::machine::Aspect::Liveness;
        for _ in 0..2 {
            let due = story.machine.next_deadline().expect("a check is due");
            assert_eq!(story.at(due.0, Event::Tick), [Action::Ask(run(0, 1), aspect)]);
            story.feed(Event::Answered { run: run(0, 1), aspect, good: false });
        }
        let exited = Event::Exited { run: run(0, 1), end, descendants: false };
        assert_eq!(story.feed(exited), [Action::Exit(69)], "{end:?}");
    }
}
