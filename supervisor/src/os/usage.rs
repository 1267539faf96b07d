//! What processes use of processor and memory, read from `/proc` when somebody asks and never
//! otherwise.

use std::collections::BTreeMap;

use nix::libc;

use super::clock;
use super::runs::Runs;
use crate::http::metrics::Usage;
use crate::machine::{Moment, RunId};
use crate::spec::ProcessId;

/// Milliseconds for which a reading is good enough: whoever asks all the time must not keep us
/// reading the process table.
const FRESH_MS: u64 = 1_000;

/// Milliseconds of a tick of `/proc`: the kernel counts a hundred of them a second on every
/// machine we run on, whatever its own clock does (`USER_HZ`).
const TICK_MS: u64 = 10;

/// What has been read so far.
#[derive(Debug, Default)]
pub struct Meters {
    read_at: Option<Moment>,
    meters: BTreeMap<ProcessId, Meter>,
}

/// The processor time of one process over all its runs.
#[derive(Clone, Copy, Debug, Default)]
struct Meter {
    run: u32,
    /// Of the runs before that one, as far as it was read.
    before: u64,
    /// Of that one. What a descendant used that has gone to another parent is missing from later
    /// readings, and so the most that was read counts.
    most: u64,
    memory_bytes: u64,
}

impl Meter {
    fn read(&mut self, run: u32, cpu_ms: u64, memory_bytes: u64) {
        if self.run != run {
            *self = Self { run, before: self.before + self.most, ..Self::default() };
        }
        self.most = self.most.max(cpu_ms);
        self.memory_bytes = memory_bytes;
    }
}

impl Meters {
    /// What the processes of one use, with all their descendants; `None` where that cannot be read.
    pub fn of(&mut self, id: ProcessId, runs: &Runs) -> Option<Usage> {
        let now = clock::now();
        if self.read_at.is_none_or(|at| now.since(at) >= FRESH_MS) {
            self.read(runs)?;
            self.read_at = Some(now);
        }
        let meter = self.meters.get(&id).copied().unwrap_or_default();
        let Meter { before, most, memory_bytes, .. } = meter;
        Some(Usage { cpu_ms: before + most, memory_bytes })
    }

    fn read(&mut self, runs: &Runs) -> Option<()> {
        // SAFETY: the call takes a number and returns one.
        let page = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
        let mut sums: BTreeMap<RunId, (u64, u64)> = BTreeMap::new();
        for (run, entry) in runs.living()? {
            let sum = sums.entry(run).or_default();
            sum.0 += entry.ticks * TICK_MS;
            sum.1 += entry.pages * page;
        }
        self.meters.values_mut().for_each(|meter| meter.memory_bytes = 0);
        for (run, (cpu_ms, memory_bytes)) in sums {
            self.meters.entry(run.process).or_default().read(run.number, cpu_ms, memory_bytes);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_never_falls_whatever_is_read() {
        let mut meter = Meter::default();
        let mut totals = Vec::new();
        for (run, cpu_ms) in [(1, 10), (1, 30), (1, 20), (2, 5), (2, 15), (4, 0)] {
            meter.read(run, cpu_ms, 0);
            totals.push(meter.before + meter.most);
        }
        assert_eq!(totals, [10, 30, 30, 35, 45, 45]);
    }
}
