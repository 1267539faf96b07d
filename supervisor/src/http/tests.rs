//! Whatever bytes come in: a request, or a status that says why not; and the pages to the byte.

use proptest::prelude::*;

use super::metrics::{Figures, Snapshot, Usage};
use super::request::LIMIT;
use super::*;
use crate::machine::{ProcessStatus, RunEnd, State};
use crate::spec::Kind;

fn read(bytes: &[u8]) -> Result<Option<Request>, Status> {
    Received::default().push(bytes)
}

fn got(path: &str, query: &str) -> Result<Option<Request>, Status> {
    let (path, query) = (path.to_owned(), query.to_owned());
    Ok(Some(Request { head_only: false, path, query }))
}

#[test]
fn requests_are_read_strictly() {
    for (text, want) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", got("/", "")),
        ("GET / HTTP/1.0\r\n\r\n", got("/", "")),
        ("GET /a?b=c&d HTTP/1.0\n\n", got("/a", "b=c&d")),
        ("\r\n\r\nGET / HTTP/1.0\r\n\r\n", got("/", "")),
        ("GET /readyz/devenv%3Aweb HTTP/1.0\r\n\r\n", got("/readyz/devenv:web", "")),
        ("GET http://pod:9300/livez?verbose HTTP/1.1\r\nhOST:\r\n\r\n", got("/livez", "verbose")),
        ("GET http://pod HTTP/1.1\r\nHost: pod\r\n\r\n", got("/", "")),
        ("GET / HTTP/1.0\r\nA: \t\u{e4} b\r\n\r\nand a body", got("/", "")),
        ("GET / HTTP/1.1\r\nHost: x\r\n", Ok(None)),
        ("GET / HTTP/1.1\r\nHost: x", Ok(None)),
        ("", Ok(None)),
        ("GET / HTTP/1.1\r\n\r\n", Err(Status::BadRequest)),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", Err(Status::BadRequest)),
        ("GET / HTTP/1.0\r\nA : b\r\n\r\n", Err(Status::BadRequest)),
        ("GET / HTTP/1.0\r\nA: b\r\n c\r\n\r\n", Err(Status::BadRequest)),
        ("GET / HTTP/1.0\r\nA: b\rc\r\n\r\n", Err(Status::BadRequest)),
        ("GET / HTTP/1.0\r\nA: b\0\r\n\r\n", Err(Status::BadRequest)),
        ("GET / HTTP/1.0\r\nnothing\r\n\r\n", Err(Status::BadRequest)),
        ("GET  / HTTP/1.0\r\n\r\n", Err(Status::BadRequest)),
        ("GET / HTTP/1.0 \r\n\r\n", Err(Status::BadRequest)),
        ("GET /\r\n\r\n", Err(Status::BadRequest)),
        ("GET / HTTP/1\r\n\r\n", Err(Status::BadRequest)),
        ("GET / ICY/1.0\r\n\r\n", Err(Status::BadRequest)),
        ("GET x HTTP/1.0\r\n\r\n", Err(Status::BadRequest)),
        ("GET ftp://x/ HTTP/1.0\r\n\r\n", Err(Status::BadRequest)),
        ("GET http:///x HTTP/1.0\r\n\r\n", Err(Status::BadRequest)),
        ("GET /%4 HTTP/1.0\r\n\r\n", Err(Status::BadRequest)),
        ("GET /%+4 HTTP/1.0\r\n\r\n", Err(Status::BadRequest)),
        ("GET /%ff HTTP/1.0\r\n\r\n", Err(Status::BadRequest)),
        ("GET /\u{e4} HTTP/1.0\r\n\r\n", Err(Status::BadRequest)),
        ("(GET) / HTTP/1.0\r\n\r\n", Err(Status::BadRequest)),
        ("\u{1}\u{2}\r\n\r\n", Err(Status::BadRequest)),
        ("POST / HTTP/1.0\r\n\r\n", Err(Status::MethodNotAllowed)),
        ("OPTIONS * HTTP/1.0\r\n\r\n", Err(Status::MethodNotAllowed)),
        ("get / HTTP/1.0\r\n\r\n", Err(Status::MethodNotAllowed)),
        ("PRI * HTTP/2.0\r\n\r\n", Err(Status::VersionNotSupported)),
    ] {
        assert_eq!(read(text.as_bytes()), want, "{text:?}");
    }
    let head = read(b"HEAD / HTTP/1.0\r\n\r\n").expect("a request").expect("a whole one");
    assert!(head.head_only);
}

#[test]
fn a_request_has_its_limit() {
    let long = |length: usize| {
        let frame = "GET / HTTP/1.0\r\nA: \r\n\r\n".len();
        format!("GET / HTTP/1.0\r\nA: {}\r\n\r\n", "x".repeat(length - frame))
    };
    assert_eq!(read(long(LIMIT).as_bytes()), got("/", ""));
    assert_eq!(read(long(LIMIT + 1).as_bytes()), Err(Status::TooLarge));
    let mut received = Received::default();
    let endless = (0..=LIMIT).map(|_| received.push(b"x")).find(|result| *result != Ok(None));
    assert_eq!(endless, Some(Err(Status::TooLarge)));
}

#[test]
fn pages_are_found_by_their_path() {
    let health = |subject, name: Option<&str>, verbose| {
        Some(Page::Health { subject, name: name.map(str::to_owned), verbose })
    };
    for (path, query, want) in [
        ("/metrics", "", Some(Page::Metrics)),
        ("/livez", "", health(Subject::Live, None, false)),
        ("/readyz", "verbose", health(Subject::Ready, None, true)),
        ("/readyz", "a=b&verbose=1", health(Subject::Ready, None, true)),
        ("/readyz", "verbosely", health(Subject::Ready, None, false)),
        ("/readyz/web", "", health(Subject::Ready, Some("web"), false)),
        ("/livez/a/b", "", health(Subject::Live, Some("a/b"), false)),
        ("/readyz/", "", None),
        ("/metrics/", "", None),
        ("/", "", None),
        ("//livez", "", None),
        ("/healthz", "", None),
    ] {
        let request = Request { head_only: false, path: path.to_owned(), query: query.to_owned() };
        assert_eq!(Page::of(&request), want, "{path}?{query}");
    }
}

#[test]
fn health_reads_as_that_of_kubernetes() {
    let check = |name: &str, fault: Option<&str>| Check {
        name: name.to_owned(),
        fault: fault.map(str::to_owned),
    };
    let well = [check("web.1", None), check("shutdown", None)];
    let ill = [check("web.1", Some("web.1 has failed:\r\nso it is")), check("shutdown", None)];
    for (checks, verbose, want) in [
        (&well, false, (Status::Ok, "ok\n")),
        (&well, true, (Status::Ok, "[+]web.1 ok\n[+]shutdown ok\nreadyz check passed\n")),
        (
            &ill,
            false,
            (
                Status::Unavailable,
                "[-]web.1 failed: web.1 has failed:  so it is\n[+]shutdown ok\nreadyz check failed\n",
            ),
        ),
    ] {
        let answer = health::answer(Subject::Ready, checks, verbose);
        assert_eq!((answer.status, answer.body.as_str()), want);
    }
}

#[test]
fn an_answer_has_one_head_and_for_head_nothing_else() {
    let answer = Answer::refusal(Status::MethodNotAllowed);
    let head = "HTTP/1.1 405 Method Not Allowed\r\nDate: now\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Length: 23\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nAllow: GET, HEAD\r\n\
         Connection: close\r\n\r\n";
    let text = |head_only| String::from_utf8(answer.to_bytes("now", head_only)).expect("text");
    assert_eq!(text(true), head);
    assert_eq!(text(false), format!("{head}405 Method Not Allowed\n"));
}

#[test]
fn addresses_are_literal() {
    let shown = |text| {
        let found = address::parse(text).map_err(|why| why.lines().count())?;
        Ok::<_, usize>(found.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    };
    for (text, want) in [
        ("127.0.0.1:9300", Ok("127.0.0.1:9300")),
        ("localhost:9300", Ok("127.0.0.1:9300")),
        ("[::1]:9300", Ok("[::1]:9300")),
        (":9300", Ok("[::]:9300 0.0.0.0:9300")),
        (":0", Err(2)),
        ("127.0.0.1:0", Err(2)),
        ("127.0.0.1", Err(2)),
        ("9300", Err(2)),
        ("pod:9300", Err(2)),
        ("::1:9300", Err(2)),
        ("", Err(2)),
    ] {
        assert_eq!(shown(text), want.map(str::to_owned), "{text}");
    }
}

fn status(kind: Kind, state: State) -> ProcessStatus {
    ProcessStatus {
        label: "web.1".to_owned(),
        kind,
        state,
        ready: state == State::Running,
        runs: 3,
        restarts: 2,
        last_end: Some(RunEnd::Signal(9)),
        uptime_ms: Some(5),
    }
}

#[test]
fn figures_are_written_as_openmetrics() {
    let status = status(Kind::Service, State::Running);
    let web = Figures {
        name: "web",
        replica: 1,
        status: &status,
        started_at_ms: Some(1_700_000_000_005),
        lines: 7,
        bytes: 80,
        usage: Some(Usage { cpu_ms: 1_250, memory_bytes: 4_096 }),
    };
    let snapshot = Snapshot {
        version: "1.2.3",
        project: "a \"b\" \\ c\nd",
        uptime_ms: 61_002,
        shutting_down: true,
        lost_lines: 1,
        lost_bytes: 2,
        processes: vec![web],
    };
    let body = metrics::answer(&snapshot).body;
    let samples: Vec<&str> = body.lines().filter(|line| !line.starts_with('#')).collect();
    let states = |state: &str| {
        let label =
            format!("{{process=\"web\",replica=\"1\",devenv_init_process_state=\"{state}\"}}");
        format!("devenv_init_process_state{label} {}", u8::from(state == "running"))
    };
    let of_web = |name: &str, value: &str| {
        format!("devenv_init_process_{name}{{process=\"web\",replica=\"1\"}} {value}")
    };
    let mut want = vec![
        r#"devenv_init_build_info{version="1.2.3",project="a \"b\" \\ c\nd"} 1"#.to_owned(),
        "devenv_init_uptime_seconds 61.002".to_owned(),
        "devenv_init_shutting_down 1".to_owned(),
        "devenv_init_log_lost_lines_total 1".to_owned(),
        "devenv_init_log_lost_bytes_total 2".to_owned(),
    ];
    want.extend(
        "disabled waiting starting running backoff stopping succeeded failed skipped stopped"
            .split(' ')
            .map(states),
    );
    want.extend([
        of_web("up", "1"),
        of_web("ready", "1"),
        of_web("starts_total", "3"),
        of_web("restarts_total", "2"),
        of_web("start_time_seconds", "1700000000.005"),
        of_web("last_exit_code", "137"),
        of_web("log_lines_total", "7"),
        of_web("log_bytes_total", "80"),
        of_web("cpu_seconds_total", "1.250"),
        of_web("resident_memory_bytes", "4096"),
    ]);
    assert_eq!(samples, want);
    assert!(body.ends_with("\n# EOF\n"), "{body}");
}

#[test]
fn what_is_not_known_is_not_told() {
    let mut status = status(Kind::Task, State::Waiting);
    (status.last_end, status.uptime_ms) = (None, None);
    let task = Figures {
        name: "task",
        replica: 1,
        status: &status,
        started_at_ms: None,
        lines: 0,
        bytes: 0,
        usage: None,
    };
    let snapshot = Snapshot {
        version: "1",
        project: "",
        uptime_ms: 0,
        shutting_down: false,
        lost_lines: 0,
        lost_bytes: 0,
        processes: vec![task],
    };
    let body = metrics::answer(&snapshot).body;
    for absent in
        ["ready", "start_time_seconds", "last_exit_code", "cpu_seconds", "resident_memory_bytes"]
    {
        assert!(!body.contains(&format!("devenv_init_process_{absent}{{")), "{absent}: {body}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_the_same_however_they_are_cut(
        words in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "(GET|HEAD|PUT) /[a-z%?]{0,9} HTTP/1.[01]\r?\n(Host: x\r?\n)?[A-Z :\r\n]{0,20}\r?\n\r?\n"
                .prop_map(String::into_bytes),
        ],
        size in 1usize..20,
    ) {
        let whole = read(&words);
        let mut received = Received::default();
        let cut = words.chunks(size).map(|chunk| received.push(chunk)).find(|r| *r != Ok(None));
        prop_assert_eq!(cut.unwrap_or(Ok(None)), whole);
    }

    #[test]
    fn a_label_never_breaks_its_line(project in "\\PC*|[\n\\\\\"]{0,9}") {
        let snapshot = Snapshot {
            version: "1",
            project: &project,
            uptime_ms: 0,
            shutting_down: false,
            lost_lines: 0,
            lost_bytes: 0,
            processes: Vec::new(),
        };
        let body = metrics::answer(&snapshot).body;
        let line = body.split('\n').find(|line| line.starts_with("devenv_init_build_info{"));
        let escaped = line
            .and_then(|line| line.strip_prefix("devenv_init_build_info{version=\"1\",project=\""))
            .and_then(|line| line.strip_suffix("\"} 1"));
        let escaped = escaped.expect("one line");
        let mut found = String::new();
        let mut characters = escaped.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => match characters.next() {
                    Some('n') => found.push('\n'),
                    Some(other @ ('\\' | '"')) => found.push(other),
                    other => panic!("{other:?} behind a backslash"),
                },
                '"' => panic!("an unescaped quote"),
                other => found.push(other),
            }
        }
        prop_assert_eq!(found, project);
    }
}
