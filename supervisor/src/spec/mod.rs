//! The contract between Nix, the builder and PID 1: JSON in, a checked [`Plan`] out.
//!
//! [`json`] is any JSON, [`wire`] that of the contract, [`plan`] what it means once checked, [`graph`] the start order
//! with cycles named, [`settings`] rights and limits, [`signal`] signals by name, [`watch`] which
//! files matter, [`error`]
//! everything that can be wrong.
//!
//! [`procfile`] and [`tasks`] translate what other programs read into the same plan; what a
//! translation says besides the plan is in [`translation`].

pub mod error;
pub mod graph;
pub mod json;
pub mod plan;
pub mod procfile;
mod replicas;
pub mod settings;
pub mod signal;
pub mod tasks;
pub mod translation;
pub mod watch;
pub mod wire;

use serde::Deserialize;

pub use error::{Problem, SpecError};
pub use plan::{
    Backoff, Edge, LiveRule, Plan, Process, ProcessId, ReadyRule, RestartRule, StopRule,
    WatchdogRule,
};
pub use settings::Settings;
pub use signal::Signal;
pub use translation::{Translation, TranslationError};
pub use watch::WatchRule;
pub use wire::{Check, Condition, ExitPolicy, ExitRule, Kind, RestartOn, Spec, Timing};

/// Reads `spec.json` from text.
///
/// The version is looked at first, so a file of a newer builder is told apart from a broken one.
///
/// # Errors
/// [`SpecError::Syntax`] when it is not JSON, [`SpecError::Version`] when it is of another version,
/// [`SpecError::Problems`] with every key that is there twice, [`SpecError::Shape`] when a field is
/// unknown, missing or of the wrong type.
pub fn read(text: &str) -> Result<Spec, SpecError> {
    let json = json::read::read(text).map_err(|fault| SpecError::Syntax(fault.to_string()))?;
    let shape = |fault: json::Fault| SpecError::Shape(fault.to_string());
    let version = json.get("version").map(u32::deserialize).transpose();
    match version.map_err(|fault| shape(fault.within(&"version")))? {
        Some(found) if found != wire::VERSION => return Err(SpecError::Version { found }),
        // The error that there is none is that of the whole.
        Some(_) | None => {}
    }
    let mut problems = Vec::new();
    json.note_duplicates("", &mut problems);
    if !problems.is_empty() {
        return Err(SpecError::Problems(problems));
    }
    Spec::deserialize(&json).map_err(shape)
}

/// Reads and checks in one go: what PID 1 does at start and the builder at build time.
///
/// # Errors
/// As [`read`]; besides, [`SpecError::Problems`] with every rule the content breaks.
pub fn load(text: &str) -> Result<Plan, SpecError> {
    Plan::from_spec(read(text)?)
}
