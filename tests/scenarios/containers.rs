//! The image of a project in Docker: who is PID 1, how it stops, what it says and how it ends.

use std::time::{Duration, Instant};

use devenv_tests::docker::{self, Container};
use devenv_tests::lines;
use devenv_tests::process_table;
use devenv_tests::project::BUILD;
use devenv_tests::running::{self, Running};
use devenv_tests::wait;
use devenv_tests::world::World;
use nix::sys::signal::Signal;

/// Starts a container of an image in the background.
#[track_caller]
fn start(image: &str, options: &[&str]) -> Container {
    let container = Container::name("scenario");
    let base = ["run", "--detach", "--network", "none", "--name", &container.name];
    let arguments: Vec<&str> =
        base.into_iter().chain(options.iter().copied()).chain([image]).collect();
    docker::ask(&arguments);
    container
}

/// Waits for a text in the log of a container.
#[track_caller]
fn wait_for(container: &Container, text: &str) {
    wait::until_true(wait::SOON, &format!("{text:?} in the log"), || log(container).contains(text));
}

fn log(container: &Container) -> String {
    let said = running::run(&mut docker::docker(&["logs", &container.name]));
    said.out + &said.err
}

#[test]
fn pid_1_is_the_supervisor_and_there_is_no_shell_above_it() {
    let world = World::new();
    let image = world.example("hello", "hello").load("processes");
    let container = start(&image, &[]);
    wait_for(&container, "Hello Nix!");
    let init = container.init_pid();
    let program = process_table::program(init).expect("PID 1 runs");
    assert!(program.to_string_lossy().ends_with("devenv-init"), "{}", program.display());
    assert_eq!(process_table::namespace_pids(init).last(), Some(&1));
    let said = lines::of(&log(&container), "hello-docker.1");
    assert_eq!(said.first().map(String::as_str), Some("Hello Docker!"));
}

#[test]
fn stopping_takes_well_under_a_second_when_the_processes_obey() {
    let world = World::new();
    let image = world.example("hello", "hello").load("processes");
    let best = (0..3)
        .map(|_| {
            let container = start(&image, &[]);
            wait_for(&container, "Hello Nix!");
            let began = Instant::now();
            docker::ask(&["stop", &container.name]);
            let took = began.elapsed();
            assert_eq!(container.inspect("{{.State.ExitCode}}"), "143");
            took
        })
        .min();
    println!("docker stop took {best:?}");
    assert!(best < Some(Duration::from_millis(800)), "docker stop took {best:?}");
}

#[test]
fn stopping_ends_within_the_grace_when_a_process_does_not_obey() {
    let world = World::new();
    let project = world.project(
        "stubborn",
        r#"{ name = "stubborn"; processes.stubborn = {
             exec = "trap '' TERM; echo ready; while true; do sleep 1; done";
             shutdown.grace = 2; }; }"#,
    );
    let container = start(&project.load("processes"), &[]);
    wait_for(&container, "stubborn.1 | ready");
    let began = Instant::now();
    docker::ask(&["stop", &container.name]);
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(1900), "before the grace was over: {took:?}");
    assert!(took < Duration::from_secs(8), "by Docker and not by us: {took:?}");
    // 137 would say that Docker had to kill PID 1.
    assert_eq!(container.inspect("{{.State.ExitCode}}"), "143", "{}", log(&container));
    assert!(log(&container).contains("sending SIGKILL to stubborn.1"), "{}", log(&container));
}

#[test]
fn the_exit_code_of_a_failed_process_reaches_docker_inspect() {
    let world = World::new();
    let project = world.project(
        "fails",
        r#"{ name = "fails"; processes = {
             stays.exec = "exec sleep 1000";
             fails = { exec = "exit 42"; restart.on = "never"; }; }; }"#,
    );
    let container = start(&project.load("processes"), &[]);
    wait::until_true(wait::SOON, "the container to end", || {
        container.inspect("{{.State.Running}}") == "false"
    });
    assert_eq!(container.inspect("{{.State.ExitCode}}"), "42", "{}", log(&container));
}

#[test]
fn it_runs_read_only_as_any_user_and_below_another_init() {
    let world = World::new();
    let image = world.example("hello", "hello").load("processes");
    let all: [&[&str]; 5] = [
        &["--read-only"],
        &["--user", "12345"],
        &["--init"],
        &["--read-only", "--user", "12345:12345", "--init"],
        &["--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
    ];
    for options in all {
        let container = start(&image, options);
        wait_for(&container, "hello-docker.1 | Hello Docker!");
        wait_for(&container, "hello-nix.1    | Hello Nix!");
        docker::ask(&["stop", &container.name]);
        assert_eq!(container.inspect("{{.State.ExitCode}}"), "143", "with {options:?}");
    }
}

#[test]
fn commands_run_in_it_find_the_project_s_environment() {
    let world = World::new();
    let project = world.project(
        "env",
        r#"{ pkgs, ... }: { name = "env"; packages = [ pkgs.hello ]; env.GREETING = "hi there";
             processes.waits.exec = "exec sleep 1000"; }"#,
    );
    let image = project.load("processes");
    let container = start(&image, &[]);
    wait_for(&container, "waits.1 started");
    let said = container.exec(&["/bin/sh", "-c", "echo $GREETING; hello"]).expect_code(0);
    assert_eq!(said.out, "hi there\nHello, world!\n");
    let container = start(&image, &["--env", "GREETING=given"]);
    wait_for(&container, "waits.1 started");
    let inside = std::fs::read(format!("/proc/{}/environ", child(&container))).unwrap();
    let variables = String::from_utf8_lossy(&inside).into_owned();
    assert!(variables.split('\0').any(|one| one == "GREETING=given"), "{variables}");
}

/// The one process of a container, on this machine.
#[track_caller]
fn child(container: &Container) -> i32 {
    let init = container.init_pid();
    wait::until(wait::SOON, "the process", || process_table::children(init).first().copied())
}

#[test]
fn running_prints_the_lines_and_passes_signals_and_exit_codes_through() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let mut run = project.command(&["run", "processes", "--network", "none"]);
    let running = Running::start(run.env("DOCKER_HOST", docker::host()));
    running.wait_for("hello-docker.1 | Hello Docker!");
    running.wait_for("hello-nix.1    | Hello Nix!");
    // Docker answers, so nobody had to name it.
    let mut copy = project.command(&["copy", "processes"]);
    let copied = devenv_tests::running::run(copy.env("DOCKER_HOST", docker::host()));
    let id = copied.expect_code(0).out;
    let ids = docker::ask(&["ps", "--no-trunc", "--format", "{{.Image}}"]);
    assert!(ids.lines().any(|one| one == id.trim()), "{id} in {ids}");
    running.signal(Signal::SIGINT);
    let ended = running.end().expect_code(130);
    assert!(ended.out.contains("SIGINT received"), "{}", ended.out);

    let mut run = project.command(&["run", "processes", "--network", "none"]);
    run.args(["--", "hello-nix"]);
    let running = Running::start(run.env("DOCKER_HOST", docker::host()));
    running.wait_for("hello-nix.1    | Hello Nix!");
    running.signal(Signal::SIGTERM);
    let ended = running.end().expect_code(143);
    assert!(!ended.out.contains("Hello Docker!"), "only what was asked for: {}", ended.out);
}

#[test]
fn ctrl_c_in_a_terminal_stops_the_container() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let mut run = project.command(&["run", "processes", "--engine", "docker"]);
    let mut terminal = devenv_tests::terminal::Terminal::start(
        run.args(["--network", "none"]).env("DOCKER_HOST", docker::host()),
    );
    terminal.wait_for(BUILD, "Hello Nix!");
    terminal.enter("\u{3}");
    let (code, shown) = terminal.end_within(wait::SOON);
    assert_eq!(code, 130, "{shown}");
    assert!(shown.contains("hello-nix.1 stopped (rc=-15)"), "{shown}");
    assert!(shown.contains("\u{1b}[36m"), "colours on a terminal: {shown:?}");
}

#[test]
fn a_shell_that_nobody_is_at_ends_when_the_container_is_stopped() {
    let world = World::new();
    let image = world.example("shell", "shell").load("shell");
    let container = start(&image, &["--tty", "--interactive"]);
    // Docker logs whole lines, so the prompt itself is not there; this comes just before it.
    wait_for(&container, "Welcome to the container");
    let began = Instant::now();
    docker::ask(&["stop", &container.name]);
    let took = began.elapsed();
    // An interactive shell ignores TERM: by itself Docker would wait 10 s and kill it.
    assert!(took < Duration::from_secs(4), "docker stop took {took:?}");
    assert_ne!(container.inspect("{{.State.ExitCode}}"), "137", "killed by Docker");
}

#[test]
fn docker_knows_whether_the_processes_are_well() {
    let world = World::new();
    let project = world.project(
        "well",
        r#"{ name = "well";
             processes.web = { exec = "exec sleep 1000"; ready = { exec = "test -e /tmp/up"; period = 1; }; };
             containers.processes.healthcheck = { interval = 1; retries = 1; startPeriod = 0; }; }"#,
    );
    let container =
        start(&project.load("processes"), &["--read-only", "--tmpfs", "/tmp:mode=1777"]);
    let health = || container.inspect("{{.State.Health.Status}}");
    wait::until_true(wait::SOON, "it to be unhealthy", || health() == "unhealthy");
    let why = container.inspect("{{range .State.Health.Log}}{{.Output}}{{end}}");
    assert!(why.contains("web"), "{why}");
    let _ = container.exec(&["/bin/sh", "-c", ": > /tmp/up"]).expect_code(0);
    wait::until_true(wait::SOON, "it to be healthy", || health() == "healthy");
}
