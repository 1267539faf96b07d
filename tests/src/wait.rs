//! Waiting for something to become true, never longer than a limit.

use std::time::{Duration, Instant};

/// How long anything may take that should take no time worth speaking of. Generous, because the
/// machine may be busy: a test that measures time has a limit of its own.
pub const SOON: Duration = Duration::from_secs(20);

const BETWEEN: Duration = Duration::from_millis(10);

/// Asks `probe` until it answers with a value.
///
/// # Panics
/// After `limit`, naming `what` was waited for.
#[track_caller]
pub fn until<T>(limit: Duration, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(Instant::now() < end, "waited {limit:?} in vain for {what}");
        std::thread::sleep(BETWEEN);
    }
}

/// Asks `probe` until it says yes.
///
/// # Panics
/// As [`until`].
#[track_caller]
pub fn until_true(limit: Duration, what: &str, mut probe: impl FnMut() -> bool) {
    until(limit, what, || probe().then_some(()));
}
