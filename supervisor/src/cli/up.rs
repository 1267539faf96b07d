//! `devenv-init up`: the supervisor.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;

use lexopt::{Arg, ValueExt};
use nix::libc;

use super::input::{self, Input, InputOption};
use super::{Failure, client, duration, size, text};
use crate::http::address;
use crate::log::{self, Format, Log, SourceName, Timestamps};
use crate::machine::exit;
use crate::os::control::{self, Socket};
use crate::os::guardian::Guardian;
use crate::os::http;
use crate::os::init::{self, Surroundings};
use crate::os::reactor::{self, Amenities};
use crate::spec::{Kind, Plan};

const HELP_BEFORE: &str = "\
devenv-init up: start the processes of a spec, supervise and log them, and end with them

Usage: devenv-init up [OPTION...] [NAME...]

With names only these processes are started, and those they wait for.

Options:
";

const HELP_AFTER: &str =
    "      --stop-timeout DURATION  time for the stop of everything, as in 500ms or 9s
  -q, --quiet NAME,...         do not show the output of these processes
      --secret VARIABLE,...    show *** in place of the values of these variables, not
                               of lines of them that have less than 4 bytes
      --log-format FORMAT      text (default) or json
      --timestamps FORMAT      of strftime (default %H:%M:%S), or none
      --log-dir DIR            keep the output of each process, also of quiet ones, in a file of its
                               own there as well, each line with its date and time
      --log-file FILE          keep all that is shown in one file as well
      --log-size SIZE          begin a new file at that size, as in 512K (default 10M)
      --log-older N            keep so many older files of each (default 3)
      --no-prefix              neither time nor name in front of lines
      --colour, --no-colour    colours always, or never (default: on a terminal)
      --control PATH           the socket for `devenv-init status` and so on; none for none
                               (default: $DEVENV_INIT_CONTROL, or the first that can be had of
                               /run, /dev/shm, /tmp and @devenv-init)
      --http ADDRESS           answer /livez, /readyz and /metrics there, as in 127.0.0.1:9300 or, at
                               every address, :9300; none for none (default)
      --no-post-mortem         do not explain a bad end (never done where the first end
                               of a process ends everything, as with honcho)
      --help                   show this

Signals:
  TERM, INT, PWR, RTMIN+3      stop everything in order; the second one kills
  HUP, QUIT, USR1, USR2, WINCH passed on to all processes; at WINCH their terminals get
                               the size of ours. Others, as RTMIN+1, are not, and stop
                               everything where it is not PID 1: see `devenv-init signal`
";

#[derive(Default)]
struct Options {
    input: Input,
    stop_timeout_ms: Option<u64>,
    quiet: Vec<String>,
    secret: Vec<String>,
    log: log::Options,
    colour: Option<bool>,
    control: Option<OsString>,
    /// None: no HTTP.
    http: Vec<SocketAddr>,
    no_post_mortem: bool,
    names: Vec<String>,
}

/// Runs the verb. Returns when every process has ended.
///
/// # Errors
/// Nothing was started: the options or the spec are wrong, or the system refused.
pub fn run(parser: lexopt::Parser) -> Result<u8, Failure> {
    let Some(options) = parse(parser)? else {
        return Ok(text::to_stdout(&[HELP_BEFORE, input::HELP, HELP_AFTER].concat()));
    };
    let surroundings = init::set_up();
    let (signals, at_once) = reactor::catch_signals(surroundings.is_init)
        .map_err(|error| refused("catch signals", &error))?;
    let plan = prepare(options.input.plan(&options.names)?, &options)?;
    if let Some(log::Files { directory: Some(directory), .. }) = &options.log.files {
        std::fs::create_dir_all(directory).map_err(|error| {
            let message = format!("--log-dir: cannot make {}: {error}", directory.display());
            Failure::new(exit::CANNOT_CREATE, message)
        })?;
    }
    if let Some(files) = &options.log.files {
        files
            .try_whole()
            .map_err(|why| Failure::new(exit::CANNOT_CREATE, format!("--log-file: {why}")))?;
    }
    // PID 1 takes everybody along.
    let guardian = (!surroundings.is_init).then(Guardian::start).transpose();
    init::keep_descriptors_to_ourselves();
    let descriptors = init::raise_descriptor_limit();
    let mut surroundings = Surroundings { descriptors, ..surroundings };
    let guardian = guardian.unwrap_or_else(|error| {
        let without = "processes will outlive the supervisor if it is killed";
        surroundings.missing.push(format!("cannot start its guardian: {error}; {without}"));
        None
    });
    let places = control::usual(options.control.as_deref(), surroundings.is_init);
    let (control, told) = Socket::listen(&places)
        .unwrap_or_else(|why| (None, Some(format!("cannot listen for control: {why}"))));
    surroundings.missing.extend(told);
    let http = match options.http.as_slice() {
        [] => None,
        addresses => Some(http::bind(addresses).map_err(|(address, error)| {
            let hint = "hint: give --http another address or port";
            could_not(&format!("answer HTTP at {address}"), &format!("{error}\n{hint}"))
        })?),
    };
    let post_mortem = !options.no_post_mortem;
    let secrets = options.secret.clone();
    let streams_apart = options.log.format == Format::Json;
    let amenities = Amenities { control, http, post_mortem, secrets, streams_apart, guardian };
    let log = start_log(&plan, options).map_err(|error| refused("start the log", &error))?;
    drop(at_once);
    reactor::run(plan, log, surroundings, signals, amenities)
        .map_err(|error| refused("start the reactor", &error))
}

fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, Failure> {
    let mut options = Options::default();
    while let Some(argument) = parser.next()? {
        if let Some(option) = InputOption::of(&argument) {
            options.input.set(option, parser.value()?)?;
            continue;
        }
        match argument {
            Arg::Long("stop-timeout") => {
                let value = parser.value()?.string()?;
                let ms = duration::parse(&value);
                options.stop_timeout_ms = Some(ms.map_err(|why| wrong("--stop-timeout", &why))?);
            }
            Arg::Long("quiet") | Arg::Short('q') => {
                let names = parser.value()?.string()?;
                options.quiet.extend(names.split(',').map(str::to_owned));
            }
            Arg::Long("secret") => {
                let names = parser.value()?.string()?;
                options.secret.extend(names.split(',').map(str::to_owned));
            }
            Arg::Long("log-format") => {
                options.log.format = match parser.value()?.string()?.as_str() {
                    "text" => Format::Text,
                    "json" => Format::Json,
                    other => {
                        let why = format!("there is no format \"{}\"", other.escape_debug());
                        return Err(wrong("--log-format", &format!("{why}\nhint: text or json")));
                    }
                };
            }
            Arg::Long("timestamps") => {
                options.log.timestamps = match parser.value()?.string()?.as_str() {
                    "none" => Timestamps::none(),
                    format => {
                        Timestamps::format(format).map_err(|why| wrong("--timestamps", &why))?
                    }
                };
            }
            Arg::Long("log-dir") => {
                files(&mut options.log).directory = Some(parser.value()?.into());
            }
            Arg::Long("log-file") => files(&mut options.log).whole = Some(parser.value()?.into()),
            Arg::Long("log-size") => {
                let bytes = size::parse(&parser.value()?.string()?);
                files(&mut options.log).max_bytes =
                    bytes.map_err(|why| wrong("--log-size", &why))?;
            }
            Arg::Long("log-older") => {
                files(&mut options.log).older = size::count("--log-older", parser.value()?)?;
            }
            Arg::Long("no-prefix") => options.log.bare = true,
            Arg::Long("colour" | "color") => options.colour = Some(true),
            Arg::Long("no-colour" | "no-color") => options.colour = Some(false),
            Arg::Long("control") => options.control = Some(client::control(parser.value()?)?),
            Arg::Long("http") => {
                options.http = match parser.value()?.string()?.as_str() {
                    "none" => Vec::new(),
                    text => address::parse(text).map_err(|why| wrong("--http", &why))?,
                };
            }
            Arg::Long("no-post-mortem") => options.no_post_mortem = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Value(name) => options.names.push(name.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let named = |files: &log::Files| files.directory.is_some() || files.whole.is_some();
    if options.log.files.as_ref().is_some_and(|files| !named(files)) {
        return Err(wrong("--log-size and --log-older", "they need --log-dir or --log-file"));
    }
    Ok(Some(options))
}

/// What is said of log files, beginning with what is usual.
fn files(options: &mut log::Options) -> &mut log::Files {
    options.files.get_or_insert(log::Files {
        directory: None,
        whole: None,
        max_bytes: 10 << 20,
        older: 3,
    })
}

/// Applies the options to the plan.
fn prepare(mut plan: Plan, options: &Options) -> Result<Plan, Failure> {
    for name in &options.quiet {
        match plan.find(name) {
            Some(_) => {}
            // Of a Procfile the plan holds only what is started, and honcho takes any name.
            None if options.input.is_procfile() => {
                input::warn(&format!("--quiet: \"{}\" is not started", name.escape_debug()));
            }
            None => return Err(input::unknown(name, &plan)),
        }
    }
    // Then there is nothing to wait for either, and the end comes at once.
    if !plan.processes.iter().any(|process| process.enabled) {
        input::warn(&"nothing is to be started, so this ends at once");
    }
    if let Some(ms) = options.stop_timeout_ms {
        plan.stop_timeout_ms = ms;
    }
    Ok(plan)
}

fn start_log(plan: &Plan, options: Options) -> std::io::Result<Log> {
    let stdout = std::io::stdout();
    let no_color = std::env::var_os("NO_COLOR").map(|value| value.to_string_lossy().into_owned());
    // Escape sequences would be no use in a file.
    let whole = options.log.files.as_ref().is_some_and(|files| files.whole.is_some());
    let terminal = stdout.is_terminal() && !whole;
    let colour = log::colour_wanted(options.colour, terminal, no_color.as_deref());
    let source = |process: &crate::spec::Process| SourceName {
        process: process.name.clone(),
        replica: process.replica,
        quiet: options.quiet.iter().any(|name| *name == process.name || *name == process.label),
    };
    let sources = plan.processes.iter().map(source).collect();
    let out = stdout.as_fd().try_clone_to_owned()?;
    let secrets = secrets(plan, &options.secret);
    Log::start(log::Options { colour, secrets, ..options.log }, sources, out)
}

/// Every value that variables of these names have anywhere. One that has none is told about: it may
/// be misspelt, and what it was to hide would be shown. A task may still export it, where there is one.
fn secrets(plan: &Plan, names: &[String]) -> Vec<Vec<u8>> {
    let mut secrets = Vec::new();
    for name in names {
        let known = secrets.len();
        let own = plan.processes.iter().map(|process| &process.environment);
        let planned = std::iter::once(&plan.environment).chain(own);
        secrets.extend(planned.filter_map(|all| all.get(name)).map(|one| one.clone().into_bytes()));
        secrets.extend(std::env::var_os(name).map(OsString::into_vec));
        let tasks = || plan.processes.iter().any(|process| process.kind == Kind::Task);
        if secrets.len() == known && !tasks() {
            input::warn(&format!("--secret: \"{}\" is not set", name.escape_debug()));
        }
        let found = secrets.get(known..).unwrap_or_default();
        if found.iter().any(|value| log::shows_some(value)) {
            let what = "is shown where it has less than 4 bytes in a line";
            input::warn(&format!("--secret: \"{}\" {what}", name.escape_debug()));
        }
    }
    secrets
}

fn wrong(option: &str, why: &str) -> Failure {
    Failure::new(exit::USAGE, format!("{option}: {why}"))
}

fn could_not(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(exit::COULD_NOT_START, format!("cannot {what}: {error}"))
}

/// What the system has refused, with what it takes where that is known.
fn refused(what: &str, error: &std::io::Error) -> Failure {
    let hint = match error.raw_os_error() {
        Some(libc::EMFILE) => {
            "\nhint: allow 24 open descriptors and 2 for each process, as by `ulimit -n 1024`"
        }
        _ => "",
    };
    could_not(what, &format_args!("{error}{hint}"))
}
