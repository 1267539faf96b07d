//! `devenv-init exec`: a plain init for one command.

use std::ffi::OsString;

use lexopt::Arg;

use super::{Failure, input, text};
use crate::machine::exit;
use crate::os::environment::{self, Variables};
use crate::os::foreground::{self, OnTerminate};
use crate::os::init;
use crate::os::spawn::{Launch, Place};

const HELP: &str = "\
devenv-init exec: run one command as a plain init

Usage: devenv-init exec [--spec FILE] [--] COMMAND [ARGUMENT...]

Passes signals on to the command, reaps orphans, lends it the terminal, and ends with its exit
code. With a spec the command gets the environment of the spec.

Options:
      --spec FILE  the spec (default: $DEVENV_INIT_SPEC, or none)
      --help       show this
";

/// Runs the verb. Returns when the command has ended.
///
/// # Errors
/// The options or the spec are wrong, or the command could not be started.
pub fn run(mut parser: lexopt::Parser) -> Result<u8, Failure> {
    let mut spec = None;
    let mut command = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("spec") => spec = Some(parser.value()?),
            Arg::Long("help") | Arg::Short('h') => return Ok(text::to_stdout(HELP)),
            // From the command on everything is the command's, options included.
            Arg::Value(program) => {
                command.push(program);
                command.extend(parser.raw_args()?);
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    if command.is_empty() {
        return Err(Failure::usage("no command is given"));
    }
    let planned = match input::named(spec) {
        Some(path) => input::read(&path)?.environment,
        None => std::collections::BTreeMap::new(),
    };
    attend(&command, &environment::common(&planned, std::env::vars_os()), OnTerminate::PassOn)
}

/// Runs a command in the foreground and returns its exit code.
///
/// # Errors
/// It could not be started: 127 or 126 as shells say it, otherwise 71.
pub(super) fn attend(
    command: &[OsString],
    variables: &Variables,
    on_terminate: OnTerminate,
) -> Result<u8, Failure> {
    let surroundings = init::set_up();
    let launch = Launch {
        command,
        variables,
        directory: None,
        place: Place::Group,
        streams: None,
        descriptors: None,
    };
    match foreground::run(&launch, on_terminate, &surroundings) {
        Ok(end) => Ok(end.exit_code()),
        Err(foreground::Failure::Spawn(error)) => {
            Err(Failure::new(error.failure().exit_code(), error.explain(&launch)))
        }
        Err(foreground::Failure::Own(error)) => {
            Err(Failure::new(exit::COULD_NOT_START, format!("cannot catch signals: {error}")))
        }
    }
}
