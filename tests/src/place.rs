//! Where the supervisor runs: the same scenario has to hold in each of these places.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::docker::{self, Container};
use super::programs::{actor, as_root, devenv_init, tool};
use super::running::{Ended, Running};
use super::spec::Spec;
use super::world::World;
use super::{process_table, wait};

/// A place to run `devenv-init` in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Started as any program, with the user's own id.
    Shell,
    /// The same by a user nobody knows.
    Unprivileged,
    /// PID 1 of a PID namespace, without a container around it.
    PidNamespace,
    /// PID 1 of a Docker container, with these options of `docker run`.
    Docker(&'static [&'static str]),
    /// In a Docker container whose PID 1 is Docker's own init.
    UnderDockerInit,
}

/// Every place, for what must hold everywhere.
pub const EVERYWHERE: [Place; 7] = [
    Place::Shell,
    Place::Unprivileged,
    Place::PidNamespace,
    Place::Docker(&[]),
    Place::Docker(&["--read-only"]),
    Place::Docker(&["--user", "12345"]),
    Place::UnderDockerInit,
];

/// A supervisor at work.
#[derive(Debug)]
pub struct Supervised<'w> {
    /// Holds the files that are still being read.
    _world: &'w World,
    running: Running,
    target: Target,
    spec: PathBuf,
    /// Copied for the place, or in its image.
    program: PathBuf,
}

#[derive(Debug)]
enum Target {
    /// What was started is the supervisor itself.
    Itself,
    /// It is a child of what was started.
    Child,
    /// It is in a container.
    Container(Container),
}

impl Place {
    /// Starts `devenv-init up` with this spec and further arguments.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    pub fn start<'w>(self, world: &'w World, spec: &Spec, arguments: &[&str]) -> Supervised<'w> {
        let mut supervised = self.start_unread(world, spec, arguments);
        supervised.read();
        supervised
    }

    /// As [`Place::start`], with nobody reading the output until [`Supervised::read`].
    ///
    /// # Panics
    /// As [`Place::start`].
    #[track_caller]
    pub fn start_unread<'w>(
        self,
        world: &'w World,
        spec: &Spec,
        arguments: &[&str],
    ) -> Supervised<'w> {
        let (mut command, path, target) = self.command(world, spec);
        let running = Running::start_unread(command.args(arguments));
        let program = match &target {
            Target::Container(_) => PathBuf::from("/bin/devenv-init"),
            _ => local(world, &devenv_init()),
        };
        Supervised { _world: world, running, target, spec: path, program }
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it does not end soon.
    #[track_caller]
    pub fn run(self, world: &World, spec: &Spec) -> Ended {
        self.start(world, spec, &[]).running.end()
    }

    /// The command that starts `devenv-init up --spec`, for callers that start it themselves.
    ///
    /// # Panics
    /// When its files cannot be written.
    #[must_use]
    pub fn up(self, world: &World, spec: &Spec) -> Command {
        self.command(world, spec).0
    }

    fn command(self, world: &World, spec: &Spec) -> (Command, PathBuf, Target) {
        let actor_path = match self {
            Self::Docker(_) | Self::UnderDockerInit => PathBuf::from("/bin/actor"),
            _ => local(world, &actor()),
        };
        let json = spec.json(actor_path.to_str().expect("a plain path"));
        // Each run has a spec of its own, by which its supervisor is found among all processes.
        let run = Container::name("spec").name.clone();
        let spec = world.write(&format!("{run}.json"), &json);
        // Outside of containers all would like the same socket, and ask each other's supervisor.
        world.directory(CONTROL);
        let finish = |mut command: Command, spec: &Path| {
            command.args(["up", "--spec"]).arg(spec).arg("--control").arg(socket(spec));
            command
        };
        let up = |mut command: Command, program: &Path, spec: &Path| {
            command.arg(program);
            finish(command, spec)
        };
        match self {
            Self::Shell => {
                let command = Command::new(local(world, &devenv_init()));
                (finish(command, &spec), spec, Target::Itself)
            }
            Self::Unprivileged => {
                let mut command = as_root("setpriv");
                command.args(["--reuid=12345", "--regid=12345", "--clear-groups", "--"]);
                let target =
                    if nix::unistd::geteuid().is_root() { Target::Itself } else { Target::Child };
                (up(command, &local(world, &devenv_init()), &spec), spec, target)
            }
            Self::PidNamespace => {
                let mut command = as_root("unshare");
                command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
                (up(command, &local(world, &devenv_init()), &spec), spec, Target::Child)
            }
            Self::Docker(options) => in_docker(options, spec),
            Self::UnderDockerInit => in_docker(&["--init"], spec),
        }
    }
}

impl Supervised<'_> {
    /// What was started: the supervisor, or what it runs in.
    #[must_use]
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// The container, in a place that is one.
    #[must_use]
    pub fn container(&self) -> Option<&Container> {
        match &self.target {
            Target::Container(container) => Some(container),
            _ => None,
        }
    }

    /// Begins to read the output.
    pub fn read(&mut self) {
        self.running.read();
    }

    /// Waits for a text in the output.
    ///
    /// # Panics
    /// When it never comes.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.running.wait_for(text);
    }

    /// The process id of the supervisor on this machine.
    ///
    /// # Panics
    /// When it never runs.
    #[must_use]
    #[track_caller]
    pub fn pid(&self) -> i32 {
        let is_supervisor = |pid: &i32| {
            process_table::program(*pid).is_some_and(|path| path.ends_with("devenv-init"))
        };
        wait::until(wait::SOON, "the supervisor", || match &self.target {
            Target::Itself => Some(self.running.pid()).filter(is_supervisor),
            Target::Child => {
                process_table::descendants(self.running.pid()).into_iter().find(is_supervisor)
            }
            Target::Container(container) => {
                let init = container.init_pid();
                [init].into_iter().chain(process_table::descendants(init)).find(is_supervisor)
            }
        })
    }

    /// Sends a signal to the supervisor, through Docker where it is in a container.
    ///
    /// # Panics
    /// When it is gone.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        match &self.target {
            Target::Container(container) => {
                docker::ask(&["kill", "--signal", signal.as_str(), &container.name]);
            }
            _ => kill(Pid::from_raw(self.pid()), signal).expect("the supervisor still runs"),
        }
    }

    /// Where it listens for control, in a place that is no container.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        socket(&self.spec)
    }

    /// Asks it with a verb of `devenv-init`, as a user does: in a container through `docker exec`,
    /// without naming the socket, and elsewhere from within its namespaces.
    ///
    /// # Panics
    /// When that cannot be started or takes too long.
    #[track_caller]
    pub fn ask(&self, arguments: &[&str]) -> Ended {
        self.asking(arguments).end()
    }

    /// As [`Supervised::ask`], without waiting for the answer.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    pub fn asking(&self, arguments: &[&str]) -> Running {
        let mut command = match &self.target {
            Target::Container(container) => {
                let mut command = docker::docker(&["exec", &container.name]);
                command.arg(&self.program).args(arguments);
                command
            }
            target => {
                let mut command = match target {
                    Target::Child => {
                        let mut command = as_root("nsenter");
                        let pid = self.pid().to_string();
                        command.args(["--pid", "--mount", "--target", &pid, "--"]);
                        command.arg(&self.program);
                        command
                    }
                    _ => Command::new(&self.program),
                };
                let (verb, rest) = arguments.split_first().expect("a verb");
                command.arg(verb).arg("--control").arg(self.socket()).args(rest);
                command
            }
        };
        Running::start(&mut command)
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// When it does not within the limit.
    #[track_caller]
    pub fn end_within(self, limit: std::time::Duration) -> Ended {
        let Self { running, target, spec, .. } = self;
        let ended = running.end_within(limit);
        drop(target);
        let _ = fs::remove_file(spec);
        ended
    }

    /// Waits until it ends, as long as anything may take.
    ///
    /// # Panics
    /// As [`Supervised::end_within`].
    #[track_caller]
    pub fn end(self) -> Ended {
        self.end_within(wait::SOON)
    }
}

/// The directory of the control sockets in a world.
const CONTROL: &str = "control";

/// The control socket of the run with this spec.
fn socket(spec: &Path) -> PathBuf {
    let name = spec.with_extension("sock");
    let name = name.file_name().expect("a spec has a name");
    spec.parent().expect("a spec has a directory").join(CONTROL).join(name)
}

fn in_docker(options: &[&str], spec: PathBuf) -> (Command, PathBuf, Target) {
    docker::import_fixture();
    let container = Container::name("supervised");
    let mount = format!("{}:/spec.json:ro", spec.display());
    let mut command = docker::docker(&["run", "--network", "none", "--name", &container.name]);
    command.args(["--volume", &mount]).args(options).arg(docker::IMAGE);
    command.args(["up", "--spec", "/spec.json"]);
    (command, spec, Target::Container(container))
}

/// A copy any user may run: the repository may be closed to others.
fn local(world: &World, program: &Path) -> PathBuf {
    let name = program.file_name().and_then(|name| name.to_str()).expect("a program has a name");
    let copy = world.path(name);
    if !copy.exists() {
        // Appears all at once: a program that is open for writing cannot be executed.
        let install =
            Command::new(tool("install")).args(["-m", "755"]).arg(program).arg(&copy).status();
        assert!(install.is_ok_and(|status| status.success()), "cannot copy {}", program.display());
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("our own file");
    }
    copy
}
