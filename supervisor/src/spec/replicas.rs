//! One process of a spec that there are several of.

use super::error::Problem;
use super::plan::{self, Process};
use super::wire::{self, Check};

/// The variable that tells a replica its number.
const NUMBER: &str = "DEVENV_REPLICA";

/// The variable that says where a process listens, by the custom of Procfiles.
const PORT: &str = "PORT";

/// As many as a container could ever have; more is a typing error that would fill the memory.
const MOST: u32 = 1_000;

/// How many there are of the process at `index`, and says when that cannot be.
pub(super) fn count(index: usize, process: &wire::Process, problems: &mut Vec<Problem>) -> u32 {
    let count = process.replicas.unwrap_or(1);
    let path = format!("processes[{index}] ({})", process.name);
    if !is_possible(count) {
        problems.push(Problem {
            path: format!("{path}.replicas"),
            what: format!("is {count}, and not from 1 to {MOST}"),
            hint: Some("`enabled` of `false` is for none".to_owned()),
        });
        return 1;
    }
    let last = own_port(&process.environment).map_or(0, |port| u32::from(port) + count - 1);
    if last > u32::from(u16::MAX) {
        problems.push(Problem {
            path: format!("{path}.replicas"),
            what: format!("the last one gets PORT={last}, and ports end at {}", u16::MAX),
            hint: Some("begin with a lower `PORT`".to_owned()),
        });
    }
    count
}

fn is_possible(count: u32) -> bool {
    (1..=MOST).contains(&count)
}

/// Appends every replica of a process; `count` is what the spec says. Of an impossible number, which
/// [`count`] has told of, there is one.
pub(super) fn expand(process: Process, count: Option<u32>, all: &mut Vec<Process>) {
    let Some(count) = count.filter(|count| is_possible(*count)) else { return all.push(process) };
    let first = own_port(&process.environment);
    for replica in 1..=count {
        let mut one = process.clone();
        one.replica = replica;
        one.label = plan::label(&one.name, replica);
        one.environment.entry(NUMBER.to_owned()).or_insert_with(|| replica.to_string());
        if let Some(first) = first {
            let own = u16::try_from(u32::from(first) + replica - 1).unwrap_or(first);
            one.environment.insert(PORT.to_owned(), own.to_string());
            let ready = one.ready.as_mut().map(|rule| &mut rule.check);
            let live = one.live.as_mut().map(|rule| &mut rule.check);
            ready.into_iter().chain(live).for_each(|check| move_port(check, first, own));
        }
        all.push(one);
    }
}

fn own_port(environment: &std::collections::BTreeMap<String, String>) -> Option<u16> {
    environment.get(PORT)?.parse().ok()
}

/// Lets a check look where this replica listens, if it looks where the first one does.
fn move_port(check: &mut Check, first: u16, own: u16) {
    match check {
        Check::Http { port, .. } | Check::Tcp { port, .. } if *port == first => *port = own,
        Check::Http { .. }
        | Check::Tcp { .. }
        | Check::Exec { .. }
        | Check::Notify
        | Check::LogLine { .. } => {}
    }
}
