//! The shell environment of a project as a plain list of variables.
//!
//! Nix's development shells leave an environment that is half the project's (`PATH`, the settings
//! of languages and services) and half the build's (compilers, phases, flags). An image needs the
//! first half only: [`rules`] says variable by variable what is left out and why, which also
//! keeps the compilers those variables mention out of the image's closure.

pub mod capture;
pub mod path;
pub mod rules;

use std::collections::BTreeMap;

use capture::{Capture, Value};

/// What became of one captured variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is part of the image's environment, with this value.
    Kept(String),
    /// It is left out, for this reason.
    Dropped(&'static str),
}

/// Says of every captured variable what becomes of it.
///
/// `explicit` are the variables the project sets itself (`env` in devenv): those are always kept,
/// with the project's value.
pub fn decide(capture: &Capture, explicit: &BTreeMap<String, String>) -> BTreeMap<String, Fate> {
    let toolchain = path::Toolchain::of(capture);
    let mut fates = BTreeMap::new();
    for (name, value) in &capture.variables {
        let fate = match value {
            _ if explicit.contains_key(name) => continue,
            Value::Exported(value) => match rules::reason_to_drop(name) {
                Some(reason) => Fate::Dropped(reason),
                None if path::is_search_path(name) => {
                    match path::without_toolchain(value, &toolchain) {
                        value if value.is_empty() => Fate::Dropped("nothing but the toolchain"),
                        value => Fate::Kept(value),
                    }
                }
                None => Fate::Kept(value.clone()),
            },
            Value::Shell => Fate::Dropped("not exported"),
        };
        fates.insert(name.clone(), fate);
    }
    fates.extend(explicit.iter().map(|(name, value)| (name.clone(), Fate::Kept(value.clone()))));
    fates
}

/// The variables that are kept.
pub fn kept(fates: BTreeMap<String, Fate>) -> BTreeMap<String, String> {
    fates
        .into_iter()
        .filter_map(|(name, fate)| match fate {
            Fate::Kept(value) => Some((name, value)),
            Fate::Dropped(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projects_variables_stay_and_the_builds_go() {
        let capture = capture::parse(
            r#"{"bashFunctions": {}, "variables": {
                "PATH": {"type": "exported",
                    "value": "/nix/store/c-gcc-wrapper-12/bin:/nix/store/p-procps/bin:/nix/store/u-coreutils/bin:"},
                "NIX_CC": {"type": "exported", "value": "/nix/store/c-gcc-wrapper-12"},
                "XDG_DATA_DIRS": {"type": "exported", "value": "/nix/store/c-gcc-wrapper-12/share"},
                "buildPhase": {"type": "exported", "value": "make"},
                "PYTHONPATH": {"type": "exported", "value": "/nix/store/y-py/lib"},
                "GREETING": {"type": "exported", "value": "captured"},
                "IFS": {"type": "var", "value": " "},
                "outputs": {"type": "associative", "value": {"out": "/x"}}
            }}"#,
        )
        .unwrap();
        let explicit = [("GREETING".to_owned(), "mine".to_owned())].into();
        let fates = decide(&capture, &explicit);
        assert_eq!(fates["IFS"], Fate::Dropped("not exported"));
        assert_eq!(fates["XDG_DATA_DIRS"], Fate::Dropped("nothing but the toolchain"));
        assert_eq!(
            kept(fates).into_iter().collect::<Vec<_>>(),
            [
                ("GREETING".to_owned(), "mine".to_owned()),
                (
                    "PATH".to_owned(),
                    "/nix/store/p-procps/bin:/nix/store/u-coreutils/bin".to_owned()
                ),
                ("PYTHONPATH".to_owned(), "/nix/store/y-py/lib".to_owned()),
            ]
        );
    }
}
