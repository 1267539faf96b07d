//! Runs the programs of Nix.

use std::env;
use std::fs;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use ::nix::errno::Errno;
use ::nix::sys::prctl;
use ::nix::sys::signal::Signal;
use ::nix::unistd::{getpid, getppid};

use super::embedded::{self, Files};
use super::roots;
use super::system::{self, Settings};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::remembered::Memory;
use crate::traced::{self, Looked, Places};

/// How many lines of what Nix said are kept to explain a failure.
const TAIL: usize = 60;

/// The installed Nix.
#[derive(Debug)]
pub struct Nix {
    pub(super) instantiate: PathBuf,
    store: PathBuf,
    options: Vec<String>,
    live: bool,
    /// Whether everything is to be told.
    pub(super) verbose: bool,
    /// What evaluations came to before.
    pub(super) memory: Memory,
    /// The files that are evaluated, once they are needed.
    files: Mutex<Option<Files>>,
    /// What the last failed build said, when it was not shown while it ran.
    withheld: Mutex<Vec<String>>,
}

/// What a program of Nix did.
pub(super) struct Ran {
    /// What it printed.
    pub output: String,
    /// The last lines of what it said.
    pub said: Vec<String>,
    /// What it looked at, where that was to be found out and could be.
    pub looked: Option<Looked>,
}

/// Who sees what a program of Nix says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Whoever asked, when it fails.
    Quiet,
    /// Where there is a terminal, everybody and at once.
    Live,
}

/// Whether it is found out what a program of Nix looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tracing<'a> {
    /// It is not.
    Off,
    /// It is, but for what is ours in this folder.
    But(Option<&'a Path>),
}

impl Nix {
    /// Finds Nix in `PATH`, or where its installers put it. `memory` is what it is not asked again.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] when it is not installed.
    pub fn find(verbose: bool, memory: Memory) -> Result<Self> {
        Ok(Self {
            instantiate: find("nix-instantiate")?,
            store: find("nix-store")?,
            options: if lacks_build_users() {
                ["--option", "build-users-group", ""].map(str::to_owned).to_vec()
            } else {
                Vec::new()
            },
            live: verbose || io::stderr().is_terminal(),
            verbose,
            memory,
            files: Mutex::default(),
            withheld: Mutex::default(),
        })
    }

    /// Where the file of ours is that is called `name`.
    ///
    /// # Errors
    /// When it cannot be written anywhere.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        let mut files = self.files.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let files = match files.take() {
            Some(written) => files.insert(written),
            None => files.insert(Files::write()?),
        };
        Ok(files.path(name))
    }

    /// Whether the search path of Nix has this name, as in `<nixpkgs>`.
    pub fn finds(&self, name: &str) -> bool {
        let arguments = ["--find-file".to_owned(), name.to_owned()];
        self.run(&self.instantiate, &arguments, Manner::Quiet, Tracing::Off).is_ok()
    }

    /// Where our files are, whose path names their content, once they are there.
    fn written(&self) -> Option<PathBuf> {
        let files = self.files.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        files.as_ref().map(|files| files.path(""))
    }

    /// What Nix is configured to build for.
    pub fn settings(&self) -> Result<Settings> {
        let features = ["--extra-experimental-features", "nix-command"];
        let ask = |words: &[&str]| {
            let arguments: Vec<String> =
                features.iter().chain(words).map(|&word| word.to_owned()).collect();
            self.run(&find("nix")?, &arguments, Manner::Quiet, Tracing::Off).map(|ran| ran.output)
        };
        // The second is what the first was called before Nix 2.20.
        let text = ask(&["config", "show"])
            .or_else(|_| ask(&["show-config"]))
            .map_err(|failure| failure.context("cannot ask Nix for its settings"))?;
        Ok(Settings::parse(&text, system::read_builders))
    }

    /// `nix-store`: what it printed.
    pub fn store(&self, arguments: &[String]) -> Result<String> {
        self.run_quietly(&self.store, arguments)
    }

    /// Adds a text to the store under `name`; as long as it is there, so are `references`.
    pub fn add(&self, name: &str, text: &str, references: &[String]) -> Result<PathBuf> {
        let doing = || "cannot hand a text to Nix";
        let folder = tempfile::tempdir().or_fail(Kind::CannotCreate, doing)?;
        let list = serde_json::to_string(references).or_fail(Kind::Internal, doing)?;
        let mut arguments: Vec<String> =
            ["--eval", "--json", "--read-write-mode"].map(str::to_owned).into();
        arguments.push(self.file(embedded::REGISTER)?.display().to_string());
        arguments.extend(["--argstr".to_owned(), "name".to_owned(), name.to_owned()]);
        for (argument, content) in [("text", text), ("references", list.as_str())] {
            let file = folder.path().join(argument);
            fs::write(&file, content).or_fail(Kind::CannotCreate, doing)?;
            let file = file.display().to_string();
            arguments.extend(["--argstr".to_owned(), argument.to_owned(), file]);
        }
        let path: PathBuf = serde_json::from_str(&self.run_quietly(&self.instantiate, &arguments)?)
            .or_fail(Kind::Internal, || "cannot read a path from Nix")?;
        Ok(path)
    }

    /// Makes `root` a link that protects `path` from garbage collection.
    pub fn protect(&self, path: &Path, root: &Path) -> Result<()> {
        if roots::lead(root, path) {
            return Ok(());
        }
        let (path, root) = (path.display().to_string(), root.display().to_string());
        let arguments = ["--realise", &path, "--add-root", &root, "--indirect"];
        self.store(&arguments.map(str::to_owned)).map(|_| ())
    }

    pub(super) fn run_quietly(&self, program: &Path, arguments: &[String]) -> Result<String> {
        let result = self.run(program, arguments, Manner::Quiet, Tracing::Off);
        if result.is_err() {
            self.replay();
        }
        result.map(|ran| ran.output)
    }

    /// `nix-store` at work on builds, which may take long.
    pub(super) fn realise(&self, arguments: &[String]) -> Result<String> {
        self.run(&self.store, arguments, Manner::Live, Tracing::Off).map(|ran| ran.output)
    }

    /// Shows what a failed program said, unless it was shown while it ran.
    pub fn replay(&self) {
        let mut withheld = self.withheld.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for line in withheld.drain(..) {
            eprintln!("{line}");
        }
    }

    /// Says again what Nix said when it was asked, where it would be shown.
    pub(super) fn repeat(&self, said: &[String]) {
        if self.live {
            said.iter().for_each(|line| eprintln!("{line}"));
        }
    }

    pub(super) fn run(
        &self,
        program: &Path,
        arguments: &[String],
        how: Manner,
        tracing: Tracing<'_>,
    ) -> Result<Ran> {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let failed = || format!("cannot run {}", program.display());
        let mut command = match tracing {
            Tracing::But(_) => traced::command(program),
            Tracing::Off => Command::new(program),
        };
        command
            .args(&self.options)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        end_with_us(&mut command);
        let spawned = match tracing {
            Tracing::But(ours) => {
                let ours = ours.map(Path::to_owned).into_iter().chain(self.written()).collect();
                traced::spawn(&mut command, Places::of_user(ours))
            }
            Tracing::Off => command.spawn().map(|child| (child, None)),
        };
        let (mut child, listener) = spawned.or_fail(Kind::Unavailable, failed)?;

        // Both pipes are read at the same time: a full one would block Nix.
        let talk = child.stderr.take();
        let live = how == Manner::Live && self.live;
        let reader = thread::spawn(move || talk.map(|talk| listen(talk, live)));
        let mut output = String::new();
        if let Some(mut stdout) = child.stdout.take() {
            stdout.read_to_string(&mut output).or_fail(Kind::Io, failed)?;
        }
        let said = reader.join().ok().flatten().unwrap_or_default();
        let status = child.wait().or_fail(Kind::Io, failed)?;
        let looked = listener.and_then(traced::Listener::end);
        if status.success() {
            return Ok(Ran { output, said, looked });
        }
        let hint = super::complaint::hint(&said);
        if !live {
            let mut withheld =
                self.withheld.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *withheld = said;
        }
        Err(Failure::new(Kind::Data, format!("{name} failed with {status}")).hint(hint))
    }
}

/// Has what is started asked to end when this program ends, by whatever: Nix would go on for nobody, and
/// hold its locks. Told so it ends its builds, for which being killed leaves no time.
fn end_with_us(command: &mut Command) {
    let this = getpid();
    let tie = move || {
        prctl::set_pdeathsig(Signal::SIGTERM)?;
        // Nobody is left to do so when this program has ended before.
        if getppid() == this { Ok(()) } else { Err(io::Error::from(Errno::ESRCH)) }
    };
    // SAFETY: between fork and exec only calls to the kernel happen, which take numbers; nothing is
    // allocated. The thread that starts Nix waits for it, so that its end is that of this program.
    unsafe {
        command.pre_exec(tie);
    }
}

/// Reads what a program says to its end, keeping the last lines; `live` also shows them.
fn listen(talk: impl io::Read, live: bool) -> Vec<String> {
    let mut tail = std::collections::VecDeque::with_capacity(TAIL);
    let mut reader = BufReader::new(talk);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(count) if count > 0) {
        let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
        if live {
            eprintln!("{text}");
        }
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(text);
        line.clear();
    }
    tail.into()
}

pub(super) fn find(program: &str) -> Result<PathBuf> {
    let search = env::var_os("PATH").unwrap_or_default();
    let installed = ["/nix/var/nix/profiles/default/bin", "/run/current-system/sw/bin"];
    env::split_paths(&search)
        .chain(installed.iter().map(PathBuf::from))
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            Failure::new(Kind::Unavailable, format!("cannot find {program} in PATH"))
                .hint("install Nix: https://nixos.org/download, or `apt-get install nix-bin`")
        })
}

/// Whether Nix, run by root without its daemon, would insist on a group of build users this
/// machine does not have. Distribution packages of Nix come without it.
fn lacks_build_users() -> bool {
    let mentions = |text: &str| text.contains("build-users-group");
    let configured = env::var("NIX_CONFIG").is_ok_and(|text| mentions(&text))
        || fs::read_to_string("/etc/nix/nix.conf").is_ok_and(|text| mentions(&text));
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    ::nix::unistd::geteuid().is_root()
        && !configured
        && !groups.lines().any(|line| line.starts_with("nixbld:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let text: String = (0..100).map(|at| format!("line {at}\n")).collect();
        let tail = listen(text.as_bytes(), false);
        assert_eq!(tail.len(), TAIL);
        assert_eq!(tail.last().map(String::as_str), Some("line 99"));
    }
}
