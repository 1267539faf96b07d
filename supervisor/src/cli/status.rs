//! `devenv-init status`: where the processes of a running supervisor stand.

use lexopt::{Arg, ValueExt};

use super::client::{self, AT_ONCE, Client, Next, late};
use super::{Failure, text};
use crate::control::{Request, Response};

const HELP: &str = "\
devenv-init status: show where the processes of a running supervisor stand

Usage: devenv-init status [--json] [NAME...]

Options:
      --json          one line of JSON: {\"processes\": [...]}, each process with name, kind
                      (service or task), state (disabled, waiting, starting, running, backoff,
                      stopping, succeeded, failed, skipped or stopped), ready, pid or null,
                      uptime_ms or null, restarts, and last_exit: {\"code\": 3},
                      {\"signal\": \"SIGKILL\"} or null
      --control PATH  the supervisor's socket (default: $DEVENV_INIT_CONTROL, or as `up`)
      --help          show this
";

/// Runs the verb.
///
/// # Errors
/// No supervisor answers, or there is no such process.
pub fn run(mut parser: lexopt::Parser) -> Result<u8, Failure> {
    let (mut json, mut control, mut processes) = (false, None, Vec::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("json") => json = true,
            Arg::Long("control") => control = Some(client::control(parser.value()?)?),
            Arg::Long("help") | Arg::Short('h') => return Ok(text::to_stdout(HELP)),
            Arg::Value(name) => processes.push(name.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let request = Request::Status { processes, json };
    let mut client = Client::ask(control.as_deref(), &request, Some(AT_ONCE))?;
    let mut shown = String::new();
    loop {
        match client.next()? {
            Next::Response(Response::Text(piece)) => shown.push_str(&piece),
            Next::Response(_) => {}
            Next::Done => return Ok(text::to_stdout(&shown)),
            Next::Late => return Err(late()),
        }
    }
}
