//! Faults of the output: a reader that stops, one that goes away, and a line without an end.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use devenv_tests::place::Place;
use devenv_tests::process_table;
use devenv_tests::running::{self, Running};
use devenv_tests::spec::{ACTOR, Spec};
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

/// The most memory the supervisor may ever have had: a thousand processes fit into it as well.
const MEMORY_KB: u64 = 16 * 1024;

/// Long enough that a line of this length, or a queue for a reader that has stopped, could not have
/// been kept.
const GIGABYTE: u64 = 1 << 30;

#[test]
fn with_a_reader_that_has_stopped_for_good_everything_but_the_output_goes_on() {
    let world = World::new();
    let count = world.directory("state").join("count").display().to_string();
    let told = world.path("state/told").display().to_string();
    // One that is started again and again has the supervisor itself talk, too.
    let again =
        json!({ "on": "always", "max_restarts": null, "backoff_ms": 1, "backoff_max_ms": 1 });
    let listens = format!("trap 'echo > {told}' USR1; while :; do sleep 0.05; done");
    let spec = Spec::new()
        .actor("floods", &["flood"])
        .actor("orphans", &["orphans", "100"])
        .process("listens", &["/bin/sh", "-c", &listens])
        .process_with(
            "returns",
            &["/bin/sh", "-c", &format!("echo x >> {count}")],
            json!({ "restart": again }),
        );
    let supervised = Place::PidNamespace.start_unread(&world, &spec, &[]);
    let pid = supervised.pid();
    wait::until_true(wait::SOON, "the flood to be held back", || {
        process_table::children(pid).into_iter().any(process_table::is_held_back)
    });
    // From here on nothing is read any more.
    let runs = || std::fs::read(&count).map_or(0, |written| written.len() / 2);
    let before = runs();
    wait::until_true(wait::SOON, "a thousand more runs", || runs() >= before + 1000);
    wait::until_true(wait::SOON, "all orphans to be reaped", || process_table::zombies(pid) <= 1);
    supervised.signal(Signal::SIGUSR1);
    wait::until_true(wait::SOON, "a signal to be passed on", || std::fs::exists(&told).unwrap());
    let peak = process_table::peak_memory_kb(pid).expect("the supervisor runs");
    assert!(peak < MEMORY_KB, "{peak} kB for output that nobody reads");
    supervised.signal(Signal::SIGTERM);
    let limit = Duration::from_secs(15);
    wait::until_true(limit, "the supervisor to end unread", || !process_table::is_alive(pid));
    let ended = supervised.end().expect_code(143);
    assert!(ended.err.contains("nobody read the output"), "{}", ended.err);
}

#[test]
fn a_reader_that_goes_away_takes_no_process_with_it() {
    let world = World::new();
    let done = world.directory("state").join("done");
    let script = format!("{ACTOR} lines 500000; : > {}; exec {ACTOR} wait", done.display());
    let spec = Spec::new().process("a", &["/bin/sh", "-c", &script]);
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let mut up = Place::Shell.up(&world, &spec);
    let mut child = up.stdin(Stdio::null()).stdout(writer).spawn().expect("it starts");
    // The command keeps its own copy of the pipe until it is told otherwise.
    up.stdout(Stdio::null());
    reader.read_exact(&mut [0; 4096]).expect("lines to read");
    drop(reader);
    wait::until_true(wait::SOON, "the process to go on unheard", || done.exists());
    assert!(child.try_wait().expect("our child").is_none(), "the supervisor went with its reader");
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).expect("it runs");
    let code = wait::until(wait::SOON, "the supervisor to end", || child.try_wait().unwrap());
    assert_eq!(code.code(), Some(143));
}

#[test]
fn without_any_standard_descriptor_it_works_and_tells_the_code() {
    let world = World::new();
    let done = world.directory("state").join("done");
    let script = format!("{ACTOR} lines 1000 > {}; exit 7", done.display());
    let up = Place::Shell.up(&world, &Spec::new().process("a", &["/bin/sh", "-c", &script]));
    let mut closed = Command::new("/bin/sh");
    closed.args(["-c", r#"exec "$0" "$@" <&- >&- 2>&-"#]).arg(up.get_program()).args(up.get_args());
    let ended = running::run(&mut closed).expect_code(7);
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""));
    // What is written to a descriptor of that number must not end up in a file of ours.
    let lines = std::fs::read_to_string(&done).expect("the process has run");
    assert_eq!(lines.lines().count(), 1000);
}

#[test]
fn a_line_of_a_gigabyte_comes_out_whole_and_is_never_kept() {
    let world = World::new();
    for arguments in [&[] as &[&str], &["--log-format", "json"]] {
        let spec = Spec::new().actor("long", &["one-line", &GIGABYTE.to_string()]);
        let spec = spec.actor("stays", &["wait"]);
        let mut up = Place::Shell.up(&world, &spec);
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let mut running = Running::start_into(up.args(arguments), writer.into());
        up.stdout(Stdio::null());
        let letters = AtomicU64::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let only = vec![b'x'; 1 << 20];
                let mut chunk = only.clone();
                while let Ok(count @ 1..) = reader.read(&mut chunk) {
                    // Compared as a whole, because letter by letter takes longer than all the rest.
                    let found = if chunk[..count] == only[..count] {
                        count
                    } else {
                        chunk[..count].iter().filter(|byte| **byte == b'x').count()
                    };
                    letters.fetch_add(found as u64, Ordering::Relaxed);
                }
            });
            wait::until_true(Duration::from_secs(120), "a gigabyte", || {
                letters.load(Ordering::Relaxed) >= GIGABYTE
            });
            let peak = process_table::peak_memory_kb(running.pid()).expect("the supervisor runs");
            assert!(peak < MEMORY_KB, "{arguments:?}: {peak} kB for one line");
            running.signal(Signal::SIGTERM);
            running.read();
            let _ = running.end().expect_code(143);
        });
        let letters = letters.into_inner();
        assert!(letters < GIGABYTE + 1000, "{arguments:?}: {} too many", letters - GIGABYTE);
    }
}
