//! `devenv-init shell`: the interactive shell of a spec, as the container's init.

use std::ffi::OsString;

use lexopt::Arg;

use super::{Failure, exec, input, text};
use crate::machine::exit;
use crate::os::environment;
use crate::os::foreground::OnTerminate;

const HELP: &str = "\
devenv-init shell: enter the shell of a spec

Usage: devenv-init shell [--spec FILE] [--] [ARGUMENT...]

Arguments are handed to the shell, as in `devenv-init shell -- -c 'make test'`. Ends with the exit
code of the shell.

Options:
      --spec FILE  the spec (default: $DEVENV_INIT_SPEC)
      --help       show this
";

/// Runs the verb. Returns when the shell has ended.
///
/// # Errors
/// The options or the spec are wrong, the spec has no shell, or it could not be started.
pub fn run(mut parser: lexopt::Parser) -> Result<u8, Failure> {
    let mut spec = None;
    let mut arguments = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("spec") => spec = Some(parser.value()?),
            Arg::Long("help") | Arg::Short('h') => return Ok(text::to_stdout(HELP)),
            Arg::Value(first) => {
                arguments.push(first);
                arguments.extend(parser.raw_args()?);
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    let plan = input::plan(spec)?;
    let Some(shell) = plan.shell else {
        return Err(Failure::new(
            exit::NO_INPUT,
            "the spec has no shell\nhint: this container was built without one",
        ));
    };
    let command: Vec<OsString> = shell.into_iter().map(OsString::from).chain(arguments).collect();
    let variables = environment::common(&plan.environment, std::env::vars_os());
    exec::attend(&command, &variables, OnTerminate::HangUp)
}
