//! What tasks hand on: their files, and the variables that come of them.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::Path;

use super::Reactor;
use super::launch::Refused;
use crate::guard::{Guard, Order};
use crate::handover::Handed;
use crate::log::Notice;
use crate::machine::exit::{self, Outcome};
use crate::machine::{Event, RunEnd, RunId, SpawnFailure};
use crate::os::attributes::Attributes;
use crate::os::environment::Variables;
use crate::os::handover::Files;
use crate::spec::{Kind, Plan, Process, ProcessId};

impl Reactor {
    /// Makes the files of a task's run and names them in its variables.
    pub(super) fn make_files(
        &self,
        run: RunId,
        process: &Process,
        attributes: &Attributes,
        variables: &mut Variables,
    ) -> Result<Option<Files>, Refused> {
        if process.kind != Kind::Task {
            return Ok(None);
        }
        let name = format!("{}-{}-{}", self.runs.instance(), run.process.0, run.number);
        let files = Files::make(&name, &attributes.credentials).map_err(|error| {
            let why = format!(
                "cannot make the files for what it hands on: {error}\n\
                 hint: mount a file system that can be written to at /tmp, as with --tmpfs /tmp"
            );
            (SpawnFailure::Exhausted, why)
        })?;
        let named = files.variables().into_iter().map(|(name, path)| (name.into(), path.into()));
        variables.extend(named);
        Ok(Some(files))
    }

    /// Takes what a task hands on that has ended. Where that is wrong, a good end becomes a bad one:
    /// whoever waits for it would go on without.
    pub(super) fn take_what_is_handed_on(&mut self, event: Event) -> Event {
        let Event::Exited { run, end, descendants } = event else { return event };
        let found = self.files.iter().position(|(of, _)| *of == run);
        let (Some(found), Some(process)) = (found, self.plan.process(run.process)) else {
            return event;
        };
        let (_, files) = self.files.swap_remove(found);
        if exit::judge(end, &process.success_exit_codes) != Outcome::Succeeded {
            return event;
        }
        let read = files.read();
        // Before anybody has them who could print them.
        if let (Ok(given), Some(log)) = (&read, &self.log) {
            let secrets = given.values_of(&self.secrets);
            if !secrets.is_empty() {
                log.hide(&secrets);
            }
        }
        match read.and_then(|given| self.handed.put(&self.plan, run.process, given)) {
            Ok(()) => event,
            Err(why) => {
                let text = format!("{} has failed: {why}", process.label);
                let notice = Notice::new("bad_output", text).with("process", process.name.clone());
                self.say(notice.with("replica", process.replica).with("why", why));
                Event::Exited { run, end: RunEnd::Unusable, descendants }
            }
        }
    }
}

/// The variables that a process starts from: those that all have in common, with what the tasks it
/// waits for have handed on.
pub(super) fn given<'a>(
    handed: &Handed,
    plan: &Plan,
    common: &'a Variables,
    to: ProcessId,
) -> Result<Cow<'a, Variables>, Refused> {
    let handed = handed.variables(plan, to).map_err(|why| (SpawnFailure::Setup, why))?;
    if handed.is_empty() {
        return Ok(Cow::Borrowed(common));
    }
    let mut variables = common.clone();
    variables.extend(handed.into_iter().map(|(name, value)| (name.into(), value.into())));
    Ok(Cow::Owned(variables))
}

/// What is run for a process: its command, or who finds out first whether there is anything to do.
pub(super) fn command_of(plan: &Plan, process: &Process) -> Result<Vec<OsString>, Refused> {
    let command = process.command.iter().map(OsString::from).collect();
    let Some(guard) = &process.guard else { return Ok(command) };
    let missing = |what: &str, error: std::io::Error| {
        (SpawnFailure::Setup, format!("cannot find {what}: {error}"))
    };
    let program = std::env::current_exe().map_err(|error| missing("our own program", error))?;
    let base = match guard {
        Guard::Status(_) => OsString::from("/"),
        Guard::Modified(_) => {
            let base = Path::new(plan.working_dir.as_deref().unwrap_or("."));
            std::path::absolute(base).map_err(|error| missing("our directory", error))?.into()
        }
    };
    let order = Order {
        label: process.label.clone(),
        success_exit_codes: process.success_exit_codes.clone(),
        base,
        guard: guard.clone(),
        command,
    };
    Ok(order.to_command(&program))
}
