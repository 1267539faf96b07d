//! Looking at processes from outside, through the machine's own `/proc`: what a container says about
//! itself is no proof.

use std::fs;
use std::path::PathBuf;

/// A process id of the machine.
pub type Pid = i32;

/// The state letter and the parent of a process; `None` when there is no such process.
#[must_use]
pub fn state(pid: Pid) -> Option<(char, Pid)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may hold anything, so counting starts behind the last one.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Whether a process runs, a zombie not counted.
#[must_use]
pub fn is_alive(pid: Pid) -> bool {
    state(pid).is_some_and(|(state, _)| state != 'Z')
}

/// The children of a process, zombies among them.
///
/// # Panics
/// Without `/proc`.
#[must_use]
pub fn children(parent: Pid) -> Vec<Pid> {
    fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| state(*pid).is_some_and(|(_, of)| of == parent))
        .collect()
}

/// The children of a process, theirs, and so on; nearer ones first.
///
/// # Panics
/// Without `/proc`.
#[must_use]
pub fn descendants(pid: Pid) -> Vec<Pid> {
    let mut found = children(pid);
    let mut next = 0;
    while let Some(one) = found.get(next).copied() {
        found.extend(children(one));
        next += 1;
    }
    found
}

/// How many dead children a process has not waited for.
#[must_use]
pub fn zombies(parent: Pid) -> usize {
    children(parent).into_iter().filter(|pid| matches!(state(*pid), Some(('Z', _)))).count()
}

/// The program a process runs, by the path it has in its own root.
#[must_use]
pub fn program(pid: Pid) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe")).ok()
}

/// The process ids a process has in its namespaces, from the machine's down to its own.
#[must_use]
pub fn namespace_pids(pid: Pid) -> Vec<Pid> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("NSpid:"))
        .map(|pids| pids.split_whitespace().filter_map(|pid| pid.parse().ok()).collect())
        .unwrap_or_default()
}

/// Finds the processes that have this text among their arguments.
///
/// # Panics
/// Without `/proc`.
#[must_use]
pub fn with_argument(argument: &str) -> Vec<Pid> {
    fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &Pid| {
            let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            arguments.split(|byte| *byte == 0).any(|one| one == argument.as_bytes())
        })
        .collect()
}

/// The most memory a process has had at once, in kB; `None` when there is no such process.
#[must_use]
pub fn peak_memory_kb(pid: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.split_whitespace().next()?.parse().ok()
}

/// Whether a process catches a signal, by the number of it.
#[must_use]
pub fn catches(pid: Pid, signal: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}

/// Whether a process sleeps in a write to a pipe that is full.
#[must_use]
pub fn is_held_back(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{pid}/wchan")).is_ok_and(|at| at.contains("pipe_write"))
}

/// How many threads a process has.
///
/// # Panics
/// When it is gone.
#[must_use]
pub fn threads(pid: Pid) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").count()
}
