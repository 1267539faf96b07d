//! `devenv-init wait`: until processes of a running supervisor are ready.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use lexopt::{Arg, ValueExt};

use super::client::{self, AT_ONCE, Client, Next};
use super::{Failure, duration, text};
use crate::control::{Ready, Request};
use crate::machine::exit;

const HELP: &str = "\
devenv-init wait: wait until processes of a running supervisor are ready

Usage: devenv-init wait [--ready] [--timeout DURATION] [NAME...]

Without names it waits for all that are meant to run. A service is ready when its check says so, or
without one as soon as it runs; a task when it has ended well. With a time it also waits for the
supervisor to be there.

Options:
      --ready             wait for readiness (the default, and all there is)
      --timeout DURATION  at most that long, as in 500ms or 2m; 0 asks once (default: for ever)
      --control PATH      the supervisor's socket (default: $DEVENV_INIT_CONTROL, or as `up`)
      --help              show this

Exit codes:
  0   ready
  1   not ready in time, or it cannot become ready any more
  69  no supervisor answers, or it ended meanwhile
";

/// Between two looks whether a supervisor is there yet.
const PAUSE: Duration = Duration::from_millis(20);

/// Runs the verb.
///
/// # Errors
/// No supervisor answers in time, there is no such process, or it is not ready in time or ever.
pub fn run(mut parser: lexopt::Parser) -> Result<u8, Failure> {
    let (mut control, mut limit, mut processes) = (None, None, Vec::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("ready") => {}
            Arg::Long("timeout") => {
                let ms = duration::parse(&parser.value()?.string()?);
                let ms =
                    ms.map_err(|why| Failure::new(exit::USAGE, format!("--timeout: {why}")))?;
                limit = Some(Duration::from_millis(ms));
            }
            Arg::Long("control") => control = Some(client::control(parser.value()?)?),
            Arg::Long("help") | Arg::Short('h') => return Ok(text::to_stdout(HELP)),
            Arg::Value(name) => processes.push(name.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let request = Request::WaitReady(Ready { processes: processes.clone(), now: false });
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let mut client = loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match Client::ask(control.as_deref(), &request, left) {
            // The container may have been started this very moment.
            Err(why)
                if why.code() == exit::UNAVAILABLE && left.is_some_and(|left| left > PAUSE) =>
            {
                std::thread::sleep(PAUSE);
            }
            asked => break asked?,
        }
    };
    loop {
        match client.next()? {
            Next::Response(_) => {}
            Next::Done => return Ok(exit::OK),
            Next::Late => return at_last(control.as_deref(), processes),
        }
    }
}

/// How things stand when the time is over, which may be at once.
fn at_last(control: Option<&OsStr>, processes: Vec<String>) -> Result<u8, Failure> {
    let request = Request::WaitReady(Ready { processes, now: true });
    match Client::ask(control, &request, Some(AT_ONCE)).and_then(Client::finish) {
        Ok(()) => Ok(exit::OK),
        Err(why) if why.code() == exit::NO => {
            Err(Failure::new(exit::NO, format!("not ready in time: {why}")))
        }
        Err(other) => Err(other),
    }
}
