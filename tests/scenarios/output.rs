//! What is printed, byte for byte as honcho prints it, and that nobody has to read it.

use std::process::Command;
use std::time::Duration;

use devenv_tests::lines;
use devenv_tests::place::{EVERYWHERE, Place};
use devenv_tests::programs::{devenv_init, repository};
use devenv_tests::running;
use devenv_tests::spec::Spec;
use devenv_tests::terminal::Terminal;
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::json;

/// Two processes that end by themselves: the second says its piece, the first outlives it.
const PROCESSES: [(&str, &str); 2] = [
    ("hello-docker", "echo 'Hello Docker!'; echo; echo to stderr >&2; sleep 1000"),
    ("hello-nix", "printf 'Hello Nix!\\nlast'; sleep 1; exit 3"),
];

fn spec() -> Spec {
    PROCESSES.iter().fold(Spec::new().with("exit", json!("any_ended")), |spec, (name, line)| {
        spec.process(name, &["/bin/sh", "-c", line])
    })
}

fn honcho(world: &World) -> Command {
    let procfile: String =
        PROCESSES.iter().map(|(name, line)| format!("{name}: {line}\n")).collect();
    let procfile = world.write("Procfile", &procfile);
    let program = repository().join(".setup/honcho/bin/honcho");
    assert!(program.is_file(), "no {}\nhint: .ci/setup test", program.display());
    let mut command = Command::new(program);
    command.args(["start", "-f"]).arg(procfile).current_dir(world.path(""));
    command
}

/// The lines without times and process ids, in an order of their own: who speaks first is up to the
/// kernel, in honcho too.
fn comparable(log: &str) -> Vec<String> {
    let mut lines = lines::timeless(log);
    lines.sort();
    lines
}

#[test]
fn a_log_reads_as_honcho_writes_it_to_a_file() {
    let world = World::new();
    let theirs = running::run(&mut honcho(&world));
    let ours = Place::Shell.run(&world, &spec());
    let (a, b) = (comparable(&ours.out), comparable(&theirs.out));
    assert_eq!(a, b, "\nours: {}\ntheirs: {}", ours.out, theirs.out);
    assert_eq!(lines::of(&ours.out, "hello-nix.1"), ["Hello Nix!", "last"]);
    assert_eq!(ours.code, theirs.code);
    assert_eq!(ours.err, "");
}

#[test]
fn a_procfile_gives_the_lines_and_the_code_it_gives_under_honcho() {
    let world = World::new();
    let theirs = running::run(&mut honcho(&world));
    let mut ours = Command::new(devenv_init());
    ours.args(["up", "-f"]).arg(world.path("Procfile")).current_dir(world.path(""));
    let ours = running::run(&mut ours);
    let (a, b) = (comparable(&ours.out), comparable(&theirs.out));
    assert_eq!(a, b, "\nours: {}\ntheirs: {}", ours.out, theirs.out);
    assert_eq!(ours.code, theirs.code);
    assert_eq!(ours.err, "");
}

#[test]
fn a_log_reads_as_honcho_writes_it_to_a_terminal() {
    let world = World::new();
    let limit = Duration::from_secs(30);
    let (_, theirs) = Terminal::start(&mut honcho(&world)).end_within(limit);
    let (_, ours) = Terminal::start(&mut Place::Shell.up(&world, &spec())).end_within(limit);
    assert_eq!(comparable(&ours), comparable(&theirs), "\nours: {ours}\ntheirs: {theirs}");
    assert!(ours.contains("\u{1b}[36m"), "the first process is cyan: {ours:?}");
}

#[test]
fn colours_are_for_terminals_and_only_where_they_are_wanted() {
    let world = World::new();
    let spec = Spec::new().actor("a", &["lines", "1"]);
    let plain = Place::Shell.run(&world, &spec).expect_code(0);
    assert!(!plain.out.contains('\u{1b}'), "{}", plain.out);
    let limit = Duration::from_secs(20);
    let (_, coloured) = Terminal::start(&mut Place::Shell.up(&world, &spec)).end_within(limit);
    assert!(coloured.contains('\u{1b}'), "{coloured}");
    let mut refused = Place::Shell.up(&world, &spec);
    let (_, refused) = Terminal::start(refused.env("NO_COLOR", "1")).end_within(limit);
    assert!(!refused.contains('\u{1b}'), "{refused}");
}

#[test]
fn standard_error_keeps_its_place_among_the_lines_of_standard_output() {
    let spec = Spec::new().actor("a", &["both"]);
    let ended = Place::Shell.run(&World::new(), &spec).expect_code(0);
    let expected: Vec<String> =
        (0..50).flat_map(|n| [format!("out {n}"), format!("err {n}")]).collect();
    assert_eq!(lines::of(&ended.out, "a.1"), expected);
}

#[test]
fn the_last_line_is_shown_without_its_newline() {
    let world = World::new();
    for place in EVERYWHERE {
        let spec = Spec::new().actor("a", &["last-word", "no newline here"]);
        let ended = place.run(&world, &spec).expect_code(0);
        assert_eq!(lines::of(&ended.out, "a.1"), ["no newline here"], "in {place:?}");
    }
}

#[test]
fn not_one_of_many_lines_is_lost_or_out_of_order() {
    let spec = Spec::new().actor("a", &["lines", "200000"]).actor("b", &["lines", "200000"]);
    let ended = Place::Shell.run(&World::new(), &spec).expect_code(0);
    for name in ["a.1", "b.1"] {
        let said = lines::of(&ended.out, name);
        assert_eq!(said.len(), 200_000, "{name}");
        let wrong = said.iter().enumerate().find(|(at, line)| **line != format!("line {at}"));
        assert_eq!(wrong, None, "{name}");
    }
}

#[test]
fn output_that_nobody_reads_holds_up_neither_stopping_nor_reaping() {
    let world = World::new();
    for place in [Place::Shell, Place::PidNamespace, Place::Unprivileged] {
        let spec = Spec::new().actor("floods", &["flood"]).actor("orphans", &["orphans", "100"]);
        let supervised = place.start_unread(&world, &spec, &[]);
        let pid = supervised.pid();
        blocked(pid);
        devenv_tests::wait::until_true(Duration::from_secs(20), "the orphans to be reaped", || {
            devenv_tests::process_table::zombies(pid) == 0
        });
        supervised.signal(Signal::SIGTERM);
        let limit = Duration::from_secs(15);
        devenv_tests::wait::until_true(limit, "the supervisor to end unread", || {
            !devenv_tests::process_table::is_alive(pid)
        });
        let _ = supervised.end().expect_code(143);
    }
}

/// Waits until the flooding process is held back by the full pipe: it sleeps in its write.
fn blocked(supervisor: i32) {
    devenv_tests::wait::until_true(Duration::from_secs(20), "the flood to be held back", || {
        devenv_tests::process_table::children(supervisor).into_iter().any(|pid| {
            let at = std::fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
            at.contains("pipe_write")
        })
    });
}

#[test]
fn objects_instead_of_text_are_there_for_programs() {
    let spec = Spec::new().actor("a", &["last-word", "a \"quoted\" word"]);
    let world = World::new();
    let ended = Place::Shell.start(&world, &spec, &["--log-format", "json"]).end().expect_code(0);
    let objects: Vec<serde_json::Value> = ended
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
        .collect();
    assert!(
        objects.iter().any(|o| o["process"] == "a" && o["message"] == "a \"quoted\" word"),
        "{}",
        ended.out
    );
}

#[test]
fn objects_tell_the_stream_of_each_line_and_the_replica_of_each_event() {
    let spec = Spec::new().actor_with("a", &["both"], json!({ "replicas": 2 }));
    let world = World::new();
    let ended = Place::Shell.start(&world, &spec, &["--log-format", "json"]).end().expect_code(0);
    let objects: Vec<serde_json::Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for replica in [1, 2] {
        let of_it: Vec<_> = objects.iter().filter(|o| o["replica"] == replica).collect();
        for (stream, word) in [("stdout", "out"), ("stderr", "err")] {
            let lines = of_it.iter().filter(|o| o["stream"] == stream);
            let lines: Vec<_> = lines.map(|o| o["message"].as_str().expect("text")).collect();
            let wanted: Vec<String> = (0..50).map(|number| format!("{word} {number}")).collect();
            assert_eq!(lines, wanted, "{stream} of {replica}");
        }
        for event in ["started", "stopped"] {
            let times = of_it.iter().filter(|o| o["event"] == event).count();
            assert_eq!(times, 1, "{event} of {replica}: {}", ended.out);
        }
    }
}

#[test]
fn values_of_secret_variables_are_never_shown() {
    let world = World::new();
    let script = "echo \"the token is $TOKEN\"; echo \"mine is $OWN and $PUBLIC\"";
    let spec = Spec::new()
        .with(
            "environment",
            json!({ "TOKEN": "hunter2-of-all", "PIN": "123", "PUBLIC": "seen by all" }),
        )
        .process_with(
            "web",
            &["/bin/sh", "-c", script],
            json!({ "environment": { "OWN": "hunter2-of-web" } }),
        );
    let options = ["--secret", "TOKEN,OWN,PIN", "--secret", "MISSPELT", "--no-prefix"];
    let supervised = Place::Shell.start(&world, &spec, &options);
    let ended = supervised.end().expect_code(0);
    assert!(ended.out.contains("the token is ***\nmine is *** and seen by all\n"), "{}", ended.out);
    assert!(!ended.out.contains("hunter2"), "{}", ended.out);
    assert!(ended.err.contains("warning: --secret: \"MISSPELT\" is not set"), "{}", ended.err);
    let short = "warning: --secret: \"PIN\" is shown where it has less than 4 bytes";
    assert_eq!(ended.err.matches(short).count(), 1, "{}", ended.err);
    assert_eq!(ended.err.matches("warning").count(), 2, "{}", ended.err);
    // The control: without being declared they are shown.
    let shown = Place::Shell.start(&world, &spec, &["--no-prefix"]).end().expect_code(0);
    assert!(shown.out.contains("the token is hunter2-of-all\n"), "{}", shown.out);
}
