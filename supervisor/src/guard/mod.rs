//! What decides whether a task has to run at all.
//!
//! [`Guard`] is what the plan says of it, [`glob`] what its patterns mean, [`memory`] what is
//! remembered from one run to the next. A guarded task is not started as such: `devenv-init task` is,
//! which finds out in a process of its own, with the task's user and directory, and then runs the
//! task. So the loop of PID 1 never reads a project's files.

pub mod glob;
pub mod memory;

use std::ffi::OsString;
use std::path::Path;

/// When a task has nothing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// When this command, an argument vector that is never empty, ends with 0.
    Status(Vec<String>),
    /// When what these patterns name is as it was after the last run that ended well. Relative ones
    /// begin at the working directory of the plan.
    Modified(Vec<String>),
}

impl Guard {
    fn words(&self) -> (&'static str, &[String]) {
        match self {
            Self::Status(command) => ("status", command),
            Self::Modified(patterns) => ("modified", patterns),
        }
    }
}

/// What `devenv-init task` is told on its command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The task's label, for people and as the name of what is remembered.
    pub label: String,
    /// The exit codes after which the task has done what it is there for.
    pub success_exit_codes: Vec<u8>,
    /// Where relative patterns begin.
    pub base: OsString,
    /// When there is nothing to do.
    pub guard: Guard,
    /// What the task runs.
    pub command: Vec<OsString>,
}

impl Order {
    /// The argument vector that makes `program` carry it out.
    #[must_use]
    pub fn to_command(&self, program: &Path) -> Vec<OsString> {
        let (kind, words) = self.guard.words();
        let codes: Vec<String> = self.success_exit_codes.iter().map(u8::to_string).collect();
        let head = ["task", kind, &self.label, &codes.join(",")].map(OsString::from);
        let count = OsString::from(words.len().to_string());
        let words = words.iter().map(OsString::from);
        let head = [OsString::from(program)].into_iter().chain(head);
        let head = head.chain([self.base.clone(), count]).chain(words);
        head.chain(self.command.iter().cloned()).collect()
    }

    /// Reads what [`Order::to_command`] has written, without the program and its verb; `None` where
    /// it is anything else.
    #[must_use]
    pub fn from_arguments(arguments: Vec<OsString>) -> Option<Self> {
        let mut arguments = arguments.into_iter();
        let mut text = || arguments.next()?.into_string().ok();
        let (kind, label, codes) = (text()?, text()?, text()?);
        let codes = codes.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
        let base = arguments.next()?;
        let count: usize = arguments.next()?.to_str()?.parse().ok()?;
        let words: Option<Vec<String>> =
            arguments.by_ref().take(count).map(|word| word.into_string().ok()).collect();
        let words = words.filter(|words| words.len() == count && count > 0)?;
        let guard = match kind.as_str() {
            "status" => Guard::Status(words),
            "modified" => Guard::Modified(words),
            _ => return None,
        };
        let command: Vec<OsString> = arguments.collect();
        (!command.is_empty()).then_some(Self {
            label,
            success_exit_codes: codes,
            base,
            guard,
            command,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_survives_the_command_line() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        for guard in
            [Guard::Status(words(&["/s", "-x"])), Guard::Modified(words(&["src/**", "!a"]))]
        {
            let order = Order {
                label: "app:a.1".to_owned(),
                success_exit_codes: vec![0, 65],
                base: "/env".into(),
                guard,
                command: vec!["/run".into(), "task".into(), "--".into()],
            };
            let mut arguments = order.to_command(Path::new("/bin/devenv-init"));
            assert_eq!(arguments.drain(..2).collect::<Vec<_>>(), ["/bin/devenv-init", "task"]);
            assert_eq!(Order::from_arguments(arguments.clone()), Some(order));
            for length in 0..arguments.len() - 3 {
                let cut = arguments.get(..length).expect("shorter").to_vec();
                assert_eq!(Order::from_arguments(cut), None, "{length}");
            }
        }
    }
}
