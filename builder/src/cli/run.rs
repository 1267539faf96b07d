//! `run`: runs a container, in Docker when its daemon answers or one was named, and natively
//! otherwise.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::mem::take;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use clap::{Args, ValueEnum};

use super::common::ProjectArguments;
use super::copy_arguments::CopyArguments;
use super::copy_options::{ArgumentOptions, CopyOptions};
use super::run_checks;
use crate::docker::{Endpoint, Engine, context};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::Image;
use crate::native::{self, Plan, Request, Standing, Terminal, Volume};
use crate::sink::Sink as _;
use crate::sink::docker::DockerDaemon;
use crate::sink::podman::Podman;
use crate::understand::size::human;

/// What runs containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EngineName {
    /// The Docker Engine.
    Docker,
    /// Podman, through its own program.
    Podman,
    /// Namespaces of this machine: no daemon, no root, nothing copied.
    Native,
}

/// What to run and how.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of the container, or the file `build` printed
    name: String,
    /// What runs it; by default Docker when its daemon answers or one is named (DOCKER_HOST, a
    /// context), native otherwise
    #[arg(long, value_enum)]
    engine: Option<EngineName>,
    /// Publish a port of the container; natively it is the host's anyway, and one below 1024 only where
    /// the sysctl net.ipv4.ip_unprivileged_port_start lets anybody have it
    #[arg(short, long, value_name = "HOST:CONTAINER")]
    publish: Vec<String>,
    /// Show a directory or file of the host in the container; natively options other than `ro` and
    /// `rw` are about SELinux and do nothing
    #[arg(short = 'v', long, value_name = "HOST:CONTAINER[:ro]")]
    volume: Vec<String>,
    /// Set a variable, or pass on the one of this name
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Make the root read-only
    #[arg(long)]
    read_only: bool,
    /// Run as another user than the image's
    #[arg(long, value_name = "USER[:GROUP]")]
    user: Option<String>,
    /// Start in another directory than the image's
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Unpack the layers as they would be pushed, prove that they hold what would be mounted (code 65
    /// when they do not), and run what was unpacked; native engine only. Names, types, modes, targets of
    /// links and contents are compared, owners as far as you may set them; extended attributes, file
    /// capabilities among them, devices, and times are not
    #[arg(long)]
    as_image: bool,
    /// Network of Docker or Podman to use; natively host, which is the default, or none
    #[arg(long, value_name = "NETWORK")]
    network: Option<String>,
    /// Arguments of the copy to Docker, as `skopeo copy` takes them: `--dest-daemon-host` and
    /// `--dest-cert-dir` say which Docker
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    copy_args: Vec<String>,
    #[command(flatten)]
    habits: Habits,
    /// Arguments for the container in place of its own
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// What people are used to type after `docker run`. All of it is done in any case, so nobody looks at
/// these, and to refuse them would help nobody.
#[derive(Debug, Args)]
struct Habits {
    /// Input is handed on
    #[arg(short, long, hide = true)]
    interactive: bool,
    /// Where there is a terminal, the container has one
    #[arg(short, long, hide = true)]
    tty: bool,
    /// Nothing is left of the container afterwards
    #[arg(long, hide = true)]
    rm: bool,
}

/// Ends with the container's own exit code.
pub fn run(
    mut arguments: Arguments,
    before: CopyOptions,
    project: &ProjectArguments,
) -> Result<ExitCode> {
    before.only(&ArgumentOptions::NAMES, "run")?;
    let copying = before.arguments.and(ArgumentOptions::of(take(&mut arguments.copy_args)))?;
    let asked = asked(&copying.parse()?, arguments.engine)?;
    let arguments = &arguments;
    arguments.env.iter().try_for_each(|entry| run_checks::variable(entry))?;
    arguments.workdir.iter().try_for_each(|path| run_checks::working_dir(path))?;
    if arguments.as_image && !matches!(arguments.engine, None | Some(EngineName::Native)) {
        return Err(Failure::new(Kind::Usage, "--as-image is about what the native engine mounts")
            .hint("leave out --engine; other engines always run what is pushed"));
    }
    let (file, image) = project.image(&arguments.name)?;
    if let Some((endpoint, client)) = asked {
        return in_docker(arguments, &image, Engine::connect(endpoint)?, client);
    }
    match arguments.engine {
        Some(EngineName::Docker) => match context::named()? {
            Some(endpoint) => in_docker(arguments, &image, Engine::connect(endpoint)?, Vec::new()),
            None => {
                let (endpoint, host) = context::usual();
                in_docker(arguments, &image, Engine::connect(endpoint)?, at(&host))
            }
        },
        Some(EngineName::Podman) => {
            let published = Podman::new("podman", None).put(&image)?;
            become_client("podman", Vec::new(), arguments, published.digest.hex().as_str())
        }
        Some(EngineName::Native) => natively(arguments, &file, &image),
        None if arguments.as_image => natively(arguments, &file, &image),
        // Whoever names an engine means that one: a container that runs elsewhere instead, with
        // another network and other volumes, would be a surprise.
        None => match context::named()? {
            Some(endpoint) => in_docker(arguments, &image, Engine::connect(endpoint)?, Vec::new()),
            None => {
                let (endpoint, host) = context::usual();
                match Engine::connect(endpoint) {
                    Ok(engine) => in_docker(arguments, &image, engine, at(&host)),
                    Err(_) => natively(arguments, &file, &image),
                }
            }
        },
    }
}

/// The Docker that arguments of the copy name, and what its client is to be told about it.
///
/// # Errors
/// When another engine is to run the container, or when only skopeo knows an argument.
fn asked(
    copying: &CopyArguments,
    engine: Option<EngineName>,
) -> Result<Option<(Endpoint, Vec<String>)>> {
    if let Some(argument) = copying.for_skopeo.first() {
        return Err(Failure::new(
            Kind::Usage,
            format!("cannot use copy argument {argument}: what is run is not copied by skopeo"),
        )
        .hint("leave it out"));
    }
    let Some(host) = &copying.daemon_host else { return Ok(None) };
    if !matches!(engine, None | Some(EngineName::Docker)) {
        return Err(Failure::new(
            Kind::Usage,
            "cannot use copy argument --dest-daemon-host: it is about Docker",
        )
        .hint("leave it out, or --engine"));
    }
    let certificates = copying.certificates.as_deref();
    // Docker's client has one word for both of these.
    let address = host.strip_prefix("http://").or_else(|| host.strip_prefix("https://"));
    let mut client = at(&address.map_or_else(|| host.clone(), |rest| format!("tcp://{rest}")));
    if let Some(directory) = certificates {
        client.push("--tlsverify".to_owned());
        for (option, file) in
            [("--tlscacert", "ca.pem"), ("--tlscert", "cert.pem"), ("--tlskey", "key.pem")]
        {
            client.extend([option.to_owned(), directory.join(file).display().to_string()]);
        }
    }
    Ok(Some((context::at(host, certificates)?, client)))
}

/// Tells Docker's client which engine is meant, where it would not find it by itself.
fn at(host: &str) -> Vec<String> {
    vec!["--host".to_owned(), host.to_owned()]
}

fn in_docker(
    arguments: &Arguments,
    image: &Image,
    engine: Engine,
    client: Vec<String>,
) -> Result<ExitCode> {
    let docker = DockerDaemon::new(engine, None);
    let published = docker.put(image)?;
    become_client("docker", client, arguments, &docker.id(&published)?)
}

/// Runs an image by its id: its name may stand for another project's a moment later. Becoming the
/// client leaves signals, terminal and exit code entirely to it.
fn become_client(
    client: &str,
    options: Vec<String>,
    arguments: &Arguments,
    id: &str,
) -> Result<ExitCode> {
    let interactive = io::stdin().is_terminal() && io::stdout().is_terminal();
    let error = Command::new(client)
        .args(options)
        .args(client_arguments(arguments, id, interactive))
        .exec();
    Err(match error.kind() {
        io::ErrorKind::NotFound => {
            Failure::new(Kind::Unavailable, format!("cannot find the program {client} in PATH"))
                .hint("install this client, or run without one: --engine native")
        }
        _ => Failure::new(Kind::System, format!("cannot run {client}: {error}")),
    })
}

/// The arguments of `docker` or `podman`, which takes the same.
fn client_arguments(arguments: &Arguments, id: &str, interactive: bool) -> Vec<OsString> {
    let mut words: Vec<String> = vec!["run".into(), "--rm".into(), "--interactive".into()];
    if interactive {
        words.push("--tty".into());
    }
    if arguments.read_only {
        words.push("--read-only".into());
    }
    let mut option = |name: &str, values: &[String]| {
        for value in values {
            words.extend([name.to_owned(), value.clone()]);
        }
    };
    option("--publish", &arguments.publish);
    option("--volume", &arguments.volume);
    option("--env", &arguments.env);
    option("--user", arguments.user.as_slice());
    option("--workdir", arguments.workdir.as_slice());
    option("--network", arguments.network.as_slice());
    words.push(id.to_owned());
    words.extend(arguments.arguments.iter().cloned());
    words.into_iter().map(OsString::from).collect()
}

fn natively(arguments: &Arguments, file: &Path, image: &Image) -> Result<ExitCode> {
    let isolated = match arguments.network.as_deref() {
        None | Some("host") => false,
        Some("none") => true,
        Some(other) => {
            return Err(Failure::new(
                Kind::Usage,
                format!("cannot use network {other}: the native engine has `host` and `none`"),
            )
            .hint("leave it out, or use --engine docker"));
        }
    };
    let first = if isolated { 0 } else { native::unprivileged_ports() };
    for port in &arguments.publish {
        run_checks::port(port, first)?;
    }
    let current = env::current_dir().or_fail(Kind::Io, || "cannot find the working directory")?;
    let volumes = Volume::all(&arguments.volume, &current)?;
    let mut environment = Vec::new();
    for entry in &arguments.env {
        match entry.split_once('=') {
            Some((name, value)) => environment.push((name.to_owned(), value.to_owned())),
            // As with docker: a name alone passes the variable on, when there is one.
            None => environment.extend(
                run_checks::passed_on(entry, env::var_os(entry))?.map(|v| (entry.clone(), v)),
            ),
        }
    }
    let request = Request {
        arguments: arguments.arguments.clone(),
        environment,
        volumes,
        read_only: arguments.read_only,
        isolated,
        user: arguments.user.clone(),
        working_dir: arguments.workdir.clone(),
        terminal: terminal(),
    };
    // While the description is open, Nix keeps what it names, also when the project is built anew.
    let _kept = File::open(file)
        .or_fail(Kind::NoInput, || format!("cannot keep {} from being removed", file.display()))?;
    let (mut plan, mut standing) = native::prepare(image, &request)?;
    if arguments.as_image {
        let unpacked = Standing::unpacked(image, plan.sole.as_ref())?;
        prove(&plan, &unpacked)?;
        standing = unpacked;
        plan = plan.on_whole(standing.ground.clone());
    }
    let code = native::run(&plan);
    drop(standing);
    code.map(ExitCode::from)
}

/// Tells how the files of an image differ from those that would be mounted.
///
/// # Errors
/// [`Kind::Data`] when they do.
fn prove(plan: &Plan, unpacked: &Standing) -> Result<()> {
    let found = native::prove(plan, unpacked)?;
    for difference in &found.differences {
        eprintln!("{difference}");
    }
    match found.differences.len() {
        0 => {
            let owners = if found.with_owners { "" } else { ", but for owners: you have one user" };
            eprintln!(
                "the image holds what is mounted: {} files, {} compared{owners}",
                found.entries,
                human(found.bytes)
            );
            Ok(())
        }
        count => Err(Failure::new(
            Kind::Data,
            format!("the image does not hold what would be mounted: {count} differences"),
        )
        .hint("run it with --engine docker to have what the image holds")),
    }
}

/// The terminal this program is used at, when input and output both are one.
fn terminal() -> Option<Terminal> {
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return None;
    }
    let device = std::fs::read_link("/proc/self/fd/0").ok()?;
    Some(Terminal { device, kind: env::var("TERM").unwrap_or_else(|_| "dumb".to_owned()) })
}
