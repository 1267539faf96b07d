//! `devenv-init plan`: what `up` would do, read from the checked plan.

mod health;
mod stop;

use lexopt::{Arg, ValueExt};

use super::input::{self, Input, InputOption};
use super::{Failure, text};
use crate::guard::Guard;
use crate::spec::{Condition, ExitPolicy, ExitRule, Kind, Plan, Process, RestartOn, RestartRule};

const HELP_BEFORE: &str = "\
devenv-init plan: show what `up` would do

Usage: devenv-init plan [OPTION...] [NAME...]

Options:
";

const HELP_AFTER: &str = "      --help                   show this\n";

/// Runs the verb.
///
/// # Errors
/// The spec cannot be read or is wrong.
pub fn run(mut parser: lexopt::Parser) -> Result<u8, Failure> {
    let mut input = Input::default();
    let mut names = Vec::new();
    while let Some(argument) = parser.next()? {
        if let Some(option) = InputOption::of(&argument) {
            input.set(option, parser.value()?)?;
            continue;
        }
        match argument {
            Arg::Long("help") | Arg::Short('h') => {
                return Ok(text::to_stdout(&[HELP_BEFORE, input::HELP, HELP_AFTER].concat()));
            }
            Arg::Value(name) => names.push(name.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    Ok(text::to_stdout(&describe(&input.plan(&names)?)))
}

fn describe(plan: &Plan) -> String {
    let when = match plan.exit {
        ExitPolicy::FirstFailure => "when the first process fails for good, or all have ended",
        ExitPolicy::AnyEnded => "when the first service has ended",
        ExitPolicy::AllEnded => "when all have ended",
    };
    let mut lines = vec![format!("ends {when}")];
    lines.extend(stop::describe(plan));
    lines.extend(plan.processes.iter().map(|process| describe_process(plan, process)));
    lines.join("\n") + "\n"
}

fn describe_process(plan: &Plan, process: &Process) -> String {
    let kind = match process.kind {
        Kind::Service => "service",
        Kind::Task => "task",
    };
    let enabled = if process.enabled { "" } else { ", only on request" };
    let mut lines = vec![
        format!("\n{} ({kind}{enabled})", process.label),
        format!("  runs     {}", process.command.join(" ")),
    ];
    lines.extend(process.guard.iter().map(|guard| match guard {
        Guard::Status(command) => format!("  unless   {} ends with 0", command.join(" ")),
        Guard::Modified(patterns) => format!("  if       modified: {}", patterns.join(" ")),
    }));
    lines.extend(process.after.iter().map(|edge| {
        let condition = match edge.condition {
            Condition::Started => "is started",
            Condition::Ready => "is ready",
            Condition::Succeeded => "has succeeded",
            Condition::Completed => "has ended or never runs",
        };
        let on = plan.process(edge.on).map_or("?", |on| on.label.as_str());
        format!("  after    {on} {condition}")
    }));
    lines.extend(super::settings::describe(&process.settings));
    lines.extend(health::describe(process));
    lines.push(format!("  restart  {}", describe_restart(&process.restart)));
    let first = match &process.settings.stop_command {
        Some(command) => format!("{}, or else {}", command.join(" "), process.stop.signal),
        None => process.stop.signal.to_string(),
    };
    lines.push(format!("  stop     {first}, SIGKILL after {} ms", process.stop.grace_ms));
    let decides = match process.exit {
        ExitRule::OnFailure => "its failure decides",
        ExitRule::OnEnd => "its end ends everything",
        ExitRule::Never => "decides nothing",
    };
    lines.push(format!("  exit     {decides}"));
    lines.join("\n")
}

fn describe_restart(rule: &RestartRule) -> String {
    let on = match rule.on {
        RestartOn::Never => return "never".to_owned(),
        RestartOn::OnFailure => "on failure",
        RestartOn::Always => "always",
    };
    let often = match (rule.max, rule.window_ms) {
        (None, _) => "without limit".to_owned(),
        (Some(max), None) => format!("at the most {max} times"),
        (Some(max), Some(ms)) => format!("at the most {max} times in {ms} ms"),
    };
    let (first, max) = (rule.backoff.first_ms, rule.backoff.max_ms);
    format!("{on}, {often}, after {first} to {max} ms")
}
