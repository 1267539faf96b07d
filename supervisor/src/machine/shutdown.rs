//! The stop of everything: its deadlines, a second signal, and the code that was decided.

use super::moment::Moment;

/// Milliseconds after the last SIGKILL for which the supervisor still waits. A process that is
/// stuck in the kernel for longer is left behind: the container's end takes it along.
pub const ABANDON_AFTER_MS: u64 = 2_000;

/// How far the stop of everything has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shutdown {
    /// Not begun.
    No,
    /// Every process is being stopped, dependants before what they depend on.
    Orderly {
        /// The exit code decided by whatever began it.
        code: u8,
        /// When everything left is killed.
        kill_at: Moment,
        /// When whatever has not been told to stop is told, out of turn if need be (see
        /// [`super::schedule::hurry_after_ms`]); `None` once that moment has come.
        hurry_at: Option<Moment>,
        /// Whether a signal has been received since or before; the next one kills.
        signalled: bool,
    },
    /// Everything left has been killed.
    Forced {
        /// The exit code.
        code: u8,
        /// When what is left even then is abandoned.
        abandon_at: Moment,
    },
    /// [`super::Action::Exit`] has been given.
    Over,
}

impl Shutdown {
    /// Whether it has begun.
    #[must_use]
    pub fn has_begun(self) -> bool {
        match self {
            Self::No => false,
            Self::Orderly { .. } | Self::Forced { .. } | Self::Over => true,
        }
    }

    /// Whether there is no time left to wait for dependants.
    #[must_use]
    pub fn is_in_a_hurry(self) -> bool {
        matches!(self, Self::Orderly { hurry_at: None, .. })
    }

    /// When time alone will change something.
    #[must_use]
    pub fn deadline(self) -> Option<Moment> {
        match self {
            Self::Orderly { kill_at, hurry_at, .. } => {
                Some(hurry_at.map_or(kill_at, |at| at.min(kill_at)))
            }
            Self::Forced { abandon_at, .. } => Some(abandon_at),
            Self::No | Self::Over => None,
        }
    }

    /// The same with every moment moved `base` closer to zero, for the model search.
    pub(super) fn shift(&mut self, base: Moment) {
        match self {
            Self::Orderly { kill_at, hurry_at, .. } => {
                *kill_at = Moment(kill_at.since(base));
                *hurry_at = hurry_at.map(|at| Moment(at.since(base)));
            }
            Self::Forced { abandon_at, .. } => *abandon_at = Moment(abandon_at.since(base)),
            Self::No | Self::Over => {}
        }
    }
}
