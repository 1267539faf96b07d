//! `devenv-init plan`: what `up` would do, read from the checked plan.

use lexopt::Arg;

use super::{Failure, input, text};
use crate::spec::{Condition, ExitPolicy, ExitRule, Kind, Plan, Process, RestartOn, RestartRule};

const HELP: &str = "\
devenv-init plan: show what `up` would do

Usage: devenv-init plan [--spec FILE]

Options:
      --spec FILE  the spec (default: $DEVENV_INIT_SPEC)
      --help       show this
";

/// Runs the verb.
///
/// # Errors
/// The spec cannot be read or is wrong.
pub fn run(mut parser: lexopt::Parser) -> Result<u8, Failure> {
    let mut spec = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("spec") => spec = Some(parser.value()?),
            Arg::Long("help") | Arg::Short('h') => return Ok(text::to_stdout(HELP)),
            _ => return Err(argument.unexpected().into()),
        }
    }
    Ok(text::to_stdout(&describe(&input::plan(spec)?)))
}

fn describe(plan: &Plan) -> String {
    let when = match plan.exit {
        ExitPolicy::FirstFailure => "when the first process fails for good, or all have ended",
        ExitPolicy::AnyEnded => "when the first service has ended",
        ExitPolicy::AllEnded => "when all have ended",
    };
    let mut lines = vec![
        format!("ends {when}"),
        format!("stops within {} ms, then kills", plan.stop_timeout_ms),
    ];
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
    lines.push(format!("  restart  {}", describe_restart(&process.restart)));
    lines.push(format!(
        "  stop     {}, SIGKILL after {} ms",
        process.stop.signal, process.stop.grace_ms
    ));
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
