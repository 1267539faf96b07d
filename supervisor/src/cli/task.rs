//! `devenv-init task`: what a supervisor runs in the place of a task that may have nothing to do. It is
//! for no one else and stands in no help.

use super::Failure;
use crate::guard::Order;
use crate::os::guarded;

/// Runs the verb. Returns when the task has ended, or has nothing to do.
///
/// # Errors
/// The order is none, or the task could not be started.
pub fn run(mut parser: lexopt::Parser) -> Result<u8, Failure> {
    let order = Order::from_arguments(parser.raw_args()?.collect())
        .ok_or_else(|| Failure::usage("`task` is for a supervisor to run"))?;
    let end = guarded::run(&order, &std::env::vars_os().collect());
    end.map(guarded::end_as).map_err(|(code, why)| Failure::new(code, why))
}
