//! Real checks against real listeners, and real commands.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::Duration;

use nix::libc;

use super::*;
use crate::machine::RunEnd;
use crate::os::attributes::Attributes;
use crate::os::setting::Setting;

const RUN: RunId = RunId { process: ProcessId(0), number: 1 };
const LIMIT: Duration = Duration::from_secs(20);

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    (listener, port)
}

/// Answers one connection with these bytes and hands out what was asked.
fn server(answer: &'static [u8]) -> (u16, thread::JoinHandle<String>) {
    let (listener, port) = listener();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut asked = Vec::new();
        let mut byte = [0];
        while !asked.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
            asked.extend_from_slice(&byte);
        }
        // A client that has seen enough may be gone already.
        let _ = stream.write_all(answer);
        String::from_utf8_lossy(&asked).into_owned()
    });
    (port, serving)
}

fn http(port: u16) -> Check {
    let (host, path) = ("localhost".to_owned(), "/live".to_owned());
    Check::Http { host, port, path, headers: BTreeMap::new(), status: None }
}

fn tcp(host: &str, port: u16) -> Check {
    Check::Tcp { host: host.to_owned(), port }
}

fn ask(probes: &mut Probes, check: &Check) -> Option<Event> {
    probes.ask(RUN, Aspect::Readiness, check, |_| Err("no command is expected".to_owned()))
}

/// Asks, waits for the answer, and returns why it was bad.
async fn verdict(check: Check) -> Result<(), String> {
    let mut probes = Probes::default();
    let mut events: Vec<Event> = ask(&mut probes, &check).into_iter().collect();
    if events.is_empty() {
        tokio::time::timeout(LIMIT, probes.answered()).await.expect("an answer in time");
        events = probes.take();
    }
    let [Event::Answered { run: RUN, aspect: Aspect::Readiness, good }] = events[..] else {
        panic!("not one answer: {events:?}");
    };
    let cause = probes.cause(RUN, Aspect::Readiness).map(str::to_owned);
    assert_eq!(good, cause.is_none(), "a bad answer has a cause and a good one has none");
    cause.map_or(Ok(()), Err)
}

#[tokio::test]
async fn an_answer_with_a_good_status_is_good() {
    let (port, serving) = server(b"HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(verdict(http(port)).await, Ok(()));
    let asked = serving.join().expect("served");
    assert!(asked.starts_with("GET /live HTTP/1.1\r\nHost: localhost:"), "{asked}");
}

#[tokio::test]
async fn other_answers_say_what_is_wrong() {
    for (answer, cause) in [
        (&b"HTTP/1.1 503 Service Unavailable\r\n\r\n"[..], "HTTP status 503"),
        (b"SSH-2.0-OpenSSH\r\n", "the answer is not HTTP"),
        (b"", "the connection was closed without an answer"),
        (&[b'H'; 3], "the answer is not HTTP"),
    ] {
        let (port, _serving) = server(answer);
        assert_eq!(verdict(http(port)).await, Err(cause.to_owned()));
    }
}

#[tokio::test]
async fn an_endless_answer_ends_at_the_limit() {
    const ENDLESS: &[u8] = &{
        let mut answer = [b'x'; 16 * 1024];
        let start = b"HTTP/1.1 100 Continue\r\n";
        let mut i = 0;
        while i < start.len() {
            answer[i] = start[i];
            i += 1;
        }
        answer
    };
    let (port, _serving) = server(ENDLESS);
    let verdict = verdict(http(port)).await;
    assert_eq!(verdict, Err("no status within 8192 bytes of the answer".to_owned()));
}

#[tokio::test]
async fn who_listens_is_connected_to_and_who_does_not_is_named() {
    let (listening, port) = listener();
    assert_eq!(verdict(tcp("localhost", port)).await, Ok(()));
    assert_eq!(verdict(tcp("127.0.0.1", port)).await, Ok(()));
    drop(listening);
    let cause = verdict(tcp("localhost", port)).await.expect_err("nobody listens");
    assert_eq!(cause, format!("cannot connect to 127.0.0.1:{port}: Connection refused"));
}

#[tokio::test]
async fn a_command_that_cannot_be_had_is_a_bad_answer_at_once() {
    let mut probes = Probes::default();
    let check = Check::Exec { command: vec!["check".to_owned()] };
    let answer = Event::Answered { run: RUN, aspect: Aspect::Readiness, good: false };
    assert_eq!(ask(&mut probes, &check), Some(answer));
    assert_eq!(probes.cause(RUN, Aspect::Readiness), Some("no command is expected"));
    probes.forget(RUN);
    assert_eq!(probes.cause(RUN, Aspect::Readiness), None);
}

#[tokio::test]
async fn what_was_given_up_is_never_answered() {
    // Accepts by the kernel's hand and never answers.
    let (_listening, port) = listener();
    let mut probes = Probes::default();
    assert_eq!(ask(&mut probes, &http(port)), None);
    probes.stop_asking(RUN, Aspect::Readiness, 1_500);
    assert_eq!(probes.cause(RUN, Aspect::Readiness), Some("no answer within 1.5 s"));
    tokio::time::timeout(LIMIT, probes.answered()).await.expect("the task is gone");
    assert_eq!(probes.take(), []);
    // Nor is it taken for the next one, which is answered by itself.
    let (good, _serving) = server(b"HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(ask(&mut probes, &http(port)), None);
    probes.stop_asking(RUN, Aspect::Readiness, 1_500);
    assert_eq!(ask(&mut probes, &http(good)), None);
    let mut events = Vec::new();
    while events.is_empty() {
        tokio::time::timeout(LIMIT, probes.answered()).await.expect("an answer in time");
        events = probes.take();
    }
    let answer = Event::Answered { run: RUN, aspect: Aspect::Readiness, good: true };
    assert_eq!(events, [answer]);
}

#[tokio::test]
async fn with_nothing_asked_nothing_wakes() {
    let mut probes = Probes::default();
    let waited = tokio::time::timeout(Duration::from_millis(20), probes.answered()).await;
    assert!(waited.is_err());
}

/// Starts a shell command as a check and returns its process.
fn ask_shell(probes: &mut Probes, script: &str) -> kill::Pid {
    let check = Check::Exec { command: ["/bin/sh", "-c", script].map(str::to_owned).to_vec() };
    let setting = Setting { variables: Default::default(), directory: None };
    let input = std::fs::File::open("/dev/null").expect("it exists");
    let mut pid = None;
    let answer = probes.ask(RUN, Aspect::Liveness, &check, |arguments| {
        let input = std::os::fd::AsRawFd::as_raw_fd(&input);
        let attributes = &Attributes::default();
        let command =
            Command { arguments, setting: &setting, attributes, input, descriptors: None };
        command.start().inspect(|running| pid = Some(running.pid))
    });
    assert_eq!(answer, None, "{:?}", probes.cause(RUN, Aspect::Liveness));
    pid.expect("it was started")
}

/// Waits for one child, which the reaper of a whole program does for any.
fn reap(pid: kill::Pid) -> Reaped {
    let mut status = 0;
    // SAFETY: the pointer is to an integer that outlives the call.
    let reaped = unsafe { libc::waitpid(pid.number(), &raw mut status, 0) };
    assert_eq!(reaped, pid.number());
    let number = |number: i32| u8::try_from(number).expect("fits");
    let end = if libc::WIFEXITED(status) {
        RunEnd::Code(number(libc::WEXITSTATUS(status)))
    } else {
        RunEnd::Signal(number(libc::WTERMSIG(status)))
    };
    Reaped { pid, end }
}

#[tokio::test]
async fn a_command_is_good_when_it_ends_with_0() {
    for (script, cause) in [
        ("exit 0", None),
        ("echo fine", None),
        ("exit 3", Some("exit code 3")),
        ("echo one; echo no such table >&2; exit 1", Some("exit code 1: no such table")),
        ("kill -9 $$", Some("ended by signal 9")),
    ] {
        let mut probes = Probes::default();
        let stranger = Reaped { pid: kill::Pid::new(99_999).expect("a pid"), end: RunEnd::Code(0) };
        let mut reaped = vec![stranger, reap(ask_shell(&mut probes, script))];
        let good = cause.is_none();
        let answer = Event::Answered { run: RUN, aspect: Aspect::Liveness, good };
        assert_eq!(probes.reaped(&mut reaped), [answer], "{script}");
        assert_eq!(probes.cause(RUN, Aspect::Liveness), cause, "{script}");
        assert_eq!(reaped, [stranger], "others are left to others");
    }
}

#[tokio::test]
async fn a_command_that_says_more_than_a_pipe_holds_does_not_hang() {
    let mut probes = Probes::default();
    let script = "i=0; while [ $i -lt 5000 ]; do echo 0123456789012345678901234567890123456789; \
                  i=$((i + 1)); done; echo the end; exit 1";
    let pid = ask_shell(&mut probes, script);
    let waiting = tokio::task::spawn_blocking(move || reap(pid));
    let mut reaped =
        vec![tokio::time::timeout(LIMIT, waiting).await.expect("ends").expect("reaped")];
    assert_eq!(probes.reaped(&mut reaped).len(), 1);
    assert_eq!(probes.cause(RUN, Aspect::Liveness), Some("exit code 1: the end"));
}

#[tokio::test]
async fn a_command_given_up_is_killed_with_its_group_and_answers_nobody() {
    let mut probes = Probes::default();
    let pid = ask_shell(&mut probes, "sleep 1000 & sleep 1000; true");
    probes.stop_asking(RUN, Aspect::Liveness, 200);
    let mut reaped = vec![reap(pid)];
    assert_eq!(reaped[0].end, RunEnd::Signal(9));
    assert_eq!(probes.reaped(&mut reaped), []);
    assert_eq!(reaped, [], "it is nobody's child but ours");
    assert_eq!(probes.cause(RUN, Aspect::Liveness), Some("no answer within 0.2 s"));
}

#[tokio::test]
async fn commands_that_cannot_be_killed_do_not_become_a_crowd() {
    let mut probes = Probes::default();
    let mut killed = Vec::new();
    for _ in 0..STUCK {
        killed.push(ask_shell(&mut probes, "sleep 1000"));
        // Not reaped, as if the kernel held on to it.
        probes.stop_asking(RUN, Aspect::Liveness, 200);
    }
    let check = Check::Exec { command: vec!["check".to_owned()] };
    let started = |_: &[String]| -> Result<exec::Running, String> { panic!("one too many") };
    let answer = probes.ask(RUN, Aspect::Liveness, &check, started);
    assert!(matches!(answer, Some(Event::Answered { good: false, .. })), "{answer:?}");
    let mut reaped: Vec<Reaped> = killed.into_iter().map(reap).collect();
    probes.reaped(&mut reaped);
    let pid = ask_shell(&mut probes, "exit 0");
    assert_eq!(probes.reaped(&mut vec![reap(pid)]).len(), 1, "there is room again");
}
