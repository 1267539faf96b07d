//! Who is of which run: by way of its first process and of its orphans, or from the table of all.

use super::Runs;
use crate::machine::RunId;
use crate::os::cgroup;
use crate::os::descendants::{self, Known, Owner};
use crate::os::kill::Pid;
use crate::os::outlet::Outlet;
use crate::os::proc::{Entry, ProcFs};

/// How many runs are looked at one by one within a batch of actions, before the whole table is read.
const FEW: usize = 8;

impl Runs {
    /// Remembers a process that no run can be told of. Checks are none: they carry a mark of ours.
    pub(super) fn note_stray(&mut self, proc: &ProcFs, entry: &Entry) {
        let marker = proc.marker(entry.pid).ok().flatten().unwrap_or_default();
        let is_check = marker.ends_with(format!("@{}", self.instance).as_bytes());
        if !is_check && self.strays.insert((entry.pid, entry.started)) {
            self.new_strays.push(entry.pid);
        }
    }

    /// Our direct children that lead no living run. When the first process of a run has ended,
    /// everybody that is left of it descends from one of these, so the whole table is not needed.
    pub(super) fn orphans(&self, proc: &ProcFs) -> Vec<(Entry, Owner)> {
        let leads = |pid: &Pid| {
            let run = self.leaders.get(pid);
            run.and_then(|run| self.records.get(run)).is_some_and(|record| record.alive)
        };
        let known = self.known(proc);
        let children = proc.children().into_iter().filter(|pid| !leads(pid));
        children
            .filter_map(|pid| proc.entry(pid))
            .map(|entry| {
                (entry, descendants::of_root(&entry, &known, &mut |pid| self.by_marker(proc, pid)))
            })
            .collect()
    }

    pub(super) fn everybody(&self, proc: &ProcFs) -> Vec<(Entry, Owner)> {
        let table = proc.all();
        let mut by_marker = |pid| self.by_marker(proc, pid);
        let owners = descendants::owners(&table, &self.known(proc), &mut by_marker);
        table.into_iter().zip(owners).collect()
    }

    pub(super) fn known<'a>(&'a self, proc: &ProcFs) -> Known<'a> {
        Known { me: proc.me(), leaders: &self.leaders, seen: &self.seen }
    }

    pub(super) fn by_marker(&self, proc: &ProcFs, pid: Pid) -> Option<RunId> {
        let marked = proc.marker(pid).ok().flatten();
        let marked = marked.and_then(|marker| self.markers.get(&marker));
        // Its environment is its own to change; the group it was born in is not.
        marked.copied().or_else(|| {
            let groups = self.groups.iter().flat_map(|_| cgroup::names_of(pid));
            let by_group = groups.filter_map(|n| self.markers.get(n.as_bytes())).next();
            let by_outlet = || Outlet::open_in(pid).find_map(|outlet| self.outlets.get(&outlet));
            by_group.or_else(by_outlet).copied()
        })
    }

    /// The living processes of a run. A few runs are looked at one by one, which takes no longer the
    /// more others there are; for many the table is read, once for a batch of actions: stopping a
    /// thousand processes at once must not read it a thousand times.
    pub(super) fn members(&mut self, run: RunId) -> Vec<Entry> {
        let Some(proc) = self.proc else { return Vec::new() };
        let alone = self.adopts && self.table.is_none() && self.looks < FEW;
        let members = alone.then(|| self.below(&proc, run)).flatten();
        self.looks += 1;
        let members = members.unwrap_or_else(|| self.in_table(&proc, run));
        let leader = self.leader(run).map_or(0, Pid::number);
        let escaped = members.iter().filter(|entry| entry.session != leader);
        self.seen.extend(escaped.map(|entry| ((entry.pid, entry.started), run)));
        members
    }

    /// The living processes of a run, by way of its first one and of its orphans.
    fn below(&self, proc: &ProcFs, run: RunId) -> Option<Vec<Entry>> {
        let leader = self.leader(run).filter(|_| self.is_alive(run));
        let mut found = leader.map_or(Some(Vec::new()), |leader| proc.tree(leader))?;
        // Afterwards, for who has lost its parent meanwhile is here.
        for (orphan, owner) in self.orphans(proc) {
            if owner == Owner::Run(run) {
                found.extend(proc.tree(orphan.pid)?);
            }
        }
        found.retain(Entry::is_alive);
        found.sort_unstable_by_key(|entry| entry.pid);
        found.dedup_by_key(|entry| entry.pid);
        Some(found)
    }

    fn in_table(&mut self, proc: &ProcFs, run: RunId) -> Vec<Entry> {
        let table = self.table.take().unwrap_or_else(|| self.everybody(proc));
        let of_run =
            |(entry, owner): &&(Entry, Owner)| *owner == Owner::Run(run) && entry.is_alive();
        let members = table.iter().filter(of_run).map(|(entry, _)| *entry).collect();
        self.table = Some(table);
        members
    }
}
