//! The contract between Nix, the builder and PID 1: JSON in, a checked [`Plan`] out.
//!
//! [`wire`] is the JSON as written, [`plan`] what it means once checked, [`graph`] the start order
//! with cycles named, [`settings`] rights and limits, [`signal`] signals by name, [`watch`] which
//! files matter, [`error`]
//! everything that can be wrong.
//!
//! [`procfile`] and [`tasks`] translate what other programs read into the same plan; what a
//! translation says besides the plan is in [`translation`].

pub mod error;
pub mod graph;
pub mod plan;
pub mod procfile;
mod replicas;
pub mod settings;
pub mod signal;
pub mod tasks;
pub mod translation;
pub mod watch;
pub mod wire;

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
/// [`SpecError::Shape`] when a field is unknown, missing or of the wrong type.
pub fn read(text: &str) -> Result<Spec, SpecError> {
    #[derive(serde::Deserialize)]
    struct VersionOnly {
        version: Option<u32>,
    }
    let head: VersionOnly = serde_json::from_str(text).map_err(|error| {
        if error.is_syntax() || error.is_eof() {
            SpecError::Syntax(error.to_string())
        } else {
            SpecError::Shape(error.to_string())
        }
    })?;
    match head.version {
        Some(wire::VERSION) => {}
        Some(found) => return Err(SpecError::Version { found }),
        None => return Err(SpecError::Shape("missing field `version`".to_owned())),
    }
    serde_json::from_str(text).map_err(|error| SpecError::Shape(error.to_string()))
}

/// Reads and checks in one go: what PID 1 does at start and the builder at build time.
///
/// # Errors
/// As [`read`]; besides, [`SpecError::Problems`] with every rule the content breaks.
pub fn load(text: &str) -> Result<Plan, SpecError> {
    Plan::from_spec(read(text)?)
}
