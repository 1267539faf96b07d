//! The one gate through which all requests go to a registry. When it says that it is asked too
//! often, nobody sends before the pause it wants is over, and those who waited come back one after
//! the other: all at once they would use up what it allows in a moment, and be refused again.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::retry::{self, LONGEST_PAUSE, Policy};

/// How long the next one waits for the answer to the one before, after a pause: a body that takes
/// its time holds nobody up.
const TURN: Duration = Duration::from_secs(1);

/// The longest time that is spent in pauses because a registry is asked too often, all taken together.
const LONGEST_SUM: Duration = Duration::from_secs(60 * 60);

/// A gate, open at first.
#[derive(Debug)]
pub struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

/// What a request that went through shows when it is answered.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    /// How often the gate had been closed when it went through.
    closed: u64,
}

/// What to do about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Ask again through the gate, which is closed for this long from now on.
    Closed(Duration),
    /// The same; somebody else has been told of the pause.
    Known,
    /// Give up: pauses do not help, or there were too many.
    TooOften,
}

#[derive(Debug, Default)]
struct State {
    closed: u64,
    opens: Option<Instant>,
    /// Pauses since something was answered as it should be.
    in_vain: u32,
    paused: Duration,
    /// Whether one goes after the other.
    in_turn: bool,
    /// When the one whose turn it is went through, until it is answered.
    gone: Option<Instant>,
    waiting: usize,
}

impl Gate {
    /// A gate nobody has closed.
    pub fn new() -> Self {
        Self { state: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits until a request may be sent.
    pub fn enter(&self) -> Ticket {
        let mut state = self.state();
        state.waiting += 1;
        while let Some(left) = state.closed_for(Instant::now()) {
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting -= 1;
        Ticket { closed: state.closed }
    }

    /// Takes note of an answer that is not about being asked too often; `well` when it is one
    /// that tells what was asked.
    pub fn answered(&self, ticket: Ticket, well: bool) {
        self.state().answered(ticket, well);
        self.changed.notify_all();
    }

    /// Closes the gate for a while because of trouble that has nothing to do with how often it is
    /// asked: the registry means everybody.
    pub fn hold(&self, pause: Duration) {
        self.state().open_after(Instant::now(), pause);
    }

    /// Takes note of a refusal, with the pause that was `asked` for. It does not count as long as
    /// something is answered well between one pause and another; `policy` says how often it may
    /// not be.
    pub fn refused(&self, ticket: Ticket, asked: Option<Duration>, policy: Policy) -> Refused {
        let refused = self.state().refused(ticket, asked, policy, Instant::now());
        self.changed.notify_all();
        refused
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How long nobody may go, at the most; `None` lets one through.
    fn closed_for(&mut self, now: Instant) -> Option<Duration> {
        let left = |until: Instant| Some(until.saturating_duration_since(now));
        let closed = self.opens.and_then(left).filter(|left| !left.is_zero());
        let turn = self.gone.filter(|_| self.in_turn).and_then(|gone| left(gone + TURN));
        let turn = turn.filter(|left| !left.is_zero());
        if closed.is_none() && turn.is_none() && self.in_turn {
            self.gone = Some(now);
        }
        closed.or(turn)
    }

    fn answered(&mut self, ticket: Ticket, well: bool) {
        if well {
            self.in_vain = 0;
        }
        // What was sent before the pause tells nothing about the time after it.
        if ticket.closed == self.closed {
            self.gone = None;
            self.in_turn &= !well || self.waiting > 0;
        }
    }

    fn refused(
        &mut self,
        ticket: Ticket,
        asked: Option<Duration>,
        policy: Policy,
        now: Instant,
    ) -> Refused {
        if ticket.closed != self.closed {
            // It was sent before the pause that has begun meanwhile.
            self.open_after(now, asked.unwrap_or_default());
            return Refused::Known;
        }
        let pause = retry::at_least(asked, policy, self.in_vain);
        if self.in_vain >= policy.times || self.paused + pause > LONGEST_SUM {
            self.gone = None;
            return Refused::TooOften;
        }
        self.in_vain += 1;
        self.closed += 1;
        self.paused += pause;
        self.in_turn = true;
        self.gone = None;
        self.open_after(now, pause);
        Refused::Closed(pause)
    }

    fn open_after(&mut self, now: Instant, pause: Duration) {
        self.opens = self.opens.max(now.checked_add(pause.min(LONGEST_PAUSE)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { times: 2, pause: Duration::from_millis(400) };
    const SECOND: Option<Duration> = Some(Duration::from_secs(1));

    fn ticket(state: &State) -> Ticket {
        Ticket { closed: state.closed }
    }

    #[test]
    fn one_pause_is_for_all_who_were_refused_before_it_and_they_come_back_in_turn() {
        let (mut state, now) = (State { waiting: 3, ..State::default() }, Instant::now());
        let [first, other] = [ticket(&state), ticket(&state)];
        assert!(state.closed_for(now).is_none() && state.closed_for(now).is_none());
        assert_eq!(
            state.refused(first, SECOND, POLICY, now),
            Refused::Closed(Duration::from_secs(1))
        );
        assert_eq!(state.refused(other, SECOND, POLICY, now), Refused::Known);
        let half = now + Duration::from_millis(500);
        assert_eq!(state.closed_for(half), Some(Duration::from_millis(500)));

        let after = now + Duration::from_secs(1);
        assert_eq!(state.closed_for(after), None);
        assert_eq!(state.closed_for(after), Some(TURN), "one goes first");
        state.answered(ticket(&state), true);
        assert_eq!(state.closed_for(after), None);
        assert_eq!(state.closed_for(after), Some(TURN), "and one after it");
        assert_eq!(state.closed_for(after + TURN), None, "who takes long holds nobody up");
        state.waiting = 0;
        state.answered(ticket(&state), true);
        assert!(state.closed_for(after).is_none() && state.closed_for(after).is_none());
    }

    #[test]
    fn pauses_count_only_while_nothing_goes_well() {
        let (mut state, now) = (State::default(), Instant::now());
        let refuse = |state: &mut State| state.refused(ticket(state), SECOND, POLICY, now);
        for _ in 0..500 {
            assert!(matches!(refuse(&mut state), Refused::Closed(_)));
            let answered = ticket(&state);
            state.answered(answered, true);
        }
        for _ in 0..2 {
            assert!(matches!(refuse(&mut state), Refused::Closed(_)));
            let answered = ticket(&state);
            state.answered(answered, false);
        }
        assert_eq!(refuse(&mut state), Refused::TooOften);
    }

    #[test]
    fn who_asks_for_no_pause_gets_ours_which_grows() {
        for asked in [None, Some(Duration::ZERO)] {
            let (mut state, now) = (State::default(), Instant::now());
            for least in [300, 600] {
                let refused = state.refused(ticket(&state), asked, POLICY, now);
                let least = Duration::from_millis(least);
                assert!(matches!(refused, Refused::Closed(pause) if pause >= least), "{refused:?}");
            }
        }
    }

    #[test]
    fn a_registry_cannot_ask_for_pauses_without_end() {
        let (mut state, now) = (State::default(), Instant::now());
        let mut pauses = 0;
        while let Refused::Closed(pause) =
            state.refused(ticket(&state), Some(Duration::from_secs(9_999)), POLICY, now)
        {
            assert_eq!(pause, LONGEST_PAUSE);
            pauses += 1;
            let answered = ticket(&state);
            state.answered(answered, true);
        }
        assert_eq!(pauses, 60);
    }
}
