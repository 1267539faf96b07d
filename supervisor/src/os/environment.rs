//! The environment of a process: who wins when a variable comes from several places.
//!
//! From weak to strong: the plan's variables, those the supervisor was started with (so that
//! `docker run -e` works), the process's own, and last the marker its descendants are found by.
//! Search paths are joined instead: what the image was built with is found first, and what the
//! container was given besides stays reachable.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Names a run's descendants after it, in their environment: `web.1#2@1f3a`.
pub const MARKER: &str = "DEVENV_INIT_RUN";

/// Lists of directories, joined instead of replaced (POSIX, XBD 8.3; XDG Base Directory).
const SEARCH_PATHS: [&str; 2] = ["PATH", "XDG_DATA_DIRS"];

/// Variables by name.
pub type Variables = BTreeMap<OsString, OsString>;

/// The environment every process of a plan has in common.
#[must_use]
pub fn common(
    planned: &BTreeMap<String, String>,
    inherited: impl IntoIterator<Item = (OsString, OsString)>,
) -> Variables {
    let mut variables: Variables =
        planned.iter().map(|(name, value)| (name.into(), value.into())).collect();
    for (name, value) in inherited {
        let joined = match variables.get(&name) {
            Some(first) if SEARCH_PATHS.iter().any(|path| name == *path) => join(first, &value),
            _ => value,
        };
        variables.insert(name, joined);
    }
    variables
}

/// Lays a process's own variables over the common ones; they win even over search paths.
#[must_use]
pub fn with_own(common: &Variables, own: &BTreeMap<String, String>) -> Variables {
    let mut variables = common.clone();
    variables.extend(own.iter().map(|(name, value)| (name.into(), value.into())));
    variables
}

/// As `execve` wants it: `NAME=value`. Names and values with a NUL byte cannot be passed on and
/// are left out; a plan has none and the kernel gives none.
#[must_use]
pub fn to_vector(variables: &Variables) -> Vec<CString> {
    let entry = |(name, value): (&OsString, &OsString)| {
        let mut bytes = name.clone().into_vec();
        bytes.push(b'=');
        bytes.extend_from_slice(value.as_bytes());
        CString::new(bytes).ok()
    };
    variables.iter().filter_map(entry).collect()
}

/// `first`, then every entry of `second` that is not there yet. Empty entries are dropped: in
/// `PATH` they mean the working directory, which nobody wants to be searched by accident.
fn join(first: &OsStr, second: &OsStr) -> OsString {
    let mut entries: Vec<&[u8]> = Vec::new();
    for entry in [first, second].into_iter().flat_map(|list| list.as_bytes().split(|b| *b == b':'))
    {
        if !entry.is_empty() && !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    OsString::from_vec(entries.join(&b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn os(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn who_wins() {
        let planned = strings(&[("A", "plan"), ("B", "plan"), ("C", "plan")]);
        let common = common(&planned, os(&[("B", "given"), ("C", "given"), ("D", "given")]));
        let all = with_own(&common, &strings(&[("C", "own"), ("E", "own")]));
        let text: Vec<String> =
            to_vector(&all).iter().map(|entry| entry.to_string_lossy().into_owned()).collect();
        assert_eq!(text, ["A=plan", "B=given", "C=own", "D=given", "E=own"]);
    }

    #[test]
    fn search_paths_are_joined_and_others_are_not() {
        for (name, planned, given, want) in [
            ("PATH", "/nix/a:/nix/b", "/usr/bin:/bin", "/nix/a:/nix/b:/usr/bin:/bin"),
            ("PATH", "/nix/a", "/bin:/nix/a::/bin", "/nix/a:/bin"),
            ("PATH", "/nix/a", "", "/nix/a"),
            ("XDG_DATA_DIRS", "/nix/share", "/usr/share", "/nix/share:/usr/share"),
            ("MANPATH", "/nix/man", "/usr/man", "/usr/man"),
        ] {
            let common = common(&strings(&[(name, planned)]), os(&[(name, given)]));
            assert_eq!(common.get(OsStr::new(name)), Some(&want.into()), "{name} {given}");
        }
    }

    #[test]
    fn a_given_path_stays_as_it_is_where_the_plan_has_none() {
        let common = common(&BTreeMap::new(), os(&[("PATH", "/bin::/bin")]));
        assert_eq!(common.get(OsStr::new("PATH")), Some(&"/bin::/bin".into()));
    }

    #[test]
    fn a_process_replaces_its_search_path() {
        let common = common(&strings(&[("PATH", "/a")]), os(&[("PATH", "/b")]));
        let all = with_own(&common, &strings(&[("PATH", "/c")]));
        assert_eq!(all.get(OsStr::new("PATH")), Some(&"/c".into()));
    }
}
