//! Lines per second: through `devenv-init`, through two bare `cat`s, and through honcho.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use devenv_tests::programs;
use devenv_tests::spec::Spec;

use super::Bench;
use super::table::Table;

const TURNS: usize = 7;
/// honcho takes minutes for a million lines; a tenth of them tells its pace as well.
const HONCHO_LINES: usize = 100_000;

pub fn measure(bench: &Bench, table: &mut Table) {
    let lines = bench.folder.path().join("lines");
    write_lines(&lines, 1_000_000, 100);
    one_source(bench, table, "1 process, 1,000,000 lines of 100 bytes", &lines, 2.0);
    honcho(bench, table, &lines);
    let long = bench.folder.path().join("long");
    write_lines(&long, 100, 1 << 20);
    one_source(bench, table, "1 process, 100 MB in lines of 1 MiB", &long, 2.0);
    many_sources(bench, table);
}

fn one_source(bench: &Bench, table: &mut Table, what: &str, file: &Path, bar: f64) {
    let file_name = file.display();
    let spec = Spec::new().process("cat", &["/bin/cat", &file_name.to_string()]);
    let ours = shell(&up(bench, &spec, "one"));
    let limit = shell(&format!("cat {file_name} | cat | cat"));
    let (ours, limit) = in_turns(ours, limit);
    compare(table, what, ours, limit, "cat | cat | cat", bar);
}

fn many_sources(bench: &Bench, table: &mut Table) {
    let file = bench.folder.path().join("short");
    write_lines(&file, 20_000, 100);
    let name = file.display().to_string();
    let spec = (0..50).fold(Spec::new(), |spec, number| {
        spec.process(&format!("cat-{number}"), &["/bin/cat", &name])
    });
    let ours = shell(&up(bench, &spec, "many"));
    let limit = shell(&format!("(for i in $(seq 50); do cat {name} & done; wait) | cat | cat"));
    let (ours, limit) = in_turns(ours, limit);
    compare(table, "50 processes, 20,000 lines each", ours, limit, "50 cat | cat | cat", 2.0);
}

fn honcho(bench: &Bench, table: &mut Table, lines: &Path) {
    let honcho = programs::repository().join(".setup/honcho/bin/honcho");
    assert!(honcho.is_file(), "no {}\nhint: .ci/setup test", honcho.display());
    let folder = bench.folder.path().join("honcho");
    fs::create_dir_all(&folder).expect("a folder can be made");
    let command = format!("cat: head -n {HONCHO_LINES} {}\n", lines.display());
    fs::write(folder.join("Procfile"), command).expect("a Procfile can be written");
    let began = Instant::now();
    run(Command::new(honcho).arg("start").current_dir(folder));
    let theirs = began.elapsed();
    let spec = Spec::new().process("cat", &["/bin/cat", &lines.display().to_string()]);
    let began = Instant::now();
    run(&mut shell(&up(bench, &spec, "beside-honcho")));
    let pace = |lines: usize, took: Duration| lines as f64 / took.as_secs_f64();
    let (ours, theirs) = (pace(1_000_000, began.elapsed()), pace(HONCHO_LINES, theirs));
    table.add(
        "lines per second",
        format!("{:.0} k/s", ours / 1e3),
        format!("honcho {:.0} k/s", theirs / 1e3),
        format!("{:.0} times as fast", ours / theirs),
        "100 times",
        ours >= 100.0 * theirs,
    );
}

fn compare(table: &mut Table, what: &str, ours: Duration, limit: Duration, name: &str, bar: f64) {
    let ratio = ours.as_secs_f64() / limit.as_secs_f64();
    table.add(
        what,
        format!("{} ms", ours.as_millis()),
        format!("{name} {} ms", limit.as_millis()),
        format!("{ratio:.2} times the time"),
        &format!("at most {bar} times"),
        ratio <= bar,
    );
}

/// The shell line that runs a spec with a pipe for a reader.
fn up(bench: &Bench, spec: &Spec, name: &str) -> String {
    let file: PathBuf = bench.folder.path().join(format!("{name}.json"));
    super::write(spec, &file);
    format!("{} up --spec {} | cat", bench.init.display(), file.display())
}

fn shell(line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]);
    command
}

/// Runs both in turns, so that a change of the machine's mood meets both, and gives the medians.
fn in_turns(mut ours: Command, mut other: Command) -> (Duration, Duration) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        first.push(timed(&mut ours));
        second.push(timed(&mut other));
    }
    (median(first), median(second))
}

fn timed(command: &mut Command) -> Duration {
    let began = Instant::now();
    run(command);
    began.elapsed()
}

fn run(command: &mut Command) {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let status = status.expect("the program runs");
    assert!(status.success(), "{command:?} ended with {status}");
}

pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn write_lines(path: &Path, count: usize, length: usize) {
    let mut file = BufWriter::new(File::create(path).expect("an input can be written"));
    let text: String = ('a'..='z').cycle().take(length - 1).collect();
    for _ in 0..count {
        writeln!(file, "{text}").expect("an input can be written");
    }
}
