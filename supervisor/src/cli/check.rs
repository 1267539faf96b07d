//! `devenv-init check`: whether a spec is right, by the very check that `up` makes.

use lexopt::Arg;

use super::input::{self, Input, InputOption};
use super::{Failure, text};

const HELP_BEFORE: &str = "\
devenv-init check: say whether a spec is right, and everything that is wrong with it

Usage: devenv-init check [OPTION...]

Options:
";

const HELP_AFTER: &str = "      --help                   show this\n";

/// Runs the verb.
///
/// # Errors
/// The spec cannot be read or is wrong.
pub fn run(mut parser: lexopt::Parser) -> Result<u8, Failure> {
    let mut input = Input::default();
    while let Some(argument) = parser.next()? {
        if let Some(option) = InputOption::of(&argument) {
            input.set(option, parser.value()?)?;
            continue;
        }
        match argument {
            Arg::Long("help") | Arg::Short('h') => {
                return Ok(text::to_stdout(&[HELP_BEFORE, input::HELP, HELP_AFTER].concat()));
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    let plan = input.plan(&[])?;
    let count = plan.processes.len();
    let noun = if count == 1 { "process" } else { "processes" };
    Ok(text::to_stdout(&format!("the spec is right: {count} {noun}\n")))
}
