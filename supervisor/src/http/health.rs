//! Whether all is well, in the words of the Kubernetes API server (`/readyz?verbose`).

use super::answer::{Answer, Status};
use super::page::Subject;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What: the label of a process, or `shutdown`.
    pub name: String,
    /// What is wrong with it; `None` when all is well.
    pub fault: Option<String>,
}

/// `ok` when all is well; otherwise, or when `verbose`, a line for each check and the verdict.
#[must_use]
pub fn answer(subject: Subject, checks: &[Check], verbose: bool) -> Answer {
    let well = checks.iter().all(|check| check.fault.is_none());
    if well && !verbose {
        return Answer::text(Status::Ok, "ok\n");
    }
    let mut body = String::new();
    for Check { name, fault } in checks {
        match fault {
            None => body.push_str(&format!("[+]{name} ok\n")),
            // One line each, whatever a cause may hold.
            Some(fault) => {
                let fault = fault.replace(char::is_control, " ");
                body.push_str(&format!("[-]{name} failed: {fault}\n"));
            }
        }
    }
    let (status, verdict) =
        if well { (Status::Ok, "passed") } else { (Status::Unavailable, "failed") };
    body.push_str(&format!("{} check {verdict}\n", subject.as_str()));
    Answer::text(status, body)
}
