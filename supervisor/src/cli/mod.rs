//! The command line: one file a verb, each with its own help.

pub mod change;
pub mod check;
mod client;
mod duration;
pub mod exec;
mod failure;
pub mod healthcheck;
mod input;
pub mod logs;
pub mod plan;
pub mod settings;
pub mod shell;
pub mod signal;
mod size;
pub mod status;
pub mod task;
mod text;
pub mod up;
pub mod wait;

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

Verbs that ask a running supervisor:
  status       show where its processes stand
  start        start processes
  stop         stop processes
  restart      stop processes and start them again
  signal       send a signal to processes
  logs         show what processes have written, and follow it
  wait         wait until processes are ready
  healthcheck  say whether processes are as they should be

Options:
      --help     show this, or with a verb the help of that verb
      --version  show the version

Environment:
  DEVENV_INIT_SPEC     the spec to use where --spec is not given
  DEVENV_INIT_CONTROL  the socket to use where --control is not given, or none
  NO_COLOR             when not empty, no colours

Exit codes:
  0        everything ended well
  1        the answer of a running supervisor is no
  64       the command line is wrong
  66       a file cannot be read
  69       a process never started because of one it waits for, or no supervisor answers
  70       an error of devenv-init itself
  71       a process, or devenv-init, could not be started
  73       a file for the log, or the directory of such, cannot be made
  77       a supervisor is another user's
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
            Some("status") => status::run(parser),
            Some("start") => change::run(change::Verb::Start, parser),
            Some("stop") => change::run(change::Verb::Stop, parser),
            Some("restart") => change::run(change::Verb::Restart, parser),
            Some("signal") => signal::run(parser),
            Some("logs") => logs::run(parser),
            Some("wait") => wait::run(parser),
            Some("healthcheck") => healthcheck::run(parser),
            Some("task") => task::run(parser),
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
