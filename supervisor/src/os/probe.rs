//! Checks under way: started without waiting, answered through the reactor, given up on order.
//!
//! When a check is made, and what its answers mean, is the machine's to know; here it is carried
//! out. A command is a child like any other, so its end comes through the one reaper
//! ([`Probes::reaped`]); what only talks to a socket is a task of the runtime. With no check under
//! way nothing here ever wakes.

mod exec;
mod host;
mod http;
mod tcp;

use std::collections::HashMap;

use tokio::task::{AbortHandle, JoinError, JoinSet};

pub use exec::Command;

use super::kill;
use super::reap::Reaped;
use crate::machine::{Aspect, Event, RunId};
use crate::spec::{Check, ProcessId, Signal};

/// How many commands of one check may be left that were killed and have not died: one that is
/// stuck in the kernel does not die before that lets go, and must not become a crowd.
const STUCK: usize = 4;

/// Every check under way, and why the latest bad ones were bad.
#[derive(Default)]
pub struct Probes {
    pending: HashMap<Question, Pending>,
    tasks: JoinSet<Result<(), String>>,
    /// Tasks that have ended since the last turn.
    ended: Vec<Ended>,
    causes: HashMap<Question, String>,
    /// Commands that were killed and are not reaped yet.
    dying: HashMap<kill::Pid, (ProcessId, Aspect)>,
}

type Question = (RunId, Aspect);
type Ended = Result<(tokio::task::Id, Result<(), String>), JoinError>;

enum Pending {
    Task(AbortHandle),
    Command(exec::Running),
}

impl Probes {
    /// Starts a check. `command` is what an `exec` check runs, and is asked for that only.
    ///
    /// Returns the answer where it is known at once, which is a bad one.
    pub fn ask(
        &mut self,
        run: RunId,
        aspect: Aspect,
        check: &Check,
        command: impl FnOnce(&[String]) -> Result<exec::Running, String>,
    ) -> Option<Event> {
        let question = (run, aspect);
        let started = match check {
            Check::Exec { .. } if self.is_stuck(run.process, aspect) => {
                Err("the commands before it cannot be killed".to_owned())
            }
            Check::Exec { command: arguments } => command(arguments).map(Pending::Command),
            Check::Http { host, port, path, headers, status } => {
                let request = http::Request::new(host, *port, path, headers, *status);
                Ok(Pending::Task(self.tasks.spawn(http::get(request))))
            }
            Check::Tcp { host, port } => {
                let (host, port) = (host.clone(), *port);
                let connected = async move { tcp::connect(&host, port).await.map(drop) };
                Ok(Pending::Task(self.tasks.spawn(connected)))
            }
            // A plan has no such check where somebody asks.
            Check::Notify | Check::LogLine { .. } => {
                Err("it is told and cannot be asked for".to_owned())
            }
        };
        match started {
            Ok(pending) => {
                self.pending.insert(question, pending);
                None
            }
            Err(cause) => Some(self.answer(question, Err(cause))),
        }
    }

    /// Gives a check up, which counts as no answer within that many milliseconds.
    pub fn stop_asking(&mut self, run: RunId, aspect: Aspect, timeout_ms: u64) {
        let Some(pending) = self.pending.remove(&(run, aspect)) else { return };
        let last_words = match pending {
            Pending::Task(task) => {
                task.abort();
                None
            }
            Pending::Command(mut running) => {
                kill::group(running.pid, Signal::KILL);
                self.dying.insert(running.pid, (run.process, aspect));
                running.last_words()
            }
        };
        let mut cause = format!("no answer within {} s", super::report::seconds(timeout_ms));
        if let Some(words) = last_words {
            cause.push_str(": ");
            cause.push_str(&words);
        }
        self.causes.insert((run, aspect), cause);
    }

    /// Waits until some check that is no command has been answered; for ever when there is none.
    pub async fn answered(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(ended) => self.ended.push(ended),
            None => std::future::pending().await,
        }
    }

    /// The answers that have come from checks that are no commands.
    pub fn take(&mut self) -> Vec<Event> {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.ended.push(ended);
        }
        let mut events = Vec::new();
        for ended in std::mem::take(&mut self.ended) {
            let (id, result) = match ended {
                Ok(answer) => answer,
                Err(error) if error.is_cancelled() => continue,
                Err(error) => (error.id(), Err("internal error".to_owned())),
            };
            let is_it = |pending: &Pending| matches!(pending, Pending::Task(t) if t.id() == id);
            let question = self.pending.iter().find(|(_, pending)| is_it(pending));
            // One that was given up in the very moment it was answered belongs to nobody.
            if let Some(question) = question.map(|(question, _)| *question) {
                self.pending.remove(&question);
                events.push(self.answer(question, result));
            }
        }
        events
    }

    /// Picks the commands of checks out of what was reaped, and returns their answers.
    pub fn reaped(&mut self, reaped: &mut Vec<Reaped>) -> Vec<Event> {
        let mut events = Vec::new();
        if self.pending.is_empty() && self.dying.is_empty() {
            return events;
        }
        reaped.retain(|child| {
            if self.dying.remove(&child.pid).is_some() {
                return false;
            }
            let is_it = |p: &Pending| matches!(p, Pending::Command(c) if c.pid == child.pid);
            let question = self.pending.iter().find(|(_, pending)| is_it(pending));
            let Some(question) = question.map(|(question, _)| *question) else { return true };
            if let Some(Pending::Command(mut running)) = self.pending.remove(&question) {
                // What it left running in the background is part of it.
                kill::group(running.pid, Signal::KILL);
                let result = running.judge(child.end);
                events.push(self.answer(question, result));
            }
            false
        });
        events
    }

    /// Why the latest bad answer about a run was bad, once there was one.
    #[must_use]
    pub fn cause(&self, run: RunId, aspect: Aspect) -> Option<&str> {
        self.causes.get(&(run, aspect)).map(String::as_str)
    }

    /// Forgets a run whose process has ended.
    pub fn forget(&mut self, run: RunId) {
        self.causes.retain(|(of, _), _| *of != run);
    }

    fn answer(&mut self, question: Question, result: Result<(), String>) -> Event {
        let (run, aspect) = question;
        let good = result.is_ok();
        match result {
            Ok(()) => self.causes.remove(&question),
            Err(cause) => self.causes.insert(question, cause),
        };
        Event::Answered { run, aspect, good }
    }

    fn is_stuck(&self, process: ProcessId, aspect: Aspect) -> bool {
        let of_it = self.dying.values().filter(|of| **of == (process, aspect));
        of_it.count() >= STUCK
    }
}

#[cfg(test)]
mod tests;
