//! What `/proc` says of processes: the table of all, our children, and the marker of one.

use std::fs;
use std::io;

use super::environment::MARKER;
use super::kill::Pid;

/// One process as `/proc/PID/stat` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which.
    pub pid: Pid,
    /// Its parent's process id, 0 for one from outside the PID namespace.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Its session.
    pub session: i32,
    /// The letter of its state: `R`, `S`, `D`, `T` (stopped), `Z` (zombie), …
    pub state: u8,
    /// Clock ticks after boot at which it started; with the pid it names one process for good.
    pub started: u64,
    /// Clock ticks of processor time, its own and that of children it has waited for.
    pub ticks: u64,
    /// Resident memory in pages.
    pub pages: u64,
}

impl Entry {
    /// Whether it can still do anything.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !matches!(self.state, b'Z' | b'X' | b'x')
    }

    /// Whether job control has stopped it, so that it cannot react to a signal.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.state == b'T'
    }
}

/// A `/proc` that can be believed.
#[derive(Clone, Copy, Debug)]
pub struct ProcFs {
    me: i32,
    /// Whether it lists children (CONFIG_PROC_CHILDREN).
    lists_children: bool,
}

impl ProcFs {
    /// Looks whether there is one.
    ///
    /// # Errors
    /// Why not: it is not mounted, or it was mounted in another PID namespace (`unshare --pid`
    /// without `--mount-proc`), where its numbers name other processes than ours do.
    pub fn open() -> Result<Self, String> {
        let me = i32::try_from(std::process::id()).map_err(|error| error.to_string())?;
        let status = fs::read("/proc/self/status").map_err(|error| error.to_string())?;
        if numbers_of_own_namespace(&status) == Some(me) {
            let lists_children = fs::exists("/proc/thread-self/children").unwrap_or(false);
            Ok(Self { me, lists_children })
        } else {
            Err("it belongs to another PID namespace".to_owned())
        }
    }

    /// Our own process id.
    #[must_use]
    pub fn me(&self) -> i32 {
        self.me
    }

    /// Every process there is. Those that end while it is read may be missing.
    #[must_use]
    pub fn all(&self) -> Vec<Entry> {
        let Ok(directory) = fs::read_dir("/proc") else { return Vec::new() };
        directory
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(Pid::new)
            .filter_map(|pid| self.entry(pid))
            .collect()
    }

    /// One process, `None` when it is gone.
    #[must_use]
    pub fn entry(&self, pid: Pid) -> Option<Entry> {
        parse_stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Our direct children, zombies included.
    ///
    /// The kernel keeps them for each thread: those we forked are with the thread that did, which
    /// is the main one, and orphans are given to the main one while it lives.
    #[must_use]
    pub fn children(&self) -> Vec<Pid> {
        match fs::read_to_string(format!("/proc/self/task/{}/children", self.me)) {
            Ok(list) => {
                list.split_ascii_whitespace().filter_map(|n| Pid::new(n.parse().ok()?)).collect()
            }
            // The kernel was built without CONFIG_PROC_CHILDREN.
            Err(_) => {
                let of_mine = |entry: &Entry| entry.parent == self.me;
                self.all().iter().filter(|entry| of_mine(entry)).map(|entry| entry.pid).collect()
            }
        }
    }

    /// A process, its children, theirs and so on; `None` where the kernel does not list children, or
    /// where there are so many that the table of all is cheaper to read. Orphans whose parents end
    /// meanwhile may be missing: they are our children by then.
    #[must_use]
    pub fn tree(&self, root: Pid) -> Option<Vec<Entry>> {
        const FEW: usize = 64;
        self.lists_children.then_some(())?;
        let mut found: Vec<Entry> = self.entry(root).into_iter().collect();
        let mut next = 0;
        while let Some(parent) = found.get(next).map(|entry| entry.pid) {
            // The kernel keeps children with the thread that made them. Who is gone has none.
            let threads = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten();
            for thread in threads.flatten() {
                let list = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
                let children = list.split_ascii_whitespace().filter_map(|n| n.parse().ok());
                found.extend(children.filter_map(Pid::new).filter_map(|pid| self.entry(pid)));
            }
            next += 1;
            (found.len() <= FEW).then_some(())?;
        }
        Some(found)
    }

    /// The value of the marker in the environment a process was started with.
    ///
    /// # Errors
    /// It is gone, or runs under another user and may not be looked into.
    pub fn marker(&self, pid: Pid) -> io::Result<Option<Vec<u8>>> {
        let environment = fs::read(format!("/proc/{pid}/environ"))?;
        let value = environment
            .split(|byte| *byte == 0)
            .find_map(|entry| entry.strip_prefix(MARKER.as_bytes())?.strip_prefix(b"="));
        Ok(value.map(<[u8]>::to_vec))
    }
}

/// Our process id according to `/proc/self/status`, when the mount is of our own namespace.
///
/// `NSpid` has one number for each namespace from the mount's down to ours (proc(5)); more than
/// one says that the mount is an ancestor's. Kernels built without it have only `Pid`.
fn numbers_of_own_namespace(status: &[u8]) -> Option<i32> {
    let text = String::from_utf8_lossy(status);
    let field = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned))
    };
    let numbers = field("NSpid").or_else(|| field("Pid"))?;
    let mut numbers = numbers.split_ascii_whitespace();
    let first = numbers.next()?.parse().ok()?;
    numbers.next().is_none().then_some(first)
}

/// Parses `/proc/PID/stat`. The name in parentheses may hold anything, spaces and parentheses
/// included, so what follows begins after the last one.
fn parse_stat(line: &[u8]) -> Option<Entry> {
    let open = line.iter().position(|byte| *byte == b'(')?;
    let close = line.iter().rposition(|byte| *byte == b')')?;
    let pid = std::str::from_utf8(line.get(..open)?).ok()?.trim().parse().ok()?;
    let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.bytes().next()?;
    let mut number = || fields.next()?.parse().ok();
    let (parent, group, session) = (number()?, number()?, number()?);
    // The four times are the fields from the 14th on, 7 after the session's; the start time is the
    // 22nd, the resident memory the 24th (proc_pid_stat(5)).
    let times = fields.by_ref().skip(7).take(4);
    let ticks = times.filter_map(|time| time.parse::<u64>().ok()).sum();
    let started = fields.nth(4)?.parse().ok()?;
    // Less than nothing for a process without memory of its own.
    let pages = fields.nth(1)?.parse().unwrap_or(0);
    Some(Entry { pid: Pid::new(pid)?, parent, group, session, state, started, ticks, pages })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = "0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 22 33";

    #[test]
    fn a_name_may_hold_anything() {
        for name in ["sh", "a b", "a) S 1 1 1 (b", "(", ")", "\u{e4}"] {
            let line = format!("77 ({name}) T 5 6 7 {TAIL}\n");
            let want = Entry {
                pid: Pid::new(77).expect("greater than 1"),
                parent: 5,
                group: 6,
                session: 7,
                state: b'T',
                started: 98_765,
                ticks: 5 + 6 + 7 + 8,
                pages: 33,
            };
            assert_eq!(parse_stat(line.as_bytes()), Some(want), "{name}");
        }
    }

    #[test]
    fn half_a_line_is_no_process() {
        for line in ["", "77", "77 (sh", "77 (sh) S", "77 (sh) S 1 2 3", "x (sh) S 1 2 3 4"] {
            assert_eq!(parse_stat(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn our_own_line_is_read_as_it_is() {
        let line = fs::read("/proc/self/stat").expect("tests run with /proc");
        let entry = parse_stat(&line).expect("the kernel's own format");
        assert_eq!(u32::try_from(entry.pid.number()), Ok(std::process::id()));
        assert!(entry.started > 0);
    }

    #[test]
    fn a_mount_of_another_namespace_is_told() {
        for (status, want) in [
            ("Name:\tx\nPid:\t7\nNSpid:\t7\n", Some(7)),
            ("Name:\tx\nPid:\t4242\nNSpid:\t4242\t1\n", None),
            ("Name:\tx\nPid:\t7\n", Some(7)),
            ("Name:\tx\n", None),
        ] {
            assert_eq!(numbers_of_own_namespace(status.as_bytes()), want, "{status:?}");
        }
    }
}
