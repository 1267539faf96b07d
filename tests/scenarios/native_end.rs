//! How a native container and the program that runs it end together, and whose the terminal is.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use devenv_tests::lines;
use devenv_tests::process_table::{self, descendants};
use devenv_tests::project::{BUILD, Project};
use devenv_tests::running::{self, Running};
use devenv_tests::terminal::Terminal;
use devenv_tests::wait::{self, SOON};
use devenv_tests::world::World;
use nix::sys::signal::Signal;

/// The command line of a native run of this example's container, for a shell.
fn line(project: &Project<'_>, world: &World, container: &str) -> String {
    let image = project.build(container);
    let program = world.container::<&str>(&[]);
    format!("{} run {image} --engine native", program.get_program().display())
}

/// A shell of the host, at a terminal, with job control.
fn shell(world: &World) -> Terminal {
    let mut command = Command::new("bash");
    command.args(["--norc", "--noprofile", "-i"]).env("PS1", "$ ");
    let program = world.container::<&str>(&[]);
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Terminal::start(&mut command)
}

#[test]
fn a_container_stops_when_its_terminal_is_closed() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let _ = project.build("processes");
    let start = || {
        let run = ["run", "processes", "--engine", "native"];
        let running = Running::start(&mut project.command(&run));
        running.wait_for("Hello Nix!");
        running
    };
    let running = start();
    let inside = descendants(running.pid());
    // Shells and the kernel both tell of it, so it may come twice, which is no reason to kill.
    running.signal(Signal::SIGHUP);
    running.wait_for("SIGTERM received");
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(running.pid()), Signal::SIGHUP);
    let ended = running.end().expect_code(143);
    let said = lines::of(&ended.out, "system");
    assert!(said.iter().any(|line| line == "hello-nix.1 stopped (rc=-15)"), "{said:?}");
    assert!(inside.iter().all(|pid| !process_table::is_alive(*pid)));
}

#[test]
fn a_container_below_nohup_outlives_its_terminal() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let _ = project.build("processes");
    let mut command = project.command(&["run", "processes", "--engine", "native"]);
    // SAFETY: ignoring a signal is all that happens between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            Ok(())
        });
    }
    let running = Running::start(&mut command);
    running.wait_for("Hello Nix!");
    let greetings = |text: &str| text.matches("Hello Nix!").count();
    running.signal(Signal::SIGHUP);
    for pid in descendants(running.pid()).into_iter().take(1) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGHUP).expect("PID 1");
    }
    let before = greetings(&running.out());
    wait::until_true(SOON, "it to go on", || greetings(&running.out()) > before + 1);
    running.signal(Signal::SIGTERM);
    let ended = running.end().expect_code(143);
    assert_eq!(lines::of(&ended.out, "system").iter().filter(|l| l.contains("SIGTERM")).count(), 3);
}

/// The processes that have this text in their arguments or their environment.
fn marked(mark: &str) -> Vec<i32> {
    let has = |path: &Path, name: &str| {
        let text = std::fs::read(path.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&text).contains(mark)
    };
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    processes
        .filter(|entry| has(&entry.path(), "cmdline") || has(&entry.path(), "environ"))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| process_table::is_alive(*pid))
        .collect()
}

/// How many moments of a start are tried.
const STEPS: u32 = 100;

#[test]
fn nothing_is_left_whenever_the_program_is_killed() {
    let world = World::new();
    let image = world.example("hello", "hello").build("processes");
    let mark = format!("MARK={}", world.path("mark").display());
    let run = ["run", &image, "--engine", "native", "--env", &mark];
    // How long a start takes here. All its moments are to be tried, and some after it.
    let born = Instant::now();
    let running = Running::start(&mut world.container(&run));
    running.wait_for("hello-docker.1 started");
    let start = born.elapsed();
    running.signal(Signal::SIGTERM);
    let _ = running.end().expect_code(143);
    for step in 0..STEPS {
        let born = Instant::now();
        let running = Running::start(&mut world.container(&run));
        while born.elapsed() < start * step / (STEPS - 10) {
            std::hint::spin_loop();
        }
        running.signal(Signal::SIGKILL);
        let _ = running.end().expect_code(137);
        wait::until_true(SOON, "all of it to end", || marked(&mark).is_empty());
    }
}

#[test]
fn nix_ends_with_the_program_that_asked_it() {
    let world = World::new();
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGKILL] {
        // A build that would take longer than any test, and one that nobody has begun before.
        let project = world.project(
            signal.as_str(),
            &format!(
                r#"{{ pkgs, ... }}: {{
                     name = "slow";
                     containers.slow.layers = [ {{ copyToRoot = [ (derivation {{
                       name = "slow"; system = builtins.currentSystem;
                       builder = "${{pkgs.busybox}}/bin/busybox";
                       args = [ "sleep" "1000" "{}" ];
                     }}) ]; }} ];
                   }}"#,
                world.path(signal.as_str()).display()
            ),
        );
        let running = Running::start(&mut project.command(&["run", "slow", "--engine", "native"]));
        let nix = wait::until(BUILD, "Nix to build", || {
            let below = descendants(running.pid());
            let named = |pid: &i32, name: &str| {
                let text = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
                text.is_ok_and(|text| text.contains(name))
            };
            below.iter().any(|pid| named(pid, "nix-store")).then_some(below)
        });
        running.signal(signal);
        let _ = running.end().expect_code(128 + signal as i32);
        wait::until_true(SOON, "Nix to end", || {
            nix.iter().all(|pid| !process_table::is_alive(*pid))
        });
    }
}

#[test]
fn a_running_container_keeps_its_image() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let image = project.build("processes");
    let running = Running::start(&mut project.command(&["run", "processes", "--engine", "native"]));
    running.wait_for("Hello Nix!");
    // Nix would collect nothing that a process has open.
    let mut roots = Command::new("nix-store");
    let found = running::run(roots.args(["--gc", "--print-roots"])).expect_code(0).out;
    let ours = format!("/proc/{}/", running.pid());
    let holds = |line: &&str| line.starts_with(&ours) && line.ends_with(&image);
    assert!(found.lines().any(|line| holds(&line)), "{image} is not held by {ours}: {found}");
}

#[test]
fn whoever_is_behind_a_pipe_has_the_keyboard() {
    let world = World::new();
    let run = line(&world.example("hello", "hello"), &world, "processes");
    let mut terminal = shell(&world);
    let pager = "{ read -r key < /dev/tty; echo \"pager: $key\"; trap '' INT; cat; echo paged; }";
    terminal.enter(&format!("{run} | {pager}\n"));
    terminal.enter("k42\n");
    terminal.wait_for(SOON, "pager: k42");
    terminal.wait_for(SOON, "Hello Nix!");
    // It stops the container, once, and the shell has its terminal back.
    terminal.enter("\u{3}");
    terminal.wait_for(SOON, "hello-nix.1 stopped (rc=-15)");
    terminal.wait_for(SOON, "\npaged");
    terminal.enter("jobs; echo back$((40+2)); exit\n");
    let (_, shown) = terminal.end_within(SOON);
    assert!(shown.contains("back42") && !shown.contains("Stopped"), "{shown}");
}

#[test]
fn a_container_from_the_background_gets_the_keyboard_with_the_foreground() {
    let world = World::new();
    let run = line(&world.example("shell", "shell"), &world, "shell");
    let mut terminal = shell(&world);
    terminal.enter(&format!("{run} &\n"));
    // The shell inside wants the terminal, and waits for it.
    let mark = run.split(' ').nth(2).unwrap_or_default();
    wait::until_true(SOON, "the shell inside", || {
        marked(mark).iter().any(|pid| {
            descendants(*pid)
                .iter()
                .any(|pid| process_table::state(*pid).is_some_and(|s| s.0 == 'T'))
        })
    });
    terminal.enter("fg\n");
    terminal.enter("echo inside$((40+2)) $DEVENV_ROOT\n");
    terminal.wait_for(SOON, "inside42 /env");
    terminal.enter("exit\n");
    terminal.enter("echo outside$((40+2))$DEVENV_ROOT; exit\n");
    let (_, shown) = terminal.end_within(SOON);
    assert!(shown.contains("outside42\r\n"), "{shown}");
}

/// From the moment there is a process until its program has its handlers: what comes in between is not
/// lost.
#[test]
fn a_signal_at_any_moment_of_the_start_ends_a_container() {
    let world = World::new();
    let project = world.example("hello", "hello");
    let image = project.build("processes");
    for step in 0..60 {
        let mut command = world.container(&["run", &image, "--engine", "native"]);
        let running = Running::start(&mut command);
        wait::until_true(SOON, "a process of the container", || {
            !descendants(running.pid()).is_empty()
        });
        let moment = Instant::now() + Duration::from_micros(150 * step);
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        running.signal(Signal::SIGTERM);
        assert_eq!(running.end_within(SOON).code, 143, "{step}");
    }
}
