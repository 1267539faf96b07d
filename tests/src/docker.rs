//! A Docker daemon of our own, one for all tests, away from the one the machine may have.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::programs::{actor, as_root, devenv_init, tool};
use super::running::{self, Ended};
use super::wait;

/// The image that has the supervisor, the actor and a shell, and nothing else.
pub const IMAGE: &str = "devenv-tests:fixture";

/// Runs the daemon until its own input is closed, which happens however the tests end, then removes
/// everything. Mounts are left behind when the daemon had to be killed.
const GUARD: &str = r#"
    directory=$1; shift
    "$@" > "$directory/log" 2>&1 &
    daemon=$!
    cat > /dev/null
    kill "$daemon"; wait "$daemon"
    grep -o "$directory/[^ ]*" /proc/mounts | sort -r | xargs -r umount -l
    rm -rf "$directory"
"#;

static DAEMON: OnceLock<Daemon> = OnceLock::new();
static GUARDS: Mutex<Vec<(Child, ChildStdin)>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Daemon {
    directory: PathBuf,
}

/// The value of `DOCKER_HOST` for the daemon, which is started when it does not run yet.
#[must_use]
pub fn host() -> String {
    format!("unix://{}", socket(&daemon().directory).display())
}

/// A command of Docker's client, for our daemon.
#[must_use]
pub fn docker(arguments: &[&str]) -> Command {
    let mut command = Command::new(tool("docker"));
    command.arg("--host").arg(host()).args(arguments);
    command
}

/// Runs a command of Docker's client and returns what it printed, without the last newline.
///
/// # Panics
/// When it fails.
#[track_caller]
pub fn ask(arguments: &[&str]) -> String {
    running::run(&mut docker(arguments)).expect_code(0).out.trim_end().to_owned()
}

/// A container that is removed at the end.
#[derive(Debug)]
pub struct Container {
    /// Its name, as Docker knows it.
    pub name: String,
}

impl Container {
    /// A name that no other container has. Nothing is started.
    #[must_use]
    pub fn name(hint: &str) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Self { name: format!("{hint}-{}-{number}", std::process::id()) }
    }

    /// A field of what `docker inspect` says, as a Go template.
    ///
    /// # Panics
    /// When there is no such container.
    #[must_use]
    #[track_caller]
    pub fn inspect(&self, template: &str) -> String {
        ask(&["inspect", "--format", template, &self.name])
    }

    /// Runs a program in it.
    ///
    /// # Panics
    /// When Docker's client cannot be started.
    #[track_caller]
    pub fn exec(&self, command: &[&str]) -> Ended {
        let arguments: Vec<&str> =
            ["exec", &self.name].into_iter().chain(command.iter().copied()).collect();
        running::run(&mut docker(&arguments))
    }

    /// The id its first process has on this machine, once it runs.
    ///
    /// # Panics
    /// When it never does.
    #[must_use]
    #[track_caller]
    pub fn init_pid(&self) -> i32 {
        let question = ["inspect", "--format", "{{.State.Pid}}", &self.name];
        wait::until(wait::SOON, "the container to run", || {
            let pid = running::run(&mut docker(&question)).out.trim().parse().ok()?;
            (pid > 0).then_some(pid)
        })
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = docker(&["rm", "--force", "--volumes", &self.name]).output();
    }
}

/// Imports [`IMAGE`] once.
///
/// # Panics
/// When Docker refuses it.
pub fn import_fixture() {
    static IMPORTED: OnceLock<()> = OnceLock::new();
    IMPORTED.get_or_init(|| {
        let world = super::world::World::new();
        let bin = world.directory("root/bin");
        for (program, name) in
            [(devenv_init(), "devenv-init"), (actor(), "actor"), (tool("busybox"), "sh")]
        {
            std::fs::copy(&program, bin.join(name)).expect("a copy of a program");
        }
        let archive = world.path("root.tar");
        let mut tar = Command::new(tool("tar"));
        tar.arg("-cf").arg(&archive).arg("-C").arg(world.path("root")).arg(".");
        let _ = running::run(&mut tar).expect_code(0);
        let entrypoint = r#"ENTRYPOINT ["/bin/devenv-init"]"#;
        let archive = archive.to_str().expect("a plain path");
        ask(&["import", "--change", entrypoint, archive, IMAGE]);
    });
}

fn daemon() -> &'static Daemon {
    DAEMON
        .get_or_init(|| start(&[]).unwrap_or_else(|error| panic!("cannot start dockerd: {error}")))
}

/// Another daemon, which is also reached at the address that is returned, by whoever has a
/// certificate of the authority that issued its own, which is in the directory `own`. The second thing
/// returned is its socket, as for `DOCKER_HOST`.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn encrypted(own: &Path) -> (String, String) {
    // Between its being found free and taken, somebody else may take a port.
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = format!("tcp://127.0.0.1:{}", port.expect("a free port").port());
    let file = |name: &str| own.join(name).display().to_string();
    let arguments = [
        format!("--host={address}"),
        "--tlsverify".to_owned(),
        format!("--tlscacert={}", file("ca.pem")),
        format!("--tlscert={}", file("cert.pem")),
        format!("--tlskey={}", file("key.pem")),
    ];
    let daemon = start(&arguments).unwrap_or_else(|error| panic!("cannot start dockerd: {error}"));
    (address, format!("unix://{}", socket(&daemon.directory).display()))
}

/// Starts a daemon with these arguments beside those all have.
fn start(arguments: &[String]) -> io::Result<Daemon> {
    let directory = tempfile::Builder::new().prefix("devenv-dockerd-").tempdir()?.keep();
    let path = |name: &str| directory.join(name).display().to_string();
    let mut guard = as_root("sh");
    guard.args(["-c", GUARD, "guard"]).arg(&directory).arg(tool("dockerd")).args([
        "--data-root",
        &path("data"),
        "--exec-root",
        &path("exec"),
        "--pidfile",
        &path("pid"),
        "--host",
        &format!("unix://{}", socket(&directory).display()),
        // The socket is ours whoever we are.
        "--group",
        &nix::unistd::getegid().to_string(),
        // No networks: rules of the machine's firewall are none of our business.
        "--iptables=false",
        "--ip6tables=false",
        "--bridge=none",
        "--shutdown-timeout=1",
    ]);
    let mut child = guard.args(arguments).stdin(Stdio::piped()).spawn()?;
    let input = child.stdin.take().ok_or_else(|| io::Error::other("no pipe to the guard"))?;
    let first = {
        let mut guards = GUARDS.lock().unwrap_or_else(PoisonError::into_inner);
        guards.push((child, input));
        guards.len() == 1
    };
    if first {
        // SAFETY: `stop` is a plain function that lives as long as the program.
        unsafe { libc::atexit(stop) };
    }
    let log = directory.join("log");
    let answers = || {
        let socket = socket(&directory);
        (UnixStream::connect(&socket).is_ok()
            && Command::new(tool("docker"))
                .args(["--host", &format!("unix://{}", socket.display()), "version"])
                .output()
                .is_ok_and(|said| said.status.success()))
        .then_some(())
    };
    wait::until(Duration::from_secs(60), &format!("dockerd, see {}", log.display()), answers);
    Ok(Daemon { directory })
}

/// Tells the guards to end and waits, so that nothing is left when the tests are over.
extern "C" fn stop() {
    let guards = std::mem::take(&mut *GUARDS.lock().unwrap_or_else(PoisonError::into_inner));
    for (mut child, input) in guards {
        drop(input);
        let _ = child.wait();
    }
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("docker.sock")
}
