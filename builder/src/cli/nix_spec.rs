//! `nix-spec`: lays the captured environment under a spec, checks it and writes it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use devenv_init::spec;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::attrs;
use crate::environment::{self, capture};
use crate::error::{Context as _, Failure, Kind, Result};

#[derive(Deserialize)]
struct Attributes {
    /// A spec; its `environment` holds what the project sets explicitly.
    spec: Map<String, Value>,
    /// The captured environment of the project's shell.
    capture: Option<PathBuf>,
}

/// Writes the spec with its whole environment to the derivation's output.
pub fn run() -> Result<ExitCode> {
    let (attributes, out) = attrs::read::<Attributes>()?;
    let capture = match &attributes.capture {
        Some(file) => {
            let doing = || format!("cannot read {}", file.display());
            let text = fs::read_to_string(file).or_fail(Kind::NoInput, doing)?;
            capture::parse(&text).map_err(|failure| failure.context(file.display()))?
        }
        None => capture::Capture::default(),
    };
    let text = complete(attributes.spec, &capture)?;
    fs::write(&out, text)
        .or_fail(Kind::CannotCreate, || format!("cannot write {}", out.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The spec with the environment, checked as PID 1 will check it.
fn complete(mut spec: Map<String, Value>, capture: &capture::Capture) -> Result<String> {
    let explicit: BTreeMap<String, String> = match spec.remove("environment") {
        Some(environment) => {
            serde_json::from_value(environment).or_fail(Kind::Spec, || "cannot read environment")?
        }
        None => BTreeMap::new(),
    };
    let environment = environment::kept(environment::decide(capture, &explicit));
    let environment: Map<String, Value> =
        environment.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    spec.insert("environment".to_owned(), Value::Object(environment));

    let wrong = |error: spec::SpecError| Failure::new(Kind::Spec, error.to_string());
    let checked = spec::read(&Value::Object(spec).to_string()).map_err(wrong)?;
    let text = serde_json::to_string_pretty(&checked)
        .or_fail(Kind::Internal, || "cannot write the spec")?;
    spec::Plan::from_spec(checked).map_err(wrong)?;
    Ok(text + "\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn completed(spec: Value) -> Result<spec::Spec> {
        let Value::Object(spec) = spec else { panic!("not an object") };
        let capture = capture::parse(
            r#"{"variables": {
                "A": {"type": "exported", "value": "captured"},
                "B": {"type": "exported", "value": "captured"},
                "CC": {"type": "exported", "value": "gcc"}}}"#,
        )
        .unwrap();
        complete(spec, &capture).map(|text| spec::read(&text).unwrap())
    }

    #[test]
    fn the_projects_own_variables_win_over_captured_ones() {
        let spec = completed(json!({"version": 1, "environment": {"B": "own"}})).unwrap();
        assert_eq!(
            spec.environment.into_iter().collect::<Vec<_>>(),
            [("A".to_owned(), "captured".to_owned()), ("B".to_owned(), "own".to_owned())]
        );
    }

    #[test]
    fn a_spec_pid_1_would_refuse_fails_the_build() {
        let twice = json!({"name": "web", "command": ["/bin/web"]});
        let failure = completed(json!({"version": 1, "processes": [twice, twice]})).unwrap_err();
        assert_eq!(failure.kind(), Kind::Spec);
        assert!(failure.to_string().contains("web"), "{failure}");
        assert!(completed(json!({"version": 1, "procesess": []})).is_err());
    }
}
