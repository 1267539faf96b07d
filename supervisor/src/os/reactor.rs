//! The one loop: what the kernel says becomes events, the machine's actions become system calls.
//!
//! ```text
//! wait ─▶ reap ─▶ signals ─▶ time ─▶ machine.handle ─▶ actions ─▶ answers ─▶ … ─▶ wait
//! ```
//!
//! Within one turn exits are fed first, then signals, then the time, so that the same facts always
//! lead to the same orders. Nothing in a turn blocks on anybody: output is another thread's.

mod requests;

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::control::{Control, Socket};
use super::coroner::Coroner;
use super::environment::{self, MARKER, Variables};
use super::init::{self, Surroundings};
use super::kill::Pid;
use super::report::{self, Context};
use super::runs::Runs;
use super::signal::{self, Signals};
use super::spawn::{self, Launch, Place, SpawnError, Stage};
use super::{clock, last_words, reap, strays};
use crate::log::{Log, Notice, SourceId, Stream};
use crate::machine::{Action, Event, Machine, Report, RunId, SpawnFailure, exit};
use crate::spec::{ExitPolicy, Plan};
use requests::Pending;

/// Milliseconds between two looks at somebody left behind, where the kernel tells us nothing.
const POLL_MS: u64 = 50;

/// How long the end may wait for a reader of the output that has stopped reading.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// What serves people and can be done without.
#[derive(Default)]
pub struct Amenities {
    /// Where control is listened for.
    pub control: Option<Socket>,
    /// Whether a bad end is explained.
    pub post_mortem: bool,
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
    amenities: Amenities,
) -> std::io::Result<u8> {
    std::panic::set_hook(Box::new(|panic| last_words::say(&format!("internal error: {panic}"))));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let _entered = runtime.enter();
    let mut reactor = Reactor::new(plan, log, surroundings, signals, amenities)?;
    // A panic must not unwind past the processes: they would live on unsupervised.
    let lived = catch_unwind(AssertUnwindSafe(|| runtime.block_on(reactor.live())));
    let code = match lived {
        Ok(code) => reactor.end(code),
        Err(_) => reactor.give_up(),
    };
    // Whoever still waits for an answer is told that there will be none.
    reactor.pending.clear();
    runtime.block_on(reactor.control.farewell());
    Ok(code)
}

/// Catches every signal the reactor knows. To be called as early as can be: PID 1 loses what comes
/// before.
///
/// # Errors
/// No descriptor is left, or the kernel refuses a handler.
pub fn catch_signals() -> std::io::Result<Signals> {
    Signals::catch(&[signal::STOPPING.as_slice(), signal::PASSED_ON.as_slice()].concat())
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
    /// Output of runs that are not yet announced: their first line comes after `… started`.
    outputs: HashMap<RunId, OwnedFd>,
    /// Why runs could not be had.
    causes: HashMap<RunId, String>,
    control: Control,
    /// Requests that are answered when something has come to pass.
    pending: Vec<Pending>,
    coroner: Option<Coroner>,
    exit: Option<u8>,
}

impl Reactor {
    fn new(
        plan: Plan,
        log: Log,
        surroundings: Surroundings,
        signals: Signals,
        amenities: Amenities,
    ) -> std::io::Result<Self> {
        // SAFETY: `Signals` always gives the number of the one descriptor that it owns, never
        // replaces it, and closes it only when it is itself dropped, after the registration.
        let signals = unsafe { AsyncFd::register_with_interest(signals, Interest::READABLE) };
        let signals = signals.map_err(std::io::Error::from)?;
        let plan = Arc::new(plan);
        let instance = format!("{:x}.{:x}", std::process::id(), clock::now().0);
        Ok(Self {
            machine: Machine::new(Arc::clone(&plan)),
            runs: Runs::new(surroundings.proc, surroundings.adopts, instance),
            log: Some(log),
            variables: environment::common(&plan.environment, std::env::vars_os()),
            input: init::empty_input()?,
            outputs: HashMap::new(),
            causes: HashMap::new(),
            control: Control::start(amenities.control, &plan)?,
            pending: Vec::new(),
            coroner: amenities.post_mortem.then(Coroner::new),
            exit: None,
            plan,
            surroundings,
            signals,
        })
    }

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
        self.feed(Event::Begun);
    }

    /// Sleeps until a signal comes or something is due. With nothing due there is no timer, and
    /// no wake-up.
    async fn wait(&mut self) {
        let now = clock::now();
        let poll = self.runs.must_be_polled().then(|| now.plus(POLL_MS));
        let due = self.machine.next_deadline().into_iter().chain(poll).min();
        let readable = async {
            match self.signals.readable().await {
                Ok(mut guard) => guard.clear_ready(),
                // The runtime is shutting down, which it does not while we are in it.
                Err(_) => std::future::pending().await,
            }
        };
        let something = async {
            tokio::select! {
                biased;
                () = readable => {}
                () = self.control.asked() => {}
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
        let reaped = reap::all();
        for event in self.runs.reaped(&reaped) {
            self.feed_end(event);
        }
        if self.runs.must_be_polled() {
            for event in self.runs.recheck() {
                self.feed_end(event);
            }
        }
        for signal in signals {
            if signal::STOPPING.contains(&signal.number()) {
                self.feed(Event::ShutdownAsked(signal));
            } else {
                self.runs.pass_on(signal);
            }
        }
        self.take_requests();
        if self.machine.next_deadline().is_some_and(|due| due <= clock::now()) {
            self.feed(Event::Tick);
        }
        self.settle_requests();
    }

    /// Feeds an event about the end of a run and forgets the run if nobody is left of it.
    fn feed_end(&mut self, event: Event) {
        self.feed(event);
        if let Event::Exited { run, descendants: false, .. } | Event::Cleared(run) = event {
            self.runs.forget(run);
        }
    }

    /// Feeds an event and carries out what comes of it, the answers to spawns included.
    fn feed(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        let mut actions = Vec::new();
        while let Some(event) = events.pop_front() {
            self.machine.handle(clock::now(), event, &mut actions);
            for action in actions.drain(..) {
                events.extend(self.carry_out(action));
            }
        }
        // What the machine had no report for must be read nevertheless.
        for (run, output) in std::mem::take(&mut self.outputs) {
            self.attach(run, output);
        }
    }

    fn carry_out(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Spawn(run) => return Some(self.spawn(run)),
            Action::Signal(run, signal) => self.runs.signal(run, signal),
            Action::Kill(run) => self.runs.kill(run),
            Action::Report(report) => self.report(&report),
            Action::Exit(code) => self.exit = Some(code),
        }
        None
    }

    fn spawn(&mut self, run: RunId) -> Event {
        match self.try_spawn(run) {
            Ok(()) => Event::Spawned(run),
            Err((failure, cause)) => {
                self.causes.insert(run, cause);
                Event::SpawnFailed(run, failure)
            }
        }
    }

    fn try_spawn(&mut self, run: RunId) -> Result<(), (SpawnFailure, String)> {
        let plan = Arc::clone(&self.plan);
        let Some(process) = plan.process(run.process) else {
            return Err((SpawnFailure::Setup, "it is not in the plan".to_owned()));
        };
        let marker = self.runs.marker(&process.label, run);
        let mut variables = environment::with_own(&self.variables, &process.environment);
        variables.insert(MARKER.into(), marker.clone().into());
        let command: Vec<OsString> = process.command.iter().map(OsString::from).collect();
        let common = plan.working_dir.as_deref().map(Path::new);
        let own = process.working_dir.as_deref().map(Path::new);
        let directory = own.map(|own| common.map_or_else(|| own.to_owned(), |dir| dir.join(own)));
        let directory = directory.as_deref().or(common);
        // Ours would name another directory, and programs other than shells believe it.
        if let Some(absolute) = directory.filter(|path| path.is_absolute())
            && !process.environment.contains_key("PWD")
        {
            variables.insert("PWD".into(), absolute.into());
        }
        let (reader, writer) = spawn::output_pipe().map_err(|error| {
            let errno = error.raw_os_error().map_or(Errno::EMFILE, Errno::from_raw);
            let error = SpawnError { stage: Stage::Streams, errno };
            (error.failure(), error.to_string())
        })?;
        let launch = Launch {
            command: &command,
            variables: &variables,
            directory,
            place: Place::Session,
            streams: Some((self.input.as_raw_fd(), writer.as_raw_fd())),
            descriptors: self.surroundings.descriptors,
        };
        let pid =
            spawn::spawn(&launch).map_err(|error| (error.failure(), error.explain(&launch)))?;
        self.runs.began(run, pid, marker);
        self.outputs.insert(run, reader);
        Ok(())
    }

    fn report(&mut self, report: &Report) {
        let run = match report {
            Report::Started(run)
            | Report::SpawnFailed(run, _)
            | Report::Stopped(run, _)
            | Report::LeftDescendants(run)
            | Report::Signalling(run, _)
            | Report::Killing(run)
            | Report::Abandoned(run) => Some(*run),
            Report::Restarting { .. }
            | Report::GaveUp(_)
            | Report::Skipped { .. }
            | Report::SignalReceived(_)
            | Report::Deciding(..)
            | Report::StopTimeout => None,
        };
        let cause = run.and_then(|run| self.causes.remove(&run));
        let context = Context {
            plan: &self.plan,
            pid: run.and_then(|run| self.runs.leader(run)),
            cause: cause.as_deref(),
        };
        if let Some(coroner) = &mut self.coroner {
            coroner.observe(&self.plan, report, context.pid.map(Pid::number), context.cause);
        }
        let notice = report::notice(report, &context);
        match report {
            Report::Stopped(run, _) => {
                if let Some(log) = &self.log {
                    log.ended(source(*run), notice);
                }
            }
            // Under honcho's own rule its output is honcho's, which says nothing of this.
            Report::Deciding(..) if self.plan.exit == ExitPolicy::AnyEnded => {}
            _ => self.say(notice),
        }
        if let Report::Started(run) = report
            && let Some(output) = self.outputs.remove(run)
        {
            self.attach(*run, output);
        }
    }

    fn say(&self, notice: Notice) {
        if let Some(log) = &self.log {
            log.system(notice);
        }
    }

    fn attach(&self, run: RunId, output: OwnedFd) {
        if let Some(log) = &self.log {
            log.attach(source(run), Stream::Stdout, output);
        }
    }

    /// Every run has ended: what is left are strays and the output on its way.
    fn end(&mut self, code: u8) -> u8 {
        strays::sweep(&self.surroundings, self.signals.get_mut());
        let began = Instant::now();
        let finished = self.log.take().map(|log| {
            if let Some(coroner) = &self.coroner {
                coroner.speak(&self.plan, code, &log, LAST_OUTPUT);
            }
            log.finish(LAST_OUTPUT.saturating_sub(began.elapsed()))
        });
        let finished = finished.unwrap_or_default();
        if finished.gave_up {
            last_words::say(&format!(
                "nobody read the output for {} s: at the most {} of it not written",
                LAST_OUTPUT.as_secs(),
                finished.lost,
            ));
        }
        code
    }

    /// The last wall: a fault of our own. Nothing may live on without a supervisor.
    fn give_up(&mut self) -> u8 {
        self.runs.kill_all();
        last_words::say("every process was killed because of an internal error");
        // Whatever panics here as well has nothing left to protect.
        let _ = catch_unwind(AssertUnwindSafe(|| self.end(exit::INTERNAL)));
        exit::INTERNAL
    }
}

fn source(run: RunId) -> SourceId {
    SourceId(run.process.0)
}
