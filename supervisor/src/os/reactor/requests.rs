//! What people ask for over the control socket: events for the machine, and answers when they can
//! be given.

use tokio::sync::oneshot;

use super::telling::source;
use super::{Reactor, clock};
use crate::control::{Change, Goal, Logs, ProcessReport, Request, Response, Verdict, goal, status};
use crate::log::SourceId;
use crate::machine::{Event, ProcessStatus, RunId, State, exit};
use crate::os::control::{Answer, Ask};
use crate::spec::{ProcessId, Signal};

/// The answer to who comes too late.
const STOPPING: &str = "everything is being stopped\nhint: the log says why";

/// Somebody who waits for something to come to pass.
pub(super) struct Pending {
    goals: Vec<(ProcessId, Goal)>,
    answer: oneshot::Sender<Answer>,
}

/// A request that can be answered at once, or when goals are reached.
type Reply = Result<Vec<(ProcessId, Goal)>, Answer>;

impl Reactor {
    /// Carries out what has been asked for since the last turn.
    pub(super) fn take_requests(&mut self) {
        for Ask { request, answer } in self.control.take() {
            match self.carry_out_request(request) {
                Ok(goals) => self.pending.push(Pending { goals, answer }),
                // Whoever asked may have gone.
                Err(now) => drop(answer.send(now)),
            }
        }
    }

    /// Answers those whose wait is over, and forgets those that have gone.
    pub(super) fn settle_requests(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let statuses = self.machine.status(clock::now());
        for pending in std::mem::take(&mut self.pending) {
            match judge(&pending.goals, &statuses) {
                _ if pending.answer.is_closed() => {}
                Verdict::NotYet(_) => self.pending.push(pending),
                decided => drop(pending.answer.send(answer(decided))),
            }
        }
    }

    fn carry_out_request(&mut self, request: Request) -> Reply {
        match request {
            Request::Status { processes, json } => Err(self.status(&processes, json)),
            Request::Start(change) => self.start(&change),
            Request::Stop(change) => self.stop_on_request(&change),
            Request::Restart(change) => self.restart(&change),
            Request::Signal { signal, processes } => Err(self.send_signal(signal, &processes)),
            Request::Logs(wish) => Err(self.logs(&wish)),
            Request::WaitReady(wish) => {
                let goals = self.expected(&wish.processes, Goal::Ready)?;
                if wish.now { Err(self.verdict(&goals)) } else { Ok(goals) }
            }
            Request::Health(names) => {
                let goals = self.expected(&names, Goal::Healthy)?;
                if self.machine.is_shutting_down() {
                    return Err(Answer::error(exit::NO, STOPPING));
                }
                Err(self.verdict(&goals))
            }
        }
    }

    fn verdict(&self, goals: &[(ProcessId, Goal)]) -> Answer {
        answer(judge(goals, &self.machine.status(clock::now())))
    }

    fn start(&mut self, change: &Change) -> Reply {
        self.refuse_while_stopping()?;
        let ids = self.change(change, Event::StartAsked)?;
        if !change.wait {
            return Err(Answer::done());
        }
        Ok(ids.into_iter().map(|id| (id, Goal::Started)).collect())
    }

    fn stop_on_request(&mut self, change: &Change) -> Reply {
        let before = self.machine.status(clock::now());
        let ids = self.change(change, Event::StopAsked)?;
        if !change.wait {
            return Err(Answer::done());
        }
        let goal = |id: ProcessId| Some((id, Goal::Stopped(before.get(id.index())?.runs)));
        Ok(ids.into_iter().filter_map(goal).collect())
    }

    fn restart(&mut self, change: &Change) -> Reply {
        self.refuse_while_stopping()?;
        let before = self.machine.status(clock::now());
        let ids = self.change(change, Event::RestartAsked)?;
        if !change.wait {
            return Err(Answer::done());
        }
        let goal = |id: ProcessId| Some((id, Goal::restart_of(before.get(id.index())?)));
        Ok(ids.into_iter().filter_map(goal).collect())
    }

    fn refuse_while_stopping(&self) -> Result<(), Answer> {
        if self.machine.is_shutting_down() {
            return Err(Answer::error(exit::NO, STOPPING));
        }
        Ok(())
    }

    fn change(
        &mut self,
        change: &Change,
        event: impl Fn(ProcessId) -> Event,
    ) -> Result<Vec<ProcessId>, Answer> {
        let ids = self.named(&change.processes)?;
        let events: Vec<Event> = ids.iter().map(|id| event(*id)).collect();
        self.feed_together(&events);
        Ok(ids)
    }

    fn status(&self, names: &[String], json: bool) -> Answer {
        let ids = match self.selected(names) {
            Ok(ids) => ids,
            Err(refused) => return refused,
        };
        let statuses = self.machine.status(clock::now());
        let report = |id: ProcessId| {
            let status = statuses.get(id.index())?;
            let pid = self.living_run(id).and_then(|run| self.runs.leader(run));
            Some(ProcessReport {
                name: status.label.clone(),
                kind: status.kind,
                state: status.state.as_str().to_owned(),
                ready: status.ready,
                pid: pid.map(|pid| pid.number()),
                uptime_ms: status.uptime_ms,
                restarts: status.restarts,
                last_exit: status.last_end.map(Into::into),
            })
        };
        let reports: Vec<ProcessReport> = ids.into_iter().filter_map(report).collect();
        let text = if json { status::as_json(reports) } else { status::as_table(&reports) };
        let mut responses: Vec<Response> = pieces(&text).map(Response::Text).collect();
        responses.push(Response::Done {});
        Answer::from(responses)
    }

    /// Sends to all that were named or, when one of them does not live, to none.
    fn send_signal(&mut self, signal: Signal, names: &[String]) -> Answer {
        let ids = match self.named(names) {
            Ok(ids) => ids,
            Err(refused) => return refused,
        };
        let mut runs = Vec::new();
        for id in ids {
            match self.living_run(id).filter(|run| self.runs.leader(*run).is_some()) {
                Some(run) => runs.push(run),
                None => {
                    let label = self.label(id);
                    let message = format!(
                        "{label} does not run, so no process was sent the signal\n\
                         hint: `devenv-init status` shows which do"
                    );
                    return Answer::error(exit::NO, message);
                }
            }
        }
        runs.into_iter().for_each(|run| self.runs.signal(run, signal));
        Answer::done()
    }

    fn logs(&self, wish: &Logs) -> Answer {
        let ids = match self.selected(&wish.processes) {
            Ok(ids) => ids,
            Err(refused) => return refused,
        };
        let Some(log) = &self.log else { return Answer::done() };
        let count = wish.lines.map_or(usize::MAX, |lines| lines as usize);
        let sources: Vec<SourceId> =
            ids.iter().map(|id| source(RunId { process: *id, number: 0 })).collect();
        let (tails, following) = if wish.follow {
            let (tails, following) = log.follow(&sources, count);
            (tails, Some(following))
        } else {
            (sources.iter().map(|source| log.tail(*source, count)).collect(), None)
        };
        let mut responses = Vec::new();
        for (id, lines) in ids.iter().zip(tails) {
            let process = self.label(*id);
            let line = |text| Response::Line { process: process.to_owned(), text, more: false };
            responses.extend(lines.into_iter().map(line));
        }
        if following.is_none() {
            responses.push(Response::Done {});
        }
        Answer { responses, follow: following }
    }

    /// Those that were named, or else all that are meant to run.
    fn expected(&self, names: &[String], goal: Goal) -> Reply {
        let ids = if names.is_empty() {
            self.meant_to_run(&self.machine.status(clock::now())).collect()
        } else {
            self.named(names)?
        };
        Ok(ids.into_iter().map(|id| (id, goal)).collect())
    }

    /// All but those that nobody wants to run.
    pub(super) fn meant_to_run(
        &self,
        statuses: &[ProcessStatus],
    ) -> impl Iterator<Item = ProcessId> {
        let unwanted =
            |status: &ProcessStatus| matches!(status.state, State::Disabled | State::Stopped);
        let ids = (0u32..).map(ProcessId).zip(statuses);
        ids.filter(move |(_, status)| !unwanted(status)).map(|(id, _)| id)
    }

    fn selected(&self, names: &[String]) -> Result<Vec<ProcessId>, Answer> {
        if names.is_empty() {
            return Ok((0u32..).map(ProcessId).take(self.plan.processes.len()).collect());
        }
        self.named(names)
    }

    /// The processes with these names, each once; a name stands for all its replicas.
    fn named(&self, names: &[String]) -> Result<Vec<ProcessId>, Answer> {
        if names.is_empty() {
            return Err(Answer::error(exit::USAGE, "no process is named"));
        }
        let mut ids = Vec::new();
        for name in names {
            let mut found = self.plan.find_all(name).peekable();
            if found.peek().is_none() {
                return Err(self.unknown(name));
            }
            for id in found {
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
        Ok(ids)
    }

    fn unknown(&self, name: &str) -> Answer {
        const SHOWN: usize = 20;
        let mut known: Vec<&str> = self.plan.processes.iter().map(|p| p.name.as_str()).collect();
        // Replicas of one name stand side by side.
        known.dedup();
        let more = known.len().saturating_sub(SHOWN);
        known.truncate(SHOWN);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let message = format!(
            "there is no process \"{}\"\nhint: there are {}{more}",
            name.escape_debug(),
            known.join(", ")
        );
        Answer::error(exit::USAGE, message)
    }

    fn living_run(&self, id: ProcessId) -> Option<RunId> {
        self.machine.services().get(id.index())?.living_run()
    }

    fn label(&self, id: ProcessId) -> &str {
        self.plan.process(id).map_or("?", |process| process.label.as_str())
    }
}

/// Cuts a text so that each piece is a short line of the protocol, however many processes there are.
fn pieces(text: &str) -> impl Iterator<Item = String> {
    const PIECE: usize = 4096;
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, behind) = rest.split_at(rest.floor_char_boundary(PIECE));
        rest = behind;
        (!piece.is_empty()).then(|| piece.to_owned())
    })
}

fn judge(goals: &[(ProcessId, Goal)], statuses: &[ProcessStatus]) -> Verdict {
    goal::all(goals.iter().filter_map(|(id, goal)| Some(goal.judge(statuses.get(id.index())?))))
}

fn answer(verdict: Verdict) -> Answer {
    match verdict {
        Verdict::Met => Answer::done(),
        Verdict::NotYet(why) | Verdict::Never(why) => Answer::error(exit::NO, why),
    }
}
