//! The exhaustive search: every state a small plan can get into, every step out of each.
//!
//! The world is free to do whatever a kernel and an operator can do: refuse a spawn, end a process
//! well or badly, leave descendants behind, ignore SIGTERM, send signals and requests at any
//! moment, deliver events twice. It is bound by one thing: what got SIGKILL dies before time goes
//! on. Each step is judged by a [`Witness`]; afterwards exit must be reachable from every state.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::{larger, plans};
use crate::machine::check::{Violation, Witness};
use crate::machine::{Action, Event, Machine, Moment, RunEnd, RunId, SpawnFailure, Word};
use crate::spec::{Check, Plan, ProcessId, Signal};

/// What is searched: the machine, or one with a bug put into it.
pub trait Mind: Clone {
    fn machine(&self) -> &Machine;
    fn feed(&mut self, now: Moment, event: Event, actions: &mut Vec<Action>);
    fn deadline(&self) -> Option<Moment> {
        self.machine().next_deadline()
    }
}

impl Mind for Machine {
    fn machine(&self) -> &Machine {
        self
    }
    fn feed(&mut self, now: Moment, event: Event, actions: &mut Vec<Action>) {
        self.handle(now, event, actions);
    }
}

/// How much freedom the world has.
#[derive(Clone, Copy)]
pub struct Freedom {
    pub signals: u8,
    pub requests: u8,
    pub descendants: bool,
    pub refusals: bool,
}

impl Freedom {
    /// All there is, for plans of one or two processes.
    pub const FULL: Self = Self { signals: 2, requests: 1, descendants: true, refusals: true };
    /// Processes start when they are told to and leave nothing behind: for larger plans, which are
    /// there for what processes make of each other.
    pub const TIDY: Self = Self { signals: 1, requests: 0, descendants: false, refusals: false };
}

#[derive(Clone)]
struct Node<M> {
    mind: M,
    witness: Witness,
    now: Moment,
    requests: u8,
}

/// What a search found.
#[derive(Debug)]
#[expect(
    dead_code,
    reason = "some fields are read only through Debug, by the message of a failure"
)]
pub enum Found {
    /// Every step of every state kept every rule.
    Clean { states: usize, steps: usize },
    /// A step broke a rule.
    Broken(Violation, Vec<Event>),
    /// From some state no sequence of events leads to the end.
    NoWayOut,
    /// With processes that die only of SIGKILL a stop took longer than it may.
    StopTooLong { took_ms: u64, limit_ms: u64 },
}

pub fn search<M: Mind>(plan: &Arc<Plan>, mind: M, freedom: Freedom) -> Found {
    let mut ids: HashMap<u128, usize> = HashMap::new();
    // States that have yet to be looked at; one that has been is of no use any more.
    let mut nodes: VecDeque<Node<M>> = VecDeque::new();
    let mut parents: Vec<Vec<u32>> = Vec::new();
    let mut exits = Vec::new();
    let mut steps = 0;
    let root = Node { mind, witness: Witness::new(), now: Moment(1_000_000), requests: 0 };
    let root = match step(plan, &root, root.now, Event::Begun) {
        Ok(node) => node,
        Err(violation) => return Found::Broken(violation, vec![Event::Begun]),
    };
    ids.insert(key(&root), 0);
    nodes.push_back(root);
    parents.push(Vec::new());
    let mut first = vec![(0, Event::Begun)];
    let mut next = 0;
    while let Some(node) = nodes.pop_front() {
        if node.witness.has_exited() {
            exits.push(next);
        } else if node.witness.signals() == 0 {
            // After a signal the one that is sent here is the second, which kills: a rule of its own.
            if let Some(found) = stop_stubborn(plan, &node) {
                return found;
            }
        }
        if let Err((violation, event)) = ignores_the_stale(plan, &node) {
            let mut story = story(&first, next);
            story.push(event);
            return Found::Broken(violation, story);
        }
        for (now, event) in moves(plan, &node, freedom) {
            steps += 1;
            let child = match step(plan, &node, now, event) {
                Ok(child) => child,
                Err(violation) => {
                    let mut story = story(&first, next);
                    story.push(event);
                    return Found::Broken(violation, story);
                }
            };
            let fresh = parents.len();
            let id = *ids.entry(key(&child)).or_insert(fresh);
            if id == fresh {
                nodes.push_back(child);
                parents.push(Vec::new());
                first.push((next, event));
            }
            parents[id].push(u32::try_from(next).expect("a small search"));
        }
        next += 1;
    }
    if reach_back(&parents, &exits) == parents.len() {
        Found::Clean { states: parents.len(), steps }
    } else {
        Found::NoWayOut
    }
}

/// The events that led to a state, by the shortest way.
fn story(first: &[(usize, Event)], mut state: usize) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some((parent, event)) = first.get(state).filter(|_| state != 0) {
        events.push(*event);
        state = *parent;
    }
    events.push(Event::Begun);
    events.reverse();
    events
}

fn step<M: Mind>(
    plan: &Arc<Plan>,
    node: &Node<M>,
    now: Moment,
    event: Event,
) -> Result<Node<M>, Violation> {
    let mut child = node.clone();
    child.now = now;
    match event {
        Event::StartAsked(_)
        | Event::StopAsked(_)
        | Event::RestartAsked(_)
        | Event::FilesChanged(_) => child.requests += 1,
        _ => {}
    }
    let mut actions = Vec::new();
    child.mind.feed(now, event, &mut actions);
    let (before, after) = (node.mind.machine(), child.mind.machine());
    child.witness.observe(plan, before, now, event, after, &actions)?;
    Ok(child)
}

fn moves<M: Mind>(plan: &Plan, node: &Node<M>, freedom: Freedom) -> Vec<(Moment, Event)> {
    let now = node.now;
    let mut moves = Vec::new();
    if node.witness.has_exited() {
        moves.push((now, Event::ShutdownAsked(Signal::TERM)));
        moves.push((now, Event::Tick));
        return moves;
    }
    if let Some(run) = node.witness.ordered.first() {
        moves.push((now, Event::Spawned(*run)));
        if freedom.refusals {
            moves.push((now, Event::SpawnFailed(*run, SpawnFailure::NotFound)));
            moves.push((now, Event::SpawnFailed(*run, SpawnFailure::Exhausted)));
        }
    }
    for (run, life) in &node.witness.alive {
        if life.leader {
            let ends: &[RunEnd] = if life.killed {
                &[RunEnd::Signal(9)]
            } else {
                &[RunEnd::Code(0), RunEnd::Code(3)]
            };
            for end in ends {
                moves.push((now, Event::Exited { run: *run, end: *end, descendants: false }));
            }
            if freedom.descendants && !life.killed {
                let end = RunEnd::Code(0);
                moves.push((now, Event::Exited { run: *run, end, descendants: true }));
            }
        } else {
            moves.push((now, Event::Cleared(*run)));
            moves
                .push((now, Event::Exited { run: *run, end: RunEnd::Code(0), descendants: false }));
        }
    }
    for (run, aspect) in &node.witness.asked {
        for good in [true, false] {
            moves.push((now, Event::Answered { run: *run, aspect: *aspect, good }));
        }
    }
    moves.extend(words(plan, node).into_iter().map(|(run, word)| (now, Event::Told(run, word))));
    if node.witness.signals() < freedom.signals {
        moves.push((now, Event::ShutdownAsked(Signal::TERM)));
    }
    if node.requests < freedom.requests {
        for id in (0..plan.processes.len()).filter_map(|i| u32::try_from(i).ok()).map(ProcessId) {
            moves.push((now, Event::StartAsked(id)));
            moves.push((now, Event::StopAsked(id)));
            moves.push((now, Event::RestartAsked(id)));
            if plan.process(id).is_some_and(|process| process.watch.is_some()) {
                moves.push((now, Event::FilesChanged(id)));
            }
        }
    }
    let dying = node.witness.alive.values().any(|life| life.killed);
    if let (false, Some(deadline)) = (dying, node.mind.deadline()) {
        moves.push((deadline.max(now), Event::Tick));
    }
    moves
}

/// What the living runs may say, where their plan listens.
fn words<M: Mind>(plan: &Plan, node: &Node<M>) -> Vec<(RunId, Word)> {
    let mut words = Vec::new();
    for (run, _) in node.witness.alive.iter().filter(|(_, life)| life.leader) {
        let Some(process) = plan.process(run.process) else { continue };
        if process.ready.as_ref().is_some_and(|rule| rule.check == Check::Notify) {
            words.push((*run, Word::Ready));
            words.push((*run, Word::NotReady));
        }
        if process.watchdog.is_some() {
            words.push((*run, Word::Alive));
            words.push((*run, Word::Trigger));
        }
    }
    words
}

/// Tells the machine to stop, and lets every process die only of SIGKILL.
fn stop_stubborn<M: Mind>(plan: &Arc<Plan>, node: &Node<M>) -> Option<Found> {
    let mut node = node.clone();
    let began = node.now;
    let graces: u64 = plan.processes.iter().map(|process| process.stop.grace_ms).sum();
    let limit_ms = graces.min(plan.stop_timeout_ms);
    let mut event = Event::ShutdownAsked(Signal::TERM);
    loop {
        node = match step(plan, &node, node.now, event) {
            Ok(next) => next,
            Err(violation) => return Some(Found::Broken(violation, vec![event])),
        };
        if node.witness.has_exited() {
            let took_ms = node.now.since(began);
            return (took_ms > limit_ms).then_some(Found::StopTooLong { took_ms, limit_ms });
        }
        let killed = node.witness.alive.iter().find(|(_, life)| life.killed);
        event = if let Some(run) = node.witness.ordered.first() {
            Event::Spawned(*run)
        } else if let Some((run, life)) = killed {
            if life.leader {
                Event::Exited { run: *run, end: RunEnd::Signal(9), descendants: false }
            } else {
                Event::Cleared(*run)
            }
        } else if let Some(deadline) = node.mind.deadline() {
            if deadline.since(began) > limit_ms + 10_000 {
                return Some(Found::StopTooLong { took_ms: deadline.since(began), limit_ms });
            }
            node.now = deadline.max(node.now);
            Event::Tick
        } else {
            return Some(Found::NoWayOut);
        };
    }
}

/// What tells a state apart: 128 bits of a hash instead of the state itself, which would need many
/// times the memory. That two of ten million states share them is one case in 10^24.
fn key<M: Mind>(node: &Node<M>) -> u128 {
    let machine = node.mind.machine().relative_to(node.now);
    let horizon = longest_grace_ms(node.mind.machine().plan());
    let witness = node.witness.relative_to(node.now, horizon);
    let half = |salt: u64| {
        let mut hasher = DefaultHasher::new();
        (salt, &machine, &witness, node.requests).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

/// Feeds events about runs that are long over. They lead nowhere, so they are no steps of the search.
fn ignores_the_stale<M: Mind>(plan: &Arc<Plan>, node: &Node<M>) -> Result<(), (Violation, Event)> {
    let run = RunId { process: ProcessId(0), number: 0 };
    let exited = Event::Exited { run, end: RunEnd::Code(1), descendants: false };
    for event in [Event::Spawned(run), Event::Cleared(run), exited] {
        step(plan, node, node.now, event).map_err(|violation| (violation, event))?;
    }
    Ok(())
}

fn longest_grace_ms(plan: &Plan) -> u64 {
    plan.processes.iter().map(|process| process.stop.grace_ms).max().unwrap_or_default()
}

fn reach_back(parents: &[Vec<u32>], exits: &[usize]) -> usize {
    let mut seen = vec![false; parents.len()];
    let mut pending = exits.to_vec();
    let mut count = 0;
    while let Some(node) = pending.pop() {
        if !std::mem::replace(&mut seen[node], true) {
            count += 1;
            pending.extend(parents[node].iter().map(|parent| *parent as usize));
        }
    }
    count
}

/// Goes through all states of all these plans, which are more than a few.
fn search_all(plans: Vec<(&'static str, Arc<Plan>, Freedom)>) {
    let mut total = (0, 0);
    for (name, plan, freedom) in plans {
        let began = std::time::Instant::now();
        match search(&plan, Machine::new(Arc::clone(&plan)), freedom) {
            Found::Clean { states, steps } => {
                println!("{name}: {states} states, {steps} steps, {:.1?}", began.elapsed());
                total = (total.0 + states, total.1 + steps);
            }
            found => panic!("{name}: {found:?}"),
        }
    }
    println!("all: {} states, {} steps", total.0, total.1);
    assert!(total.0 > 100_000, "the search has become too small to mean anything");
}

#[test]
fn every_state_of_every_small_plan_keeps_every_rule() {
    search_all(plans::all());
}

#[test]
fn every_state_of_every_larger_plan_keeps_every_rule() {
    search_all(larger::all());
}
