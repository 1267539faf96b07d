//! With which variables and where a process of a plan runs, and so do the checks made of it.

use std::path::{Path, PathBuf};

use super::environment::{self, MARKER, Variables};
use crate::spec::{Plan, Process};

/// The surroundings of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its whole environment.
    pub variables: Variables,
    /// Where it starts; absent: where the supervisor is.
    pub directory: Option<PathBuf>,
}

impl Setting {
    /// What the plan says of a process, over the variables all have in `common`. `marker` is how
    /// its descendants will be found.
    #[must_use]
    pub fn of(plan: &Plan, process: &Process, common: &Variables, marker: &str) -> Self {
        let mut variables = environment::with_own(common, &process.environment);
        variables.insert(MARKER.into(), marker.into());
        let of_all = plan.working_dir.as_deref().map(Path::new);
        let own = process.working_dir.as_deref().map(Path::new);
        let directory = match (of_all, own) {
            (Some(of_all), Some(own)) => Some(of_all.join(own)),
            (one, other) => other.or(one).map(Path::to_owned),
        };
        // Ours would name another directory, and programs other than shells believe it.
        if let Some(absolute) = directory.as_deref().filter(|path| path.is_absolute())
            && !process.environment.contains_key("PWD")
        {
            variables.insert("PWD".into(), absolute.into());
        }
        Self { variables, directory }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn directories_are_joined_and_told_in_pwd() {
        for (of_all, own, want, pwd) in [
            (r#""/env""#, r#""data""#, Some("/env/data"), "/env/data"),
            (r#""/env""#, r#""/srv""#, Some("/srv"), "/srv"),
            (r#""/env""#, "null", Some("/env"), "/env"),
            ("null", r#""data""#, Some("data"), "/before"),
            ("null", "null", None, "/before"),
        ] {
            let text = format!(
                r#"{{"version": 1, "working_dir": {of_all}, "processes": [
                    {{"name": "web", "command": ["/bin/web"], "working_dir": {own}}}]}}"#
            );
            let plan = crate::spec::load(&text).expect("a valid spec");
            let process = plan.processes.first().expect("one process");
            let common = Variables::from([("PWD".into(), "/before".into())]);
            let setting = Setting::of(&plan, process, &common, "web.1#1@x");
            assert_eq!(setting.directory.as_deref(), want.map(Path::new), "{of_all} {own}");
            assert_eq!(setting.variables.get(OsStr::new("PWD")), Some(&pwd.into()), "{own}");
            assert_eq!(setting.variables.get(OsStr::new(MARKER)), Some(&"web.1#1@x".into()));
        }
    }
}
