//! Signals a process gets in another form: what one program calls QUIT, another one calls TERM.

use std::collections::BTreeMap;

use super::Check;
use crate::spec::signal::Signal;

/// What a process gets in the place of a signal that is passed on to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The signal the supervisor has received.
    pub received: Signal,
    /// What it is passed on as; `None`: not at all.
    pub passed: Option<Signal>,
}

/// What a process with these rewrites gets for a signal; `None`: nothing.
#[must_use]
pub fn rewritten(rewrites: &[Rewrite], signal: Signal) -> Option<Signal> {
    let found = rewrites.iter().find(|rewrite| rewrite.received == signal);
    found.map_or(Some(signal), |rewrite| rewrite.passed)
}

/// Checks the rewrites of a process that is stopped by `stop`. Returns the signal that really stops
/// it, and what becomes of those that are passed on.
pub(in crate::spec) fn check(
    signals: &BTreeMap<String, Option<String>>,
    stop: Signal,
    check: &mut Check<'_>,
) -> (Signal, Vec<Rewrite>) {
    let mut rewrites: Vec<Rewrite> = Vec::new();
    for (from, to) in signals {
        let field = format!("signals.{from}");
        let received = Signal::parse(from)
            .filter(|signal| *signal == stop || Signal::PASSED_ON.contains(signal));
        let Some(received) = received else {
            let what = format!("\"{}\" never reaches it", from.escape_debug());
            let passed_on = Signal::PASSED_ON.map(|signal| signal.to_string()).join(", ");
            let hint = format!("there are its stop signal, {stop}, and {passed_on}");
            check.fault("signals", what, &hint);
            continue;
        };
        if rewrites.iter().any(|rewrite| rewrite.received == received) {
            check.fault(&field, format!("{received} is given twice"), "leave one of them");
        }
        let passed = to.as_ref().and_then(|to| {
            let signal = Signal::parse(to);
            if signal.is_none() {
                let what = format!("\"{}\" is not a signal", to.escape_debug());
                check.fault(&field, what, "write it as in `SIGTERM`, or null for none");
            }
            signal
        });
        if received == stop && to.is_none() {
            let what = "without its stop signal it could only be killed".to_owned();
            check.fault(&field, what, "name the signal that stops it");
        }
        rewrites.push(Rewrite { received, passed });
    }
    let stop = rewritten(&rewrites, stop).unwrap_or(stop);
    rewrites.retain(|rewrite| Signal::PASSED_ON.contains(&rewrite.received));
    (stop, rewrites)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(pairs: &[(&str, Option<&str>)]) -> (Signal, Vec<Rewrite>, usize) {
        let signals = pairs.iter().map(|(from, to)| ((*from).to_owned(), to.map(str::to_owned)));
        let mut problems = Vec::new();
        let mut at = Check { path: "p", problems: &mut problems };
        let (stop, rewrites) = check(&signals.collect(), Signal::TERM, &mut at);
        (stop, rewrites, problems.len())
    }

    #[test]
    fn the_stop_signal_and_those_passed_on_can_be_rewritten() {
        let signal = |name| Signal::parse(name).expect("a signal");
        let pairs = [("TERM", Some("QUIT")), ("HUP", None), ("SIGUSR1", Some("SIGINT"))];
        let (stop, rewrites, problems) = checked(&pairs);
        assert_eq!((stop, problems), (signal("QUIT"), 0));
        for (received, want) in [("HUP", None), ("USR1", Some("INT")), ("USR2", Some("USR2"))] {
            assert_eq!(rewritten(&rewrites, signal(received)), want.map(signal), "{received}");
        }
    }

    #[test]
    fn what_would_have_no_meaning_is_refused() {
        for pairs in [
            [("INT", Some("TERM"))].as_slice(),
            &[("KILL", Some("TERM"))],
            &[("NOPE", None)],
            &[("HUP", Some("NOPE"))],
            &[("TERM", None)],
            &[("HUP", None), ("SIGHUP", Some("TERM"))],
        ] {
            assert_eq!(checked(pairs).2, 1, "{pairs:?}");
        }
    }
}
