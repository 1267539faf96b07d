//! What people ask for, seen by the whole: a start brings along what it needs.

use super::gate::{self, Standing};
use super::service::{Cause, Phase, Service};
use super::{Action, Machine, Moment};
use crate::spec::ProcessId;

impl Machine {
    /// Somebody asked for a process to be started: it and, as at the start of a selection, whatever it
    /// waits for that nothing else would start. What may still come to pass is left alone.
    pub(super) fn start_asked(&mut self, id: ProcessId) {
        let plan = std::sync::Arc::clone(&self.plan);
        let mut seen = vec![false; self.services.len()];
        let mut pending = vec![id];
        self.change(id.index(), Service::on_start_asked);
        while let Some(id) = pending.pop() {
            let Some(seen) = seen.get_mut(id.index()) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            for edge in plan.process(id).map(|it| it.after.as_slice()).unwrap_or_default() {
                let Some(service) = self.services.get_mut(edge.on.index()) else { continue };
                match gate::standing(edge.condition, service) {
                    Standing::Met => continue,
                    // It may itself be waiting for one that nothing else would start.
                    Standing::NotYet => {}
                    Standing::OnRequest | Standing::Impossible => service.on_start_asked(),
                }
                if matches!(service.phase, Phase::Waiting | Phase::Backoff { .. }) {
                    pending.push(edge.on);
                }
            }
        }
    }

    /// Somebody asked for a process to be stopped and started again.
    pub(super) fn restart_asked(&mut self, id: ProcessId, now: Moment, actions: &mut Vec<Action>) {
        self.start_asked(id);
        self.with(id, now, |service, rules| service.begin_stop(rules, Cause::Asked, actions));
    }
}
