//! Real sockets: who is heard, what is closed, and that nobody can flood the reactor.

use std::io::IoSlice;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};

use super::*;
use crate::machine::Word;
use crate::spec::{Plan, ProcessId};

const RUN: RunId = RunId { process: ProcessId(0), number: 3 };

fn plan(of_process: &str) -> Plan {
    let text = format!(
        r#"{{"version": 1, "processes": [{{"name": "web", "command": ["/bin/web"], {of_process}}}]}}"#
    );
    crate::spec::load(&text).expect("a valid spec")
}

/// The name of an instance that no other test of this process or another has.
fn instance(test: &str) -> String {
    format!("test.{}.{test}", std::process::id())
}

fn opened(test: &str) -> (Notify, String) {
    let mut notify = Notify::new(instance(test)).expect("a set of sockets");
    let mut variables = Variables::new();
    let plan = plan(r#""ready": {"check": "notify"}"#);
    notify.open(RUN, &plan.processes[0], &mut variables).expect("a socket");
    let address = variables.get(OsStr::new(SOCKET)).expect("it is named");
    let name = address.to_str().and_then(|text| text.strip_prefix('@')).expect("abstract");
    (notify, name.to_owned())
}

fn send(name: &str, message: &[u8]) {
    let address = SocketAddr::from_abstract_name(name).expect("a name that fits");
    let socket = UnixDatagram::unbound().expect("a socket");
    socket.send_to_addr(message, &address).expect("somebody listens");
}

fn take_all(notify: &mut Notify, belongs: bool) -> Vec<Heard> {
    let mut heard = Vec::new();
    while notify.take(&mut |_, _| belongs, &mut heard) {}
    heard
}

#[test]
fn messages_of_one_s_own_are_heard_in_order_and_the_status_is_kept() {
    let (mut notify, name) = opened("own");
    send(&name, b"STATUS=loading\nREADY=1");
    send(&name, b"WATCHDOG=1");
    let said = |statement| Heard::Said(RUN, statement);
    assert_eq!(
        take_all(&mut notify, true),
        [
            said(Statement::Status("loading".to_owned())),
            said(Statement::Word(Word::Ready)),
            said(Statement::Word(Word::Alive)),
        ]
    );
    assert_eq!(notify.status(RUN), Some("loading"));
    send(&name, b"STATUS=");
    take_all(&mut notify, true);
    assert_eq!(notify.status(RUN), None);
}

#[test]
fn the_sender_is_who_the_kernel_says_it_is() {
    let (mut notify, name) = opened("sender");
    send(&name, b"READY=1");
    let mut senders = Vec::new();
    let mut judge = |run, sender: Sender| {
        senders.push((run, sender.pid.map(|pid| pid.number().unsigned_abs()), sender.uid));
        true
    };
    notify.take(&mut judge, &mut Vec::new());
    let me = (RUN, Some(std::process::id()), nix::unistd::geteuid().as_raw());
    assert_eq!(senders, [me]);
}

#[test]
fn a_stranger_is_told_once_and_never_heard() {
    let (mut notify, name) = opened("stranger");
    for _ in 0..3 {
        send(&name, b"READY=1");
    }
    let heard = take_all(&mut notify, false);
    assert!(matches!(heard.as_slice(), [Heard::Stranger(RUN, _)]), "{heard:?}");
}

#[test]
fn what_is_too_long_is_not_heard_in_part() {
    let (mut notify, name) = opened("long");
    let long = [b"READY=1\nSTATUS=".as_slice(), &[b'x'; message::LIMIT]].concat();
    send(&name, &long);
    send(&name, b"WATCHDOG=1");
    assert_eq!(take_all(&mut notify, true), [Heard::Said(RUN, Statement::Word(Word::Alive))]);
}

/// A barrier is a descriptor that comes along, and is over once that is closed
/// (`sd_notify_barrier(3)`).
#[test]
fn descriptors_that_come_along_are_closed_on_arrival() {
    let (mut notify, name) = opened("barrier");
    let (reader, writer) = spawn_pipe();
    let address = UnixAddr::new_abstract(name.as_bytes()).expect("a name that fits");
    let socket = UnixDatagram::unbound().expect("a socket");
    let descriptors = [writer.as_raw_fd(), reader.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&descriptors)];
    let text = [IoSlice::new(b"READY=1\nBARRIER=1")];
    sendmsg(socket.as_raw_fd(), &text, &rights, MsgFlags::empty(), Some(&address))
        .expect("somebody listens");
    drop(writer);
    assert_eq!(take_all(&mut notify, true), [Heard::Said(RUN, Statement::Word(Word::Ready))]);
    let mut left = Vec::new();
    // At its end only when nobody holds the other side any more.
    std::io::Read::read_to_end(&mut std::fs::File::from(reader), &mut left).expect("readable");
    assert_eq!(left, [0u8; 0]);
}

fn spawn_pipe() -> (OwnedFd, OwnedFd) {
    crate::os::spawn::output_pipe().expect("a pipe")
}

#[test]
fn one_that_never_stops_talking_is_heard_in_portions() {
    let (mut notify, name) = opened("flood");
    let address = SocketAddr::from_abstract_name(&name).expect("a name that fits");
    let socket = UnixDatagram::unbound().expect("a socket");
    socket.set_nonblocking(true).expect("allowed");
    let mut sent = 0;
    let mut heard = Vec::new();
    let mut rounds = 0;
    while rounds < 5 {
        while socket.send_to_addr(b"WATCHDOG=1", &address).is_ok() {
            sent += 1;
        }
        let before = heard.len();
        notify.take(&mut |_, _| true, &mut heard);
        assert!(heard.len() - before <= AT_A_TIME, "{} at a time", heard.len() - before);
        rounds += 1;
    }
    while notify.take(&mut |_, _| true, &mut heard) {}
    assert_eq!(heard.len(), sent, "none is lost");
}

#[test]
fn a_closed_socket_is_gone_and_its_name_free() {
    let (mut notify, name) = opened("closed");
    send(&name, b"READY=1");
    notify.close(RUN);
    assert_eq!(take_all(&mut notify, true), []);
    let address = SocketAddr::from_abstract_name(&name).expect("a name that fits");
    let socket = UnixDatagram::unbound().expect("a socket");
    assert!(socket.send_to_addr(b"READY=1", &address).is_err(), "nobody listens any more");
    let plan = plan(r#""ready": {"check": "notify"}"#);
    let again = notify.open(RUN, &plan.processes[0], &mut Variables::new());
    assert!(again.is_ok(), "{again:?}");
}

#[test]
fn only_those_that_speak_are_given_a_socket() {
    let mut notify = Notify::new(instance("who")).expect("a set of sockets");
    for (of_process, names) in [
        (r#""ready": null"#, vec![]),
        (r#""ready": {"check": {"tcp": {"port": 1}}}"#, vec![]),
        (r#""ready": {"check": "notify"}"#, vec![SOCKET]),
        (r#""watchdog": {"usec": 1500}"#, vec![SOCKET, WATCHDOG]),
    ] {
        let plan = plan(of_process);
        let mut variables = Variables::new();
        notify.open(RUN, &plan.processes[0], &mut variables).expect("a socket");
        let named: Vec<&str> = variables.keys().filter_map(|name| name.to_str()).collect();
        assert_eq!(named, names, "{of_process}");
        if let Some(usec) = variables.get(OsStr::new(WATCHDOG)) {
            assert_eq!(usec, "2000", "what is enforced, in whole milliseconds");
        }
        notify.close(RUN);
    }
}
