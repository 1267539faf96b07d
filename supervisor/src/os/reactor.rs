//! The one loop: what the kernel says becomes events, the machine's actions become system calls.
//!
//! ```text
//! wait ─▶ reap ─▶ signals ─▶ time ─▶ machine.handle ─▶ actions ─▶ answers ─▶ … ─▶ starts ─▶ wait
//! ```
//!
//! Within one turn exits are fed first, then signals, then the time, so that the same facts always
//! lead to the same orders. Nothing in a turn blocks on anybody: output is another thread's. Starts
//! come last, and no more of them than [`START_MS`] allows: the kernel takes its time for each.

mod ending;
mod handing;
mod launch;
mod listening;
mod pages;
mod passing;
mod requests;
mod setup;
mod telling;

use std::collections::{HashMap, VecDeque};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::unix::AsyncFd;

use super::bell::Bell;
use super::control::{Control, Socket};
use super::coroner::Coroner;
use super::environment::Variables;
use super::guardian::Guardian;
use super::handover::Files;
use super::http::Endpoint;
use super::init::Surroundings;
use super::notify::Notify;
use super::output::Ends;
use super::probe::Probes;
use super::runs::Runs;
use super::signal::Signals;
use super::sockets::Sockets;
use super::stop_command::{Order, StopCommands};
use super::usage::Meters;
use super::watch::Watching;
use super::{clock, last_words, reap};
use crate::handover::Handed;
use crate::log::{Log, Notice};
use crate::machine::{Action, Aspect, Event, Machine, RunId};
use crate::spec::{Check, Plan, Process, ProcessId, Signal, Timing};
use pages::Beginning;
use requests::Pending;
pub use setup::catch_signals;

/// Milliseconds between two looks at somebody left behind, where the kernel tells us nothing.
const POLL_MS: u64 = 50;

/// Milliseconds after which a turn starts nothing more and looks at everything else first. A few
/// dozen processes are started within it, and a signal waits no longer than that.
const START_MS: u64 = 20;

/// What serves people and can be done without.
#[derive(Default)]
pub struct Amenities {
    /// Where control is listened for.
    pub control: Option<Socket>,
    /// Where HTTP is listened for.
    pub http: Option<TcpListener>,
    /// Whether a bad end is explained.
    pub post_mortem: bool,
    /// Names of variables whose values are hidden, also where a task exports them.
    pub secrets: Vec<String>,
    /// Whether lines tell of which stream they are, so that each has a pipe of its own.
    pub streams_apart: bool,
    /// Who ends the processes when we are killed.
    pub guardian: Option<Guardian>,
}

/// Runs a plan to its end and returns the exit code of the container.
///
/// `log` must have been started with the plan's processes, in their order, as sources, and
/// `signals` must come from [`catch_signals`].
///
/// Whatever happens after the first process has been started, this returns only when all of them
/// have ended or are beyond reach: a fault of our own kills them and gives
/// [`exit::INTERNAL`].
///
/// # Errors
/// Nothing has been started: the kernel refused what the loop itself needs.
pub fn run(
    plan: Plan,
    log: Log,
    surroundings: Surroundings,
    signals: Signals,
    mut amenities: Amenities,
) -> std::io::Result<u8> {
    std::panic::set_hook(Box::new(|panic| last_words::say(&format!("internal error: {panic}"))));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let _entered = runtime.enter();
    let mut guardian = amenities.guardian.take();
    let grace_ms = plan.stop_timeout_ms;
    let mut reactor = Reactor::new(plan, log, surroundings, signals, amenities)?;
    if let Some(guardian) = &mut guardian {
        guardian.watch(reactor.runs.instance(), grace_ms);
    }
    // A panic must not unwind past the processes: they would live on unsupervised.
    let lived = catch_unwind(AssertUnwindSafe(|| runtime.block_on(reactor.live())));
    let code = match lived {
        Ok(code) => {
            let code = reactor.end(code);
            if let Some(guardian) = guardian {
                guardian.dismiss();
            }
            code
        }
        Err(_) => reactor.give_up(),
    };
    // Whoever still waits for an answer is told that there will be none.
    reactor.pending.clear();
    runtime.block_on(async { tokio::join!(reactor.control.farewell(), reactor.http.farewell()) });
    Ok(code)
}

struct Reactor {
    plan: Arc<Plan>,
    machine: Machine,
    runs: Runs,
    log: Option<Log>,
    surroundings: Surroundings,
    signals: AsyncFd<Signals>,
    variables: Variables,
    input: OwnedFd,
    /// Runs to be started, in the order they were ordered in.
    ordered: VecDeque<RunId>,
    /// Output of runs that are not yet announced: their first line comes after `… started`.
    outputs: HashMap<RunId, Ends>,
    /// Whether standard error has a pipe of its own.
    streams_apart: bool,
    terminals: passing::Terminals,
    /// What tasks have handed on.
    handed: Handed,
    /// The variables that living runs were started from, where tasks have handed some on: their
    /// checks and what stops them know the same, also when those tasks have run again.
    begun_with: HashMap<RunId, Variables>,
    /// Where the runs of tasks write what they hand on.
    files: Vec<(RunId, Files)>,
    probes: Probes,
    notify: Notify,
    notify_bell: Bell,
    /// What watches files, and rings when they have changed.
    watching: Option<(Watching, Bell)>,
    /// Rings when a line somebody waits for was read.
    log_bell: Bell,
    /// A run talks so much that not all of it was heard in the last turn.
    unheard: bool,
    /// Why runs could not be had.
    causes: HashMap<RunId, String>,
    sockets: Sockets,
    stop_commands: StopCommands,
    control: Control,
    /// Requests that are answered when something has come to pass.
    pending: Vec<Pending>,
    http: Endpoint,
    beginning: Beginning,
    meters: Meters,
    coroner: Option<Coroner>,
    /// Names of variables whose values are hidden.
    secrets: Vec<String>,
    exit: Option<u8>,
}

impl Reactor {
    /// From the first start to the exit code.
    async fn live(&mut self) -> u8 {
        self.begin();
        loop {
            if let Some(code) = self.exit {
                return code;
            }
            self.wait().await;
            self.turn();
        }
    }

    fn begin(&mut self) {
        for missing in std::mem::take(&mut self.surroundings.missing) {
            self.say(Notice::new("missing", missing));
        }
        self.make_sockets();
        self.feed(Event::Begun);
        self.start_ordered();
    }

    /// Starts what is ordered, and what is ordered because of that. Each answer is fed before
    /// anything else happens: the exit of a process must not be heard before its start.
    fn start_ordered(&mut self) {
        let enough = clock::now().plus(START_MS);
        while let Some(run) = self.ordered.pop_front() {
            let answer = self.spawn(run);
            self.feed(answer);
            if clock::now() >= enough {
                break;
            }
        }
    }

    /// Makes the sockets of all that is about to start, so that it does not matter who is first.
    /// What cannot be made is tried again and told when its process is started.
    fn make_sockets(&mut self) {
        for (id, process) in (0..).map(ProcessId).zip(&self.plan.processes) {
            if process.enabled {
                let _ = self.sockets.of(id, process);
            }
        }
    }

    /// Sleeps until a signal comes or something is due. With nothing due there is no timer, and
    /// no wake-up.
    async fn wait(&mut self) {
        if self.unheard || !self.ordered.is_empty() {
            // Not without a look at who else has something to say.
            return tokio::task::yield_now().await;
        }
        let now = clock::now();
        let poll = self.runs.must_be_polled().then(|| now.plus(POLL_MS));
        let due = self.machine.next_deadline().into_iter().chain(poll).min();
        let signalled = async {
            match self.signals.readable().await {
                Ok(mut guard) => guard.clear_ready(),
                // The runtime is shutting down, which it does not while we are in it.
                Err(_) => std::future::pending().await,
            }
        };
        let files_changed = async {
            match &self.watching {
                Some((_, bell)) => bell.rings().await,
                None => std::future::pending().await,
            }
        };
        let something = async {
            tokio::select! {
                () = signalled => {}
                () = self.notify_bell.rings() => {}
                () = self.log_bell.rings() => {}
                () = files_changed => {}
                () = self.probes.answered() => {}
                () = self.control.asked() => {}
                () = self.http.asked() => {}
            }
        };
        match due {
            None => something.await,
            Some(due) => {
                let left = Duration::from_millis(due.since(now));
                // A timeout is as good as a signal: the turn looks at everything.
                let _ = tokio::time::timeout(left, something).await;
            }
        }
    }

    fn turn(&mut self) {
        self.runs.table_is_old();
        let signals = self.signals.get_mut().take();
        // Whoever has ended spoke before that, and can still be looked up until it is reaped.
        self.listen();
        let mut reaped = reap::all();
        let mut answers = self.probes.reaped(&mut reaped);
        let failed = self.stop_commands.reaped(&reaped);
        for event in self.runs.reaped(&reaped) {
            self.feed_end(event);
        }
        if let Some(notice) = super::report::strays(&self.runs.take_strays()) {
            self.say(notice);
        }
        // After the exits: what has ended together with its command is not signalled any more.
        for (order, end) in failed {
            self.stop_otherwise(order, &format!("ended with rc={}", end.rc()));
        }
        if self.runs.must_be_polled() {
            for event in self.runs.recheck() {
                self.feed_end(event);
            }
        }
        answers.extend(self.probes.take());
        answers.extend(self.changes());
        for event in answers {
            self.feed(event);
        }
        for signal in signals {
            if Signal::PASSED_ON.contains(&signal) {
                self.pass_on(signal);
            } else {
                self.feed(Event::ShutdownAsked(signal));
            }
        }
        self.take_requests();
        if self.machine.next_deadline().is_some_and(|due| due <= clock::now()) {
            self.feed(Event::Tick);
        }
        self.start_ordered();
        self.settle_requests();
        self.answer_queries();
    }

    /// Feeds an event about the end of a run and forgets the run if nobody is left of it.
    fn feed_end(&mut self, event: Event) {
        let event = self.take_what_is_handed_on(event);
        self.feed(event);
        if let Event::Exited { run, .. } = event {
            self.terminals.retain(|(of, _)| *of != run);
            self.begun_with.remove(&run);
            self.notify.close(run);
            self.probes.forget(run);
        }
        if let Event::Exited { run, descendants: false, .. } | Event::Cleared(run) = event {
            self.runs.forget(run);
        }
    }

    /// Feeds an event and carries out what comes of it; starts are only noted down.
    fn feed(&mut self, event: Event) {
        self.feed_together(&[event]);
    }

    /// The same with what was said in one breath.
    fn feed_together(&mut self, events: &[Event]) {
        let mut following = VecDeque::new();
        let mut actions = Vec::new();
        self.machine.handle_together(clock::now(), events, &mut actions);
        loop {
            for action in actions.drain(..) {
                following.extend(self.carry_out(action));
            }
            let Some(event) = following.pop_front() else { break };
            self.machine.handle(clock::now(), event, &mut actions);
        }
        // What the machine had no report for must be read nevertheless.
        for (run, output) in std::mem::take(&mut self.outputs) {
            self.attach(run, output);
        }
    }

    fn carry_out(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Spawn(run) => self.ordered.push_back(run),
            Action::Signal(run, signal) => self.stop(Order { run, otherwise: signal }),
            Action::Kill(run) => {
                self.stop_commands.kill(run);
                self.runs.kill(run);
            }
            Action::Ask(run, aspect) => return self.ask(run, aspect),
            Action::StopAsking(run, aspect) => self.stop_asking(run, aspect),
            Action::Report(report) => self.report(&report),
            Action::Exit(code) => self.exit = Some(code),
        }
        None
    }

    fn spawn(&mut self, run: RunId) -> Event {
        match self.try_spawn(run) {
            Ok(()) => Event::Spawned(run),
            Err((failure, cause)) => {
                self.notify.close(run);
                self.causes.insert(run, cause);
                Event::SpawnFailed(run, failure)
            }
        }
    }

    fn stop_asking(&mut self, run: RunId, aspect: Aspect) {
        let process = self.plan.process(run.process);
        let timing =
            process.and_then(|process| check_of(process, aspect)).map(|(_, timing)| timing);
        self.probes.stop_asking(run, aspect, timing.map_or(0, |timing| timing.timeout_ms));
    }
}

/// What is to be checked about a process, and when.
fn check_of(process: &Process, aspect: Aspect) -> Option<(&Check, &Timing)> {
    match aspect {
        Aspect::Readiness => process.ready.as_ref().map(|rule| (&rule.check, &rule.timing)),
        Aspect::Liveness => process.live.as_ref().map(|rule| (&rule.check, &rule.timing)),
    }
}
