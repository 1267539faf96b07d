//! One-shot tasks: what they hand on to whoever waits for them, and when they have nothing to do.

use std::process::Command;

use devenv_tests::lines;
use devenv_tests::place::{EVERYWHERE, Place};
use devenv_tests::programs::devenv_init;
use devenv_tests::running::{self, Ended};
use devenv_tests::spec::Spec;
use devenv_tests::world::World;
use serde_json::{Value, json};

/// Read-only and without any directory that could be written to: the files are in memory.
const NOWHERE_TO_WRITE: Place = Place::Docker(&["--read-only", "--ipc", "none"]);

/// Exports `TOKEN=made here` and writes JSON.
const HANDS_ON: &str = "echo '{ \"port\": 8080 }' > \"$DEVENV_TASK_OUTPUT_FILE\"; \
    printf 'TOKEN\\0bWFkZSBoZXJl\\0' >> \"$DEVENV_TASK_EXPORTS_FILE\"";

/// Shows what it was given.
const SHOWS: &str = "echo \"token: ${TOKEN-none}\"; echo \"outputs: ${DEVENV_TASKS_OUTPUTS-none}\"";

const ALL: &str = r#"outputs: {"app:token":{"port":8080,"devenv":{"env":{"TOKEN":"made here"}}}}"#;

fn shell(script: &str) -> [&str; 3] {
    ["/bin/sh", "-c", script]
}

fn after(name: &str) -> Value {
    json!([{ "process": name, "condition": "succeeded" }])
}

#[test]
fn in_every_place_those_that_wait_for_a_task_get_what_it_hands_on_and_nobody_else_does() {
    let world = World::new();
    let spec = Spec::new()
        .process_with("app:token", &shell(HANDS_ON), json!({ "kind": "task" }))
        .process_with("near", &shell(SHOWS), json!({ "after": after("app:token") }))
        .process_with(
            "own",
            &shell(SHOWS),
            json!({ "after": after("near"), "environment": { "TOKEN": "own" } }),
        )
        .process_with(
            "apart",
            &shell(SHOWS),
            // Later than the task, though it does not wait for it.
            json!({ "restart": { "on": "always", "max_restarts": 1, "backoff_ms": 500 } }),
        );
    for place in EVERYWHERE.into_iter().chain([NOWHERE_TO_WRITE]) {
        let said = place.run(&world, &spec).expect_code(0).out;
        assert_eq!(lines::of(&said, "near.1"), ["token: made here", ALL], "in {place:?}");
        assert_eq!(lines::of(&said, "own.1"), ["token: own", ALL], "in {place:?}");
        let apart = lines::of(&said, "apart.1");
        assert!(apart.len() == 4 && apart.iter().all(|line| line.ends_with(": none")), "{said}");
    }
}

#[test]
fn what_a_task_exports_under_the_name_of_a_secret_is_hidden_from_then_on() {
    let world = World::new();
    let spec = Spec::new()
        .process_with("app:token", &shell(HANDS_ON), json!({ "kind": "task" }))
        .process_with("near", &shell(SHOWS), json!({ "after": after("app:token") }));
    let ended = Place::Shell.start(&world, &spec, &["--secret", "TOKEN"]).end().expect_code(0);
    let shown = lines::of(&ended.out, "near.1");
    assert_eq!(shown, ["token: ***", &ALL.replace("made here", "***")], "{}", ended.out);
    assert!(!ended.out.contains("made here") && !ended.err.contains("warning"), "{ended:?}");
}

#[test]
fn a_task_of_another_user_hands_on_and_leaves_no_file_behind() {
    let world = World::new();
    let temporary = world.directory("tmp");
    let spec = Spec::new()
        .process_with(
            "app:token",
            // As some programs write: a new file in the place of the old one.
            &shell(&format!(
                "{HANDS_ON}; mv \"$DEVENV_TASK_OUTPUT_FILE\" \"$DEVENV_TASK_OUTPUT_FILE.new\" && \
                 mv \"$DEVENV_TASK_OUTPUT_FILE.new\" \"$DEVENV_TASK_OUTPUT_FILE\"; id -u"
            )),
            json!({ "kind": "task", "user": "daemon" }),
        )
        .process_with("near", &shell(SHOWS), json!({ "after": after("app:token") }));
    let mut command = Place::Shell.up(&world, &spec);
    let said = running::run(command.env("TMPDIR", &temporary)).expect_code(0).out;
    assert_eq!(lines::of(&said, "app:token.1"), ["1"]);
    assert_eq!(lines::of(&said, "near.1"), ["token: made here", ALL]);
    let left = std::fs::read_dir(&temporary).expect("it is there").count();
    assert_eq!(left, 0, "files of tasks are left behind");
}

#[test]
fn a_task_that_hands_on_what_cannot_be_read_has_failed_and_says_why() {
    let world = World::new();
    for (script, told) in [
        ("echo 'port: 1' > $DEVENV_TASK_OUTPUT_FILE", "DEVENV_TASK_OUTPUT_FILE does not hold JSON"),
        ("printf A > $DEVENV_TASK_EXPORTS_FILE", "DEVENV_TASK_EXPORTS_FILE: A has no value"),
        (
            "printf 'A\\0?\\0' > $DEVENV_TASK_EXPORTS_FILE",
            "DEVENV_TASK_EXPORTS_FILE: the value of A is not",
        ),
        (
            "head -c 2000000 /dev/zero > $DEVENV_TASK_OUTPUT_FILE",
            "DEVENV_TASK_OUTPUT_FILE holds more than 262144 bytes",
        ),
        (
            "rm $DEVENV_TASK_OUTPUT_FILE; mkfifo $DEVENV_TASK_OUTPUT_FILE",
            "DEVENV_TASK_OUTPUT_FILE names no regular file",
        ),
    ] {
        let spec = Spec::new()
            .process_with("app:bad", &shell(script), json!({ "kind": "task" }))
            .process_with("web", &shell("echo up"), json!({ "after": after("app:bad") }));
        let said = Place::Shell.run(&world, &spec).expect_code(65).out;
        assert!(said.contains(&format!("app:bad.1 has failed: {told}")), "{script}: {said}");
        assert!(said.contains("app:bad.1 stopped (rc=65)"), "{script}: {said}");
        assert!(said.contains("web.1 never starts because of app:bad.1"), "{script}: {said}");
    }
    // What a task that fails by itself leaves behind is not even looked at.
    let script = "echo nonsense > $DEVENV_TASK_OUTPUT_FILE; exit 3";
    let spec = Spec::new().process_with("app:bad", &shell(script), json!({ "kind": "task" }));
    let said = Place::Shell.run(&world, &spec).expect_code(3).out;
    assert!(!said.contains("DEVENV_TASK"), "{said}");
}

#[test]
fn a_task_that_hands_on_more_than_a_variable_can_hold_has_failed() {
    let world = World::new();
    let half = "{ printf '\"'; head -c 70000 /dev/zero | tr '\\0' x; printf '\"'; } \
                > $DEVENV_TASK_OUTPUT_FILE";
    let spec = Spec::new()
        .process_with("app:a", &shell(half), json!({ "kind": "task" }))
        .process_with("app:b", &shell(half), json!({ "kind": "task", "after": after("app:a") }))
        .process_with(
            "web",
            &shell("echo up"),
            json!({ "after": [after("app:a")[0], after("app:b")[0]] }),
        );
    let said = Place::Shell.run(&world, &spec).expect_code(65).out;
    let told = "app:b.1 has failed: all that is handed on: DEVENV_TASKS_OUTPUTS would be of 1400";
    assert!(said.contains(told), "{said}");
    assert!(said.contains("web.1 never starts because of app:b.1"), "{said}");
}

/// Runs `up --tasks` on a project whose one task builds something of `src`, in `world`.
fn build(world: &World, state: Option<&str>, more: &Value) -> Ended {
    let script = |name: &str, text: &str| {
        let path = world.write(name, &format!("#!/bin/sh\n{text}\n"));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("our own file");
        path.display().to_string()
    };
    let mut task = json!({
        "name": "app:build", "type": "oneshot", "status": null, "after": [], "env": {}, "cwd": null,
        "before": ["devenv:processes:web"], "input": {}, "exec_if_modified": [],
        "command": script("build", &format!("echo built; test ! -e fails || exit 1; {HANDS_ON}")),
    });
    for (name, value) in more.as_object().expect("an object") {
        task[name] = value.clone();
    }
    let web = json!({
        "name": "devenv:processes:web", "type": "process", "after": [], "before": [],
        "command": script("web", SHOWS), "process": { "restart": { "on": "never" } },
    });
    world.write("tasks.json", &json!([task, web]).to_string());
    let mut command = Command::new(devenv_init());
    command.args(["up", "--tasks", "tasks.json"]).current_dir(world.path(""));
    match state {
        Some(state) => command.env("DEVENV_STATE", world.path(state)),
        None => command.env_remove("DEVENV_STATE"),
    };
    running::run(&mut command)
}

#[test]
fn a_task_runs_again_only_when_a_file_it_names_has_changed() {
    let world = World::new();
    let more = json!({ "exec_if_modified": ["src/**/*.{ts,css}", "!**/gen/**"] });
    let skipped = "devenv-init: skipped: nothing has changed that it depends on";
    let runs = |said: &Ended| match lines::of(&said.out, "app:build.1").as_slice() {
        [line] if line == "built" => true,
        [line] if line == skipped => false,
        _ => panic!("{said:?}"),
    };
    let up = || build(&world, Some("state"), &more);
    world.write("src/a.ts", "1");
    world.write("src/gen/b.ts", "1");
    for (what, change, want) in [
        ("the first time", &(|| {}) as &dyn Fn(), true),
        ("the second time", &|| {}, false),
        ("a file is only touched", &|| drop(world.write("src/a.ts", "1")), false),
        ("a file is changed", &|| drop(world.write("src/a.ts", "2")), true),
        ("nothing is", &|| {}, false),
        ("a file comes", &|| drop(world.write("src/deep/c.css", "1")), true),
        ("one that is taken away", &|| drop(world.write("src/gen/b.ts", "2")), false),
        ("one it does not name", &|| drop(world.write("src/a.js", "2")), false),
        ("a file goes", &|| std::fs::remove_file(world.path("src/a.ts")).unwrap(), true),
    ] {
        change();
        let said = up().expect_code(0);
        assert_eq!(runs(&said), want, "{what}: {said:?}");
        // What it handed on when it last ran is handed on again.
        assert_eq!(
            lines::of(&said.out, "web.1"),
            ["token: made here", ALL.replace("token\"", "build\"").as_str()],
            "{what}"
        );
        assert!(said.err.is_empty(), "{}", said.err);
    }
    // One that fails has not seen what it was given.
    world.write("fails", "");
    world.write("src/a.ts", "3");
    let _ = up().expect_code(1);
    std::fs::remove_file(world.path("fails")).expect("it is there");
    assert!(runs(&up().expect_code(0)));
    assert!(!runs(&up().expect_code(0)));
}

#[test]
fn without_a_place_to_remember_in_a_task_runs_every_time_and_says_so() {
    let world = World::new();
    let more = json!({ "exec_if_modified": ["src"] });
    for _ in 0..2 {
        let said = build(&world, None, &more).expect_code(0).out;
        let own = lines::of(&said, "app:build.1");
        let told = "devenv-init: what app:build.1 has seen cannot be remembered, DEVENV_STATE names no directory";
        assert!(own.len() == 3 && own[0].starts_with(told) && own[2] == "built", "{said}");
        assert!(own[1].starts_with("hint: set DEVENV_STATE"), "{said}");
    }
    world.write("file", "");
    let said = build(&world, Some("file"), &more).expect_code(0).out;
    let own = lines::of(&said, "app:build.1");
    assert!(own[0] == "built" && own[1].contains("cannot remember in"), "{said}");
}

#[test]
fn a_task_whose_status_says_so_is_skipped_and_hands_on_what_it_did_last() {
    let world = World::new();
    let status = world.write(
        "status",
        "#!/bin/sh\necho asked\nprintf 'FROM\\0eA==\\0' > $DEVENV_TASK_EXPORTS_FILE\n\
         echo nonsense > $DEVENV_TASK_OUTPUT_FILE\ntest -e done\n",
    );
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&status, mode).expect("our own file");
    let more = json!({ "status": status });
    let up = || build(&world, Some("state"), &more).expect_code(0).out;
    let ran = up();
    assert_eq!(lines::of(&ran, "app:build.1"), ["built"]);
    let outputs = ALL.replace("token\"", "build\"");
    assert_eq!(
        lines::of(&ran, "web.1"),
        ["token: made here", &outputs],
        "the status exports nothing"
    );
    world.write("done", "");
    let skipped = up();
    let told = "devenv-init: skipped: its status says that there is nothing to do";
    assert_eq!(lines::of(&skipped, "app:build.1"), [told]);
    let outputs = outputs.replace("here\"", "here\",\"FROM\":\"x\"");
    assert_eq!(lines::of(&skipped, "web.1"), ["token: made here", &outputs]);
}

#[test]
fn a_guarded_task_ends_and_is_stopped_as_if_it_were_alone() {
    let world = World::new();
    let guarded = |script: &str| {
        let fields =
            json!({ "kind": "task", "status": ["/bin/false"], "stop": { "grace_ms": 5000 } });
        Spec::new().process_with("app:a", &shell(script), fields)
    };
    for (script, code, rc) in
        [("exit 3", 3, 3), ("kill -SEGV $$", 139, -11), ("kill -TERM $$", 143, -15)]
    {
        let said = Place::Shell.run(&world, &guarded(script)).expect_code(code).out;
        assert!(said.contains(&format!("app:a.1 stopped (rc={rc})")), "{script}: {said}");
    }
    // It tidies up before it ends, and is not cut short by the end of who watches over it.
    let script = "trap 'echo tidying; sleep 0.3; echo tidy; exit 0' TERM; echo up; \
                  while :; do sleep 0.1; done";
    let supervised = Place::Shell.start(&world, &guarded(script), &[]);
    supervised.wait_for("| up");
    supervised.signal(nix::sys::signal::Signal::SIGTERM);
    let said = supervised.end().expect_code(143).out;
    assert!(said.contains("| tidy\n") && said.contains("app:a.1 stopped (rc=0)"), "{said}");
    let missing = Spec::new().process_with(
        "app:a",
        &["/nonexistent/program"],
        json!({ "kind": "task", "exec_if_modified": ["x"] }),
    );
    let said = Place::Shell.run(&world, &missing).expect_code(127).out;
    assert!(said.contains("devenv-init: cannot execute /nonexistent/program: "), "{said}");
}

#[test]
fn a_guarded_task_is_stopped_by_its_command_and_its_success_codes_are_its_own() {
    let world = World::new();
    let stop = json!({ "command": ["/bin/sh", "-c", "kill -USR1 $MAINPID"], "grace_ms": 8000 });
    for guard in [json!({ "status": ["/bin/false"] }), json!({ "exec_if_modified": ["x"] })] {
        let mut fields = json!({ "kind": "task", "stop": stop });
        fields.as_object_mut().expect("an object").extend(guard.as_object().cloned().expect("one"));
        let script = "trap 'echo told; exit 0' USR1; echo up; while :; do sleep 0.1; done";
        let spec = Spec::new().process_with("app:a", &shell(script), fields);
        let supervised = Place::Shell.start(&world, &spec, &[]);
        supervised.wait_for("| up");
        supervised.signal(nix::sys::signal::Signal::SIGTERM);
        let said = supervised.end().expect_code(143).out;
        assert!(said.contains("| told\n") && said.contains("app:a.1 stopped (rc=0)"), "{said}");
    }
    // It is remembered after any end that is a success.
    let state = world.directory("state").display().to_string();
    let spec = Spec::new().process_with(
        "app:a",
        &shell("echo ran; exit 3"),
        json!({
            "kind": "task", "exec_if_modified": ["x"], "success_exit_codes": [0, 3],
            "environment": { "DEVENV_STATE": state },
        }),
    );
    for runs in [true, false] {
        let said = Place::Shell.run(&world, &spec).expect_code(0).out;
        assert_eq!(said.contains("| ran\n"), runs, "{said}");
    }
    // What others could have written is not believed.
    let tasks = std::path::Path::new(&state).join("tasks");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(tasks, mode).expect("our own directory");
    let said = Place::Shell.run(&world, &spec).expect_code(0).out;
    assert!(said.contains("| ran\n") && said.contains("could have written it"), "{said}");
}

#[test]
fn what_cannot_be_used_is_no_success_whatever_the_success_codes_are() {
    let world = World::new();
    let spec = Spec::new().process_with(
        "app:bad",
        &shell("echo nonsense > $DEVENV_TASK_OUTPUT_FILE"),
        json!({ "kind": "task", "success_exit_codes": [0, 65] }),
    );
    let said = Place::Shell.run(&world, &spec).expect_code(65).out;
    assert!(said.contains("app:bad.1 has failed: DEVENV_TASK_OUTPUT_FILE"), "{said}");
}
