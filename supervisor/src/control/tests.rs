//! Whatever bytes come in: a request, or an error that says why not; and what a goal makes of
//! every state.

use std::path::Path;

use proptest::prelude::*;

use super::goal::{self, Goal, Verdict};
use super::line::{LIMIT, Received, TooLong};
use super::wire::{Change, Logs, Ready, Request, Response};
use crate::machine::{ProcessStatus, RunEnd, State};
use crate::spec::{Kind, Signal};

#[test]
fn requests_are_read_strictly() {
    let web = || vec!["web".to_owned()];
    for (text, want) in [
        (r#"{"verb":"status"}"#, Request::Status { processes: Vec::new(), json: false }),
        (
            r#"{"verb":"start","processes":["web"]}"#,
            Request::Start(Change { processes: web(), wait: false }),
        ),
        (
            r#"{"verb":"stop","processes":["web"],"with":["wait"]}"#,
            Request::Stop(Change { processes: web(), wait: true }),
        ),
        (
            r#" {"verb": "signal", "signal":"hup","processes":["web"]}"#,
            Request::Signal { signal: Signal::parse("HUP").expect("a signal"), processes: web() },
        ),
        (
            r#"{"verb":"logs","lines":3,"with":["follow"]}"#,
            Request::Logs(Logs { processes: Vec::new(), lines: Some(3), follow: true }),
        ),
        (
            r#"{"verb":"wait_ready","processes":["web"]}"#,
            Request::WaitReady(Ready { processes: web(), now: false }),
        ),
        (r#"{"verb":"health"}"#, Request::Health(Vec::new())),
    ] {
        assert_eq!(Request::parse(text.as_bytes()), Ok(want.clone()), "{text}");
        assert_eq!(Request::parse(&want.to_line()), Ok(want));
    }
    for (text, why) in [
        ("", "EOF"),
        ("null", "invalid type"),
        (r#""status""#, "invalid type"),
        ("{}", "missing field `verb`"),
        (r#"{"verb":"dance"}"#, "unknown variant `dance`"),
        (r#"{"verb":"status","proceses":[]}"#, "unknown field `proceses`"),
        (r#"{"verb":"status","with":["wait"]}"#, "`with` has no \"wait\""),
        (r#"{"verb":"health","with":["json"]}"#, "`with` has no \"json\""),
        (r#"{"verb":"stop","lines":3}"#, "`lines` is for `logs` only"),
        (r#"{"verb":"stop","signal":"HUP"}"#, "`signal` is for `signal` only"),
        (r#"{"verb":"signal"}"#, "missing field `signal`"),
        (r#"{"verb":"signal","signal":"BOO"}"#, "there is no signal \"BOO\""),
        (r#"{"verb":"logs","lines":-1}"#, "invalid value"),
        (r#"{"verb":"status","verb":"stop"}"#, "duplicate field"),
        (r#"{"verb":"status"}{"verb":"status"}"#, "trailing characters"),
    ] {
        let error = Request::parse(text.as_bytes()).expect_err(text);
        assert!(error.contains(why), "{text}: {error}");
    }
}

/// Each file is what a client once sent, or could; its name tells whether it is a request.
#[test]
fn the_corpus_is_judged_as_its_names_say() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/control");
    let mut count = 0;
    for entry in std::fs::read_dir(directory).expect("the corpus is there") {
        let path = entry.expect("a file").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).expect("it can be read");
        let read = receive(&bytes, usize::MAX).map(|line| Request::parse(&line));
        let good = matches!(read, Ok(Ok(_)));
        assert_eq!(good, name.starts_with("good-"), "{name}: {read:?}");
        count += 1;
    }
    assert!(count >= 12, "{count} files");
}

#[test]
fn a_line_is_bounded_to_the_byte() {
    let longest = "x".repeat(LIMIT - 1) + "\n";
    assert_eq!(Received::default().push(longest.as_bytes()).map(|line| line.is_some()), Ok(true));
    assert_eq!(Received::default().push("x".repeat(LIMIT).as_bytes()), Err(TooLong));
    let mut received = Received::default();
    assert_eq!(received.push("x".repeat(LIMIT - 1).as_bytes()), Ok(None));
    assert_eq!(received.push(b"x"), Err(TooLong));
    assert_eq!(received.rest().len(), LIMIT - 1, "what is too much is not kept");
}

/// What comes of bytes that arrive in chunks of this size: a line, or what is left at the end.
fn receive(bytes: &[u8], chunk: usize) -> Result<Vec<u8>, TooLong> {
    let mut received = Received::default();
    for chunk in bytes.chunks(chunk.min(bytes.len()).max(1)) {
        if let Some(line) = received.push(chunk)? {
            return Ok(line);
        }
    }
    Ok(received.rest())
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic_and_alike_however_cut(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        chunk in 1usize..40,
    ) {
        let whole = receive(&bytes, usize::MAX);
        prop_assert_eq!(&receive(&bytes, chunk), &whole);
        if let Ok(line) = whole {
            if let Ok(request) = Request::parse(&line) {
                prop_assert_eq!(Request::parse(&request.to_line()), Ok(request));
            }
            let _ = Response::parse(&line);
        }
    }

    /// Bytes that are almost a request reach further into the parser than any bytes do.
    #[test]
    fn a_damaged_request_is_refused_or_still_one(
        which in 0usize..5,
        at in 0usize..80,
        byte in any::<u8>(),
        cut in 0usize..80,
    ) {
        let texts = [
            r#"{"verb":"status","processes":["web","db.1"]}"#,
            r#"{"verb":"restart","processes":["web"],"with":["wait"]}"#,
            r#"{"verb":"signal","signal":"SIGUSR1","processes":["web"]}"#,
            r#"{"verb":"logs","processes":[],"lines":10,"with":["follow"]}"#,
            r#"{"verb":"wait_ready","processes":["web"]}"#,
        ];
        let mut bytes = texts[which].as_bytes().to_vec();
        let index = at % bytes.len();
        bytes[index] = byte;
        if cut < bytes.len() {
            bytes.truncate(cut);
        }
        match Request::parse(&bytes) {
            Ok(request) => prop_assert_eq!(Request::parse(&request.to_line()), Ok(request)),
            Err(why) => prop_assert!(!why.is_empty()),
        }
    }

    #[test]
    fn any_text_survives_the_way_to_the_client(text in any::<String>(), more in any::<bool>()) {
        let response = Response::Line { process: text.clone(), text, more };
        let line = response.to_line();
        prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        prop_assert_eq!(Response::parse(&line), Ok(response));
    }
}

fn status(kind: Kind, state: State, ready: bool) -> ProcessStatus {
    ProcessStatus {
        label: "web.1".to_owned(),
        kind,
        state,
        ready,
        runs: 3,
        restarts: 0,
        last_end: Some(RunEnd::Code(2)),
        uptime_ms: None,
    }
}

/// One letter for each state: met, not yet (`-`), never (`x`).
fn row(goal: Goal, kind: Kind, ready: bool) -> String {
    let verdicts = State::ALL.map(|state| goal.judge(&status(kind, state, ready)));
    verdicts
        .iter()
        .map(|verdict| match verdict {
            Verdict::Met => 'm',
            Verdict::NotYet(_) => '-',
            Verdict::Never(_) => 'x',
        })
        .collect()
}

#[test]
fn every_goal_judges_every_state() {
    use Kind::{Service, Task};
    // The columns are those of State::ALL.
    for (goal, kind, ready, want) in [
        (Goal::Started, Service, false, "x--m--mxxx"),
        (Goal::Started, Task, true, "x-----mxxx"),
        (Goal::Restarted(3), Service, true, "x-------xx"),
        (Goal::Restarted(2), Service, true, "x--m--mxxx"),
        (Goal::Stopped(3), Service, true, "m-----mmmm"),
        (Goal::Stopped(2), Service, true, "xxxxxxxxxx"),
        (Goal::Ready, Service, true, "x--m--mxxx"),
        (Goal::Ready, Service, false, "x-----mxxx"),
        (Goal::Ready, Task, true, "x-----mxxx"),
        (Goal::Healthy, Service, true, "x--m--xxxx"),
        (Goal::Healthy, Service, false, "x-----xxxx"),
        (Goal::Healthy, Task, true, "x--m--mxxx"),
    ] {
        assert_eq!(row(goal, kind, ready), want, "{goal:?} {kind:?} ready={ready}");
    }
}

#[test]
fn a_restart_is_a_run_after_the_present_one() {
    for (state, want) in [(State::Running, 3), (State::Starting, 2), (State::Backoff, 3)] {
        let goal = Goal::restart_of(&status(Kind::Service, state, true));
        assert_eq!(goal, Goal::Restarted(want), "{state:?}");
    }
}

#[test]
fn what_can_never_be_comes_before_what_is_not_yet() {
    let (met, not_yet, never) = (
        Verdict::Met,
        |text: &str| Verdict::NotYet(text.to_owned()),
        |text: &str| Verdict::Never(text.to_owned()),
    );
    assert_eq!(goal::all([]), Verdict::Met);
    assert_eq!(goal::all([met.clone(), not_yet("a"), not_yet("b")]), not_yet("a"));
    assert_eq!(goal::all([not_yet("a"), never("b"), never("c"), met]), never("b"));
}

#[test]
fn the_reason_names_the_process_and_how_it_ended() {
    let verdict = Goal::Healthy.judge(&status(Kind::Service, State::Failed, false));
    assert_eq!(verdict, Verdict::Never("web.1 has failed (exit code 2)".to_owned()));
}
