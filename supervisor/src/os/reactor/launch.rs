//! Starting what the reactor is told to start: processes, checks of them, and commands that stop them.

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

use nix::errno::Errno;

use super::handing::{command_of, given};
use super::{Reactor, check_of};
use crate::machine::{Aspect, Event, RunId, SpawnFailure};
use crate::os::attributes::Attributes;
use crate::os::environment::Variables;
use crate::os::kill::Pid;
use crate::os::outlet::Outlet;
use crate::os::output::{self, Ends};
use crate::os::report::{self, Context};
use crate::os::runs::Start;
use crate::os::setting::Setting;
use crate::os::spawn::{self, Launch, Place, SpawnError, Stage};
use crate::os::stop_command::{self, Order};
use crate::os::{notify, probe, sockets, terminal};
use crate::spec::{Plan, Process};

/// Why a process was not started: for the machine, and for people.
pub(super) type Refused = (SpawnFailure, String);

impl Reactor {
    pub(super) fn try_spawn(&mut self, run: RunId) -> Result<(), Refused> {
        let plan = Arc::clone(&self.plan);
        let setup = |cause| (SpawnFailure::Setup, cause);
        let process =
            plan.process(run.process).ok_or_else(|| setup("it is not in the plan".to_owned()))?;
        let marker = self.runs.marker(&process.label, run);
        let common = given(&self.handed, &plan, &self.variables, run.process)?;
        let (mut setting, mut attributes) = set_up(&plan, process, &common, &marker)?;
        let files = self.make_files(run, process, &attributes, &mut setting.variables)?;
        attributes.sockets = self.sockets.of(run.process, process).map_err(setup)?;
        sockets::announce(&process.settings.listen, &mut setting.variables);
        self.notify.open(run, process, &mut setting.variables).map_err(|error| {
            let error = no_streams(&error);
            (error.failure(), format!("cannot make its notify socket: {}", error.errno.desc()))
        })?;
        let mut own_id_in = Vec::new();
        own_id_in.extend(process.watchdog.is_some().then_some(notify::WATCHDOG_PID));
        own_id_in.extend((!attributes.sockets.is_empty()).then_some(sockets::OWNER));
        let (ours, theirs) = if process.settings.tty {
            attributes.terminal = true;
            let (ours, theirs) = terminal::open_pair()
                .map_err(|error| setup(format!("cannot make a terminal for it: {error}")))?;
            (Ends { out: ours, err: None }, Ends { out: theirs, err: None })
        } else {
            self.output_pipes()?
        };
        let input = if process.settings.tty { &theirs.out } else { &self.input };
        let command = command_of(&plan, process)?;
        let group = self.runs.group(&marker);
        attributes.group = group.as_ref().map(AsRawFd::as_raw_fd);
        let launched = self.launch(&Launch {
            command: &command,
            variables: &setting.variables,
            directory: setting.directory.as_deref(),
            place: Place::Session,
            streams: Some(theirs.streams(input.as_raw_fd())),
            own_id_in: &own_id_in,
            attributes: Some(&attributes),
            descriptors: None,
        });
        let pid = launched.inspect_err(|_| self.runs.ungroup(&marker))?;
        let outlets = std::iter::once(&theirs.out).chain(&theirs.err);
        let outlets = outlets.filter_map(|end| Outlet::of(end.as_fd()).ok()).collect();
        let user = attributes.credentials.user;
        self.runs.began(run, Start { leader: pid, user, marker, outlets });
        // Without a descriptor for it the terminal only keeps the size it has.
        let terminal = process.settings.tty.then(|| ours.out.try_clone().ok()).flatten();
        self.terminals.extend(terminal.map(|ours| (run, ours)));
        self.outputs.insert(run, ours);
        self.files.extend(files.map(|files| (run, files)));
        if let Cow::Owned(variables) = common {
            self.begun_with.insert(run, variables);
        }
        Ok(())
    }

    pub(super) fn ask(&mut self, run: RunId, aspect: Aspect) -> Option<Event> {
        let plan = Arc::clone(&self.plan);
        let process = plan.process(run.process)?;
        let command = |arguments: &[String]| {
            // Its processes are not the run's: they come and go while the run lives.
            let marker = self.runs.marker(&format!("{}:check", process.label), run);
            let common = self.begun_with.get(&run).unwrap_or(&self.variables);
            let (setting, attributes) =
                set_up(&plan, process, common, &marker).map_err(|(_, cause)| cause)?;
            let input = self.input.as_raw_fd();
            let descriptors = self.surroundings.descriptors;
            let (setting, attributes) = (&setting, &attributes);
            probe::Command { arguments, setting, attributes, input, descriptors }.start()
        };
        self.probes.ask(run, aspect, check_of(process, aspect)?.0, command)
    }

    fn output_pipes(&self) -> Result<(Ends, Ends), Refused> {
        output::pipes(self.streams_apart).map_err(|error| {
            let error = no_streams(&error);
            (error.failure(), error.to_string())
        })
    }

    /// Starts a process with the limit of descriptors that we were started with.
    fn launch(&self, launch: &Launch<'_>) -> Result<Pid, Refused> {
        let launch = Launch { descriptors: self.surroundings.descriptors, ..*launch };
        spawn::spawn(&launch).map_err(|error| (error.failure(), error.explain(&launch)))
    }

    /// Stops a run by its command, if it has one and its process is still there to be stopped.
    pub(super) fn stop(&mut self, order: Order) {
        let plan = Arc::clone(&self.plan);
        let process = plan.process(order.run.process);
        let command = process.and_then(|process| process.settings.stop_command.as_ref());
        match (process, command, self.runs.leader(order.run)) {
            (Some(process), Some(command), Some(target)) if self.runs.is_alive(order.run) => {
                if let Err((_, cause)) = self.run_stop_command(process, command, target, order) {
                    self.stop_otherwise(order, &format!("not started: {cause}"));
                }
            }
            _ => self.runs.signal(order.run, order.otherwise),
        }
    }

    fn run_stop_command(
        &mut self,
        process: &Process,
        command: &[String],
        target: Pid,
        order: Order,
    ) -> Result<(), Refused> {
        let marker = self.runs.marker(&process.label, order.run);
        let common = self.begun_with.get(&order.run).unwrap_or(&self.variables);
        let (mut setting, attributes) = set_up(&self.plan, process, common, &marker)?;
        setting.variables.insert(stop_command::TARGET.into(), target.to_string().into());
        let (ours, theirs) = self.output_pipes()?;
        let command: Vec<OsString> = command.iter().map(OsString::from).collect();
        let pid = self.launch(&Launch {
            command: &command,
            variables: &setting.variables,
            directory: setting.directory.as_deref(),
            place: Place::Session,
            streams: Some(theirs.streams(self.input.as_raw_fd())),
            own_id_in: &[],
            attributes: Some(&attributes),
            descriptors: None,
        })?;
        self.stop_commands.began(pid, order);
        self.attach(order.run, ours);
        Ok(())
    }

    /// The command that was to stop a run has failed, so the signal is sent after all.
    pub(super) fn stop_otherwise(&mut self, order: Order, why: &str) {
        if self.runs.is_alive(order.run) {
            let pid = self.runs.leader(order.run);
            let context = Context { plan: &self.plan, pid, more: 0, cause: Some(why) };
            self.say(report::stop_command_failed(order.run, order.otherwise, &context));
            self.runs.signal(order.run, order.otherwise);
        }
    }
}

/// What the plan says of a process, looked up.
fn set_up(
    plan: &Plan,
    process: &Process,
    common: &Variables,
    marker: &str,
) -> Result<(Setting, Attributes), Refused> {
    let mut setting = Setting::of(plan, process, common, marker);
    let attributes =
        Attributes::prepare(&process.settings).map_err(|why| (SpawnFailure::Setup, why))?;
    let of_user = attributes.credentials.variables.iter();
    for (name, value) in of_user.filter(|(name, _)| !process.environment.contains_key(*name)) {
        setting.variables.insert(name.into(), value.into());
    }
    Ok((setting, attributes))
}

/// What the kernel refused before there was a process.
fn no_streams(error: &std::io::Error) -> SpawnError {
    let errno = error.raw_os_error().map_or(Errno::EMFILE, Errno::from_raw);
    SpawnError { stage: Stage::Streams, errno }
}
