//! Gates: whether what a process waits for holds, does not hold yet, or never will.

use super::exit::Outcome;
use super::service::{Phase, Service};
use crate::spec::{Condition, Edge, ProcessId};

/// What a process's dependencies say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Every condition holds.
    Open,
    /// Some condition does not hold yet and still can.
    Closed,
    /// This dependency can never meet its condition any more.
    Never(ProcessId),
}

/// Looks at all edges; one that can never hold outweighs those that do not hold yet, so that the
/// process is reported at once and does not wait for the rest first.
#[must_use]
pub fn gate(after: &[Edge], services: &[Service]) -> Gate {
    let mut all = Gate::Open;
    for edge in after {
        let Some(service) = services.get(edge.on.index()) else { return Gate::Never(edge.on) };
        match judge(edge.condition, service) {
            Verdict::Met => {}
            Verdict::NotYet => all = Gate::Closed,
            Verdict::Impossible => return Gate::Never(edge.on),
        }
    }
    all
}

enum Verdict {
    Met,
    NotYet,
    Impossible,
}

fn judge(condition: Condition, service: &Service) -> Verdict {
    match &service.phase {
        Phase::Waiting if service.wanted => Verdict::NotYet,
        // It was not asked for, so nothing will start it: a soft dependency does not wait for it.
        Phase::Waiting => match condition {
            Condition::Completed => Verdict::Met,
            Condition::Started | Condition::Ready | Condition::Succeeded => Verdict::Impossible,
        },
        Phase::Starting { .. } => Verdict::NotYet,
        Phase::Running { health, .. } => match condition {
            Condition::Started => Verdict::Met,
            Condition::Ready if health.ready => Verdict::Met,
            Condition::Ready | Condition::Succeeded | Condition::Completed => Verdict::NotYet,
        },
        // Between two runs: what held of the old run says nothing of the next one, except that
        // it has been started.
        Phase::Backoff { .. } | Phase::Stopping { .. } => match condition {
            Condition::Started if service.has_started => Verdict::Met,
            Condition::Started | Condition::Ready | Condition::Succeeded | Condition::Completed => {
                Verdict::NotYet
            }
        },
        Phase::Done(outcome) => judge_done(condition, *outcome, service),
    }
}

fn judge_done(condition: Condition, outcome: Outcome, service: &Service) -> Verdict {
    let met = match condition {
        Condition::Completed => true,
        Condition::Started => service.has_started,
        // A task that did its work was ready; so was a service that ended well after it was.
        Condition::Ready => service.was_ready && outcome == Outcome::Succeeded,
        Condition::Succeeded => outcome == Outcome::Succeeded,
    };
    if met { Verdict::Met } else { Verdict::Impossible }
}
