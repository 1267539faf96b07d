//! `devenv-init healthcheck`: one line and an exit code for the `HEALTHCHECK` of an image.

use lexopt::{Arg, ValueExt};

use super::client::{self, AT_ONCE, Client};
use super::{Failure, text};
use crate::control::Request;
use crate::machine::exit;

const HELP: &str = "\
devenv-init healthcheck: say whether processes of a running supervisor are as they should be

Usage: devenv-init healthcheck [NAME...]

For the HEALTHCHECK of an image. Without names all that are meant to run are looked at, without
those that somebody has stopped. Healthy is a service that is ready, and a task that is at work or
has ended well.

Options:
      --control PATH  the supervisor's socket (default: $DEVENV_INIT_CONTROL, or as `up`)
      --help          show this

Exit codes:
  0   healthy
  1   not healthy, with the reason
  64  the command line is wrong
";

/// Runs the verb.
///
/// # Errors
/// Something is not as it should be, or nobody can say; the code is then 1, because Docker keeps
/// others than 0 and 1 for itself.
pub fn run(mut parser: lexopt::Parser) -> Result<u8, Failure> {
    let (mut control, mut processes) = (None, Vec::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("control") => control = Some(client::control(parser.value()?)?),
            Arg::Long("help") | Arg::Short('h') => return Ok(text::to_stdout(HELP)),
            Arg::Value(name) => processes.push(name.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let request = Request::Health(processes);
    let asked = Client::ask(control.as_deref(), &request, Some(AT_ONCE)).and_then(Client::finish);
    match asked {
        Ok(()) => Ok(text::to_stdout("healthy\n")),
        Err(failure) if failure.code() == exit::USAGE => Err(failure),
        Err(failure) => Err(Failure::new(exit::NO, format!("not healthy: {failure}"))),
    }
}
