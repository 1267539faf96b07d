//! Time as the machine knows it: a plain number, so that states can be hashed, replayed, searched.

/// Milliseconds since some fixed point, such as the start of the supervisor.
///
/// Comes from a clock that never goes back (`CLOCK_BOOTTIME` or `CLOCK_MONOTONIC`), so that a
/// stepped wall clock neither shortens a grace period nor stretches it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// This moment, `ms` milliseconds later; saturates instead of wrapping round.
    #[must_use]
    pub fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds since `earlier`, 0 when that lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
