//! Which run a living process belongs to, decided from the process table alone.
//!
//! As a child subreaper (or PID 1) every descendant of ours has a chain of parents that ends at
//! us, and the member of the chain just below us, its root, tells the run: either it leads one, or
//! it is an orphan. An orphan gives its run away by its session or group, by having been seen with
//! that run before, or by the marker in its environment.

use std::collections::HashMap;

use super::kill::Pid;
use super::proc::Entry;
use crate::machine::RunId;

/// What is known of the runs.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Our own process id.
    pub me: i32,
    /// The process each run began with, living or not.
    pub leaders: &'a HashMap<Pid, RunId>,
    /// Processes that were seen with a run, with their start times, so that a number that was
    /// given out anew is not taken for the old process.
    pub seen: &'a HashMap<(Pid, u64), RunId>,
}

/// Whose a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This run's.
    Run(RunId),
    /// A descendant of ours that no run can be told of.
    Stray,
    /// Not our descendant at all.
    Foreign,
}

/// Says for each process whose it is, in the order of the table.
///
/// `marker` is asked only for orphans that nothing cheaper tells of.
pub fn owners(
    table: &[Entry],
    known: &Known<'_>,
    marker: &mut dyn FnMut(Pid) -> Option<RunId>,
) -> Vec<Owner> {
    let by_pid: HashMap<i32, &Entry> =
        table.iter().map(|entry| (entry.pid.number(), entry)).collect();
    let mut roots: HashMap<Pid, Owner> = HashMap::new();
    let owner = |entry: &Entry| match root_of(entry, known.me, &by_pid) {
        Some(root) => *roots.entry(root.pid).or_insert_with(|| of_root(root, known, marker)),
        None => by_session(entry, known).map_or(Owner::Foreign, Owner::Run),
    };
    table.iter().map(owner).collect()
}

/// Whose a direct child of ours is.
pub fn of_root(
    root: &Entry,
    known: &Known<'_>,
    marker: &mut dyn FnMut(Pid) -> Option<RunId>,
) -> Owner {
    known
        .leaders
        .get(&root.pid)
        .copied()
        .or_else(|| by_session(root, known))
        .or_else(|| known.seen.get(&(root.pid, root.started)).copied())
        .or_else(|| marker(root.pid))
        .map_or(Owner::Stray, Owner::Run)
}

/// A session's or group's number is not given out anew while anybody is in it, so it still tells
/// the run when the leader is long gone.
fn by_session(entry: &Entry, known: &Known<'_>) -> Option<RunId> {
    let run = |number| known.leaders.get(&Pid::new(number)?).copied();
    run(entry.session).or_else(|| run(entry.group))
}

/// The ancestor just below us. The table is no snapshot: processes come and go while it is read,
/// so a chain may break, and a number given out anew could even close it to a ring.
fn root_of<'a>(entry: &'a Entry, me: i32, by_pid: &HashMap<i32, &'a Entry>) -> Option<&'a Entry> {
    let mut current = entry;
    for _ in 0..=by_pid.len() {
        if current.parent == me {
            return Some(current);
        }
        current = by_pid.get(&current.parent)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ProcessId;

    const ME: i32 = 10;

    fn pid(number: i32) -> Pid {
        Pid::new(number).expect("greater than 1")
    }

    fn run(process: u32) -> RunId {
        RunId { process: ProcessId(process), number: 1 }
    }

    fn entry(number: i32, parent: i32, group: i32, session: i32) -> Entry {
        let (state, started, ticks, pages) = (b'S', 1, 0, 0);
        Entry { pid: pid(number), parent, group, session, state, started, ticks, pages }
    }

    fn decide(table: &[Entry], marked: &[(i32, u32)]) -> Vec<Owner> {
        let leaders = HashMap::from([(pid(20), run(0)), (pid(30), run(1))]);
        let seen = HashMap::from([((pid(90), 1), run(1)), ((pid(91), 2), run(1))]);
        let known = Known { me: ME, leaders: &leaders, seen: &seen };
        owners(table, &known, &mut |asked| {
            let found = marked.iter().find(|(number, _)| *number == asked.number());
            found.map(|(_, process)| run(*process))
        })
    }

    #[test]
    fn each_way_to_belong_to_a_run() {
        for (what, table, marked, want) in [
            ("the leader", vec![entry(20, ME, 20, 20)], vec![], Owner::Run(run(0))),
            ("an orphan of the session", vec![entry(21, ME, 21, 20)], vec![], Owner::Run(run(0))),
            ("an orphan of the group", vec![entry(21, ME, 20, 5)], vec![], Owner::Run(run(0))),
            ("an orphan seen before", vec![entry(90, ME, 90, 90)], vec![], Owner::Run(run(1))),
            ("another with its number", vec![entry(91, ME, 91, 91)], vec![], Owner::Stray),
            ("a marked orphan", vec![entry(80, ME, 80, 80)], vec![(80, 1)], Owner::Run(run(1))),
            ("an orphan of nobody", vec![entry(80, ME, 80, 80)], vec![], Owner::Stray),
            ("somebody else", vec![entry(80, 1, 80, 80)], vec![(80, 1)], Owner::Foreign),
            (
                "out of reach, in the session",
                vec![entry(21, 1, 21, 20)],
                vec![],
                Owner::Run(run(0)),
            ),
        ] {
            assert_eq!(decide(&table, &marked), [want], "{what}");
        }
    }

    #[test]
    fn descendants_go_with_the_root_of_their_chain() {
        let table = [
            entry(20, ME, 20, 20),
            entry(21, 20, 21, 21),
            entry(22, 21, 22, 22),
            entry(80, ME, 80, 80),
            entry(81, 80, 81, 81),
        ];
        let want = [Owner::Run(run(0)); 3].into_iter().chain([Owner::Run(run(1)); 2]);
        assert_eq!(decide(&table, &[(80, 1)]), want.collect::<Vec<_>>());
    }

    #[test]
    fn a_ring_of_parents_ends() {
        assert_eq!(
            decide(&[entry(40, 41, 40, 40), entry(41, 40, 41, 41)], &[]),
            [Owner::Foreign; 2]
        );
    }
}
