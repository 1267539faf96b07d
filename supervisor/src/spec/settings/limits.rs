//! Resource limits by name (`setrlimit`, POSIX XSH; names and numbers of `getrlimit(2)` on Linux).

use std::collections::BTreeMap;
use std::fmt;

use super::Check;

/// One limit of one resource, in the unit of `getrlimit(2)`: bytes, seconds or a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is limited.
    pub resource: Resource,
    /// What is enforced; `None` is unlimited. Never above `hard`.
    pub soft: Option<u64>,
    /// How far the process may raise `soft` itself; `None` is unlimited.
    pub hard: Option<u64>,
}

/// Something the kernel limits for each process or user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource(u8);

impl Resource {
    /// From a name as in `nofile`, in any case, also with `RLIMIT_` before it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let short = lower.strip_prefix("rlimit_").unwrap_or(&lower);
        NAMES.iter().zip(0..).find(|(name, _)| **name == short).map(|(_, number)| Self(number))
    }

    /// From a number that [`Resource::number`] gave.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        (usize::from(number) < NAMES.len()).then_some(Self(number))
    }

    /// The number the kernel knows it by on x86-64, ARM and RISC-V.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES.get(usize::from(self.0)).unwrap_or(&"?"))
    }
}

/// The number of each is its place.
const NAMES: [&str; 16] = [
    "cpu",
    "fsize",
    "data",
    "stack",
    "core",
    "rss",
    "nproc",
    "nofile",
    "memlock",
    "as",
    "locks",
    "sigpending",
    "msgqueue",
    "nice",
    "rtprio",
    "rttime",
];

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: Option<u64>| {
            value.map_or_else(|| "unlimited".to_owned(), |value| value.to_string())
        };
        write!(f, "{} {}", self.resource, text(self.soft))?;
        if self.hard != self.soft {
            write!(f, ":{}", text(self.hard))?;
        }
        Ok(())
    }
}

pub(super) fn check(limits: &BTreeMap<String, String>, check: &mut Check<'_>) -> Vec<Limit> {
    let mut checked: Vec<Limit> = Vec::new();
    for (name, value) in limits {
        let field = format!("limits.{name}");
        let Some(resource) = Resource::parse(name) else {
            let what = format!("there is no limit \"{}\"", name.escape_debug());
            check.fault("limits", what, &format!("there are {}", NAMES.join(", ")));
            continue;
        };
        if checked.iter().any(|limit| limit.resource == resource) {
            let what = format!("{resource} is given twice");
            check.fault(&field, what, "names differ in case or `RLIMIT_` only");
        }
        match parse(value) {
            Some((soft, hard)) => checked.push(Limit { resource, soft, hard }),
            None => {
                let what = format!("\"{}\" is not a limit", value.escape_debug());
                let hint = "write `SOFT:HARD` or one for both, each a number or `unlimited`, \
                            with soft not above hard";
                check.fault(&field, what, hint);
            }
        }
    }
    checked
}

/// Reads `SOFT:HARD`, or one value for both.
fn parse(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (soft, hard) = text.split_once(':').unwrap_or((text, text));
    let (soft, hard) = (value(soft)?, value(hard)?);
    (soft.unwrap_or(u64::MAX) <= hard.unwrap_or(u64::MAX)).then_some((soft, hard))
}

/// One value; the greatest number is how the kernel writes "unlimited".
fn value(text: &str) -> Option<Option<u64>> {
    if text == "unlimited" {
        return Some(None);
    }
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits)?;
    Some(Some(number).filter(|number| *number != u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_one_value_or_two() {
        for (text, want) in [
            ("1024", Some((Some(1024), Some(1024)))),
            ("0:unlimited", Some((Some(0), None))),
            ("unlimited", Some((None, None))),
            ("18446744073709551615", Some((None, None))),
            ("4096:1024", None),
            ("unlimited:1", None),
            ("1:2:3", None),
            ("+1", None),
            ("-1", None),
            ("", None),
            (":", None),
            ("18446744073709551616", None),
        ] {
            assert_eq!(parse(text), want, "{text}");
        }
    }

    #[test]
    fn every_resource_is_read_from_what_it_prints() {
        for number in 0..16 {
            let resource = Resource::from_number(number).expect("one of 16");
            assert_eq!(Resource::parse(&resource.to_string()), Some(resource));
            let long = format!("RLIMIT_{}", resource.to_string().to_uppercase());
            assert_eq!(Resource::parse(&long), Some(resource));
        }
        assert_eq!(Resource::from_number(16), None);
        assert_eq!(Resource::parse("nofiles"), None);
    }
}
