//! Memory and wake-ups of a supervisor whose processes have nothing to say.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use devenv_tests::spec::Spec;

use super::Bench;
use super::table::Table;

/// How long nothing must happen.
const IDLE: Duration = Duration::from_secs(5);

pub fn measure(bench: &Bench, table: &mut Table) {
    for (count, limit_kb) in [(10, 4 * 1024), (1_000, 16 * 1024)] {
        let mut child = idle(bench, count);
        let pid = child.id();
        let rss = status_kb(pid, "VmRSS:");
        let own = status_kb(pid, "RssAnon:");
        table.add(
            &format!("memory with {count} idle processes"),
            format!("{rss} kB resident"),
            format!("{own} kB of it its own"),
            format!("{:.1} kB a process", own as f64 / f64::from(count)),
            &format!("at most {} MB", limit_kb / 1024),
            rss <= limit_kb,
        );
        if count == 10 {
            let before = settled(pid);
            std::thread::sleep(IDLE);
            let woken = switches(pid) - before;
            table.add(
                "wake-ups with 10 idle processes",
                format!("{woken}"),
                format!("{} s", IDLE.as_secs()),
                String::new(),
                "none",
                woken == 0,
            );
        }
        stop(&mut child);
    }
}

/// A supervisor whose processes have all been started.
fn idle(bench: &Bench, count: u32) -> Child {
    let file = bench.folder.path().join(format!("idle-{count}.json"));
    let spec = (0..count).fold(Spec::new(), |spec, number| {
        spec.process(&format!("idle-{number}"), &["/bin/sleep", "1000"])
    });
    super::write(&spec, &file);
    let mut child = Command::new(&bench.init)
        .args(["up", "--spec"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("devenv-init runs");
    let output = child.stdout.take().expect("its output is a pipe");
    let (say, started) = std::sync::mpsc::channel();
    // Reads to the end: a reader that stops would change what is measured.
    std::thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        for _ in lines.filter(|line| line.contains(" started (")) {
            // Nobody counts any more once all have been started.
            let _ = say.send(());
        }
    });
    for _ in 0..count {
        started.recv_timeout(IDLE).expect("all processes are started in time");
    }
    child
}

fn stop(child: &mut Child) {
    let pid = i32::try_from(child.id()).expect("a pid is small");
    let pid = nix::unistd::Pid::from_raw(pid);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it can be told to stop");
    let status = child.wait().expect("it can be waited for");
    assert_eq!(status.code(), Some(143), "it stops when told");
}

fn status_kb(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("its status is readable");
    number(&status, field)
}

/// How often any of its threads has been switched to or from.
fn switches(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("its threads are readable");
    let statuses = threads
        .map(|thread| thread.expect("a thread").path().join("status"))
        .map(|path| fs::read_to_string(path).expect("a thread's status is readable"));
    let fields = ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"];
    statuses.map(|status| fields.map(|field| number(&status, field)).iter().sum::<u64>()).sum()
}

/// [`switches`] once what the last start set off is over.
fn settled(pid: u32) -> u64 {
    const STEP: Duration = Duration::from_millis(100);
    let mut before = switches(pid);
    for _ in 0..50 {
        std::thread::sleep(STEP);
        match switches(pid) {
            now if now == before => break,
            now => before = now,
        }
    }
    before
}

fn number(status: &str, field: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("no {field} in a status"))
}
