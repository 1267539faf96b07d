//! Two machines are the same when they will behave the same: what the search tells states apart by.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::Machine;

impl PartialEq for Machine {
    fn eq(&self, other: &Self) -> bool {
        (self.shutdown, self.begun, self.first_failure)
            == (other.shutdown, other.begun, other.first_failure)
            && self.services == other.services
            && (Arc::ptr_eq(&self.plan, &other.plan) || self.plan == other.plan)
    }
}

impl Eq for Machine {}

impl Hash for Machine {
    /// Leaves the plan out, which never changes within a machine.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.services.hash(state);
        self.shutdown.hash(state);
        self.begun.hash(state);
        self.first_failure.hash(state);
    }
}
