//! When something that was asked for has come to pass: states in, verdicts out.

use super::status::Exit;
use crate::machine::{ProcessStatus, State};
use crate::spec::Kind;

/// What is waited for, or asked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A service runs, a task has done its work.
    Started,
    /// As [`Goal::Started`], by a run after the one of this number.
    Restarted(u32),
    /// Nothing of it lives, and nothing will start it of itself; given up when there is a run after
    /// the one of this number, as somebody else wants it up.
    Stopped(u32),
    /// Ready, as a dependant that waits for readiness sees it: a service is ready, or was until
    /// it ended well; a task has ended well.
    Ready,
    /// As it should be in a container that serves: a service is ready now, a task is at work or has
    /// ended well.
    Healthy,
    /// Not beyond help: it has not failed for good, and it can still start or has started.
    Live,
}

/// Whether a goal is reached, with the reason in words where it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Met,
    /// It may yet be.
    NotYet(String),
    /// It will not be, unless somebody asks for something else.
    Never(String),
}

impl Goal {
    /// The goal of a restart that is asked for now: a run after the present one. One that is only
    /// being started is itself the run that is meant.
    #[must_use]
    pub fn restart_of(status: &ProcessStatus) -> Self {
        Self::Restarted(status.runs.saturating_sub((status.state == State::Starting).into()))
    }

    /// Whether one process has reached the goal.
    #[must_use]
    pub fn judge(self, status: &ProcessStatus) -> Verdict {
        match self {
            Self::Started => started(status),
            Self::Restarted(after) if status.runs <= after => match status.state {
                State::Disabled | State::Skipped | State::Stopped => {
                    Verdict::Never(sentence(status))
                }
                State::Waiting
                | State::Starting
                | State::Running
                | State::Backoff
                | State::Stopping
                | State::Succeeded
                | State::Failed => Verdict::NotYet(sentence(status)),
            },
            Self::Restarted(_) => started(status),
            Self::Stopped(last) if status.runs > last => {
                Verdict::Never(format!("{} has been started again meanwhile", status.label))
            }
            Self::Stopped(_) => stopped(status),
            Self::Ready => ready(status),
            Self::Healthy => match status.state {
                State::Succeeded if status.kind == Kind::Service => {
                    Verdict::Never(sentence(status))
                }
                State::Running if status.kind == Kind::Task => Verdict::Met,
                _ => ready(status),
            },
            Self::Live => match status.state {
                State::Failed | State::Skipped => Verdict::Never(sentence(status)),
                State::Disabled
                | State::Waiting
                | State::Starting
                | State::Running
                | State::Backoff
                | State::Stopping
                | State::Succeeded
                | State::Stopped => Verdict::Met,
            },
        }
    }
}

/// The verdict on several: what can never be met first, in their order, then what is not yet.
#[must_use]
pub fn all(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
    let mut whole = Verdict::Met;
    for verdict in verdicts {
        match verdict {
            Verdict::Met => {}
            Verdict::NotYet(_) if whole != Verdict::Met => {}
            Verdict::NotYet(_) => whole = verdict,
            Verdict::Never(_) => return verdict,
        }
    }
    whole
}

fn started(status: &ProcessStatus) -> Verdict {
    match status.state {
        State::Succeeded => Verdict::Met,
        State::Running if status.kind == Kind::Service => Verdict::Met,
        State::Running | State::Waiting | State::Starting | State::Backoff | State::Stopping => {
            Verdict::NotYet(sentence(status))
        }
        State::Failed | State::Skipped | State::Stopped | State::Disabled => {
            Verdict::Never(sentence(status))
        }
    }
}

fn stopped(status: &ProcessStatus) -> Verdict {
    match status.state {
        State::Succeeded | State::Failed | State::Skipped | State::Stopped | State::Disabled => {
            Verdict::Met
        }
        State::Running | State::Waiting | State::Starting | State::Backoff | State::Stopping => {
            Verdict::NotYet(sentence(status))
        }
    }
}

fn ready(status: &ProcessStatus) -> Verdict {
    match status.state {
        State::Succeeded => Verdict::Met,
        State::Running if status.kind == Kind::Service && status.ready => Verdict::Met,
        State::Running | State::Waiting | State::Starting | State::Backoff | State::Stopping => {
            Verdict::NotYet(sentence(status))
        }
        State::Failed | State::Skipped | State::Stopped | State::Disabled => {
            Verdict::Never(sentence(status))
        }
    }
}

/// Where a process stands, as a sentence.
fn sentence(status: &ProcessStatus) -> String {
    let name = &status.label;
    let ended = status.last_end.map(|end| format!(" ({})", Exit::from(end))).unwrap_or_default();
    match status.state {
        State::Disabled => format!("{name} is not started"),
        State::Waiting => format!("{name} waits for what it depends on"),
        State::Starting => format!("{name} is being started"),
        State::Running if status.kind == Kind::Task => format!("{name} is not done yet"),
        State::Running if status.ready => format!("{name} runs and is ready"),
        State::Running => format!("{name} runs but is not ready"),
        State::Backoff => format!("{name} ended{ended} and waits to be started again"),
        State::Stopping => format!("{name} is being stopped"),
        State::Succeeded => format!("{name} has ended"),
        State::Failed => format!("{name} has failed{ended}"),
        State::Skipped => format!("{name} cannot start: what it waits for did not come to pass"),
        State::Stopped => format!("{name} was stopped"),
    }
}
