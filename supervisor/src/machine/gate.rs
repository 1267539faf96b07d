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
        match standing(edge.condition, service) {
            Standing::Met => {}
            Standing::NotYet | Standing::OnRequest => all = Gate::Closed,
            Standing::Impossible => return Gate::Never(edge.on),
        }
    }
    all
}

/// What one dependency says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its condition holds.
    Met,
    /// It does not hold yet.
    NotYet,
    /// It was stopped on request, so that its condition can hold once somebody asks for it again.
    OnRequest,
    /// It can never hold any more.
    Impossible,
}

/// Looks at one condition.
#[must_use]
pub fn standing(condition: Condition, service: &Service) -> Standing {
    match &service.phase {
        Phase::Waiting if service.wanted => Standing::NotYet,
        // It was not asked for, so nothing will start it: a soft dependency does not wait for it.
        Phase::Waiting => match condition {
            Condition::Completed => Standing::Met,
            Condition::Started | Condition::Ready | Condition::Succeeded => Standing::Impossible,
        },
        Phase::Starting { .. } => Standing::NotYet,
        Phase::Running { health, .. } => match condition {
            Condition::Started => Standing::Met,
            Condition::Ready if health.ready => Standing::Met,
            Condition::Ready | Condition::Succeeded | Condition::Completed => Standing::NotYet,
        },
        // Between two runs: what held of the old run says nothing of the next one, except that
        // it has been started.
        Phase::Backoff { .. } | Phase::Stopping { .. } => match condition {
            Condition::Started if service.has_started => Standing::Met,
            Condition::Started | Condition::Ready | Condition::Succeeded | Condition::Completed => {
                Standing::NotYet
            }
        },
        Phase::Done(outcome) => judge_done(condition, *outcome, service),
    }
}

fn judge_done(condition: Condition, outcome: Outcome, service: &Service) -> Standing {
    let met = match condition {
        Condition::Completed => true,
        Condition::Started => service.has_started,
        // A task that did its work was ready; so was a service that ended well after it was.
        Condition::Ready => service.was_ready && outcome == Outcome::Succeeded,
        Condition::Succeeded => outcome == Outcome::Succeeded,
    };
    match outcome {
        _ if met => Standing::Met,
        Outcome::Stopped => Standing::OnRequest,
        Outcome::Succeeded | Outcome::Failed(_) | Outcome::Skipped => Standing::Impossible,
    }
}
