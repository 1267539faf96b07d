//! Many clients, and clients that do not do their part.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use devenv_tests::http::{self, connect, get, reply, rest};
use devenv_tests::process_table;
use devenv_tests::spec::Spec;
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::Signal;

use super::start;

/// The most memory the supervisor may ever have had.
const MEMORY_KB: u64 = 16 * 1024;

/// How many connections are served at a time, as the supervisor says itself.
const SERVED: usize = 64;

#[test]
fn a_hundred_scrapes_at_once_all_get_an_answer_and_little_memory() {
    let world = World::new();
    let (supervised, port) = start(&world, &Spec::new().actor("web", &["wait"]), &[]);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let path = |number: usize| if number.is_multiple_of(2) { "/metrics" } else { "/readyz" };
        let asks: Vec<_> =
            (0..100).map(|number| scope.spawn(move || get(port, path(number)).status)).collect();
        asks.into_iter().map(|ask| ask.join().expect("an answer")).collect()
    });
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
    assert!(statuses.contains(&200));
    wait::until_true(wait::SOON, "room again", || get(port, "/metrics").status == 200);
    let peak = process_table::peak_memory_kb(supervised.pid()).expect("it runs");
    assert!(peak < MEMORY_KB, "{peak} kB");
}

#[test]
fn connections_that_say_nothing_or_too_little_make_way_and_are_given_up() {
    let world = World::new();
    let (supervised, port) = start(&world, &Spec::new().actor("web", &["wait"]), &[]);
    let mut silent: Vec<TcpStream> = (0..SERVED).map(|_| connect(port)).collect();
    // Whoever is one too many is served in the place of the one that has said nothing for longest.
    assert_eq!(get(port, "/livez").body, "ok\n");
    assert!(rest(&mut silent.remove(0)).is_empty());
    // More than are served at a time, all of them silent: a probe is still answered.
    silent.extend((0..SERVED).map(|_| connect(port)));
    assert_eq!(get(port, "/readyz").body, "ok\n");
    let mut silent = silent.split_off(SERVED);
    // One that goes on saying a little does not get more time for that.
    let mut slow = silent.pop().expect("one of them");
    let began = Instant::now();
    while slow.write_all(b"G").is_ok() && began.elapsed() < wait::SOON {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    for mut stream in silent {
        let gave_up = reply(&rest(&mut stream));
        assert_eq!(gave_up.status, 408);
    }
    assert_eq!(get(port, "/readyz").body, "ok\n");
    // The control socket has not noticed any of it.
    assert_eq!(supervised.ask(&["healthcheck"]).expect_code(0).out, "healthy\n");
}

#[test]
fn clients_that_never_go_do_not_hold_up_the_end() {
    let world = World::new();
    let (supervised, port) = start(&world, &Spec::new().actor("web", &["wait"]), &[]);
    supervised.wait_for("web.1  | ready");
    let _silent: Vec<TcpStream> = (0..10).map(|_| connect(port)).collect();
    let mut deaf: Vec<TcpStream> = (0..10).map(|_| connect(port)).collect();
    for stream in &mut deaf {
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").expect("room for a request");
    }
    let _ = http::get(port, "/readyz");
    let began = Instant::now();
    supervised.signal(Signal::SIGTERM);
    let _ = supervised.end().expect_code(143);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}
