//! Where the plan comes from: a spec, devenv's `tasks.json` or a Procfile, read into a checked plan.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use lexopt::{Arg, ValueExt};

use super::{Failure, text};
use crate::machine::exit;
use crate::spec::procfile::options::{self, Concurrency};
use crate::spec::procfile::{self, Source};
use crate::spec::{self, Plan, SpecError, Translation, TranslationError, tasks};

/// Names the spec where no file is given.
const VARIABLE: &str = "DEVENV_INIT_SPEC";

/// The options about it, for the help of each verb that has them.
pub(super) const HELP: &str = "      --spec FILE              the spec (default: $DEVENV_INIT_SPEC)
      --tasks FILE             a tasks.json of devenv instead
  -f, --procfile FILE          a Procfile instead, by honcho's rules, with these:
  -e, --env FILE,...           files of its variables (default: .env)
  -c, --concurrency NAME=N,... how many of each
  -p, --port PORT              the base of the ports (default: $PORT, or 5000)
";

/// What the command line says about it.
#[derive(Clone, Debug, Default)]
pub(super) struct Input {
    spec: Option<PathBuf>,
    tasks: Option<PathBuf>,
    procfile: Option<PathBuf>,
    env_files: Option<String>,
    concurrency: Option<Concurrency>,
    port: Option<u16>,
}

/// An option about it. Each has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InputOption {
    Spec,
    Tasks,
    Procfile,
    EnvFiles,
    Concurrency,
    Port,
}

impl InputOption {
    /// Whether an argument is one of these options.
    pub(super) fn of(argument: &Arg<'_>) -> Option<Self> {
        match argument {
            Arg::Long("spec") => Some(Self::Spec),
            Arg::Long("tasks") => Some(Self::Tasks),
            Arg::Long("procfile") | Arg::Short('f') => Some(Self::Procfile),
            Arg::Long("env") | Arg::Short('e') => Some(Self::EnvFiles),
            Arg::Long("concurrency") | Arg::Short('c') => Some(Self::Concurrency),
            Arg::Long("port") | Arg::Short('p') => Some(Self::Port),
            _ => None,
        }
    }
}

impl Input {
    /// Takes the value of an option; the last one counts.
    ///
    /// # Errors
    /// The value is none of that option.
    pub(super) fn set(&mut self, option: InputOption, value: OsString) -> Result<(), Failure> {
        match option {
            InputOption::Spec => self.spec = Some(value.into()),
            InputOption::Tasks => self.tasks = Some(value.into()),
            InputOption::Procfile => self.procfile = Some(value.into()),
            InputOption::EnvFiles => self.env_files = Some(value.string()?),
            InputOption::Concurrency => {
                let concurrency = Concurrency::parse(&value.string()?);
                self.concurrency = Some(concurrency.map_err(|why| wrong("--concurrency", &why))?);
            }
            InputOption::Port => {
                let port = options::port(&value.string()?);
                self.port = Some(port.map_err(|why| wrong("--port", &why))?);
            }
        }
        Ok(())
    }

    /// Whether names are those of a Procfile.
    pub(super) fn is_procfile(&self) -> bool {
        self.procfile.is_some()
    }

    /// Reads and checks what was named, with only `names` to start unless there are none. Warnings
    /// are written to standard error.
    ///
    /// # Errors
    /// Nothing was named or too much, a file cannot be read or is wrong, or a name is unknown.
    pub(super) fn plan(&self, names: &[String]) -> Result<Plan, Failure> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let of_procfile =
            self.env_files.is_some() || self.concurrency.is_some() || self.port.is_some();
        if of_procfile && self.procfile.is_none() {
            return Err(Failure::usage("--env, --concurrency and --port need a --procfile"));
        }
        match (&self.spec, &self.tasks, &self.procfile) {
            (None, Some(path), None) => {
                let text = read_text("tasks", path)?;
                let pair = |(name, value): (OsString, OsString)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                };
                let inherited = std::env::vars_os().filter_map(pair).collect();
                let translated = tasks::translate(&text, &names, inherited);
                Ok(finish(translated.map_err(|error| refused("tasks", path, &error))?))
            }
            (None, None, Some(path)) => self.procfile_plan(path, &names),
            (spec, None, None) => {
                let mut plan = plan(spec.clone().map(OsString::from))?;
                if !names.is_empty() {
                    plan.select(&names).map_err(|name| unknown(name, &plan))?;
                }
                Ok(plan)
            }
            _ => Err(Failure::usage("give only one of --spec, --tasks and --procfile")),
        }
    }

    fn procfile_plan(&self, path: &Path, names: &[&str]) -> Result<Plan, Failure> {
        let file = path.display().to_string();
        let text = read_text("procfile", path)?;
        let env_texts = self.env_texts()?;
        let env_files: Vec<Source<'_>> =
            env_texts.iter().map(|(file, text)| Source { file, text }).collect();
        let inherited = std::env::var_os("PORT").map(|port| port.to_string_lossy().into_owned());
        let translated = procfile::translate(&procfile::Request {
            procfile: Source { file: &file, text: &text },
            env_files: &env_files,
            names,
            concurrency: self.concurrency.as_ref().unwrap_or(&Concurrency::NONE),
            port: self.port,
            inherited_port: inherited.as_deref(),
        });
        Ok(finish(translated.map_err(|error| refused("procfile", path, &error))?))
    }

    /// The names and texts of the files of variables there are. As in honcho one that cannot be
    /// read is none; but one that was named is missed.
    fn env_texts(&self) -> Result<Vec<(String, String)>, Failure> {
        let named = self.env_files.as_deref();
        let mut texts = Vec::new();
        for file in named.unwrap_or(".env").split(',').map(str::trim).filter(|f| !f.is_empty()) {
            match std::fs::read(file) {
                Ok(bytes) => texts.push((file.to_owned(), to_text("env file", file, bytes)?)),
                Err(error) if named.is_some() => {
                    warn(&format!("cannot read env file {file}: {error}"));
                }
                Err(_) => {}
            }
        }
        Ok(texts)
    }
}

/// The spec that was named, by the option or else by the environment.
pub(super) fn named(option: Option<OsString>) -> Option<PathBuf> {
    let variable = || std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
    option.or_else(variable).map(PathBuf::from)
}

/// Reads and checks the spec that was named.
///
/// # Errors
/// None was named, the file cannot be read, or it is wrong.
pub(super) fn plan(option: Option<OsString>) -> Result<Plan, Failure> {
    match named(option) {
        Some(path) => read(&path),
        None => Err(Failure::new(
            exit::USAGE,
            format!("no spec is named\nhint: give --spec FILE or set {VARIABLE}"),
        )),
    }
}

/// Reads and checks a spec.
///
/// # Errors
/// The file cannot be read, or it is wrong.
pub(super) fn read(path: &Path) -> Result<Plan, Failure> {
    let text = read_text("spec", path)?;
    spec::load(&text).map_err(|error| refused("spec", path, &error.into()))
}

/// That no process of a plan has this name.
pub(super) fn unknown(name: &str, plan: &Plan) -> Failure {
    let mut known: Vec<&str> = plan.processes.iter().map(|process| process.name.as_str()).collect();
    known.dedup();
    let hint = match known.as_slice() {
        [] => "the spec has no processes".to_owned(),
        known => format!("there are {}", known.join(", ")),
    };
    Failure::new(
        exit::USAGE,
        format!("there is no process \"{}\"\nhint: {hint}", name.escape_debug()),
    )
}

/// Says what is not wrong and may not be meant.
pub(super) fn warn(warning: &impl Display) {
    text::to_stderr(&format!("devenv-init: warning: {warning}\n"));
}

fn finish(translation: Translation) -> Plan {
    translation.warnings.iter().for_each(warn);
    translation.plan
}

fn read_text(what: &str, path: &Path) -> Result<String, Failure> {
    let bytes = std::fs::read(path).map_err(|error| {
        Failure::new(exit::NO_INPUT, format!("cannot read {what} {}: {error}", path.display()))
    })?;
    to_text(what, path.display(), bytes)
}

fn to_text(what: &str, shown: impl Display, bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|error| {
        Failure::new(exit::BAD_SPEC, format!("{what} {shown} is wrong: not UTF-8: {error}"))
    })
}

fn refused(what: &str, path: &Path, error: &TranslationError) -> Failure {
    // Several problems stand below each other, a single one on the same line.
    let between = match error {
        TranslationError::UnknownName { .. } => {
            return Failure::new(exit::USAGE, error.to_string());
        }
        TranslationError::File(SpecError::Problems(_)) => "\n",
        TranslationError::File(_) => " ",
    };
    // Its problems name their files, one of variables among them, or the variable PORT.
    let with = if what == "procfile" { ", or what it is given with," } else { "" };
    let path = path.display();
    Failure::new(exit::BAD_SPEC, format!("{what} {path}{with} is wrong:{between}{error}"))
}

fn wrong(option: &str, why: &str) -> Failure {
    Failure::new(exit::USAGE, format!("{option}: {why}"))
}
