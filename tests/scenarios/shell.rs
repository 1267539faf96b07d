//! The shell as a container: a prompt, the project's environment, a terminal that works.

use devenv_tests::docker;
use devenv_tests::project::{BUILD, Project};
use devenv_tests::running;
use devenv_tests::terminal::Terminal;
use devenv_tests::wait::{self, SOON};
use devenv_tests::world::World;

const PROMPT: &str = "(devenv) bash-5.";

fn enter(project: &Project<'_>, engine: &str) -> Terminal {
    // As people type it who are used to docker.
    let mut command = project.command(&["run", "-it", "--rm", "shell", "--engine", engine]);
    if engine == "docker" {
        command.env("DOCKER_HOST", docker::host());
    }
    let terminal = Terminal::start(&mut command);
    terminal.wait_for(BUILD, PROMPT);
    terminal
}

/// Everything a user expects of a shell in a terminal, one visit.
fn visit(engine: &str) {
    let world = World::new();
    let project = world.example("shell", "shell");
    let mut terminal = enter(&project, engine);

    // What is typed is shown too, so every answer looked for differs from its question.
    terminal.enter("echo \"greeting: $GREETING\"\n");
    terminal.wait_for(SOON, "greeting: Welcome to the container");
    terminal.enter("hello | sed s/world/shell/\n");
    terminal.wait_for(SOON, "Hello, shell!");

    // Job control, and Ctrl-C that ends what runs in the foreground and not the shell.
    terminal.enter("sleep 1000 & jobs | sed s/Running/is-running/\n");
    terminal.wait_for(SOON, "is-running");
    // What answers is the program in the foreground itself: no Ctrl-C may come before it is there.
    terminal.enter("kill %1; $BASH -c 'echo sleep$((40+2)); exec sleep 1000'; echo never\n");
    terminal.wait_for(SOON, "sleep42");
    terminal.enter("\u{3}");
    terminal.enter("echo still $((40+2))\n");
    terminal.wait_for(SOON, "still 42");

    terminal.resize(50, 123);
    // The shell hears of it when a program ends, so it is asked until it answers with the new size.
    let mut question = 0;
    wait::until_true(SOON, "the new size to arrive", || {
        question += 1;
        terminal.enter(&format!("ls > /dev/null; echo size $LINES $COLUMNS answer-{question}\n"));
        let answer = |size: &str| format!("size {size} answer-{question}");
        wait::until(SOON, "an answer", || {
            let shown = terminal.shown();
            let new = shown.contains(&answer("50 123"));
            (new || shown.contains(&answer("24 80"))).then_some(new)
        })
    });

    terminal.enter("exit 7\n");
    let (code, shown) = terminal.end_within(SOON);
    assert_eq!(code, 7, "{shown}");
    assert!(!shown.contains("no job control"), "{shown}");
    assert!(!shown.contains("\nnever"), "{shown}");
}

#[test]
fn a_visit_to_the_shell_natively() {
    visit("native");
}

#[test]
fn a_visit_to_the_shell_in_docker() {
    visit("docker");
}

#[test]
fn a_command_for_the_shell_runs_in_its_environment_and_gives_its_code() {
    let world = World::new();
    let project = world.example("shell", "shell");
    for engine in ["native", "docker"] {
        let mut command = project.command(&["run", "shell", "--engine", engine, "--"]);
        command.args(["-c", "hello; echo $GREETING; exit 5"]).env("DOCKER_HOST", docker::host());
        let ended = running::run(&mut command).expect_code(5);
        let last: Vec<&str> = ended.out.lines().rev().take(2).collect();
        assert_eq!(last, ["Welcome to the container", "Hello, world!"], "{engine}: {}", ended.out);
    }
}
