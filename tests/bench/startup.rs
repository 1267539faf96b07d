//! From being started to the first process having run: beside tini, which does nothing else.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use devenv_tests::programs;
use devenv_tests::spec::Spec;

use super::Bench;
use super::output::median;
use super::table::Table;

const TURNS: usize = 101;
const BAR: Duration = Duration::from_millis(3);

pub fn measure(bench: &Bench, table: &mut Table) {
    let file = bench.folder.path().join("true.json");
    super::write(&Spec::new().process("true", &["/bin/true"]), &file);
    let mut tini = Command::new(programs::tool("tini"));
    tini.args(["-s", "--", "/bin/true"]);
    let mut exec = Command::new(&bench.init);
    exec.args(["exec", "--", "/bin/true"]);
    let mut up = Command::new(&bench.init);
    up.arg("up").arg("--spec").arg(file);
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        for (command, times) in [&mut tini, &mut exec, &mut up].into_iter().zip(&mut times) {
            times.push(timed(command));
        }
    }
    let [tini, exec, up] = times.map(median);
    for (what, ours) in
        [("exec: one command, start to end", exec), ("up: one process, start to end", up)]
    {
        let above = ours.saturating_sub(tini);
        table.add(
            what,
            format!("{:.2} ms", ours.as_secs_f64() * 1e3),
            format!("tini {:.2} ms", tini.as_secs_f64() * 1e3),
            format!("{:.2} ms above", above.as_secs_f64() * 1e3),
            "at most 3 ms above",
            above <= BAR,
        );
    }
}

fn timed(command: &mut Command) -> Duration {
    let began = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let took = began.elapsed();
    assert!(status.expect("the program runs").success(), "{command:?} failed");
    took
}
