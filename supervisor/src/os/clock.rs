//! The one clock of the supervisor.

use nix::time::{ClockId, clock_gettime};

use crate::machine::Moment;

/// Now, in milliseconds since the machine booted.
///
/// `CLOCK_BOOTTIME` goes on while the machine is suspended, so that a process that was told to end
/// before the lid was closed has used up its grace when it is opened. `CLOCK_MONOTONIC` stands in
/// where a sandbox refuses it; both never go back and do not follow a stepped wall clock.
#[must_use]
pub fn now() -> Moment {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME)
        .or_else(|_| clock_gettime(ClockId::CLOCK_MONOTONIC))
        .map(std::time::Duration::from)
        .unwrap_or_default();
    Moment(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
