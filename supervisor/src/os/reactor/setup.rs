//! What the loop needs before the first start: descriptors, sockets, groups, and a seed for waits.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::pages::Beginning;
use super::{Amenities, Reactor};
use crate::handover::Handed;
use crate::log::Log;
use crate::machine::Machine;
use crate::os::bell::Bell;
use crate::os::cgroup::Groups;
use crate::os::control::Control;
use crate::os::coroner::Coroner;
use crate::os::http::Endpoint;
use crate::os::init::{self, Surroundings};
use crate::os::notify::{self, Notify};
use crate::os::probe::Probes;
use crate::os::runs::Runs;
use crate::os::signal::{self, AtOnce, Signals};
use crate::os::sockets::Sockets;
use crate::os::stop_command::StopCommands;
use crate::os::usage::Meters;
use crate::os::watch::Watching;
use crate::os::{clock, environment, handover};
use crate::spec::{Plan, Signal};

/// Catches every signal the reactor knows. To be called as early as can be: PID 1 loses what comes
/// before. Those that ask to stop end the program at once until the second value is dropped, which
/// is due when there is something to stop.
///
/// # Errors
/// No descriptor is left, or the kernel refuses a handler.
pub fn catch_signals(is_init: bool) -> std::io::Result<(Signals, AtOnce)> {
    // One that came between the two handlers would be kept for a loop that, as long as the spec is
    // waited for, does not begin. It is delivered once both are there.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let caught = both_handlers(is_init);
    before.thread_set_mask()?;
    caught
}

fn both_handlers(is_init: bool) -> std::io::Result<(Signals, AtOnce)> {
    let stopping = signal::stopping(is_init);
    let passed_on = Signal::PASSED_ON.map(Signal::number);
    let signals = Signals::catch(&[&stopping[..], &passed_on].concat())?;
    // Those would end a plain program too, such as that of a terminal that is closed.
    let ending =
        passed_on.into_iter().filter(|number| !is_init && *number != Signal::WINCH.number());
    let ending: Vec<i32> = stopping.into_iter().chain(ending).collect();
    Ok((signals, Signals::end_at_once(&ending)?))
}

impl Reactor {
    pub(super) fn new(
        plan: Plan,
        log: Log,
        mut surroundings: Surroundings,
        signals: Signals,
        amenities: Amenities,
    ) -> std::io::Result<Self> {
        // SAFETY: `Signals` always gives the number of the one descriptor that it owns, never
        // replaces it, and closes it only when it is itself dropped, after the registration.
        let signals = unsafe { AsyncFd::register_with_interest(signals, Interest::READABLE) };
        let signals = signals.map_err(std::io::Error::from)?;
        let plan = Arc::new(plan);
        let instance = format!("{:x}.{:x}", std::process::id(), clock::now().0);
        let inherited = std::env::vars_os().filter(|(name, _)| !notify::is_personal(name));
        let notify = Notify::new(instance.clone())?;
        let control = Control::start(amenities.control, &plan).or_else(|error| {
            // It serves people and can be done without.
            surroundings.missing.push(format!("cannot listen for control: {error}"));
            Control::start(None, &plan)
        })?;
        let watching = watching(&plan).unwrap_or_else(|error| {
            let hint = "hint: raise fs.inotify.max_user_instances";
            let what = format!("cannot restart processes when files change: {error}\n{hint}");
            surroundings.missing.push(what);
            None
        });
        if surroundings.is_init {
            handover::sweep();
        }
        // Elsewhere the groups are somebody's who has plans of their own with them.
        let groups = surroundings.is_init.then(|| Groups::make(&instance)).flatten();
        Ok(Self {
            machine: Machine::new(Arc::clone(&plan)).seeded(seed()),
            runs: Runs::new(surroundings.proc, surroundings.adopts, instance, groups),
            probes: Probes::default(),
            notify_bell: Bell::on(notify.descriptor()?)?,
            notify,
            watching,
            log_bell: Bell::on(log.ear()?)?,
            unheard: false,
            log: Some(log),
            variables: environment::common(&plan.environment, inherited),
            input: init::empty_input()?,
            ordered: VecDeque::new(),
            outputs: HashMap::new(),
            causes: HashMap::new(),
            streams_apart: amenities.streams_apart,
            terminals: Vec::new(),
            handed: Handed::new(&plan),
            begun_with: HashMap::new(),
            files: Vec::new(),
            sockets: Sockets::default(),
            stop_commands: StopCommands::default(),
            control,
            pending: Vec::new(),
            http: Endpoint::start(amenities.http, plan.processes.len())?,
            beginning: Beginning::now(),
            meters: Meters::default(),
            secrets: amenities.secrets,
            coroner: amenities.post_mortem.then(Coroner::new),
            exit: None,
            plan,
            surroundings,
            signals,
        })
    }
}

/// Begins to watch files, where there are any to watch.
fn watching(plan: &Arc<Plan>) -> std::io::Result<Option<(Watching, Bell)>> {
    let Some(watching) = Watching::start(plan)? else { return Ok(None) };
    let bell = Bell::on(watching.ear()?)?;
    Ok(Some((watching, bell)))
}

/// Differs between supervisors that start at the same time, also where each is PID 1.
fn seed() -> u64 {
    let mut bytes = [0; 8];
    // Fewer bytes, or none, only make waits of two supervisors more alike.
    // SAFETY: the kernel writes at most as many bytes as there are.
    unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), libc::GRND_NONBLOCK) };
    u64::from_ne_bytes(bytes)
}
