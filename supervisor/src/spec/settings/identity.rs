//! As whom a process runs: its user, its group and the further groups it is in.

use std::fmt;

use super::Check;
use crate::spec::wire;

/// As whom a process runs. By default: as the supervisor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Its user.
    pub user: Option<Principal>,
    /// Its group; `None` with a user: the one `/etc/passwd` names for that user.
    pub group: Option<Principal>,
    /// The further groups it is in; `None` with a user: those `/etc/group` lists that user in.
    pub supplementary_groups: Option<Vec<Principal>>,
}

/// A user or a group, by name or by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// To be looked up when the process is started.
    Name(String),
    /// As the kernel knows it; never the greatest number, which means "leave it" to the kernel.
    Id(u32),
}

impl Principal {
    /// From a name or a number in decimal. `None` for what can be neither: POSIX allows letters,
    /// digits, `.`, `_` and `-` (XBD 3.437); a trailing `$` is common for machine accounts.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().filter(|id| *id != u32::MAX).map(Self::Id);
        }
        let stem = text.strip_suffix('$').unwrap_or(text);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let good = !stem.is_empty() && !stem.starts_with('-') && stem.chars().all(allowed);
        good.then(|| Self::Name(text.to_owned()))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Id(id) => id.fmt(f),
        }
    }
}

pub(super) fn check(process: &wire::Process, check: &mut Check<'_>) -> Identity {
    let mut read = |field: &str, text: &str, what: &str| {
        let read = Principal::parse(text);
        if read.is_none() {
            let what = format!("\"{}\" can be no {what}", text.escape_debug());
            check.fault(field, what, "give a name, or a number up to 4294967294");
        }
        read
    };
    Identity {
        user: process.user.as_ref().and_then(|text| read("user", text, "user")),
        group: process.group.as_ref().and_then(|text| read("group", text, "group")),
        supplementary_groups: process.supplementary_groups.as_ref().map(|groups| {
            let fields = groups.iter().enumerate();
            let each = |(index, text): (usize, &String)| {
                read(&format!("supplementary_groups[{index}]"), text, "group")
            };
            fields.filter_map(each).collect()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_told_apart() {
        for (text, want) in [
            ("postgres", Some(Principal::Name("postgres".to_owned()))),
            ("host$", Some(Principal::Name("host$".to_owned()))),
            ("1and1", Some(Principal::Name("1and1".to_owned()))),
            ("0", Some(Principal::Id(0))),
            ("4294967294", Some(Principal::Id(u32::MAX - 1))),
            // To the kernel this means "leave it": the process would keep the supervisor's user.
            ("4294967295", None),
            ("4294967296", None),
            ("-1", None),
            ("", None),
            ("$", None),
            ("a:b", None),
            ("a b", None),
            ("a\0", None),
        ] {
            assert_eq!(Principal::parse(text), want, "{text}");
        }
    }
}
