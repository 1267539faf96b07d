//! With which rights, limits and descriptors a process runs, checked: what is the same for every
//! one of its runs and does not concern the machine.
//!
//! One concern a file: [`identity`] user and groups, [`limits`] resource limits, [`capabilities`]
//! what it may besides, [`listen`] sockets made for it, [`signals`] signals it gets in another form.
//! Names are only read here; whether the system knows a user is found out when the process starts.

pub mod capabilities;
pub mod identity;
pub mod limits;
pub mod listen;
pub mod signals;

pub use capabilities::Capabilities;
pub use identity::{Identity, Principal};
pub use limits::{Limit, Resource};
pub use listen::{Address, Listen};
pub use signals::Rewrite;

use super::error::Problem;
use super::wire;

/// Everything that is set for a process before its program runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// As whom it runs.
    pub identity: Identity,
    /// The permission bits that files it makes do not get; `None`: the supervisor's.
    pub umask: Option<u16>,
    /// Its resource limits, each resource at the most once.
    pub limits: Vec<Limit>,
    /// How much it lets others go first, -20 to 19; `None`: as the supervisor.
    pub nice: Option<i8>,
    /// How readily it is killed when memory runs out, -1000 to 1000; `None`: as the supervisor.
    pub oom_score_adj: Option<i16>,
    /// Whether no program it executes may gain rights, as set-user-ID programs do.
    pub no_new_privileges: bool,
    /// What it may do besides what its user may.
    pub capabilities: Capabilities,
    /// Sockets made for it, in the order of their descriptors.
    pub listen: Vec<Listen>,
    /// Signals it gets in another form, or not at all, when they are passed on.
    pub rewrites: Vec<Rewrite>,
    /// Whether it has a terminal of its own.
    pub tty: bool,
    /// What is run to stop it, instead of its stop signal; never empty.
    pub stop_command: Option<Vec<String>>,
}

impl Settings {
    /// Checks what `process` says, except for its signals, which [`signals::check`] does.
    pub(super) fn check(path: &str, process: &wire::Process, problems: &mut Vec<Problem>) -> Self {
        let mut check = Check { path, problems };
        Self {
            identity: identity::check(process, &mut check),
            umask: process.umask.as_deref().and_then(|text| umask(text, &mut check)),
            limits: limits::check(&process.limits, &mut check),
            nice: process.nice.and_then(|value| {
                check.within("nice", i64::from(value), -20, 19);
                i8::try_from(value).ok()
            }),
            oom_score_adj: process.oom_score_adj.and_then(|value| {
                check.within("oom_score_adj", i64::from(value), -1000, 1000);
                i16::try_from(value).ok()
            }),
            no_new_privileges: process.no_new_privileges,
            capabilities: capabilities::check(&process.capabilities, &mut check),
            listen: listen::check(&process.listen, &mut check),
            rewrites: Vec::new(),
            tty: process.tty,
            stop_command: stop_command(process, &mut check),
        }
    }

    /// Whether anything differs from how the supervisor itself runs.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// Where problems of one process are told.
pub(super) struct Check<'a> {
    /// The process, as in `processes[0] (web)`.
    pub path: &'a str,
    /// Everything found so far.
    pub problems: &'a mut Vec<Problem>,
}

impl Check<'_> {
    /// Tells of a problem with a field.
    pub fn fault(&mut self, field: &str, what: String, hint: &str) {
        self.problems.push(Problem {
            path: format!("{}.{field}", self.path),
            what,
            hint: Some(hint.to_owned()),
        });
    }

    fn within(&mut self, field: &str, value: i64, low: i64, high: i64) {
        if !(low..=high).contains(&value) {
            let hint = format!("give a number from {low} to {high}");
            self.fault(field, format!("{value} is out of range"), &hint);
        }
    }
}

/// Reads permission bits in octal, as `umask` prints them (POSIX, XCU umask): `022`, `0027`.
fn umask(text: &str, check: &mut Check<'_>) -> Option<u16> {
    let octal = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let bits = u16::from_str_radix(text, 8).ok().filter(|bits| octal && *bits <= 0o777);
    if bits.is_none() {
        let what = format!("\"{}\" is not a mask of permissions", text.escape_debug());
        check.fault("umask", what, "write it in octal, as in `022`");
    }
    bits
}

fn stop_command(process: &wire::Process, check: &mut Check<'_>) -> Option<Vec<String>> {
    let command = process.stop.command.as_ref()?;
    if command.first().is_none_or(String::is_empty) {
        check.fault("stop.command", "names no program".to_owned(), "leave it out for the signal");
    }
    if command.iter().any(|argument| argument.contains('\0')) {
        check.fault("stop.command", "holds a NUL byte".to_owned(), "no argument can hold one");
    }
    Some(command.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_octal_and_nothing_else() {
        for (text, want) in [
            ("022", Some(0o22)),
            ("0", Some(0)),
            ("0777", Some(0o777)),
            ("1777", None),
            ("8", None),
            ("+7", None),
            ("", None),
            ("0o22", None),
        ] {
            let mut problems = Vec::new();
            let mut check = Check { path: "p", problems: &mut problems };
            assert_eq!(umask(text, &mut check), want, "{text}");
            assert_eq!(problems.is_empty(), want.is_some(), "{text}");
        }
    }
}
