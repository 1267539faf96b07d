//! `devenv-init start`, `stop` and `restart`: one process of a running supervisor, or several.

use lexopt::{Arg, ValueExt};

use super::client::{self, AT_ONCE, Client};
use super::{Failure, text};
use crate::control::{Change, Request};
use crate::machine::exit;

/// Which of the three verbs.
#[derive(Clone, Copy)]
pub enum Verb {
    /// `start`.
    Start,
    /// `stop`.
    Stop,
    /// `restart`.
    Restart,
}

impl Verb {
    fn help(self) -> String {
        let then = match self {
            Self::Stop => {
                "\nThe container ends when nothing is left to run: to stop the last process ends it."
            }
            Self::Start | Self::Restart => "",
        };
        let (name, what, until) = match self {
            Self::Start => (
                "start",
                "start processes of a running supervisor, with all their restarts anew",
                "they run, and tasks have done their work",
            ),
            Self::Stop => (
                "stop",
                "stop processes of a running supervisor, until somebody starts them",
                "nothing of them is alive",
            ),
            Self::Restart => (
                "restart",
                "stop processes of a running supervisor and start them again",
                "they run again, and tasks have done their work",
            ),
        };
        format!(
            "\
devenv-init {name}: {what}

Usage: devenv-init {name} [--no-wait] NAME...

Returns when {until}: 0 then, 1 when that cannot be any more.{then}

Options:
      --no-wait       return at once
      --control PATH  the supervisor's socket (default: $DEVENV_INIT_CONTROL, or as `up`)
      --help          show this
"
        )
    }
}

/// Runs the verb.
///
/// # Errors
/// No supervisor answers, there is no such process, or it did not come to what was asked for.
pub fn run(verb: Verb, mut parser: lexopt::Parser) -> Result<u8, Failure> {
    let (mut wait, mut control, mut processes) = (true, None, Vec::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("no-wait") => wait = false,
            Arg::Long("control") => control = Some(client::control(parser.value()?)?),
            Arg::Long("help") | Arg::Short('h') => return Ok(text::to_stdout(&verb.help())),
            Arg::Value(name) => processes.push(name.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    if processes.is_empty() {
        return Err(Failure::usage("no process is named"));
    }
    let change = Change { processes, wait };
    let request = match verb {
        Verb::Start => Request::Start(change),
        Verb::Stop => Request::Stop(change),
        Verb::Restart => Request::Restart(change),
    };
    let limit = (!wait).then_some(AT_ONCE);
    Client::ask(control.as_deref(), &request, limit)?.finish()?;
    Ok(exit::OK)
}
