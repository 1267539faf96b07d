//! Seeded bugs: each rule of the search has at least one, as proof that the search sees it broken.

use std::sync::Arc;

use super::larger;
use super::plans::{self, after, find, restarts};
use super::search::{Found, Freedom, Mind, search};
use crate::machine::check::Rule;
use crate::machine::exit::Outcome;
use crate::machine::service::Phase;
use crate::machine::shutdown::Shutdown;
use crate::machine::{Action, Event, Machine, Moment, Report, RunEnd, RunId};
use crate::spec::{Condition, ExitPolicy, ExitRule, Plan, RestartOn, Signal};

/// A machine whose input or output is falsified in one way.
#[derive(Clone)]
struct Mutant {
    machine: Machine,
    bug: Bug,
    /// For bugs that need to remember a run or that something happened.
    seen: Option<RunId>,
    over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    /// Signals go to the run before the present one.
    SignalsTheDead,
    /// The number of a run is not looked at.
    TakesStaleForFresh,
    /// Something is started although everything is being stopped.
    SpawnsWhileStopping,
    /// A spawn is ordered twice.
    SpawnsTwice,
    /// The next start is ordered without waiting for the answer to the one before.
    StartsAllAtOnce,
    /// Every SIGTERM is a SIGKILL.
    GivesNoGrace,
    /// The second signal is not heard.
    DeafToTheSecondSignal,
    /// The supervisor leaves as soon as it is told to stop.
    LeavesAtOnce,
    /// It always ends with 0.
    AlwaysZero,
    /// It ends with 1 when told to stop.
    OneWhenTold,
    /// It goes on giving orders after the end.
    TalksAfterTheEnd,
    /// It forgets to end.
    NeverLeaves,
    /// SIGKILL is never sent.
    NeverKills,
    /// A stop is never in a hurry.
    NeverHurries,
    /// Deadlines are forgotten.
    NeverWakesUp,
    /// The grace period is ten times as long.
    DawdlesBeforeKilling,
    /// Every check is made twice.
    AsksTwice,
    /// Changes of files are not heard.
    DeafToChanges,
    /// Who depends on whom is forgotten once processes are to be stopped.
    StopsAllAtOnce,
    /// A failure is forgotten when something else ends everything.
    ForgetsFailures,
    /// The code of a container is that of what was told to stop, because it was of no use any more.
    EndsLikeTheUnfit,
    /// What was stopped on request is taken for something that can never run.
    GivesUpOnTheStopped,
    /// Of what is asked for nothing is started but itself.
    StartsItAlone,
    /// A run that failed its liveness check is said to be stopped and is not.
    SparesTheUnfit,
}

impl Mind for Mutant {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn deadline(&self) -> Option<Moment> {
        match (self.bug, self.machine.next_deadline()) {
            (Bug::NeverWakesUp, _) => None,
            (Bug::DawdlesBeforeKilling, deadline) => deadline.map(|at| at.plus(200)),
            (Bug::NeverHurries, deadline) => match self.machine.shutdown() {
                Shutdown::Orderly { kill_at, hurry_at: Some(at), .. } if deadline == Some(at) => {
                    Some(kill_at)
                }
                _ => deadline,
            },
            (_, deadline) => deadline,
        }
    }

    fn feed(&mut self, now: Moment, event: Event, actions: &mut Vec<Action>) {
        let event = match (self.bug, event) {
            (Bug::TakesStaleForFresh, Event::Exited { run, end, descendants }) => {
                let number = self.machine.services()[run.process.index()].runs;
                Event::Exited { run: RunId { number, ..run }, end, descendants }
            }
            (Bug::DeafToTheSecondSignal, Event::ShutdownAsked(_))
                if self.machine.is_shutting_down() =>
            {
                Event::Tick
            }
            (Bug::DeafToChanges, Event::FilesChanged(_)) => Event::Tick,
            (Bug::StartsItAlone, Event::StartAsked(id)) => {
                self.machine.services[id.index()].on_start_asked();
                Event::Tick
            }
            (_, event) => event,
        };
        let from = actions.len();
        self.machine.handle(now, event, actions);
        let orders = actions.split_off(from);
        for action in orders {
            self.falsify(action, actions);
        }
        let spawned = matches!(event, Event::Spawned(run) if Some(run) == self.seen);
        match self.bug {
            Bug::SpawnsWhileStopping if self.machine.is_shutting_down() && !self.over => {
                self.over = true;
                let service = &self.machine.services()[0];
                let run = RunId { process: service.id, number: service.runs + 1 };
                actions.push(Action::Spawn(run));
            }
            Bug::SpawnsTwice if spawned && !self.over && !self.machine.is_shutting_down() => {
                self.over = true;
                let Event::Spawned(run) = event else { return };
                actions.push(Action::Spawn(run));
            }
            Bug::LeavesAtOnce if self.machine.is_shutting_down() && !self.over => {
                self.over = true;
                actions.push(Action::Exit(143));
            }
            Bug::StopsAllAtOnce => {
                self.machine.dependants = Arc::new(Vec::new());
            }
            Bug::GivesUpOnTheStopped => {
                let mut stopped = false;
                for service in &mut self.machine.services {
                    if service.phase == Phase::Done(Outcome::Stopped) {
                        service.phase = Phase::Done(Outcome::Skipped);
                        stopped = true;
                    }
                }
                if stopped {
                    self.machine.handle(now, Event::Tick, actions);
                }
            }
            Bug::TalksAfterTheEnd if self.over => {
                if let Some(run) = self.seen {
                    actions.push(Action::Kill(run));
                }
            }
            _ => {}
        }
    }
}

impl Mutant {
    fn falsify(&mut self, action: Action, actions: &mut Vec<Action>) {
        match (self.bug, action) {
            (Bug::SignalsTheDead, Action::Signal(run, signal)) => {
                let before = RunId { number: run.number.saturating_sub(1), ..run };
                actions.push(Action::Signal(before, signal));
            }
            (Bug::GivesNoGrace, Action::Signal(run, _)) => actions.push(Action::Kill(run)),
            (Bug::AsksTwice, Action::Ask(run, aspect)) => {
                actions.extend([Action::Ask(run, aspect), Action::Ask(run, aspect)]);
            }
            (Bug::StartsAllAtOnce, Action::Spawn(run)) => {
                actions.push(Action::Spawn(run));
                self.machine.handle(Moment(0), Event::Spawned(run), actions);
            }
            (Bug::SparesTheUnfit, Action::Report(Report::Unfit(run, why))) => {
                self.seen = Some(run);
                actions.push(Action::Report(Report::Unfit(run, why)));
            }
            (Bug::SparesTheUnfit, Action::Signal(run, _)) if self.seen == Some(run) => {}
            (Bug::AlwaysZero, Action::Exit(_)) => actions.push(Action::Exit(0)),
            (Bug::OneWhenTold, Action::Exit(143)) => actions.push(Action::Exit(1)),
            (Bug::ForgetsFailures, Action::Exit(3)) => actions.push(Action::Exit(0)),
            (Bug::EndsLikeTheUnfit, Action::Exit(69)) => actions.push(Action::Exit(143)),
            (Bug::NeverLeaves, Action::Exit(_)) | (Bug::NeverKills, Action::Kill(_)) => {}
            (Bug::TalksAfterTheEnd, Action::Exit(code)) => {
                self.over = true;
                actions.push(Action::Exit(code));
            }
            (_, action) => {
                if let (Action::Spawn(run), true) = (&action, self.bug != Bug::SparesTheUnfit) {
                    self.seen = Some(*run);
                }
                actions.push(action);
            }
        }
    }
}

/// Searches the smallest plan that can show the bug, with as much freedom as it takes.
fn find_bug(bug: Bug, plan: &Arc<Plan>) -> Found {
    let machine = Machine::new(Arc::clone(plan));
    let asks = [Bug::DeafToChanges, Bug::GivesUpOnTheStopped, Bug::StartsItAlone];
    let requests = u8::from(asks.contains(&bug));
    let freedom = Freedom { signals: 2, requests, descendants: true, refusals: false };
    search(plan, Mutant { machine, bug, seen: None, over: false }, freedom)
}

#[test]
fn each_seeded_bug_is_found_by_the_rule_it_breaks() {
    let one = plans::plan(&["a"], |_| {});
    let two = plans::plan(&["a", "b"], |_| {});
    let restarted = plans::plan(&["a"], |spec| restarts(spec, "a", RestartOn::OnFailure, 1));
    let hasty = plans::plan(&["a", "b"], |spec| {
        after(spec, "b", "a", Condition::Started);
        spec.stop_timeout_ms = 90;
    });
    let checked = plans::plan(&["a"], |spec| plans::is_live(spec, "a"));
    let watched = plans::plan(&["a"], |spec| plans::watched(spec, "a"));
    let chain = larger::chain(|_| {});
    let decided = plans::plan(&["a", "b"], |spec| {
        spec.exit = ExitPolicy::AllEnded;
        find(spec, "a").exit = ExitRule::OnEnd;
    });
    let pair = plans::plan(&["a", "b", "c"], |spec| after(spec, "b", "a", Condition::Ready));
    let by_hand = by_hand(ExitRule::OnFailure);
    let table = [
        (Bug::StopsAllAtOnce, &chain, Rule::DependantsStopFirst),
        (Bug::ForgetsFailures, &decided, Rule::NeverZeroAfterAFailure),
        (Bug::EndsLikeTheUnfit, &checked, Rule::TheCodeIsSomebodysOwn),
        (Bug::GivesUpOnTheStopped, &pair, Rule::TheStoppedMayComeBack),
        (Bug::StartsItAlone, &by_hand, Rule::WhatIsAskedForCanStart),
        (Bug::SignalsTheDead, &one, Rule::NoActionOnADeadRun),
        (Bug::TakesStaleForFresh, &restarted, Rule::AStaleEventChangesNothing),
        (Bug::SpawnsWhileStopping, &one, Rule::NoSpawnAfterShutdownBegan),
        (Bug::SpawnsTwice, &one, Rule::OneRunAtATime),
        (Bug::StartsAllAtOnce, &two, Rule::OneStartAtATime),
        (Bug::GivesNoGrace, &one, Rule::GraceIsGiven),
        (Bug::DeafToTheSecondSignal, &one, Rule::ASecondSignalKills),
        (Bug::LeavesAtOnce, &one, Rule::ExitOnlyWhenNothingLives),
        (Bug::AlwaysZero, &one, Rule::NeverZeroAfterAFailure),
        (Bug::OneWhenTold, &one, Rule::ToldMeans128PlusSignal),
        (Bug::TalksAfterTheEnd, &one, Rule::NothingAfterExit),
        (Bug::NeverLeaves, &one, Rule::NeverLingers),
        (Bug::NeverKills, &one, Rule::ExitOnlyWhenNothingLives),
        (Bug::NeverHurries, &hasty, Rule::NobodyIsKilledUntold),
        (Bug::AsksTwice, &checked, Rule::OneCheckAtATime),
        (Bug::SparesTheUnfit, &checked, Rule::TheUnfitAreStopped),
        (Bug::DeafToChanges, &watched, Rule::TheOutdatedAreStopped),
    ];
    for (bug, plan, rule) in table {
        match find_bug(bug, plan) {
            // The first thing a mind that always says 0 gets wrong is what it says when told.
            Found::Broken(violation, _)
                if bug == Bug::AlwaysZero && violation.rule == Rule::ToldMeans128PlusSignal => {}
            Found::Broken(violation, _) => assert_eq!(violation.rule, rule, "{bug:?}"),
            found => panic!("{bug:?} went unseen: {found:?}"),
        }
    }
}

#[test]
fn bugs_that_only_time_shows_are_found_by_the_way_out() {
    let one = plans::plan(&["a"], |_| {});
    for bug in [Bug::NeverWakesUp, Bug::DawdlesBeforeKilling] {
        let found = find_bug(bug, &one);
        assert!(
            matches!(found, Found::NoWayOut | Found::StopTooLong { .. }),
            "{bug:?} was not seen, or for another reason: {found:?}"
        );
    }
}

/// `a` lives, and `c` is started by nobody but a person, who has to start `b` for it as well.
fn by_hand(exit: ExitRule) -> Arc<Plan> {
    plans::plan(&["a", "b", "c"], |spec| {
        find(spec, "b").enabled = false;
        find(spec, "c").enabled = false;
        find(spec, "c").exit = exit;
        after(spec, "c", "b", Condition::Ready);
    })
}

/// A mind that takes what a person tries by hand for something the container is there for.
#[test]
fn an_end_by_which_a_person_ends_everything_is_found() {
    let machine = Machine::new(by_hand(ExitRule::OnEnd));
    let freedom = Freedom { requests: 1, ..Freedom::TIDY };
    match search(&by_hand(ExitRule::OnFailure), machine, freedom) {
        Found::Broken(violation, _) => {
            assert_eq!(violation.rule, Rule::WhatIsTriedByHandDecidesNothing);
        }
        found => panic!("not seen: {found:?}"),
    }
}

/// A mind that was given another plan than the one it is judged by: dependencies are ignored.
#[test]
fn ignored_dependencies_are_found_at_start_and_at_stop() {
    let judged = plans::plan(&["a", "b"], |spec| after(spec, "b", "a", Condition::Succeeded));
    let heard = plans::plan(&["a", "b"], |_| {});
    let freedom = Freedom { signals: 1, requests: 0, descendants: false, refusals: false };
    match search(&judged, Machine::new(heard), freedom) {
        Found::Broken(violation, _) => assert_eq!(violation.rule, Rule::ConditionsHoldAtSpawn),
        found => panic!("not seen: {found:?}"),
    }
    // Told to start in the right order by a dependency that has no say at the stop.
    let judged = plans::plan(&["a", "b"], |spec| after(spec, "b", "a", Condition::Ready));
    let mut witness = crate::machine::check::Witness::new();
    let mut machine = Machine::new(plans::plan(&["a", "b"], |_| {}));
    let run = |process| RunId { process: crate::spec::ProcessId(process), number: 1 };
    let mut broken = None;
    let events = [
        Event::Begun,
        Event::Spawned(run(0)),
        Event::Spawned(run(1)),
        Event::ShutdownAsked(Signal::TERM),
    ];
    for event in events {
        let before = machine.clone();
        let mut actions = Vec::new();
        machine.handle(Moment(1), event, &mut actions);
        let judged_by =
            if event == Event::ShutdownAsked(Signal::TERM) { &judged } else { before.plan() };
        let seen = witness.observe(judged_by, &before, Moment(1), event, &machine, &actions);
        broken = broken.or(seen.err());
    }
    assert_eq!(broken.map(|violation| violation.rule), Some(Rule::DependantsStopFirst));
}

/// Zero after a failure, where nobody told the container to stop.
#[test]
fn a_failure_swept_under_the_carpet_is_found() {
    let plan = plans::plan(&["a"], |spec| {
        spec.exit = ExitPolicy::AllEnded;
        find(spec, "a").stop.grace_ms = 1;
    });
    let mut witness = crate::machine::check::Witness::new();
    let machine = Machine::new(Arc::clone(&plan));
    let mut mutant = Mutant { machine, bug: Bug::AlwaysZero, seen: None, over: false };
    let run = RunId { process: crate::spec::ProcessId(0), number: 1 };
    let end = RunEnd::Code(3);
    let mut broken = None;
    let events =
        [Event::Begun, Event::Spawned(run), Event::Exited { run, end, descendants: false }];
    for event in events {
        let before = mutant.machine.clone();
        let mut actions = Vec::new();
        mutant.feed(Moment(1), event, &mut actions);
        let seen = witness.observe(&plan, &before, Moment(1), event, &mutant.machine, &actions);
        broken = broken.or(seen.err());
    }
    assert_eq!(broken.map(|violation| violation.rule), Some(Rule::NeverZeroAfterAFailure));
}
