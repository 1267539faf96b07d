//! Images of a large closure: digesting it, building it again, building it with one path changed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use devenv_tests::programs::{devenv_container, repository};
use devenv_tests::project::Project;
use devenv_tests::world::World;
use sha2::{Digest as _, Sha256};

use super::closure;
use super::output::median;
use super::table::Table;
use super::usage;

const TURNS: usize = 7;
const UNCHANGED: Duration = Duration::from_millis(50);
const CHANGED: Duration = Duration::from_millis(200);

pub fn measure(table: &mut Table) {
    let world = World::new();
    let project = closure::project(&world);
    eprintln!("building {} store paths of {} MB", closure::PATHS, closure::SIZE / 1_000_000);
    let drafts: Vec<String> = (1..=TURNS + 1)
        .map(|version| {
            closure::set_version(&project.directory, version);
            draft(&world, &project)
        })
        .collect();
    cold(&world, table, &drafts[0]);
    again(&world, &project, table);
    changed(&world, &project, table);
}

/// Everything digested, with nothing remembered and nothing of Nix in it.
fn cold(world: &World, table: &mut Table, draft: &str) {
    let out = world.path("description.json");
    let attributes = serde_json::json!({ "draft": draft, "outputs": { "out": out } });
    world.write("attrs.json", &attributes.to_string());
    let run = || {
        let mut command = Command::new(devenv_container());
        command.arg("nix-image").env("NIX_ATTRS_JSON_FILE", world.path("attrs.json"));
        usage::of(&mut command)
    };
    let _ = run();
    let text = fs::read_to_string(&out).expect("a description");
    let image: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let layers = image["layers"].as_array().expect("layers");
    let bytes: u64 = layers.iter().filter_map(|layer| layer["size"].as_u64()).sum();

    let (mut ours, mut limit, mut most) = (Vec::new(), Vec::new(), 0);
    for _ in 0..TURNS {
        let used = run();
        ours.push(used.took);
        limit.push(hashing(bytes));
        most = most.max(used.memory_kb);
    }
    let rate = |took: Duration| bytes as f64 / took.as_secs_f64() / 1e6;
    let (ours, limit) = (rate(median(ours)), rate(median(limit)));
    let part = ours / limit;
    table.add(
        &format!("image: digesting {} MB in {} layers", bytes / 1_000_000, layers.len()),
        format!("{ours:.0} MB/s"),
        format!("SHA-256 alone on all cores {limit:.0} MB/s"),
        format!("{:.0} %", part * 1e2),
        "at least 90 %",
        part >= 0.9,
    );
    table.add(
        "image: memory for that",
        format!("{} MB", most / 1024),
        format!("{} MB digested", bytes / 1_000_000),
        String::new(),
        "at most 128 MB",
        most <= usage::MEMORY_KB,
    );
}

/// How long all cores take to hash as many bytes that lie in memory.
fn hashing(bytes: u64) -> Duration {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let piece = vec![7_u8; 256 * 1024];
    let count = bytes / piece.len() as u64 / cores as u64;
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let mut hash = Sha256::new();
                (0..count).for_each(|_| hash.update(std::hint::black_box(&piece)));
                std::hint::black_box(hash.finalize());
            });
        }
    });
    began.elapsed()
}

/// Nothing has changed since the last build, which Nix finds out by evaluating.
fn again(world: &World, project: &Project<'_>, table: &mut Table) {
    closure::set_version(&project.directory, 1);
    // The second is old enough to be remembered whatever the clock of the file system says.
    for _ in 0..2 {
        let _ = project.build("processes");
    }
    let (mut ours, mut nix) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        ours.push(usage::of(&mut project.command(&["build", "processes"])).took);
        nix.push(timed(|| drop(draft(world, project))));
    }
    beside(table, "image: built again, nothing changed", median(ours), median(nix), UNCHANGED);
}

/// One path is another one. Nix has built it, and what is left is to make an image of it.
fn changed(world: &World, project: &Project<'_>, table: &mut Table) {
    let (mut ours, mut nix) = (Vec::new(), Vec::new());
    for version in 2..=TURNS + 1 {
        closure::set_version(&project.directory, version);
        nix.push(timed(|| drop(draft(world, project))));
        ours.push(usage::of(&mut project.command(&["build", "processes"])).took);
    }
    beside(table, "image: built again, one path changed", median(ours), median(nix), CHANGED);
}

fn beside(table: &mut Table, what: &str, ours: Duration, nix: Duration, bar: Duration) {
    table.add(
        what,
        format!("{} ms", ours.as_millis()),
        format!("nix-build alone {} ms", nix.as_millis()),
        String::new(),
        &format!("at most {} ms", bar.as_millis()),
        ours <= bar,
    );
}

/// The path of the image's draft, by Nix alone.
fn draft(world: &World, project: &Project<'_>) -> String {
    let mut command = Command::new("nix-build");
    command
        .arg(repository().join("nix/cli.nix"))
        .args(["-A", "images.processes.draft", "--argstr", "container", "processes", "-o"])
        .arg(world.path("draft"))
        .env("NIX_CONFIG", "build-users-group =\nsubstituters =");
    for (name, path) in [
        ("project", &*project.directory),
        ("nixpkgs", &*repository().join("tests/nixpkgs")),
        ("initProgram", &*devenv_tests::programs::devenv_init()),
        ("containerProgram", &*devenv_container()),
    ] {
        command.args(["--argstr", name]).arg(path as &Path);
    }
    let output = command.stderr(Stdio::null()).output().expect("nix-build runs");
    assert!(output.status.success(), "{command:?} failed");
    String::from_utf8(output.stdout).expect("a path").trim_end().to_owned()
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}
