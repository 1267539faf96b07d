//! The command line: one file a verb, each with its own help.

pub mod check;
mod duration;
pub mod exec;
mod failure;
mod input;
pub mod plan;
pub mod shell;
mod text;
pub mod up;

use std::ffi::OsString;

use lexopt::Arg;

use crate::machine::exit;
pub use failure::Failure;

const HELP: &str = "\
devenv-init: PID 1 for containers made from a devenv environment

Usage: devenv-init VERB [OPTION...] [ARGUMENT...]

Verbs:
  up      start the processes of a spec, supervise and log them, and end with them
  exec    run one command as a plain init: pass signals on, reap orphans
  shell   enter the shell of a spec, with job control
  check   say whether a spec is right, and what is wrong with it
  plan    show what `up` would do

Options:
      --help     show this, or with a verb the help of that verb
      --version  show the version

Environment:
  DEVENV_INIT_SPEC  the spec to use where --spec is not given
  NO_COLOR          when not empty, no colours

Exit codes:
  0        everything ended well
  64       the command line is wrong
  66       a file cannot be read
  69       a process never started because of one it waits for
  70       an error of devenv-init itself
  71       a process, or devenv-init, could not be started
  78       the spec is wrong
  126,127  a program cannot be executed, does not exist
  128+N    ended by signal N
  other    that of the process that decided
";

/// Runs the program with these arguments, its own name first, and returns its exit code.
///
/// Never panics on a closed or blocked standard error or output, and never exits by itself.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    match dispatch(lexopt::Parser::from_iter(arguments)) {
        Ok(code) => code,
        Err(failure) => {
            text::to_stderr(&format!("devenv-init: {failure}\n"));
            failure.code()
        }
    }
}

fn dispatch(mut parser: lexopt::Parser) -> Result<u8, Failure> {
    match parser.next()? {
        Some(Arg::Long("help") | Arg::Short('h')) => Ok(text::to_stdout(HELP)),
        Some(Arg::Long("version") | Arg::Short('V')) => {
            Ok(text::to_stdout(concat!("devenv-init ", env!("CARGO_PKG_VERSION"), "\n")))
        }
        Some(Arg::Value(verb)) => match verb.to_str() {
            Some("up") => up::run(parser),
            Some("exec") => exec::run(parser),
            Some("shell") => shell::run(parser),
            Some("check") => check::run(parser),
            Some("plan") => plan::run(parser),
            Some("help") => Ok(text::to_stdout(HELP)),
            _ => Err(Failure::usage(format!("there is no verb \"{}\"", verb.to_string_lossy()))),
        },
        Some(other) => Err(other.unexpected().into()),
        None => {
            text::to_stderr(HELP);
            Ok(exit::USAGE)
        }
    }
}
