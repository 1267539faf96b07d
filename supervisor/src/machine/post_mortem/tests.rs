use super::*;
use crate::machine::SpawnFailure;

const A: ProcessId = ProcessId(0);
const B: ProcessId = ProcessId(1);
const CARELESS: ProcessId = ProcessId(2);

fn plan() -> Plan {
    let text = r#"{"version": 1, "processes": [
        {"name": "a", "command": ["/a"], "success_exit_codes": [4]},
        {"name": "b", "command": ["/b"]},
        {"name": "careless", "command": ["/c"], "exit": "never"}]}"#;
    crate::spec::load(text).expect("a valid spec")
}

fn run(process: ProcessId) -> RunId {
    RunId { process, number: 1 }
}

/// What is said after these reports, each with the same process and no lack of memory.
fn text(reports: &[Report], code: u8, lines: &[&str]) -> Option<String> {
    text_with(reports, code, lines, Particulars { pid: Some(7), ..Particulars::default() })
}

fn text_with(reports: &[Report], code: u8, lines: &[&str], of: Particulars<'_>) -> Option<String> {
    let plan = plan();
    let mut seen = PostMortem::default();
    reports.iter().for_each(|report| seen.observe(&plan, report, &of));
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    seen.finding(&plan, code).map(|finding| finding.text(&lines))
}

fn ended(process: ProcessId, code: u8) -> Report {
    Report::Stopped(run(process), RunEnd::Code(code))
}

fn told() -> Report {
    Report::SignalReceived(Signal::TERM)
}

fn signalling(process: ProcessId) -> Report {
    Report::Signalling(run(process), Signal::TERM)
}

#[test]
fn an_end_that_was_wished_for_leaves_nothing_to_say() {
    let by_signal = Report::Stopped(run(A), RunEnd::Signal(15));
    for (why, reports, code) in [
        ("ended well", vec![ended(A, 0), ended(B, 0)], 0),
        ("a code that counts as success", vec![ended(A, 4)], 0),
        ("told and obeyed", vec![told(), signalling(A), by_signal.clone()], 143),
        ("told and obeyed in its own way", vec![told(), signalling(A), ended(A, 9)], 143),
        ("told twice", vec![told(), signalling(A), told(), Report::Killing(run(A))], 143),
        (
            "told twice after an end that ended nothing",
            vec![told(), told(), Report::Killing(run(A))],
            143,
        ),
        ("killed on request long before", vec![Report::Killing(run(A)), ended(B, 0)], 0),
    ] {
        assert_eq!(text(&reports, code, &[]), None, "{why}");
    }
}

#[test]
fn says_who_failed_how_and_why_that_is_the_exit_code() {
    let killed = Report::Stopped(run(A), RunEnd::Signal(9));
    let restarting = Report::Restarting { process: B, after_ms: 1, number: Some(1), max: Some(2) };
    let deciding = Report::Deciding(A, 3);
    for (why, reports, code, want) in [
        (
            "the first failure ends everything",
            vec![ended(A, 3), deciding.clone(), signalling(B), ended(B, 1)],
            3,
            "a.1 (pid 7) failed first: ended with exit code 3\n\
             exit code 3: the end of a.1 ended everything",
        ),
        (
            "by a signal, once all have ended",
            vec![killed.clone(), ended(B, 2)],
            137,
            "a.1 (pid 7) failed first: ended by SIGKILL\n\
             exit code 137: everything has ended, and a.1 failed",
        ),
        (
            "one that was started again, and one whose end does not matter, are not the cause",
            vec![ended(B, 9), restarting, ended(CARELESS, 8), ended(A, 3), deciding.clone()],
            3,
            "a.1 (pid 7) failed first: ended with exit code 3\n\
             exit code 3: the end of a.1 ended everything",
        ),
        (
            "the dependency comes before the one that never started",
            vec![
                ended(B, 5),
                Report::Skipped { process: A, because: B, again: false },
                deciding.clone(),
            ],
            69,
            "b.1 (pid 7) failed first: ended with exit code 5\n\
             exit code 69: the end of a.1 ended everything",
        ),
        (
            "never started because of one whose end does not matter",
            vec![
                ended(CARELESS, 5),
                Report::Skipped { process: A, because: CARELESS, again: false },
                deciding.clone(),
            ],
            69,
            "a.1 failed first: never started because of careless.1\n\
             exit code 69: the end of a.1 ended everything",
        ),
        (
            "told, and one did not obey",
            vec![told(), signalling(A), signalling(B), Report::Killing(run(B)), killed],
            143,
            "still alive at the deadline, and killed: b.1 (pid 7)\n\
             exit code 143: told to stop by SIGTERM",
        ),
        (
            "told twice while the end of one ended everything: the second kills",
            vec![
                ended(A, 3),
                deciding.clone(),
                told(),
                signalling(B),
                told(),
                Report::Killing(run(B)),
            ],
            3,
            "a.1 (pid 7) failed first: ended with exit code 3\n\
             exit code 3: the end of a.1 ended everything",
        ),
        (
            "beyond SIGKILL",
            vec![told(), signalling(A), Report::Killing(run(A)), Report::Abandoned(run(A))],
            143,
            "still alive at the deadline, and killed: a.1 (pid 7)\n\
             not even SIGKILL ended: a.1 (pid 7)\n\
             exit code 143: told to stop by SIGTERM",
        ),
    ] {
        assert_eq!(text(&reports, code, &[]).as_deref(), Some(want), "{why}");
    }
}

#[test]
fn one_that_was_ended_for_being_of_no_use_has_failed_by_that() {
    let of = Particulars { pid: Some(7), cause: Some("timed out"), out_of_memory: false };
    let ends = [
        Report::Unfit(run(A), Unfit::NotLive),
        signalling(A),
        Report::Stopped(run(A), RunEnd::Signal(15)),
        Report::Deciding(A, 143),
    ];
    let want = "a.1 (pid 7) failed first: failed its liveness check, and was stopped: timed out\n\
                exit code 143: the end of a.1 ended everything";
    assert_eq!(text_with(&ends, 143, &[], of).as_deref(), Some(want));
    let again = Report::Restarting { process: A, after_ms: 1, number: Some(1), max: None };
    let forgiven = [&ends[..3], &[again, ended(A, 0), ended(B, 0)]].concat();
    assert_eq!(text_with(&forgiven, 0, &[], of), None);
}

#[test]
fn names_the_cause_of_a_start_that_failed_and_a_lack_of_memory() {
    let cause = Particulars { cause: Some("cannot execute /a: gone"), ..Default::default() };
    let reports = [Report::SpawnFailed(run(A), SpawnFailure::NotFound), Report::Deciding(A, 127)];
    let said = text_with(&reports, 127, &[], cause).expect("a text");
    assert!(said.starts_with("a.1 failed first: not started: cannot execute /a: gone\n"), "{said}");

    let oom = Particulars { out_of_memory: true, ..Default::default() };
    let by_kernel = [Report::Stopped(run(A), RunEnd::Signal(9))];
    let said = text_with(&by_kernel, 137, &[], oom).expect("a text");
    assert!(said.contains("by SIGKILL, killed by the kernel: out of memory\n"), "{said}");
    let by_shell = [Report::Stopped(run(A), RunEnd::Code(137))];
    let said = text_with(&by_shell, 137, &[], oom).expect("a text");
    assert!(said.contains("with exit code 137, killed by the kernel: out of memory\n"), "{said}");
    // A descendant may have been the one that was killed, and the process ended of itself.
    let said = text_with(&[ended(A, 1)], 1, &[], oom).expect("a text");
    assert!(!said.contains("memory"), "{said}");
}

#[test]
fn the_last_lines_stand_in_between_and_the_oldest_give_way() {
    let want = "a.1 (pid 7) failed first: ended with exit code 3\n\
                its last lines:\n    one\n    two\n\
                exit code 3: everything has ended, and a.1 failed";
    assert_eq!(text(&[ended(A, 3)], 3, &["one", "two"]).as_deref(), Some(want));
    let long = "é".repeat(1000);
    let said = text(&[ended(A, 3)], 3, &[&long, &long, "end"]).expect("a text");
    assert!(said.len() <= LIMIT && said.matches(&long).count() == 1, "{}", said.len());
    assert!(said.ends_with("    end\nexit code 3: everything has ended, and a.1 failed"));
    let cause = "é".repeat(LIMIT);
    let of = Particulars { cause: Some(&cause), ..Default::default() };
    let reports = [Report::SpawnFailed(run(A), SpawnFailure::Setup)];
    assert!(text_with(&reports, 71, &["x"], of).expect("a text").len() <= LIMIT);
}
