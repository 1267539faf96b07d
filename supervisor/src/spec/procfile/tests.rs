//! Tables of what honcho does with the same input, and properties for any input.

use proptest::prelude::*;

use super::*;
use crate::spec::{ExitPolicy, Kind, RestartOn, Signal};

static NOTHING: Concurrency = Concurrency::NONE;

fn source(text: &str) -> Source<'_> {
    Source { file: "Procfile", text }
}

fn request(text: &str) -> Request<'_> {
    Request {
        procfile: source(text),
        env_files: &[],
        names: &[],
        concurrency: &NOTHING,
        port: None,
        inherited_port: None,
    }
}

fn translated(request: &Request<'_>) -> Translation {
    translate(request).unwrap_or_else(|error| panic!("{error}"))
}

/// Label, port and command of each process.
fn shown(translation: &Translation) -> Vec<String> {
    let show = |process: &Process| {
        let port = process.environment.get("PORT").map_or("-", String::as_str);
        format!("{} {port} {}", process.label, process.command.join("|"))
    };
    translation.plan.processes.iter().map(show).collect()
}

fn texts(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn failure(request: &Request<'_>) -> String {
    translate(request).expect_err("it is wrong").to_string()
}

/// What the `.env` file sets, as honcho sees it, and the lines that are warned of.
fn variables(text: &str) -> (Vec<(String, String)>, usize) {
    let (mut warnings, mut problems) = (Vec::new(), Vec::new());
    let file = Source { file: ".env", text };
    let found = env_file::parse(file, &mut warnings, &mut problems);
    assert_eq!(texts(&problems), [""; 0], "{text:?}");
    (found.into_iter().map(|one| (one.name, one.value)).collect(), warnings.len())
}

#[test]
fn each_line_of_a_procfile_is_a_process_run_by_the_shell() {
    let translation = translated(&request(
        "# the site\nweb:  python app.py --port=$PORT \n\nworker_2-b:echo a:b\n   # the end\n",
    ));
    assert_eq!(
        shown(&translation),
        [
            "web.1 5000 /bin/sh|-c|python app.py --port=$PORT ",
            "worker_2-b.1 5100 /bin/sh|-c|echo a:b"
        ]
    );
    assert_eq!(translation.warnings, []);
    assert_eq!(translation.plan.exit, ExitPolicy::AnyEnded);
    for process in &translation.plan.processes {
        assert_eq!((process.kind, process.restart.on), (Kind::Service, RestartOn::Never));
        assert_eq!((process.stop.signal, process.stop.grace_ms), (Signal::TERM, 5_000));
    }
}

#[test]
fn an_empty_procfile_is_a_plan_without_processes() {
    for text in ["", "\n", "# nothing"] {
        assert_eq!(translated(&request(text)).plan.processes, [], "{text:?}");
    }
}

#[test]
fn lines_that_are_no_process_are_warned_of() {
    let text = "web app\nweb:\nweb:  \n web: a\nwe b: a\n: a\nwéb: a\n";
    let translation = translated(&request(text));
    assert_eq!(shown(&translation), [""; 0]);
    let warnings = texts(&translation.warnings);
    assert_eq!(warnings.len(), 7);
    assert!(warnings[0].starts_with("Procfile:1: is passed over: it has no `:`\nhint: "));
    assert!(warnings[1].starts_with("Procfile:2: is passed over: \"web\" has no command"));
    assert!(warnings[4].starts_with("Procfile:5: is passed over: \"we b\" is no name"));
}

#[test]
fn a_name_twice_and_a_nul_byte_are_errors_with_their_lines() {
    let message = failure(&request("web: a\n\nweb: b\nworker: \0\n"));
    assert_eq!(
        message,
        "Procfile:3: \"web\" is already the name of line 1\n\
         hint: give each process a name of its own\n\
         Procfile:4: the command of \"worker\" holds a NUL byte"
    );
}

#[test]
fn names_are_chosen_in_the_order_given_and_ports_follow_it() {
    let chosen = Request { names: &["c", "a", "c"], ..request("a: 1\nb: 2\nc: 3\n") };
    assert_eq!(shown(&translated(&chosen)), ["c.1 5000 /bin/sh|-c|3", "a.1 5100 /bin/sh|-c|1"]);
    let unknown = Request { names: &["d"], ..request("a: 1\nb: 2\n") };
    assert_eq!(failure(&unknown), "there is no process \"d\"\nhint: there are a, b");
}

#[test]
fn replicas_count_up_from_the_port_of_their_name() {
    for (concurrency, want) in [
        ("a=2", vec!["a.1 5000", "a.2 5001", "b.1 5100", "c.1 5200"]),
        ("a=0", vec!["b.1 5100", "c.1 5200"]),
        ("c=2,b=0", vec!["a.1 5000", "c.1 5200", "c.2 5201"]),
        ("a=2,a=1", vec!["a.1 5000", "b.1 5100", "c.1 5200"]),
        ("a= +2 ", vec!["a.1 5000", "a.2 5001", "b.1 5100", "c.1 5200"]),
    ] {
        let concurrency = Concurrency::parse(concurrency).expect("well written");
        let asked = Request { concurrency: &concurrency, ..request("a: x\nb: x\nc: x\n") };
        let translation = translated(&asked);
        let want: Vec<String> = want.iter().map(|one| format!("{one} /bin/sh|-c|x")).collect();
        assert_eq!(shown(&translation), want);
        for process in &translation.plan.processes {
            assert_eq!(process.environment.get("HONCHO_PROCESS_NAME"), Some(&process.label));
        }
    }
}

#[test]
fn replicas_share_a_name_and_are_found_by_it() {
    let concurrency = Concurrency::parse("a=3").expect("well written");
    let asked = Request { concurrency: &concurrency, ..request("a: x\nb: x\n") };
    let mut plan = translated(&asked).plan;
    assert_eq!(plan.find_all("a").count(), 3);
    assert_eq!(plan.find("a.3"), Some(crate::spec::ProcessId(2)));
    plan.select(&["a.2", "b"]).expect("they exist");
    let enabled: Vec<bool> = plan.processes.iter().map(|process| process.enabled).collect();
    assert_eq!(enabled, [false, true, false, true]);
    plan.select(&["a"]).expect("it exists");
    let enabled: Vec<bool> = plan.processes.iter().map(|process| process.enabled).collect();
    assert_eq!(enabled, [true, true, true, false]);
    assert_eq!(plan.select(&["b", "a.4"]), Err("a.4"));
}

#[test]
fn a_concurrency_for_nobody_is_warned_of() {
    let concurrency = Concurrency::parse("a=1, b=2").expect("well written");
    let asked = Request { concurrency: &concurrency, names: &["a"], ..request("a: x\nb: x\n") };
    let warnings = texts(&translated(&asked).warnings);
    assert_eq!(warnings, ["-c: \" b\" is not in the Procfile"]);
}

#[test]
fn a_concurrency_that_cannot_be_is_refused() {
    for text in ["", "a", "a=", "a=-1", "a=x", "a=1.5", "a=10001", "a=99999999999", "a=1,"] {
        assert!(Concurrency::parse(text).is_err(), "{text}");
    }
}

/// Which of the four places the base of the ports comes from.
#[test]
fn the_env_file_wins_over_the_option_and_that_over_the_container() {
    let set = [Source { file: ".env", text: "PORT=8000\n" }];
    for (env_files, port, inherited, want, warned) in [
        (&set[..0], None, None, "5000", false),
        (&set[..0], None, Some("6000"), "6000", false),
        (&set[..0], Some(7_000), Some("6000"), "7000", false),
        (&set[..0], Some(7_000), Some("nonsense"), "7000", false),
        (&set[..], Some(7_000), Some("6000"), "8000", true),
        (&set[..], Some(8_000), None, "8000", false),
        (&set[..], None, Some("nonsense"), "8000", false),
    ] {
        let asked =
            Request { env_files, port, inherited_port: inherited, ..request("a: x\nb: x\n") };
        let translation = translated(&asked);
        let next = want.parse::<u32>().expect("a number") + 100;
        let want = [format!("a.1 {want} /bin/sh|-c|x"), format!("b.1 {next} /bin/sh|-c|x")];
        assert_eq!(shown(&translation), want);
        assert_eq!(!translation.warnings.is_empty(), warned, "{:?}", translation.warnings);
    }
}

#[test]
fn a_port_that_is_none_is_an_error_that_says_where_it_stands() {
    let set = [Source { file: "a.env", text: "\nPORT=80a\n" }];
    assert_eq!(
        failure(&Request { env_files: &set, ..request("a: x") }),
        "a.env:2: PORT: \"80a\" is no port, which is 0 to 65535"
    );
    assert_eq!(
        failure(&Request { inherited_port: Some(""), ..request("a: x") }),
        "the variable PORT: \"\" is no port, which is 0 to 65535"
    );
    for text in ["-1", "65536", "8080x", "0x50", "1_0"] {
        assert!(options::port(text).is_err(), "{text}");
    }
    assert_eq!(options::port(" 80\n"), Ok(80));
}

#[test]
fn a_port_beyond_the_last_is_warned_of() {
    let asked = Request { port: Some(65_500), ..request("a: x\nb: x\n") };
    assert_eq!(
        texts(&translated(&asked).warnings),
        ["b.1: gets PORT=65600, and ports end at 65535\n\
          hint: begin with a lower one: `-p PORT`"]
    );
}

#[test]
fn variables_of_the_files_win_and_later_files_over_earlier_ones() {
    let files = [
        Source { file: "one", text: "A=1\nB=1\nHONCHO_PROCESS_NAME=mine\n" },
        Source { file: "two", text: "B=2" },
    ];
    let translation = translated(&Request { env_files: &files, ..request("web: x\n") });
    let found: Vec<String> = translation.plan.processes[0]
        .environment
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(found, ["A=1", "B=2", "HONCHO_PROCESS_NAME=mine", "PORT=5000"]);
    assert!(translation.plan.environment.is_empty(), "those would lose to the container's");
}

#[test]
fn the_lines_of_an_env_file() {
    for (text, want, warned) in [
        ("A=b", vec![("A", "b")], 0),
        ("  A = b c  # why\n", vec![("A", "bc")], 0),
        ("A=d#b", vec![("A", "d")], 0),
        ("A='d#b $C'", vec![("A", "d#b $C")], 0),
        ("A=''\nB=\"\"", vec![("A", ""), ("B", "")], 0),
        ("A=http://x.y/?z=1&b", vec![("A", "http://x.y/?z=1&b")], 0),
        (r#"A="a\nb\tc\"d""#, vec![("A", "a\nb\tc\"d")], 0),
        (r"A='\\n'", vec![("A", "\\\n")], 0),
        (r"A=a\nb", vec![("A", "anb")], 0),
        ("A=1\nA=2", vec![("A", "1"), ("A", "2")], 0),
        ("'A B'=1", vec![("A B", "1")], 0),
        ("# A=1\n\n \t\n", vec![], 0),
        ("A=\nA\nexport A=1\nA.B=1\n1A=1\n=1\n-A=1", vec![], 7),
        ("é=1\n_=1", vec![("_", "1")], 1),
    ] {
        let want: Vec<_> =
            want.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(variables(text), (want, warned), "{text:?}");
    }
}

#[test]
fn an_open_quote_is_an_error_with_its_line() {
    let files = [Source { file: ".env", text: "A=1\nB=don't\nC=\\\n" }];
    let message = failure(&Request { env_files: &files, ..request("web: x\n") });
    let mut lines = message.lines();
    assert_eq!(lines.next(), Some(".env:2: the quote ' is not closed on its line"));
    assert_eq!(lines.nth(1), Some(".env:3: nothing follows the backslash at the end"));
}

#[test]
fn what_no_environment_can_hold_is_an_error() {
    for text in ["'A=B'=1", "'A\0'=1", "A='\0'"] {
        let files = [Source { file: ".env", text }];
        let message = failure(&Request { env_files: &files, ..request("web: x\n") });
        assert!(message.starts_with(".env:1: "), "{message}");
    }
}

/// Pieces that mean something, so that random text is not all noise.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "\n", ":", "=", "web", "a", " ", "PORT", "\"", "'", "\\", "#", "5000", "\r\n",
            "\u{85}", "\0", "export ", "é", "日",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Every text gives a plan or an error that names a line; every problem of ours is found
    /// before the spec is checked, whose paths would mean nothing to the writer of a Procfile.
    #[test]
    fn any_text_is_translated_or_refused_with_a_place(procfile in text(), env in text()) {
        let files = [Source { file: ".env", text: &env }];
        match translate(&Request { env_files: &files, ..request(&procfile) }) {
            Ok(translation) => {
                for process in &translation.plan.processes {
                    prop_assert!(process.environment.contains_key("PORT"));
                    prop_assert_eq!(process.command.len(), 3);
                }
            }
            Err(TranslationError::File(SpecError::Problems(problems))) => {
                for problem in problems {
                    let known = ["Procfile:", ".env:"].iter().any(|file| problem.path.starts_with(file));
                    prop_assert!(known, "{}", problem);
                }
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    /// What was quoted for `shlex` comes back as it was.
    #[test]
    fn a_quoted_value_comes_back(value in "[^\0-\u{1f}\u{85}\u{2028}\u{2029}\\\\]*") {
        let quoted = format!("A='{}'", value.replace('\'', "'\"'\"'"));
        prop_assert_eq!(variables(&quoted), (vec![("A".to_owned(), value)], 0));
    }

    /// No text for `-c` or `-p` is read as something else than it says.
    #[test]
    fn numbers_are_read_or_refused(number in any::<i64>(), noise in ".{0,8}") {
        let written = number.to_string();
        prop_assert_eq!(options::port(&written).ok(), u16::try_from(number).ok());
        let _ = (options::port(&noise), Concurrency::parse(&noise));
    }
}
