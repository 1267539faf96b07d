//! `devenv-init check`: whether a spec is right, by the very check that `up` makes.

use lexopt::Arg;

use super::{Failure, input, text};

const HELP: &str = "\
devenv-init check: say whether a spec is right, and everything that is wrong with it

Usage: devenv-init check [--spec FILE]

Options:
      --spec FILE  the spec (default: $DEVENV_INIT_SPEC)
      --help       show this
";

/// Runs the verb.
///
/// # Errors
/// The spec cannot be read or is wrong.
pub fn run(mut parser: lexopt::Parser) -> Result<u8, Failure> {
    let mut spec = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("spec") => spec = Some(parser.value()?),
            Arg::Long("help") | Arg::Short('h') => return Ok(text::to_stdout(HELP)),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let plan = input::plan(spec)?;
    let count = plan.processes.len();
    let noun = if count == 1 { "process" } else { "processes" };
    Ok(text::to_stdout(&format!("the spec is right: {count} {noun}\n")))
}
