//! Copies of a large image, beside skopeo's from a layout of the same image, and how soon a
//! container runs.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use devenv_tests::docker;
use devenv_tests::programs::tool;
use devenv_tests::project::Project;
use devenv_tests::registry::{Registry, Request};
use devenv_tests::world::World;

use super::closure;
use super::output::median;
use super::table::Table;
use super::usage::{self, Usage};

const TURNS: usize = 7;
/// How often what takes many seconds is done.
const PUSHES: usize = 3;
const AGAIN: Duration = Duration::from_secs(1);
const START: Duration = Duration::from_millis(50);

/// The image at first.
const FIRST: usize = 0;
/// The image with its process edited: the topmost layer is another one.
const EDITED: usize = 1;
/// The image with another path of the closure: the layer it is in has many above it.
const UPDATED: usize = 2;

/// Versions of an image.
struct Images<'w> {
    world: &'w World,
    project: Project<'w>,
    descriptions: [String; 3],
    /// The same in layouts of uncompressed layers, the form in which Nix builds keep them.
    layouts: [String; 3],
}

pub fn measure(table: &mut Table) {
    let world = World::new();
    let project = closure::project(&world);
    eprintln!("building {} store paths of {} MB", closure::PATHS, closure::SIZE / 1_000_000);
    let versions = [FIRST, EDITED, UPDATED].map(|which| {
        closure::edit(&project.directory, 1 + usize::from(which == EDITED));
        closure::set_version(&project.directory, 1 + usize::from(which == UPDATED));
        let description = project.build("processes");
        let layout = format!("oci:{}:v", world.path(&format!("layout{which}")).display());
        let _ = usage::of(&mut world.container(&[
            "copy",
            &description,
            &layout,
            "--compression",
            "none",
        ]));
        (description, layout)
    });
    closure::edit(&project.directory, 1);
    closure::set_version(&project.directory, 1);
    let images = Images {
        world: &world,
        project,
        descriptions: versions.clone().map(|(description, _)| description),
        layouts: versions.map(|(_, layout)| layout),
    };
    start(&images, table);
    push(&images, table);
    again(&images, table);
    daemon(&images, table, EDITED, "copy: into Docker, one layer changed", Some(4.0));
    let middle = "copy: into Docker, one layer changed and those above it laid anew";
    daemon(&images, table, UPDATED, middle, None);
}

impl Images<'_> {
    fn copy(&self, which: usize, destination: &str) -> Command {
        self.world.container(&["copy", &self.descriptions[which], destination])
    }

    fn skopeo(&self, which: usize, more: &[&str], destination: &str) -> Command {
        let mut command = Command::new(tool("skopeo"));
        command.args(["--insecure-policy", "copy", "--dest-tls-verify=false"]).args(more);
        // What skopeo remembers of earlier copies is as fresh as the world.
        command
            .env("XDG_DATA_HOME", self.world.path("skopeo"))
            .env("HOME", self.world.path("home"));
        command.arg(&self.layouts[which]).arg(destination);
        command
    }
}

/// The first push compresses everything, into a registry that has nothing.
fn push(images: &Images<'_>, table: &mut Table) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for turn in 0..PUSHES {
        ours.push(into_empty(images.world, |place| {
            let mut command = images.copy(FIRST, &format!("{place}/ours:v"));
            command.env("XDG_CACHE_HOME", images.world.path(&format!("cold{turn}")));
            command
        }));
        theirs.push(into_empty(images.world, |place| {
            images.skopeo(FIRST, &[], &format!("{place}/theirs:v"))
        }));
    }
    let most = ours.iter().map(|usage| usage.memory_kb).max().unwrap_or_default();
    beside_skopeo(table, "copy: first push to a registry", &ours, &theirs, Some(2.0));
    table.add(
        "copy: memory for that",
        format!("{} MB", most / 1024),
        format!("{} MB pushed", closure::PATHS * closure::SIZE / 1_000_000),
        String::new(),
        "at most 128 MB",
        most <= usage::MEMORY_KB,
    );
}

/// What a command costs that pushes to a place which has nothing yet.
fn into_empty(world: &World, command: impl Fn(&str) -> Command) -> Usage {
    let registry = Registry::open(world);
    usage::settle();
    let usage = usage::of(&mut command(&format!("docker://{}", registry.address())));
    let data = registry.data().clone();
    drop(registry);
    std::fs::remove_dir_all(data).expect("what was pushed can be removed");
    usage
}

/// The second push finds everything there.
fn again(images: &Images<'_>, table: &mut Table) {
    let registry = Registry::open(images.world);
    let place = |name: &str| format!("docker://{}/{name}:v", registry.address());
    let _ = usage::of(&mut images.copy(FIRST, &place("ours")));
    let (ours, requests) =
        registry.requests_of(|| usage::of(&mut images.copy(FIRST, &place("ours"))));
    let sent = requests.iter().filter(|request| is_upload(request)).count();
    let _ = usage::of(&mut images.skopeo(FIRST, &[], &place("theirs")));
    let theirs = usage::of(&mut images.skopeo(FIRST, &[], &place("theirs")));
    table.add(
        "copy: push of what the registry has",
        cost(ours),
        format!("skopeo {}", cost(theirs)),
        format!("{sent} blobs sent"),
        "at most 1 s of processor, no blob",
        ours.processor <= AGAIN && sent == 0,
    );
}

fn is_upload(request: &Request) -> bool {
    request.method != "HEAD" && request.path.contains("/blobs/")
}

/// The engine has the first version of the image and gets another. What is above a changed layer
/// Docker lays anew, since it knows a layer by all that are below it: nobody who brings an image can
/// spare it that, so it has no bar.
fn daemon(images: &Images<'_>, table: &mut Table, other: usize, what: &str, bar: Option<f64>) {
    let host = docker::host();
    let ours = |which: usize| {
        usage::of(images.copy(which, "docker-daemon:ours:v").env("DOCKER_HOST", &host))
    };
    let theirs = |which: usize| {
        let more = ["--dest-daemon-host", host.as_str()];
        usage::of(&mut images.skopeo(which, &more, "docker-daemon:theirs:v"))
    };
    let (mut changed, mut skopeo) = (Vec::new(), Vec::new());
    for _ in 0..PUSHES {
        let _ = ours(FIRST);
        usage::settle();
        changed.push(ours(other));
        docker::ask(&["rmi", "ours:v"]);
        let _ = theirs(FIRST);
        usage::settle();
        skopeo.push(theirs(other));
        docker::ask(&["rmi", "theirs:v"]);
        docker::ask(&["image", "prune", "--force"]);
    }
    beside_skopeo(table, what, &changed, &skopeo, bar);
}

fn beside_skopeo(
    table: &mut Table,
    what: &str,
    ours: &[Usage],
    theirs: &[Usage],
    bar: Option<f64>,
) {
    let [ours, theirs] = [ours, theirs].map(usage::median);
    let times = theirs.took.as_secs_f64() / ours.took.as_secs_f64();
    table.add(
        what,
        cost(ours),
        format!("skopeo {}", cost(theirs)),
        format!("{times:.1} times as fast"),
        &bar.map_or_else(String::new, |bar| format!("at least {bar:.0} times")),
        bar.is_none_or(|bar| times >= bar),
    );
}

fn cost(usage: Usage) -> String {
    format!(
        "{:.2} s, {:.2} s of processor",
        usage.took.as_secs_f64(),
        usage.processor.as_secs_f64()
    )
}

/// From the start of the program in an evaluated project to the first line of a process, with the
/// whole closure mounted.
fn start(images: &Images<'_>, table: &mut Table) {
    // The second is old enough to be remembered whatever the clock of the file system says.
    for _ in 0..2 {
        let _ = images.project.build("processes");
    }
    let ours = (0..TURNS).map(|_| first_line(&images.project)).collect();
    let ours = median(ours);
    let docker = docker_start(images);
    table.add(
        "run: native, to the first process",
        format!("{:.1} ms", ours.as_secs_f64() * 1e3),
        format!("docker run, image there, {:.0} ms", docker.as_secs_f64() * 1e3),
        format!("{} store paths mounted", closure::PATHS),
        "at most 50 ms",
        ours <= START,
    );
}

fn first_line(project: &Project<'_>) -> Duration {
    let mut command = project.command(&["run", "processes", "--engine", "native"]);
    until_line(Instant::now(), &mut command)
}

fn docker_start(images: &Images<'_>) -> Duration {
    let mut copy = images.copy(FIRST, "docker-daemon:start:v");
    let _ = usage::of(copy.env("DOCKER_HOST", docker::host()));
    let times = (0..TURNS).map(|_| {
        let mut command = docker::docker(&["run", "--rm", "--network", "none", "start:v"]);
        until_line(Instant::now(), &mut command)
    });
    let times = median(times.collect());
    docker::ask(&["rmi", "--force", "start:v"]);
    times
}

/// Waits for what the supervisor says first, then stops it.
fn until_line(began: Instant, command: &mut Command) -> Duration {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    let mut line = String::new();
    let output = child.stdout.take().expect("its output is a pipe");
    let mut output = BufReader::new(output);
    output.read_line(&mut line).expect("it says something");
    let took = began.elapsed();
    assert!(line.contains(" started ("), "{command:?} said {line:?}");
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid is small"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it can be told to stop");
    let mut rest = Vec::new();
    let _ = std::io::Read::read_to_end(&mut output, &mut rest);
    child.wait().expect("it can be waited for");
    took
}
