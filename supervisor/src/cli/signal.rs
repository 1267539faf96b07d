//! `devenv-init signal`: send a signal to processes of a running supervisor.

use lexopt::{Arg, ValueExt};

use super::client::{self, AT_ONCE, Client};
use super::{Failure, text};
use crate::control::Request;
use crate::machine::exit;
use crate::spec::Signal;

const HELP: &str = "\
devenv-init signal: send a signal to processes of a running supervisor

Usage: devenv-init signal SIGNAL NAME...

SIGNAL is a name or a number, as in HUP, SIGHUP, 1 or RTMIN+3. All descendants of a process get it as well.
What ends by it has ended of itself: it is started again if its rules say so. To have it stay down
use `devenv-init stop`. When one of the processes does not run, none gets the signal.

Options:
      --control PATH  the supervisor's socket (default: $DEVENV_INIT_CONTROL, or as `up`)
      --help          show this
";

/// Runs the verb.
///
/// # Errors
/// No supervisor answers, there is no such signal or process, or a process does not run.
pub fn run(mut parser: lexopt::Parser) -> Result<u8, Failure> {
    let (mut signal, mut control, mut processes) = (None, None, Vec::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("control") => control = Some(client::control(parser.value()?)?),
            Arg::Long("help") | Arg::Short('h') => return Ok(text::to_stdout(HELP)),
            Arg::Value(word) if signal.is_none() => signal = Some(parse(&word.string()?)?),
            Arg::Value(name) => processes.push(name.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let Some(signal) = signal else { return Err(Failure::usage("no signal is given")) };
    if processes.is_empty() {
        return Err(Failure::usage("no process is named"));
    }
    let request = Request::Signal { signal, processes };
    Client::ask(control.as_deref(), &request, Some(AT_ONCE))?.finish()?;
    Ok(exit::OK)
}

fn parse(word: &str) -> Result<Signal, Failure> {
    Signal::parse(word).ok_or_else(|| {
        let word = word.escape_debug();
        Failure::new(exit::USAGE, format!("there is no signal \"{word}\"\nhint: as in HUP or 1"))
    })
}
