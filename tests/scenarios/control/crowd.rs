//! Many clients, and clients that do not do their part.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use devenv_tests::place::{Place, Supervised};
use devenv_tests::process_table;
use devenv_tests::spec::Spec;
use devenv_tests::wait;
use devenv_tests::world::World;

use super::{status, stop};

/// The most memory the supervisor may ever have had.
const MEMORY_KB: u64 = 16 * 1024;

/// How many connections are served at a time, as the supervisor says itself.
const SERVED: usize = 32;

fn start<'w>(world: &'w World, spec: &Spec) -> Supervised<'w> {
    let supervised = Place::Shell.start(world, spec, &["--quiet", "floods"]);
    supervised.wait_for("stays.1  | ready");
    supervised
}

fn spec() -> Spec {
    Spec::new().actor("stays", &["wait"]).actor("floods", &["flood"])
}

fn assert_small(supervised: &Supervised<'_>) {
    let peak = process_table::peak_memory_kb(supervised.pid()).expect("it runs");
    assert!(peak < MEMORY_KB, "{peak} kB");
}

#[test]
fn a_hundred_users_at_once_all_get_an_answer() {
    let world = World::new();
    let supervised = start(&world, &spec());
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asks: Vec<_> =
            (0..100).map(|_| scope.spawn(|| supervised.ask(&["status", "stays"]))).collect();
        asks.into_iter().map(|ask| ask.join().expect("an answer")).collect()
    });
    for answer in answers {
        let answer = answer.expect_code(0);
        assert!(answer.out.contains("stays.1  running"), "{}", answer.out);
    }
    assert_small(&supervised);
    let _ = stop(supervised);
}

#[test]
fn a_hundred_connections_that_say_nothing_are_turned_away_and_given_up() {
    let world = World::new();
    let supervised = start(&world, &spec());
    let mut silent: Vec<UnixStream> = (0..100)
        .map(|_| UnixStream::connect(supervised.socket()).expect("room in the queue"))
        .collect();
    // Whoever is one too many and has waited in vain is told so, and why.
    let turned_away = silent.split_off(SERVED);
    for mut stream in turned_away {
        stream.set_read_timeout(Some(wait::SOON)).expect("a time");
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("an answer");
        assert!(said.contains("there are 32 other connections\\nhint: try again"), "{said}");
    }
    // The others are given up after a while, and told as well; then there is room again.
    for mut stream in silent {
        stream.set_read_timeout(Some(wait::SOON)).expect("a time");
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("an answer");
        assert!(said.contains("no whole request came in time"), "{said}");
    }
    assert_eq!(status(&supervised, "stays")["state"], "running");
    assert_small(&supervised);
    let _ = stop(supervised);
}

#[test]
fn a_client_that_never_reads_holds_nothing_up_and_is_given_up() {
    let world = World::new();
    let supervised = start(&world, &spec());
    let mut deaf: Vec<UnixStream> =
        (0..10).map(|_| UnixStream::connect(supervised.socket()).expect("a connection")).collect();
    for stream in &mut deaf {
        stream.write_all(b"{\"verb\":\"logs\",\"with\":[\"follow\"]}\n").expect("a request");
    }
    let floods = |pid: u64| std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let pid = status(&supervised, "floods")["pid"].as_u64().expect("it runs");
    let written = || -> u64 {
        let io = floods(pid);
        let wchar = io.lines().find_map(|line| line.strip_prefix("wchar: "));
        wchar.and_then(|count| count.parse().ok()).expect("a count")
    };
    // Far more than all the buffers between the two.
    let before = written();
    wait::until_true(wait::SOON, "the flood to go on", || written() > before + (64 << 20));
    assert_eq!(supervised.ask(&["healthcheck"]).expect_code(0).out, "healthy\n");
    assert_small(&supervised);
    // Each is left alone after a while: then it has what fitted into its socket, and the end.
    for stream in &mut deaf {
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time");
        wait::until_true(Duration::from_secs(30), "the supervisor to hang up", || {
            is_hung_up(stream)
        });
    }
    let _ = stop(supervised);
}

/// Whether the other side has closed, with whatever it sent still unread.
fn is_hung_up(stream: &UnixStream) -> bool {
    use std::os::fd::AsRawFd as _;
    let mut fd = libc::pollfd { fd: stream.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: one valid structure is given, and its length.
    unsafe { libc::poll(&raw mut fd, 1, 0) == 1 && fd.revents & libc::POLLHUP != 0 }
}
