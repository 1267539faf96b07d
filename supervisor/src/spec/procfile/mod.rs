//! Translates a Procfile with its `.env` files into a plan, by honcho's rules.
//!
//! [`grammar`] reads the Procfile, [`env_file`] the variables with the words of [`words`],
//! [`options`] what the command line says, [`lines`] cuts text into lines. Nothing here reads a
//! file or the environment: both are handed in.
//!
//! What the plan says, as honcho 2 does it:
//! - each command is run by `/bin/sh -c`, as `name.1` to `name.N`, in the order of the file or of
//!   the names that were asked for;
//! - variables of the `.env` files win over those of the container, `PORT` over both;
//! - `PORT` is the base, plus 100 for each name before (also one with no replicas), plus the
//!   number of the replica counted from 0;
//! - the base is the `PORT` of the `.env` files, else the `-p` of the command line, else the
//!   `PORT` of the container, else 5000;
//! - the first process to end ends all, with its exit code; others get SIGTERM and 5 s.
//!
//! Where honcho passes over a line in silence there is a warning, and where it ends with a
//! traceback an error. It also does these things differently on purpose:
//! - a byte order mark at the start of a file is not part of the first name;
//! - `name:` followed by blanks only is no command (honcho runs the blanks);
//! - a signal's end gives 128 + its number (honcho: 256 - its number);
//! - numbers are decimal digits; Python's `5_000` and other digits are refused.

pub mod env_file;
pub mod grammar;
pub mod lines;
pub mod options;
pub mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::error::{Problem, SpecError};
use super::plan::{self, Plan, Process};
use super::translation::{Translation, TranslationError};
use super::wire;
use env_file::Assignment;
use grammar::Entry;
use options::Concurrency;

/// The base of the ports where nothing names one.
const DEFAULT_PORT: u32 = 5_000;

/// How far the ports of two names are apart.
const PORTS_PER_NAME: u32 = 100;

/// A file's text, with the name errors call it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// The file's name as it was given.
    pub file: &'a str,
    /// Everything in it.
    pub text: &'a str,
}

/// All that is translated together.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The Procfile.
    pub procfile: Source<'a>,
    /// The `.env` files there are; later ones win.
    pub env_files: &'a [Source<'a>],
    /// The names to start, in this order; empty: all. A name given twice counts once.
    pub names: &'a [&'a str],
    /// How many of each name (`-c`).
    pub concurrency: &'a Concurrency,
    /// The base of the ports that the command line gives (`-p`).
    pub port: Option<u16>,
    /// The variable `PORT` of the container.
    pub inherited_port: Option<&'a str>,
}

/// Translates.
///
/// # Errors
/// A file is wrong, with every problem of all files; or a name is not in the Procfile.
pub fn translate(request: &Request<'_>) -> Result<Translation, TranslationError> {
    let mut warnings = Vec::new();
    let mut problems = Vec::new();
    let entries = grammar::parse(request.procfile, &mut warnings, &mut problems);
    let mut assignments = Vec::new();
    for source in request.env_files {
        assignments.extend(env_file::parse(*source, &mut warnings, &mut problems));
    }
    let base = base_port(request, &assignments, &mut warnings, &mut problems);
    if !problems.is_empty() {
        return Err(SpecError::Problems(problems).into());
    }
    let variables = assignments
        .into_iter()
        .map(|assignment| (assignment.name, assignment.value))
        .collect::<BTreeMap<_, _>>();
    warnings.extend(request.concurrency.names().filter_map(|name| unused(name, &entries)));
    let chosen = choose(request.names, &entries)?;
    let mut plan = Plan::from_spec(spec(&chosen, &variables))?;
    plan.processes = expand(plan.processes, base, request.concurrency, &variables);
    warnings.extend(plan.processes.iter().filter_map(impossible_port));
    Ok(Translation { plan, warnings })
}

/// The entries to start, in their order.
fn choose<'a>(names: &[&str], entries: &'a [Entry]) -> Result<Vec<&'a Entry>, TranslationError> {
    if names.is_empty() {
        return Ok(entries.iter().collect());
    }
    let mut chosen: Vec<&Entry> = Vec::new();
    for name in names {
        let found = entries.iter().find(|entry| entry.name == *name);
        let entry = found.ok_or_else(|| TranslationError::UnknownName {
            name: (*name).to_owned(),
            known: entries.iter().map(|entry| entry.name.clone()).collect(),
        })?;
        if !chosen.contains(&entry) {
            chosen.push(entry);
        }
    }
    Ok(chosen)
}

/// One process for each entry; replicas are made of the checked plan.
fn spec(entries: &[&Entry], variables: &BTreeMap<String, String>) -> wire::Spec {
    let process = |entry: &&Entry| {
        let command = ["/bin/sh", "-c", &entry.command].map(str::to_owned).to_vec();
        let environment = variables.clone();
        wire::Process { environment, ..wire::Process::new(entry.name.clone(), command) }
    };
    wire::Spec {
        version: wire::VERSION,
        name: None,
        environment: BTreeMap::new(),
        working_dir: None,
        shell: None,
        exit: wire::ExitPolicy::AnyEnded,
        stop_timeout_ms: wire::DEFAULT_STOP_TIMEOUT_MS,
        processes: entries.iter().map(process).collect(),
    }
}

/// Makes as many of each as are wanted, each with its own label and port.
fn expand(
    processes: Vec<Process>,
    base: u32,
    concurrency: &Concurrency,
    variables: &BTreeMap<String, String>,
) -> Vec<Process> {
    let mut all = Vec::new();
    let mut port = base;
    for process in processes {
        for replica in 1..=concurrency.of(&process.name) {
            let label = plan::label(&process.name, replica);
            let mut environment = process.environment.clone();
            // Also here the `.env` file wins, as it does in honcho.
            if !variables.contains_key("HONCHO_PROCESS_NAME") {
                environment.insert("HONCHO_PROCESS_NAME".to_owned(), label.clone());
            }
            let own = port.saturating_add(replica - 1);
            environment.insert("PORT".to_owned(), own.to_string());
            all.push(Process { replica, label, environment, ..process.clone() });
        }
        port = port.saturating_add(PORTS_PER_NAME);
    }
    all
}

/// The port of the first replica of the first name.
fn base_port(
    request: &Request<'_>,
    assignments: &[Assignment],
    warnings: &mut Vec<Problem>,
    problems: &mut Vec<Problem>,
) -> u32 {
    let mut read = |path: String, text: &str| match options::port(text) {
        Ok(port) => u32::from(port),
        Err(why) => {
            problems.push(Problem { path, what: why, hint: None });
            DEFAULT_PORT
        }
    };
    let assigned = assignments.iter().rfind(|assignment| assignment.name == "PORT");
    match (assigned, request.port, request.inherited_port) {
        (Some(assigned), given, _) => {
            let port = read(format!("{}: PORT", assigned.place), &assigned.value);
            if given.is_some_and(|given| u32::from(given) != port) {
                warnings.push(Problem {
                    path: "-p".to_owned(),
                    what: format!("is not used: {} says PORT={port}", assigned.place),
                    hint: Some("as in honcho, the `.env` file wins over `-p`".to_owned()),
                });
            }
            port
        }
        (None, Some(given), _) => u32::from(given),
        (None, None, Some(inherited)) => read("the variable PORT".to_owned(), inherited),
        (None, None, None) => DEFAULT_PORT,
    }
}

fn unused(name: &str, entries: &[Entry]) -> Option<Problem> {
    (!entries.iter().any(|entry| entry.name == name)).then(|| Problem {
        path: "-c".to_owned(),
        what: format!("\"{}\" is not in the Procfile", name.escape_debug()),
        hint: None,
    })
}

fn impossible_port(process: &Process) -> Option<Problem> {
    let port = process.environment.get("PORT")?;
    port.parse::<u16>().is_err().then(|| Problem {
        path: process.label.clone(),
        what: format!("gets PORT={port}, and ports end at {}", u16::MAX),
        hint: Some("begin with a lower one: `-p PORT`".to_owned()),
    })
}
