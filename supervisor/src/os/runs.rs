//! The runs that are alive: which process each began with, and signals to all that came of it.
//!
//! The machine knows runs and no processes; this table is where the two meet.

mod finding;

use std::collections::{HashMap, HashSet};
use std::fs::File;

use nix::unistd::geteuid;

use super::cgroup::Groups;
use super::descendants::{self, Owner};
use super::kill::{self, Pid};
use super::notify::Sender;
use super::outlet::Outlet;
use super::proc::{Entry, ProcFs};
use super::reap::Reaped;
use crate::machine::{Event, RunId};
use crate::spec::Signal;

/// How many ancestors of a process are looked at: far more than there ever are, and an end for a
/// chain that processes make longer while it is read.
const DEEPEST: usize = 1_000;

/// Every run with a living process, by its own or by the kernel's name.
pub struct Runs {
    proc: Option<ProcFs>,
    /// Whether orphans are given to us, so that whoever lives has a chain of parents up to us.
    adopts: bool,
    /// Tells this supervisor's markers from those of another one above or below it.
    instance: String,
    records: HashMap<RunId, Record>,
    /// The latest run that began with a process of that number.
    leaders: HashMap<Pid, RunId>,
    /// Also the names of their control groups.
    markers: HashMap<Vec<u8>, RunId>,
    /// Where each run has a control group, if it can have one.
    groups: Option<Groups>,
    /// Processes seen with a run outside its session.
    seen: HashMap<(Pid, u64), RunId>,
    /// The runs that write to each.
    outlets: HashMap<Outlet, RunId>,
    /// Whose each process is, as long as one batch of actions lasts.
    table: Option<Vec<(Entry, Owner)>>,
    /// How many runs were looked at one by one in this batch.
    looks: usize,
    /// Processes that cannot be told to be of any run.
    strays: HashSet<(Pid, u64)>,
    /// Those of them that nobody has heard of yet.
    new_strays: Vec<Pid>,
}

/// What a run begins with.
pub struct Start {
    /// Its first process.
    pub leader: Pid,
    /// Its user, where that is not ours.
    pub user: Option<u32>,
    /// What its processes carry in their environment.
    pub marker: String,
    /// Where they write to, as far as that is known.
    pub outlets: Vec<Outlet>,
}

struct Record {
    leader: Pid,
    /// Its user, where that is not ours.
    user: Option<u32>,
    marker: String,
    outlets: Vec<Outlet>,
    alive: bool,
    /// It was ordered to be killed, which goes for whoever turns up later as well.
    killed: bool,
}

impl Runs {
    /// An empty table. Without `proc` only process groups can be signalled.
    #[must_use]
    pub fn new(
        proc: Option<ProcFs>,
        adopts: bool,
        instance: String,
        groups: Option<Groups>,
    ) -> Self {
        Self {
            proc,
            groups,
            adopts,
            instance,
            records: HashMap::new(),
            leaders: HashMap::new(),
            markers: HashMap::new(),
            seen: HashMap::new(),
            outlets: HashMap::new(),
            table: None,
            looks: 0,
            strays: HashSet::new(),
            new_strays: Vec::new(),
        }
    }

    /// What tells this supervisor from another one above or below it.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The marker a run's processes carry in their environment.
    #[must_use]
    pub fn marker(&self, label: &str, run: RunId) -> String {
        format!("{label}#{}@{}", run.number, self.instance)
    }

    /// Makes a control group for the process that will have this marker.
    #[must_use]
    pub fn group(&self, marker: &str) -> Option<File> {
        // Where there can be no more of them it goes without.
        self.groups.as_ref()?.open(marker).ok()
    }

    /// Removes the control group of a process that is gone, or has never come to be.
    pub fn ungroup(&self, marker: &str) {
        self.groups.iter().for_each(|groups| groups.remove(marker));
    }

    /// A run has its process.
    pub fn began(&mut self, run: RunId, start: Start) {
        let Start { leader, user, marker, outlets } = start;
        self.leaders.insert(leader, run);
        self.markers.insert(marker.clone().into_bytes(), run);
        self.outlets.extend(outlets.iter().map(|outlet| (*outlet, run)));
        let record = Record { leader, user, marker, outlets, alive: true, killed: false };
        self.records.insert(run, record);
        self.table = None;
    }

    /// The process a run began with.
    #[must_use]
    pub fn leader(&self, run: RunId) -> Option<Pid> {
        self.records.get(&run).map(|record| record.leader)
    }

    /// Whether a process may speak for a run: it is one of the run's own.
    ///
    /// One that has already gone (`systemd-notify` in a script lives no longer than its message),
    /// or that cannot be looked up without `/proc`, is believed when it has our user or the run's:
    /// whoever has that could as well send the run a signal.
    #[must_use]
    pub fn may_speak(&self, run: RunId, sender: Sender) -> bool {
        let Some(pid) = sender.pid else { return false };
        match self.owner(pid) {
            Some(owner) => owner == Owner::Run(run),
            None => {
                let user = self.records.get(&run).and_then(|record| record.user);
                sender.uid == geteuid().as_raw() || user == Some(sender.uid)
            }
        }
    }

    /// Whose a process is, `None` when that cannot be told.
    fn owner(&self, pid: Pid) -> Option<Owner> {
        if let Some(run) = self.leaders.get(&pid) {
            return Some(Owner::Run(*run));
        }
        let proc = self.proc?;
        let mut chain = vec![proc.entry(pid)?];
        while let Some(parent) = chain.last().map(|entry| entry.parent)
            && parent != proc.me()
            && chain.len() < DEEPEST
            && let Some(entry) = Pid::new(parent).and_then(|parent| proc.entry(parent))
        {
            chain.push(entry);
        }
        let mut by_marker = |pid| self.by_marker(&proc, pid);
        descendants::owners(&chain, &self.known(&proc), &mut by_marker).first().copied()
    }

    /// Forgets what was read of the process table: time has passed.
    pub fn table_is_old(&mut self) {
        self.table = None;
        self.looks = 0;
    }

    /// Who is left of a run whose first process has ended.
    pub fn survivors(&mut self, run: RunId) -> Vec<Pid> {
        if self.is_alive(run) {
            return Vec::new();
        }
        self.members(run).iter().map(|entry| entry.pid).collect()
    }

    /// Processes that were found when a run ended, and that no run can be told of: they are stopped
    /// at the very end. Each is given once.
    pub fn take_strays(&mut self) -> Vec<Pid> {
        std::mem::take(&mut self.new_strays)
    }

    /// Sends a signal to every process of a run. Those that job control has stopped are woken to
    /// receive it, except when the signal is itself about stopping and going on.
    pub fn signal(&mut self, run: RunId, signal: Signal) {
        let Some(leader) = self.leader(run) else { return };
        let members = self.members(run);
        self.to_group(run, leader, signal);
        let outside = |entry: &&Entry| entry.group != leader.number();
        members.iter().filter(outside).for_each(|entry| kill::process(entry.pid, signal));
        if !signal.is_of_job_control() && signal != Signal::KILL {
            let stopped = members.iter().filter(|entry| entry.is_stopped());
            stopped.for_each(|entry| kill::wake(entry.pid));
        }
    }

    /// Kills every process of a run, now and whenever one more of it is found.
    pub fn kill(&mut self, run: RunId) {
        if let Some(record) = self.records.get_mut(&run) {
            record.killed = true;
            self.groups.iter().for_each(|groups| groups.kill(&record.marker));
        }
        self.signal(run, Signal::KILL);
    }

    /// Passes a signal on to the process group of every run, as what `becomes` makes of it.
    pub fn pass_on(&self, becomes: impl Fn(RunId) -> Option<Signal>) {
        for (run, record) in self.records.iter().filter(|(_, record)| record.alive) {
            if let Some(signal) = becomes(*run) {
                kill::group(record.leader, signal);
            }
        }
    }

    /// Whether the process a run began with is still alive.
    #[must_use]
    pub fn is_alive(&self, run: RunId) -> bool {
        self.records.get(&run).is_some_and(|record| record.alive)
    }

    /// Kills every process there is, for a supervisor that is about to give up.
    pub fn kill_all(&self) {
        self.groups.iter().for_each(Groups::kill_all);
        self.records.values().for_each(|record| kill::group(record.leader, Signal::KILL));
    }

    /// Every living process that is one of a run, as far as that can be told; `None` without `/proc`.
    #[must_use]
    pub fn living(&self) -> Option<Vec<(RunId, Entry)>> {
        let all = self.everybody(&self.proc?).into_iter();
        let of_run = |(entry, owner): (Entry, Owner)| match owner {
            Owner::Run(run) if entry.is_alive() => Some((run, entry)),
            Owner::Run(_) | Owner::Stray | Owner::Foreign => None,
        };
        Some(all.filter_map(of_run).collect())
    }

    /// Turns reaped children into the machine's events: exits in the order given, and then the
    /// runs of which now nobody is left. Those are kept until [`Runs::forget`], so that what comes
    /// of the event can still name their processes.
    pub fn reaped(&mut self, reaped: &[Reaped]) -> Vec<Event> {
        let mut exits = Vec::new();
        let mut orphans = false;
        for child in reaped {
            let run = self.leaders.get(&child.pid).copied();
            let alive = |run: &RunId| self.records.get(run).is_some_and(|record| record.alive);
            match run.filter(alive) {
                Some(run) => exits.push((run, child.end)),
                None => orphans = true,
            }
        }
        if exits.is_empty() && !(orphans && self.is_clearing()) {
            return Vec::new();
        }
        let was_clearing = self.clearing();
        for (run, _) in &exits {
            if let Some(record) = self.records.get_mut(run) {
                record.alive = false;
            }
        }
        let left = self.runs_with_someone_left();
        let mut events = Vec::new();
        for (run, end) in exits {
            let descendants = left.contains(&run);
            events.push(Event::Exited { run, end, descendants });
        }
        events.extend(cleared(was_clearing, &left));
        events
    }

    /// Looks again at runs whose process has ended and that left somebody behind.
    pub fn recheck(&mut self) -> Vec<Event> {
        let left = self.runs_with_someone_left();
        cleared(self.clearing(), &left).collect()
    }

    /// Forgets a run of which nobody is left, once everything about it has been said.
    pub fn forget(&mut self, run: RunId) {
        let Some(record) = self.records.remove(&run) else { return };
        self.markers.remove(record.marker.as_bytes());
        for outlet in &record.outlets {
            self.outlets.remove(outlet);
        }
        self.ungroup(&record.marker);
        // The number may already lead another run.
        if self.leaders.get(&record.leader) == Some(&run) {
            self.leaders.remove(&record.leader);
        }
        self.seen.retain(|_, of| *of != run);
    }

    /// Whether somebody is left of a run whose end the kernel will not tell us.
    #[must_use]
    pub fn must_be_polled(&self) -> bool {
        !(self.adopts && self.proc.is_some()) && self.is_clearing()
    }

    fn clearing(&self) -> Vec<RunId> {
        let ended = self.records.iter().filter(|(_, record)| !record.alive);
        let mut runs: Vec<RunId> = ended.map(|(run, _)| *run).collect();
        runs.sort_unstable();
        runs
    }

    fn is_clearing(&self) -> bool {
        self.records.values().any(|record| !record.alive)
    }

    /// The runs without their first process of which somebody still lives. Whoever lives although
    /// the run was to be killed is killed on the way.
    fn runs_with_someone_left(&mut self) -> HashSet<RunId> {
        let clearing = self.clearing();
        if clearing.is_empty() {
            return HashSet::new();
        }
        let Some(proc) = self.proc else {
            let left = |run: &RunId| self.leader(*run).is_some_and(kill::group_exists);
            return clearing.into_iter().filter(left).collect();
        };
        let found = if self.adopts { self.orphans(&proc) } else { self.everybody(&proc) };
        let mut left = HashSet::new();
        for (entry, owner) in found {
            if owner == Owner::Stray && entry.is_alive() {
                self.note_stray(&proc, &entry);
            }
            let Owner::Run(run) = owner else { continue };
            let Some(record) = self.records.get(&run) else { continue };
            if !record.alive && entry.is_alive() {
                if record.killed {
                    kill::process(entry.pid, Signal::KILL);
                }
                left.insert(run);
            }
        }
        left
    }

    /// A group outlives its leader, but its number must not be used once it leads another run.
    fn to_group(&self, run: RunId, leader: Pid, signal: Signal) {
        if self.leaders.get(&leader) == Some(&run) {
            kill::group(leader, signal);
        }
    }
}

fn cleared(runs: Vec<RunId>, left: &HashSet<RunId>) -> impl Iterator<Item = Event> {
    runs.into_iter().filter(|run| !left.contains(run)).map(Event::Cleared)
}
