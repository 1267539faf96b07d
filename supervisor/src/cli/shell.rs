//! `devenv-init shell`: the interactive shell of a spec, as the container's init.

use std::ffi::OsString;

use lexopt::Arg;

use super::{Failure, exec, input, text};
use crate::machine::exit;
use crate::os::environment;
use crate::os::foreground::OnTerminate;

const HELP: &str = "\
devenv-init shell: enter the shell of a spec

Usage: devenv-init shell [--spec FILE] [--] [COMMAND [ARGUMENT...] | OPTION...]

A command is run by the shell in its environment, as in `devenv-init shell -- make test`. What begins
with an option is for the shell itself, as in `devenv-init shell -- -c 'make && make test'`. Ends with
the exit code of the shell, which is that of the command.

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
    let own = shell.into_iter().map(OsString::from);
    let command: Vec<OsString> = own.chain(for_shell(arguments)).collect();
    let variables = environment::common(&plan.environment, std::env::vars_os());
    exec::attend(&command, &variables, OnTerminate::HangUp)
}

/// What the shell is given. A command in its own words is no script for it to read: it runs it, so
/// that functions of the environment count as well.
fn for_shell(arguments: Vec<OsString>) -> Vec<OsString> {
    match arguments.first() {
        Some(first) if !first.as_encoded_bytes().starts_with(b"-") => {
            let mut words = ["-c", r#""$@""#, "shell"].map(OsString::from).to_vec();
            words.extend(arguments);
            words
        }
        _ => arguments,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(arguments: &[&str]) -> Vec<OsString> {
        for_shell(arguments.iter().map(OsString::from).collect())
    }

    #[test]
    fn a_command_is_run_and_options_are_handed_on() {
        assert_eq!(given(&["ls", "-l"]), ["-c", "\"$@\"", "shell", "ls", "-l"]);
        assert_eq!(given(&["-c", "ls"]), ["-c", "ls"]);
        assert!(given(&[]).is_empty());
    }
}
