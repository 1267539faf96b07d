//! The state machine: facts in, orders out, time an argument. No clock, no kernel, no I/O.
//!
//! [`Machine`] owns the whole set of processes from the first start to the container's exit code.
//! What one process does is in [`service`]; when it may start in [`mod@gate`]; whether it starts again
//! in [`restart`]; how everything stops in [`shutdown`]; which code comes out in [`exit`];
//! what follows of an event, for all of them together, in `settle`.
//! [`check`] states what must always hold, for the tests, the fuzzers and the exhaustive search.

pub mod action;
mod asking;
pub mod check;
mod dependants;
pub mod event;
pub mod exit;
pub mod gate;
pub mod health;
mod identity;
pub mod moment;
pub mod post_mortem;
pub mod probe;
pub mod report;
pub mod restart;
pub mod schedule;
pub mod service;
mod settle;
pub mod shutdown;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use action::Action;
pub use event::{Event, RunEnd, RunId, SpawnFailure, Word};
pub use health::{Aspect, Unfit};
pub use moment::Moment;
pub use post_mortem::PostMortem;
pub use report::Report;
pub use status::{ProcessStatus, State};

use crate::spec::{Plan, Process, ProcessId, Signal};
use service::Service;
use shutdown::{ABANDON_AFTER_MS, Shutdown};

/// The supervisor's mind. See the module's text; [`Machine::handle`] is how it is used.
#[derive(Clone, Debug)]
pub struct Machine {
    plan: Arc<Plan>,
    /// For each process, all that depend on it, directly or through others.
    dependants: Arc<Vec<Vec<ProcessId>>>,
    /// Milliseconds from the beginning of the stop until it is in a hurry.
    hurry_after_ms: u64,
    services: Vec<Service>,
    shutdown: Shutdown,
    begun: bool,
    /// What draws depend on besides the run they are made for.
    seed: u64,
    /// The code of the first failure for good that counts.
    first_failure: Option<u8>,
}

/// What a service needs to know of the world to decide: its own rules, and the time.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The process as planned.
    pub process: &'a Process,
    /// The time.
    pub now: Moment,
    /// What draws depend on besides the run they are made for.
    pub seed: u64,
}

impl Rules<'_> {
    /// A number that looks like any other and is always the same for one run of one machine.
    #[must_use]
    pub fn draw(&self, run: RunId) -> u64 {
        // The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): each bit that goes in changes
        // half of those that come out.
        let mixed = self.seed ^ run.key().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Machine {
    /// A machine before anything happened; feed it [`Event::Begun`] to start the first processes.
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Self {
        let services = (0u32..)
            .zip(&plan.processes)
            .map(|(index, process)| Service::new(ProcessId(index), process.enabled))
            .collect();
        Self {
            dependants: Arc::new(dependants::of_all(&plan)),
            hurry_after_ms: schedule::hurry_after_ms(&plan),
            plan,
            services,
            shutdown: Shutdown::No,
            begun: false,
            seed: 0,
            first_failure: None,
        }
    }

    /// The same, with waits that differ from those of a machine with another seed.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Feeds one event to the machine and appends what must be done next to `actions`.
    ///
    /// This is the only way the machine changes. It reads no clock, no environment and no process
    /// table: one plan and one list of `(now, event)` always give the same actions, so a log of
    /// events is a complete bug report.
    ///
    /// Carry out the actions in order before feeding the next event, and tell the machine how each
    /// [`Action::Spawn`] ended with an event of its own. That may be later, and other events may come
    /// before it, but none about that run: there is at most one start that is not answered. Within one wake-up feed exits first, then
    /// signals, then [`Event::Tick`], which alone looks at deadlines: a process that ended in time
    /// is then never killed for being late.
    ///
    /// Events about a run that has already ended are ignored. Exits and signals cross each other
    /// on the way in, so a late event is normal and not an error. Once [`Action::Exit`] has been
    /// given nothing more is ever ordered.
    ///
    /// Never panics: as PID 1, a panic would take every process down with it.
    pub fn handle(&mut self, now: Moment, event: Event, actions: &mut Vec<Action>) {
        self.handle_together(now, &[event], actions);
    }

    /// The same with several events that were said in one breath: nothing is done about the first
    /// before the last is known. Who asks for a process and what it depends on to be stopped has them
    /// stopped in their order, whichever was named first.
    pub fn handle_together(&mut self, now: Moment, events: &[Event], actions: &mut Vec<Action>) {
        if self.shutdown == Shutdown::Over {
            return;
        }
        for event in events {
            self.take(now, *event, actions);
        }
        if self.begun {
            self.settle(now, actions);
        }
    }

    /// Takes in what has happened, which changes where a service stands and what is wished for it.
    fn take(&mut self, now: Moment, event: Event, actions: &mut Vec<Action>) {
        match event {
            Event::Begun => self.begun = true,
            Event::Tick => self.on_tick(now, actions),
            Event::ShutdownAsked(signal) => self.on_shutdown_asked(now, signal, actions),
            Event::Spawned(run) => self.with(run.process, now, |service, rules| {
                service.on_spawned(rules, run, actions);
            }),
            Event::Answered { run, aspect, good } => {
                self.with(run.process, now, |service, rules| {
                    service.on_answered(rules, run, aspect, good, actions);
                });
            }
            Event::Told(run, word) => self.with(run.process, now, |service, rules| {
                service.on_told(rules, run, word, actions);
            }),
            Event::SpawnFailed(run, failure) => self.with(run.process, now, |service, rules| {
                service.on_spawn_failed(rules, run, failure, actions);
            }),
            Event::Exited { run, end, descendants } => {
                self.with(run.process, now, |service, rules| {
                    service.on_exited(rules, run, end, descendants, actions);
                });
            }
            Event::Cleared(run) => self.with(run.process, now, |service, rules| {
                service.on_cleared(rules, run, actions);
            }),
            // What is asked for, by people or files, once everything is being stopped comes too late.
            Event::StartAsked(_)
            | Event::StopAsked(_)
            | Event::RestartAsked(_)
            | Event::FilesChanged(_)
                if self.shutdown.has_begun() => {}
            Event::StartAsked(id) => self.start_asked(id),
            Event::FilesChanged(id) => self.with(id, now, |service, rules| {
                service.on_files_changed(rules);
            }),
            Event::StopAsked(id) => self.with(id, now, |service, _| service.on_stop_asked()),
            Event::RestartAsked(id) => self.restart_asked(id, now, actions),
        }
    }

    /// When [`Event::Tick`] must be fed at the latest; `None` when only an event can change
    /// anything, so that an idle supervisor sleeps for good.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        let services = self.services.iter().filter_map(Service::deadline);
        services.chain(self.shutdown.deadline()).min()
    }

    /// Whether the stop of everything has begun.
    #[must_use]
    pub fn is_shutting_down(&self) -> bool {
        self.shutdown.has_begun()
    }

    /// The plan it runs.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Where every process stands, in the order of the plan.
    #[must_use]
    pub fn status(&self, now: Moment) -> Vec<ProcessStatus> {
        let pairs = self.services.iter().zip(&self.plan.processes);
        pairs.map(|(service, process)| status::of(service, process, now)).collect()
    }

    /// The services, for the properties in [`check`].
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// How far the stop of everything has come, for the properties in [`check`].
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown
    }

    /// The same state with every moment told relative to `now`: two states from which the same
    /// futures follow are equal in this form. For the search through all states.
    #[must_use]
    pub fn relative_to(&self, now: Moment) -> Self {
        let mut moved = self.clone();
        for (service, process) in moved.services.iter_mut().zip(&self.plan.processes) {
            service.normalise(now, process);
        }
        moved.shutdown.shift(now);
        moved
    }

    fn on_tick(&mut self, now: Moment, actions: &mut Vec<Action>) {
        for (service, process) in self.services.iter_mut().zip(&self.plan.processes) {
            service.on_time(&Rules { process, now, seed: self.seed }, actions);
        }
        match self.shutdown {
            Shutdown::Orderly { code, kill_at, .. } if kill_at <= now => {
                actions.push(Action::Report(Report::StopTimeout));
                self.force(now, code);
            }
            Shutdown::Orderly { code, kill_at, hurry_at: Some(at), signalled } if at <= now => {
                self.shutdown = Shutdown::Orderly { code, kill_at, hurry_at: None, signalled };
                let is_untold =
                    |service: &Service| matches!(service.phase, service::Phase::Running { .. });
                if self.services.iter().any(is_untold) {
                    actions.push(Action::Report(Report::StopHurried));
                }
            }
            Shutdown::Forced { code, abandon_at } if abandon_at <= now => {
                let left = self.services.iter().filter_map(Service::living_run);
                actions.extend(left.map(|run| Action::Report(Report::Abandoned(run))));
                self.shutdown = Shutdown::Over;
                actions.push(Action::Exit(code));
            }
            Shutdown::No | Shutdown::Orderly { .. } | Shutdown::Forced { .. } | Shutdown::Over => {}
        }
    }

    fn on_shutdown_asked(&mut self, now: Moment, signal: Signal, actions: &mut Vec<Action>) {
        actions.push(Action::Report(Report::SignalReceived(signal)));
        match self.shutdown {
            Shutdown::No => {
                self.begin_shutdown(now, exit::told_by(signal), true);
            }
            // Everything is being stopped because of an exit: this is the first word from outside,
            // and it asks for no more than what is already happening.
            Shutdown::Orderly { code, kill_at, hurry_at, signalled: false } => {
                self.shutdown = Shutdown::Orderly { code, kill_at, hurry_at, signalled: true };
            }
            Shutdown::Orderly { code, signalled: true, .. } => self.force(now, code),
            Shutdown::Forced { .. } | Shutdown::Over => {}
        }
    }

    fn begin_shutdown(&mut self, now: Moment, code: u8, signalled: bool) {
        let kill_at = now.plus(self.plan.stop_timeout_ms);
        let hurry_at = Some(now.plus(self.hurry_after_ms));
        self.shutdown = Shutdown::Orderly { code, kill_at, hurry_at, signalled };
        for service in &mut self.services {
            service.wanted = false;
        }
    }

    fn force(&mut self, now: Moment, code: u8) {
        self.shutdown = Shutdown::Forced { code, abandon_at: now.plus(ABANDON_AFTER_MS) };
    }

    fn change(&mut self, index: usize, change: impl FnOnce(&mut Service)) {
        if let Some(service) = self.services.get_mut(index) {
            change(service);
        }
    }

    fn with(&mut self, id: ProcessId, now: Moment, act: impl FnOnce(&mut Service, &Rules<'_>)) {
        if let (Some(service), Some(process)) =
            (self.services.get_mut(id.index()), self.plan.processes.get(id.index()))
        {
            act(service, &Rules { process, now, seed: self.seed });
        }
    }
}
