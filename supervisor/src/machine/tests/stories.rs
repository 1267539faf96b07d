//! Single stories, told event by event with the exact orders each one gives.

use std::sync::Arc;

use super::plans::{after, find, plan, restarts};
use crate::machine::{Action, Event, Machine, Moment, Report, RunEnd, RunId, SpawnFailure, State};
use crate::spec::wire::Restart;
use crate::spec::{Condition, ExitPolicy, ExitRule, Kind, Plan, ProcessId, RestartOn, Signal};

/// Drives a machine and keeps only its orders.
pub(super) struct Story {
    pub machine: Machine,
    pub now: Moment,
}

impl Story {
    pub fn of(plan: Arc<Plan>) -> Self {
        let mut story = Self { machine: Machine::new(plan), now: Moment(0) };
        story.feed(Event::Begun);
        story
    }

    /// A story in which every process that was ordered got its process.
    pub fn running(plan: Arc<Plan>) -> Self {
        let mut story = Self { machine: Machine::new(plan), now: Moment(0) };
        let mut pending = story.feed(Event::Begun);
        while let Some(action) = pending.pop() {
            if let Action::Spawn(run) = action {
                pending.extend(story.feed(Event::Spawned(run)));
            }
        }
        story
    }

    pub fn feed(&mut self, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        self.machine.handle(self.now, event, &mut actions);
        actions.retain(|action| !matches!(action, Action::Report(_)));
        actions
    }

    pub fn at(&mut self, now: u64, event: Event) -> Vec<Action> {
        self.now = Moment(now);
        self.feed(event)
    }

    pub fn ends(&mut self, run: RunId, code: u8) -> Vec<Action> {
        self.feed(Event::Exited { run, end: RunEnd::Code(code), descendants: false })
    }

    pub fn state(&self, process: u32) -> State {
        self.machine.status(self.now)[process as usize].state
    }
}

pub(super) fn run(process: u32, number: u32) -> RunId {
    RunId { process: ProcessId(process), number }
}

#[test]
fn all_processes_start_at_once_and_stop_when_told() {
    let mut story = Story::of(plan(&["a", "b"], |_| {}));
    assert_eq!(story.machine.status(Moment(0)).len(), 2);
    story.feed(Event::Spawned(run(0, 1)));
    story.feed(Event::Spawned(run(1, 1)));
    let stop = story.feed(Event::ShutdownAsked(Signal::TERM));
    let term = |id| Action::Signal(run(id, 1), Signal::TERM);
    assert_eq!(stop, [term(0), term(1)]);
    assert_eq!(story.ends(run(0, 1), 0), []);
    assert_eq!(story.ends(run(1, 1), 1), [Action::Exit(143)]);
}

#[test]
fn a_stop_that_comes_between_two_starts_makes_the_second_one_needless() {
    let mut story = Story { machine: Machine::new(plan(&["a", "b"], |_| {})), now: Moment(0) };
    assert_eq!(story.feed(Event::Begun), [Action::Spawn(run(0, 1))]);
    assert_eq!(story.feed(Event::ShutdownAsked(Signal::TERM)), []);
    let term = Action::Signal(run(0, 1), Signal::TERM);
    assert_eq!(story.feed(Event::Spawned(run(0, 1))), [term]);
    assert_eq!(story.ends(run(0, 1), 0), [Action::Exit(143)]);
}

#[test]
fn interrupt_ends_with_130() {
    let mut story = Story::running(plan(&["a"], |_| {}));
    story.feed(Event::ShutdownAsked(Signal::INT));
    assert_eq!(story.ends(run(0, 1), 0), [Action::Exit(130)]);
}

#[test]
fn the_first_failure_stops_the_others_and_gives_its_code() {
    let mut story = Story::running(plan(&["a", "b"], |_| {}));
    assert_eq!(story.ends(run(0, 1), 42), [Action::Signal(run(1, 1), Signal::TERM)]);
    assert_eq!(story.ends(run(1, 1), 0), [Action::Exit(42)]);
}

#[test]
fn a_good_end_leaves_the_others_running() {
    let mut story = Story::running(plan(&["a", "b"], |_| {}));
    assert_eq!(story.ends(run(0, 1), 0), []);
    assert_eq!(story.state(0), State::Succeeded);
    assert_eq!(story.ends(run(1, 1), 0), [Action::Exit(0)]);
}

#[test]
fn under_any_ended_a_good_end_ends_everything() {
    let mut story = Story::running(plan(&["a", "b"], |spec| spec.exit = ExitPolicy::AnyEnded));
    assert_eq!(story.ends(run(0, 1), 0), [Action::Signal(run(1, 1), Signal::TERM)]);
    assert_eq!(story.ends(run(1, 1), 9), [Action::Exit(0)]);
}

#[test]
fn under_all_ended_the_first_failure_is_kept_for_the_end() {
    let mut story = Story::running(plan(&["a", "b"], |spec| spec.exit = ExitPolicy::AllEnded));
    assert_eq!(story.ends(run(0, 1), 3), []);
    assert_eq!(story.ends(run(1, 1), 0), [Action::Exit(3)]);
}

#[test]
fn a_process_that_decides_nothing_may_fail() {
    let mut story = Story::running(plan(&["a", "b"], |spec| {
        find(spec, "a").exit = ExitRule::Never;
    }));
    assert_eq!(story.ends(run(0, 1), 3), []);
    assert_eq!(story.ends(run(1, 1), 0), [Action::Exit(0)]);
}

#[test]
fn a_process_with_on_end_takes_the_container_along() {
    let mut story = Story::running(plan(&["a", "b"], |spec| {
        find(spec, "a").exit = ExitRule::OnEnd;
    }));
    assert_eq!(story.ends(run(0, 1), 0), [Action::Signal(run(1, 1), Signal::TERM)]);
}

#[test]
fn a_declared_code_is_a_good_end() {
    let mut story = Story::running(plan(&["a", "b"], |spec| {
        find(spec, "a").success_exit_codes = vec![143];
    }));
    assert_eq!(story.ends(run(0, 1), 143), []);
    assert_eq!(story.state(0), State::Succeeded);
}

#[test]
fn sigkill_follows_when_the_grace_is_over_and_not_before() {
    let mut story = Story::running(plan(&["a"], |_| {}));
    story.at(1_000, Event::ShutdownAsked(Signal::TERM));
    assert_eq!(story.machine.next_deadline(), Some(Moment(1_100)));
    assert_eq!(story.at(1_099, Event::Tick), []);
    assert_eq!(story.at(1_100, Event::Tick), [Action::Kill(run(0, 1))]);
    let end = RunEnd::Signal(9);
    let exited = Event::Exited { run: run(0, 1), end, descendants: false };
    assert_eq!(story.at(1_101, exited), [Action::Exit(143)]);
}

#[test]
fn the_whole_stop_is_bounded_whatever_single_graces_say() {
    let mut story = Story::running(plan(&["a"], |spec| {
        find(spec, "a").stop.grace_ms = 3_600_000;
    }));
    story.at(0, Event::ShutdownAsked(Signal::TERM));
    assert_eq!(story.at(1_000, Event::Tick), [Action::Kill(run(0, 1))]);
}

#[test]
fn what_even_sigkill_cannot_end_is_left_behind_after_two_seconds() {
    let mut story = Story::running(plan(&["a"], |_| {}));
    story.at(0, Event::ShutdownAsked(Signal::TERM));
    story.at(1, Event::ShutdownAsked(Signal::TERM));
    assert_eq!(story.at(2_000, Event::Tick), []);
    assert_eq!(story.at(2_001, Event::Tick), [Action::Exit(143)]);
}

#[test]
fn a_second_signal_kills_at_once() {
    let mut story = Story::running(plan(&["a", "b"], |_| {}));
    story.feed(Event::ShutdownAsked(Signal::INT));
    let second = story.feed(Event::ShutdownAsked(Signal::INT));
    assert_eq!(second, [Action::Kill(run(0, 1)), Action::Kill(run(1, 1))]);
}

#[test]
fn the_first_signal_after_a_failure_is_no_second_signal() {
    let mut story = Story::running(plan(&["a", "b"], |_| {}));
    story.ends(run(0, 1), 1);
    assert_eq!(story.feed(Event::ShutdownAsked(Signal::TERM)), []);
    let second = story.feed(Event::ShutdownAsked(Signal::TERM));
    assert_eq!(second, [Action::Kill(run(1, 1))]);
    assert_eq!(story.ends(run(1, 1), 0), [Action::Exit(1)]);
}

#[test]
fn dependants_start_after_and_stop_before_what_they_stand_on() {
    let mut story = Story::of(plan(&["web", "db"], |spec| {
        after(spec, "web", "db", Condition::Ready);
    }));
    assert_eq!(story.state(0), State::Waiting);
    assert_eq!(story.feed(Event::Spawned(run(1, 1))), [Action::Spawn(run(0, 1))]);
    story.feed(Event::Spawned(run(0, 1)));
    let stop = story.feed(Event::ShutdownAsked(Signal::TERM));
    assert_eq!(stop, [Action::Signal(run(0, 1), Signal::TERM)]);
    assert_eq!(story.ends(run(0, 1), 0), [Action::Signal(run(1, 1), Signal::TERM)]);
}

/// `web` and `api` ignore SIGTERM; `db` would obey it, if it heard of it in time.
#[test]
fn what_is_below_deaf_dependants_is_told_before_it_is_killed() {
    let mut story = Story::running(plan(&["db", "api", "web"], |spec| {
        after(spec, "api", "db", Condition::Started);
        after(spec, "web", "api", Condition::Started);
        spec.stop_timeout_ms = 180;
    }));
    let stop = story.at(0, Event::ShutdownAsked(Signal::TERM));
    assert_eq!(stop, [Action::Signal(run(2, 1), Signal::TERM)]);
    assert_eq!(story.at(100, Event::Tick), [Action::Kill(run(2, 1))]);
    let end = RunEnd::Signal(9);
    let exited = Event::Exited { run: run(2, 1), end, descendants: false };
    assert_eq!(story.at(101, exited), [Action::Signal(run(1, 1), Signal::TERM)]);
    assert_eq!(story.machine.next_deadline(), Some(Moment(120)));
    assert_eq!(story.at(120, Event::Tick), [Action::Signal(run(0, 1), Signal::TERM)]);
    assert_eq!(story.ends(run(0, 1), 0), []);
    assert_eq!(story.at(180, Event::Tick), [Action::Kill(run(1, 1))]);
}

#[test]
fn several_that_are_stopped_together_go_in_their_order() {
    let mut story = Story::running(plan(&["db", "api", "other"], |spec| {
        after(spec, "api", "db", Condition::Started);
    }));
    let mut actions = Vec::new();
    let asked = [0, 1].map(|id| Event::StopAsked(ProcessId(id)));
    story.machine.handle_together(Moment(5), &asked, &mut actions);
    actions.retain(|action| !matches!(action, Action::Report(_)));
    assert_eq!(actions, [Action::Signal(run(1, 1), Signal::TERM)]);
    assert_eq!(story.ends(run(1, 1), 0), [Action::Signal(run(0, 1), Signal::TERM)]);
    assert_eq!(story.state(2), State::Running);
}

#[test]
fn a_dependency_that_failed_is_said_at_once_and_its_code_comes_out() {
    let mut story = Story::of(plan(&["migrate", "web"], |spec| {
        find(spec, "migrate").kind = Kind::Task;
        after(spec, "web", "migrate", Condition::Succeeded);
    }));
    story.feed(Event::Spawned(run(0, 1)));
    assert_eq!(story.ends(run(0, 1), 5), [Action::Exit(5)]);
}

#[test]
fn a_dependency_nobody_starts_skips_its_dependants_at_once() {
    let story = Story::of(plan(&["db", "web"], |spec| {
        find(spec, "db").enabled = false;
        after(spec, "web", "db", Condition::Ready);
    }));
    assert_eq!(story.state(1), State::Skipped);
}

#[test]
fn a_failed_run_is_started_again_after_its_backoff() {
    let mut story = Story::running(plan(&["a"], |spec| {
        restarts(spec, "a", RestartOn::OnFailure, 1);
    }));
    assert_eq!(story.ends(run(0, 1), 1), []);
    assert_eq!(story.state(0), State::Backoff);
    assert_eq!(story.machine.next_deadline(), Some(Moment(50)));
    assert_eq!(story.at(50, Event::Tick), [Action::Spawn(run(0, 2))]);
    story.feed(Event::Spawned(run(0, 2)));
    // The exit of the run before this one comes late and is nobody's business any more.
    assert_eq!(story.ends(run(0, 1), 1), []);
    assert_eq!(story.ends(run(0, 2), 1), [Action::Exit(1)]);
}

#[test]
fn a_missing_program_is_final_and_a_full_process_table_is_not() {
    let shape = || plan(&["a"], |spec| restarts(spec, "a", RestartOn::Always, 9));
    let mut story = Story::of(shape());
    let missing = Event::SpawnFailed(run(0, 1), SpawnFailure::NotFound);
    assert_eq!(story.feed(missing), [Action::Exit(127)]);
    let mut story = Story::of(shape());
    let full = Event::SpawnFailed(run(0, 1), SpawnFailure::Exhausted);
    assert_eq!(story.feed(full), []);
    assert_eq!(story.at(50, Event::Tick), [Action::Spawn(run(0, 2))]);
    assert_eq!(story.machine.status(story.now)[0].restarts, 0);
}

#[test]
fn descendants_are_told_killed_and_waited_for() {
    let mut story = Story::running(plan(&["a"], |_| {}));
    let left = Event::Exited { run: run(0, 1), end: RunEnd::Code(0), descendants: true };
    assert_eq!(story.feed(left), [Action::Signal(run(0, 1), Signal::TERM)]);
    assert_eq!(story.at(100, Event::Tick), [Action::Kill(run(0, 1))]);
    assert_eq!(story.feed(Event::Cleared(run(0, 1))), [Action::Exit(0)]);
}

#[test]
fn one_process_is_stopped_started_and_restarted_on_request() {
    let mut story = Story::running(plan(&["a", "b"], |spec| spec.exit = ExitPolicy::AllEnded));
    let id = ProcessId(0);
    assert_eq!(story.feed(Event::StopAsked(id)), [Action::Signal(run(0, 1), Signal::TERM)]);
    assert_eq!(story.ends(run(0, 1), 143), []);
    assert_eq!(story.state(0), State::Stopped);
    assert_eq!(story.feed(Event::StartAsked(id)), [Action::Spawn(run(0, 2))]);
    story.feed(Event::Spawned(run(0, 2)));
    assert_eq!(story.feed(Event::RestartAsked(id)), [Action::Signal(run(0, 2), Signal::TERM)]);
    assert_eq!(story.ends(run(0, 2), 0), [Action::Spawn(run(0, 3))]);
}

#[test]
fn a_plan_without_processes_ends_at_once() {
    let mut machine = Machine::new(plan(&[], |_| {}));
    let mut actions = Vec::new();
    machine.handle(Moment(0), Event::Begun, &mut actions);
    assert_eq!(actions, [Action::Exit(0)]);
}

#[test]
fn what_fails_together_comes_back_apart_and_the_same_way_for_one_seed() {
    let waits = |seed: u64| -> Vec<u64> {
        let plan = plan(&["a", "b", "c", "d", "e", "f"], |spec| {
            for process in &mut spec.processes {
                process.restart = Restart { on: RestartOn::Always, ..Restart::default() };
            }
        });
        let mut machine = Machine::new(Arc::clone(&plan)).seeded(seed);
        let mut actions = Vec::new();
        machine.handle(Moment(0), Event::Begun, &mut actions);
        let mut waits = Vec::new();
        while let Some(action) = actions.pop() {
            match action {
                Action::Spawn(run) => {
                    let end = RunEnd::Code(1);
                    machine.handle(Moment(0), Event::Spawned(run), &mut actions);
                    let exited = Event::Exited { run, end, descendants: false };
                    machine.handle(Moment(0), exited, &mut actions);
                }
                Action::Report(Report::Restarting { after_ms, .. }) => waits.push(after_ms),
                _ => {}
            }
        }
        waits
    };
    let first = waits(1);
    assert_eq!(first.len(), 6);
    assert!(first.iter().all(|wait| (450..=500).contains(wait)), "{first:?}");
    let apart: std::collections::BTreeSet<u64> = first.iter().copied().collect();
    assert!(apart.len() >= 4, "{first:?}");
    assert_eq!(first, waits(1));
    assert_ne!(first, waits(2));
}
