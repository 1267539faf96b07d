//! What is worth repeating, and when: pure decisions, and the one loop that waits.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::{Duration, SystemTime};

use crate::error::Failure;

/// The longest pause, also when a registry asks for a longer one.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How often something is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How often at the most; 0 tries once.
    pub times: u32,
    /// The pause before the first repetition; each further one is twice as long.
    pub pause: Duration,
}

/// What went wrong, and whether the same may go well a moment later.
#[derive(Debug)]
pub struct Trouble {
    /// What to tell when it is not tried again.
    pub failure: Failure,
    /// Whether to try again.
    pub again: Again,
}

/// What one attempt came to.
pub type Attempt<T> = std::result::Result<T, Trouble>;

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It would fail the same way.
    Never,
    /// After a pause of our own choice.
    Soon,
    /// After the pause the registry asked for.
    After(Duration),
    /// Not in one piece: the registry, or something before it, takes no body of this size.
    Smaller,
    /// Not for now: the registry has been asked again, with the pauses it wanted, and keeps saying
    /// that it is asked too often.
    TooOften,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self { failure, again: Again::Never }
    }
}

/// Whether the same request may well succeed a moment later.
pub fn is_temporary(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// Reads a `Retry-After` header: seconds, or a date (RFC 9110 section 10.2.3), which is one of the
/// clock that shows `now`.
pub fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = http_date(header)?;
    let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    Some(Duration::from_secs(then.saturating_sub(now)))
}

/// Seconds since 1970 of a date in the one form servers may send, as in
/// `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let day: u64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? as u64 + 1;
    let year: u64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.splitn(3, ':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let is_date = (1970..=9999).contains(&year) && (1..=31).contains(&day);
    // The last of these is that of a leap second.
    let is_time = hour < 24 && minute < 60 && second <= 60;
    if words.next() != Some("GMT") || !is_date || !is_time {
        return None;
    }
    // Years are counted from March, so that the day that leap years add is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    const DAYS_BEFORE_1970: u64 = 719_468;
    Some((days - DAYS_BEFORE_1970) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// The pause before repetition number `attempt`, counted from 0. `spread` is between 0 and 1: it
/// keeps machines that failed together from coming back together.
fn pause(policy: Policy, attempt: u32, again: Again, spread: f64) -> Option<Duration> {
    if attempt >= policy.times {
        return None;
    }
    let own = backoff(policy, attempt, spread);
    match again {
        Again::Never | Again::Smaller | Again::TooOften => None,
        // Who asks for no pause, or one that is over, would use up all repetitions at once.
        Again::After(asked_for) => Some(asked_for.max(own).min(LONGEST_PAUSE)),
        Again::Soon => Some(own),
    }
}

/// The pause that was `asked` for, but at least the one of our own before repetition number
/// `attempt`.
pub(super) fn at_least(asked: Option<Duration>, policy: Policy, attempt: u32) -> Duration {
    asked.unwrap_or_default().max(backoff(policy, attempt, random())).min(LONGEST_PAUSE)
}

fn backoff(policy: Policy, attempt: u32, spread: f64) -> Duration {
    let doubled = policy.pause.saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX));
    doubled.min(LONGEST_PAUSE).mul_f64(0.75 + spread / 2.0)
}

/// Tries until it goes well, could not go well, or has been tried often enough. `waiting` is told
/// why and how long before each pause.
///
/// # Errors
/// The last trouble.
pub fn repeat<T>(
    policy: Policy,
    waiting: &dyn Fn(&Failure, Duration),
    mut attempt: impl FnMut() -> Attempt<T>,
) -> Attempt<T> {
    let mut tried = 0;
    loop {
        let trouble = match attempt() {
            Ok(value) => return Ok(value),
            Err(trouble) => trouble,
        };
        let Some(pause) = pause(policy, tried, trouble.again, random()) else {
            return Err(trouble);
        };
        waiting(&trouble.failure, pause);
        std::thread::sleep(pause);
        tried += 1;
    }
}

/// A number from 0 to 1, from the only source of chance the standard library has.
fn random() -> f64 {
    RandomState::new().hash_one(()) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_registry_says_when_to_come_back_in_seconds_or_with_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 30);
        for (header, expected) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Sat, 05 Nov 1994 08:49:37 GMT", Some(0)),
            ("Thu, 29 Feb 1996 00:00:00 GMT", Some(825_552_000 - 784_111_747)),
            ("soon", None),
            ("Sun, 06 Nov 1994 08:49 GMT", None),
            ("Sun, 06 Nov 18446744073709551615 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 18446744073709551615:49:37 GMT", None),
            ("-1", None),
        ] {
            assert_eq!(retry_after(header, now), expected.map(Duration::from_secs), "{header}");
        }
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_end() {
        let policy = Policy { times: 20, pause: Duration::from_secs(1) };
        let seconds = |attempt| pause(policy, attempt, Again::Soon, 0.5).map(|p| p.as_secs());
        assert_eq!([0, 1, 2, 3, 6, 19].map(seconds), [1, 2, 4, 8, 60, 60].map(Some));
        assert_eq!(seconds(20), None);
        let asked = |after| pause(policy, 0, Again::After(Duration::from_secs(after)), 0.5);
        assert_eq!(asked(7), Some(Duration::from_secs(7)));
        assert_eq!(asked(0), Some(policy.pause), "it is our own at least");
        assert_eq!(asked(9_999), Some(LONGEST_PAUSE));
        assert_eq!(pause(policy, 0, Again::Never, 0.5), None);
        assert_eq!(pause(Policy { times: 0, ..policy }, 0, Again::Soon, 0.5), None);
    }

    #[test]
    fn what_cannot_go_well_is_tried_once() {
        let policy = Policy { times: 3, pause: Duration::from_millis(1) };
        let tries = |again| {
            let mut count = 0;
            let result: Attempt<()> = repeat(policy, &|_, _| {}, || {
                count += 1;
                Err(Trouble { failure: Failure::new(Kind::Io, "x"), again })
            });
            assert!(result.is_err());
            count
        };
        let each = [Again::Never, Again::Smaller, Again::TooOften, Again::Soon];
        assert_eq!(each.map(tries), [1, 1, 1, 4]);
    }
}
