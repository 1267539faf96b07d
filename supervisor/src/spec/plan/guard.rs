//! The rules of what decides whether a task has to run.

use super::checks::{problem, program};
use crate::guard::Guard;
use crate::pattern::{TOO_MANY, alternatives};
use crate::spec::error::Problem;
use crate::spec::wire::Kind;

/// Checks both fields of a process about it; `path` is where the process stands.
pub(super) fn check(
    path: &str,
    kind: Kind,
    status: Option<Vec<String>>,
    patterns: Vec<String>,
    problems: &mut Vec<Problem>,
) -> Option<Guard> {
    let (field, guard) = match (status, patterns.is_empty()) {
        (None, true) => return None,
        (Some(status), true) => ("status", Guard::Status(status)),
        (None, false) => ("exec_if_modified", Guard::Modified(patterns)),
        (Some(_), false) => {
            problems.push(Problem {
                path: format!("{path}.exec_if_modified"),
                what: "cannot be used together with `status`".to_owned(),
                hint: Some("use one of them".to_owned()),
            });
            return None;
        }
    };
    let path = format!("{path}.{field}");
    if kind == Kind::Service {
        problems.push(problem(&path, "only a task can have one"));
    }
    let words = match &guard {
        Guard::Status(command) => {
            if program(command).is_none() {
                problems.push(problem(&path, "names no program"));
            }
            command
        }
        Guard::Modified(patterns) => {
            let names = |pattern: &String| !pattern.is_empty() && !pattern.starts_with('!');
            if !patterns.iter().any(names) {
                problems.push(problem(&path, "names nothing, it only takes away"));
            }
            // A brace that is not closed is one like any other character.
            if patterns.iter().any(|pattern| alternatives(pattern) == Err(TOO_MANY)) {
                problems.push(problem(&path, TOO_MANY));
            }
            patterns
        }
    };
    if words.iter().any(|word| word.contains('\0')) {
        problems.push(problem(&path, "holds a NUL byte"));
    }
    Some(guard)
}
