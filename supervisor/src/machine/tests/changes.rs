//! Stories of files that change, told event by event.

use super::plans::{find, plan, restarts, watched};
use super::stories::{Story, run};
use crate::machine::{Action, Event, Moment, RunEnd, State};
use crate::spec::{ExitPolicy, ProcessId, RestartOn, Signal, Spec};

const CHANGED: Event = Event::FilesChanged(ProcessId(0));

/// `a` is watched, `b` lives on whatever happens.
fn story(shape: impl FnOnce(&mut Spec)) -> Story {
    Story::running(plan(&["a", "b"], |spec| {
        spec.exit = ExitPolicy::AllEnded;
        watched(spec, "a");
        shape(spec);
    }))
}

fn term(number: u32) -> Action {
    Action::Signal(run(0, number), Signal::TERM)
}

#[test]
fn changes_are_gathered_and_answered_by_one_stop_and_one_start() {
    let mut story = story(|_| {});
    assert_eq!(story.at(10, CHANGED), []);
    assert_eq!(story.machine.next_deadline(), Some(Moment(110)));
    assert_eq!(story.at(60, CHANGED), []);
    assert_eq!(story.at(109, Event::Tick), []);
    assert_eq!(story.at(110, Event::Tick), [term(1)]);
    // While it is being stopped: the next run sees these anyway.
    assert_eq!(story.at(150, CHANGED), []);
    assert_eq!(story.ends(run(0, 1), 143), [Action::Spawn(run(0, 2))]);
    assert_eq!(story.feed(Event::Spawned(run(0, 2))), []);
    assert_eq!(story.machine.next_deadline(), None);
}

#[test]
fn a_process_that_does_not_stop_for_it_is_killed_after_its_grace() {
    let mut story = story(|_| {});
    story.at(0, CHANGED);
    assert_eq!(story.at(100, Event::Tick), [term(1)]);
    assert_eq!(story.at(200, Event::Tick), [Action::Kill(run(0, 1))]);
}

#[test]
fn nothing_of_the_restarts_is_used_up() {
    let mut story = story(|spec| restarts(spec, "a", RestartOn::OnFailure, 1));
    for number in 1..=5 {
        let at = u64::from(number) * 1_000;
        story.at(at, CHANGED);
        assert_eq!(story.at(at + 100, Event::Tick), [term(number)]);
        assert_eq!(story.ends(run(0, number), 1), [Action::Spawn(run(0, number + 1))]);
        story.feed(Event::Spawned(run(0, number + 1)));
    }
    assert_eq!(story.machine.status(Moment(0))[0].restarts, 0);
    // Its one restart is still there.
    assert_eq!(story.ends(run(0, 6), 1), []);
    assert_eq!(story.state(0), State::Backoff);
}

#[test]
fn a_wait_is_cut_short_and_an_end_is_taken_back() {
    let mut story = story(|spec| {
        restarts(spec, "a", RestartOn::OnFailure, 1);
        let restart = &mut find(spec, "a").restart;
        (restart.backoff_ms, restart.backoff_max_ms) = (9_000, 9_000);
    });
    assert_eq!(story.ends(run(0, 1), 1), []);
    assert_eq!(story.state(0), State::Backoff);
    story.at(0, CHANGED);
    assert_eq!(story.at(100, Event::Tick), [Action::Spawn(run(0, 2))]);
    story.feed(Event::Spawned(run(0, 2)));
    assert_eq!(story.ends(run(0, 2), 1), []);
    assert_eq!(story.state(0), State::Failed);
    story.at(1_000, CHANGED);
    assert_eq!(story.at(1_100, Event::Tick), [Action::Spawn(run(0, 3))]);
    story.feed(Event::Spawned(run(0, 3)));
    // A good end as well.
    assert_eq!(story.ends(run(0, 3), 0), []);
    assert_eq!(story.state(0), State::Succeeded);
    story.at(2_000, CHANGED);
    assert_eq!(story.at(2_100, Event::Tick), [Action::Spawn(run(0, 4))]);
    // But the failure is not forgotten.
    story.feed(Event::Spawned(run(0, 4)));
    assert_eq!(story.ends(run(0, 4), 0), []);
    assert_eq!(story.ends(run(1, 1), 0), [Action::Exit(1)]);
}

#[test]
fn nothing_is_started_that_nobody_wants() {
    let mut story = story(|_| {});
    story.feed(Event::StopAsked(ProcessId(0)));
    story.ends(run(0, 1), 143);
    assert_eq!(story.at(0, CHANGED), []);
    assert_eq!(story.machine.next_deadline(), None);
    assert_eq!(story.at(100, Event::Tick), []);
    assert_eq!(story.state(0), State::Stopped);
    // Nor of what is not watched.
    assert_eq!(story.feed(Event::FilesChanged(ProcessId(1))), []);
    assert_eq!(story.machine.next_deadline(), None);
}

#[test]
fn while_everything_is_being_stopped_changes_change_nothing() {
    let mut story = story(|_| {});
    story.at(0, CHANGED);
    story.at(50, Event::ShutdownAsked(Signal::TERM));
    assert_eq!(story.at(60, CHANGED), []);
    assert_eq!(story.at(100, Event::Tick), []);
    assert_eq!(story.ends(run(0, 1), 0), []);
    assert_eq!(story.ends(run(1, 1), 0), [Action::Exit(143)]);
}

#[test]
fn what_was_left_behind_is_stopped_before_the_next_run() {
    let mut story = story(|_| {});
    let left = Event::Exited { run: run(0, 1), end: RunEnd::Code(0), descendants: true };
    assert_eq!(story.feed(left), [term(1)]);
    story.at(0, CHANGED);
    story.at(100, Event::Tick);
    assert_eq!(story.feed(Event::Cleared(run(0, 1))), [Action::Spawn(run(0, 2))]);
}

#[test]
fn a_change_during_the_start_is_answered_once_it_runs() {
    let mut story = Story::of(plan(&["a"], |spec| watched(spec, "a")));
    assert_eq!(story.at(0, CHANGED), []);
    assert_eq!(story.machine.next_deadline(), None);
    story.at(200, Event::Spawned(run(0, 1)));
    assert_eq!(story.machine.next_deadline(), Some(Moment(100)));
    assert_eq!(story.feed(Event::Tick), [term(1)]);
}

#[test]
fn a_process_that_writes_what_it_is_watched_for_is_started_less_and_less_often() {
    let mut story = story(|_| {});
    let mut now = 0;
    let mut waits = Vec::new();
    for number in 1..=15 {
        // It writes soon after its start, and once more while that is waited for.
        now += 10;
        assert_eq!(story.at(now, CHANGED), []);
        assert_eq!(story.at(now + 1, CHANGED), []);
        let due = story.machine.next_deadline().expect("a change is waited for");
        waits.push(due.0 - now);
        now = due.0;
        assert_eq!(story.at(now, Event::Tick), [term(number)]);
        assert_eq!(story.ends(run(0, number), 143), [Action::Spawn(run(0, number + 1))]);
        story.at(now, Event::Spawned(run(0, number + 1)));
    }
    let further = [350, 600, 1_100, 2_100, 4_100, 5_100, 5_100];
    assert_eq!(waits, [&[100; 8][..], &further].concat());
    // One that comes later is nobody's own doing.
    story.at(now + 1_000, CHANGED);
    assert_eq!(story.machine.next_deadline(), Some(Moment(now + 1_100)));
}
