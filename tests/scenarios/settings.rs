//! Each process runs with the rights, limits, sockets and terminal its spec gives it. These need
//! root, as a container's supervisor has it before it gives rights away.

use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use devenv_tests::place::Place;
use devenv_tests::running::Ended;
use devenv_tests::spec::{ACTOR, Spec};
use devenv_tests::terminal::Terminal;
use devenv_tests::wait::{self, SOON};
use devenv_tests::world::World;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

fn shell(script: &str, fields: Value) -> Spec {
    Spec::new().process_with("a", &["/bin/sh", "-c", script], fields)
}

#[track_caller]
fn run(script: &str, fields: Value) -> Ended {
    Place::Shell.run(&World::new(), &shell(script, fields))
}

/// The lines the process wrote, without what stands in front of them.
fn lines(ended: &Ended) -> Vec<&str> {
    let own = ended.out.lines().filter_map(|line| line.split_once("a.1    | "));
    own.map(|(_, line)| line).collect()
}

#[test]
fn a_process_runs_as_its_user_with_the_home_and_groups_of_that_user() {
    let script = "id -u; id -g; echo $HOME $USER $LOGNAME; echo to-stderr > /dev/stderr";
    let ended = run(script, json!({ "user": "daemon" })).expect_code(0);
    assert_eq!(lines(&ended), ["1", "1", "/usr/sbin daemon daemon", "to-stderr"]);
    let fields = json!({
        "user": "12345", "group": "54321", "supplementary_groups": ["7", "daemon"],
        "environment": { "HOME": "/own" },
    });
    let ended = run("id -u; id -g; id -G; echo $HOME", fields).expect_code(0);
    assert_eq!(lines(&ended), ["12345", "54321", "54321 1 7", "/own"]);
}

#[test]
fn an_unknown_user_is_told_with_the_file_it_is_missing_from() {
    let ended = run("true", json!({ "user": "nobody-at-all" })).expect_code(71);
    let told = "a.1 not started: there is no user \"nobody-at-all\" in /etc/passwd";
    assert!(ended.out.contains(told), "{}", ended.out);
}

#[test]
fn who_may_not_change_users_is_told_what_it_takes() {
    let spec = shell("true", json!({ "user": "daemon", "supplementary_groups": [] }));
    let ended = Place::Unprivileged.run(&World::new(), &spec).expect_code(71);
    assert!(ended.out.contains("Operation not permitted (this takes CAP_SET"), "{}", ended.out);
}

#[test]
fn limits_mask_niceness_and_the_rest_are_those_of_the_spec() {
    let fields = json!({
        "umask": "027",
        "limits": { "nofile": "64:128", "core": "0", "nproc": "64" },
        "nice": 7,
        "oom_score_adj": 300,
        "no_new_privileges": true,
    });
    let script = "umask; ulimit -Sn; ulimit -Hn; ulimit -c; nice; cat /proc/self/oom_score_adj; \
                  grep NoNewPrivs /proc/self/status";
    let ended = run(script, fields).expect_code(0);
    assert_eq!(lines(&ended), ["0027", "64", "128", "0", "7", "300", "NoNewPrivs:\t1"]);
}

#[test]
fn a_capability_is_kept_through_the_change_of_user_and_no_other_one_is() {
    let fields = json!({ "user": "daemon", "capabilities": ["net_bind_service"] });
    let script = "grep -E 'Cap(Prm|Eff|Amb)' /proc/self/status | tr -d '\\t'";
    let ended = run(script, fields).expect_code(0);
    let one = "0000000000000400";
    let wanted = ["CapPrm:", "CapEff:", "CapAmb:"].map(|set| format!("{set}{one}"));
    assert_eq!(lines(&ended), wanted);
    let spec = shell("true", json!({ "capabilities": ["net_bind_service"] }));
    let ended = Place::Unprivileged.run(&World::new(), &spec).expect_code(71);
    let told = "cannot give it CAP_NET_BIND_SERVICE: the supervisor does not have it itself";
    assert!(ended.out.contains(told), "{}", ended.out);
}

#[test]
fn sockets_are_passed_on_by_number_and_name_to_the_process_they_are_meant_for() {
    let world = World::new();
    let path = world.path("own.sock");
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let fields = json!({ "listen": [
        { "name": "http", "address": port.to_string() },
        { "name": "own", "path": path, "mode": "0666" },
    ], "environment": { "LISTEN_PID": "1" } });
    let script = "test $LISTEN_PID = $$ && echo mine; echo $LISTEN_FDS $LISTEN_FDNAMES; \
                  ls /proc/$$/fd; readlink /proc/$$/fd/3 | cut -d: -f1";
    let ended = Place::Shell.run(&world, &shell(script, fields)).expect_code(0);
    assert_eq!(lines(&ended), ["mine", "2 http:own", "0", "1", "2", "3", "4", "socket"]);
    assert!(!path.exists(), "the file of the socket is left behind");
}

#[test]
fn a_connection_made_while_the_process_restarts_is_served_by_the_next_run() {
    let world = World::new();
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let fields = json!({
        "listen": [{ "name": "http", "address": port.to_string() }],
        "restart": { "on": "on_failure", "backoff_ms": 200 },
    });
    let marker = world.directory("state").join("was-here");
    let script = format!(
        "if test -e {0}; then exec {ACTOR} answer hello; else touch {0}; exit 1; fi",
        marker.display()
    );
    let supervised = Place::Shell.start(&world, &shell(&script, fields), &[]);
    supervised.wait_for("a.1 stopped (rc=1)");
    let mut said = String::new();
    TcpStream::connect(port).unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "hello");
    assert_eq!(supervised.end().code, 0);
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let fields = json!({ "listen": [{ "name": "http", "address": address }] });
    let ended = run("true", fields).expect_code(71);
    let told = format!("cannot listen on {address} (http): Address already in use");
    assert!(ended.out.contains(&told), "{}", ended.out);
}

#[test]
fn signals_reach_a_process_in_the_form_it_knows() {
    let world = World::new();
    let fields = json!({ "signals": { "HUP": "USR1", "USR2": null, "QUIT": "INT" } });
    let supervised =
        Place::Shell.start(&world, &Spec::new().actor_with("a", &["tell"], fields), &[]);
    supervised.wait_for("| ready");
    supervised.signal(Signal::SIGHUP);
    supervised.wait_for("got SIGUSR1");
    supervised.signal(Signal::SIGUSR2);
    supervised.signal(Signal::SIGQUIT);
    supervised.wait_for("got SIGINT");
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end();
    assert!(!ended.out.contains("got SIGUSR2"), "{}", ended.out);
    assert!(ended.out.contains("got SIGTERM"), "{}", ended.out);
}

#[test]
fn a_process_with_a_terminal_sees_one_and_its_lines_come_out_as_they_are() {
    let script = "test -t 0 && test -t 1 && test -t 2 && stty size && : > /dev/tty && echo owned";
    let ended = run(script, json!({ "tty": true })).expect_code(0);
    assert_eq!(lines(&ended), ["24 80", "owned"]);
    assert!(!ended.out.contains('\r'), "{:?}", ended.out);
    let ended = run("test -t 1 && echo terminal; true", json!({})).expect_code(0);
    assert_eq!(lines(&ended), Vec::<&str>::new());
}

#[test]
fn a_stop_command_stops_the_process_in_the_place_of_the_signal() {
    let world = World::new();
    let fields =
        json!({ "stop": { "command": ["/bin/sh", "-c", "echo by-command; kill -USR1 $MAINPID"] } });
    let script = "trap 'echo told; exit 0' USR1; trap 'echo wrong' TERM; echo ready; \
                  while :; do sleep 0.05; done";
    let supervised = Place::Shell.start(&world, &shell(script, fields), &[]);
    supervised.wait_for("| ready");
    supervised.signal(Signal::SIGTERM);
    let ended = supervised.end().expect_code(143);
    assert_eq!(lines(&ended), ["ready", "by-command", "told"], "{}", ended.out);
    assert!(ended.out.contains("running /bin/sh to stop a.1"), "{}", ended.out);
}

#[test]
fn a_stop_command_that_fails_is_followed_by_the_signal_and_one_that_hangs_by_the_kill() {
    let world = World::new();
    for (command, limit, told) in [
        (json!(["/bin/false"]), 9_000, "/bin/false ended with rc=1, sending SIGTERM to a.1"),
        (json!(["/does/not/exist"]), 9_000, "/does/not/exist not started: cannot execute"),
        (json!(["/bin/sleep", "1000"]), 200, "sending SIGKILL to a.1"),
    ] {
        let fields = json!({ "stop": { "command": command, "grace_ms": limit } });
        let spec = Spec::new().actor_with("a", &["wait"], fields);
        let supervised = Place::Shell.start(&world, &spec, &[]);
        supervised.wait_for("| ready");
        supervised.signal(Signal::SIGTERM);
        let ended = supervised.end();
        assert!(ended.out.contains(told), "{}", ended.out);
    }
}

#[test]
fn replicas_have_numbers_ports_and_checks_of_their_own_and_share_their_sockets() {
    let port =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("it");
    let script =
        "echo $DEVENV_REPLICA $PORT $LISTEN_FDS $(readlink /proc/self/fd/3); exec sleep 1000";
    let web = json!({
        "replicas": 3,
        "environment": { "PORT": "7000" },
        "listen": [{ "name": "http", "address": port.to_string() }],
        "ready": { "check": { "log_line": { "contains": "socket:" } } },
    });
    let after = json!({ "after": [{ "process": "web", "condition": "ready" }], "exit": "on_end" });
    let spec = Spec::new().process_with("web", &["/bin/sh", "-c", script], web).process_with(
        "last",
        &["/bin/true"],
        after,
    );
    let ended = Place::Shell.run(&World::new(), &spec).expect_code(0);
    let own = |number: u32| {
        let label = format!("web.{number}");
        let line = devenv_tests::lines::of(&ended.out, &label).first().cloned();
        line.unwrap_or_else(|| panic!("{label} said nothing: {}", ended.out))
    };
    let first = own(1);
    let (_, socket) = first.split_once("socket:").expect("a socket at descriptor 3");
    for number in 1..=3 {
        assert_eq!(own(number), format!("{number} {} 1 socket:{socket}", 6999 + number));
    }
    let place = |text: &str| ended.out.find(text).unwrap_or_else(|| panic!("no {text:?}"));
    let started = place("last.1 started");
    assert!((1..=3).all(|n| place(&format!("web.{n} is ready")) < started), "{}", ended.out);
}

#[test]
fn a_file_of_devenvs_own_runner_gives_sockets_and_capabilities() {
    let world = World::new();
    let script = world.write(
        "web.sh",
        "echo $LISTEN_FDS $LISTEN_FDNAMES; [ $LISTEN_PID = $$ ] && echo mine; grep CapAmb /proc/self/status",
    );
    let socket = world.path("web.sock");
    let tasks = json!([{
        "name": "devenv:processes:web", "type": "process",
        "command": format!("exec /bin/sh {}", script.display()),
        "process": {
            "listen": [{ "name": "http", "kind": "unix_stream", "path": socket, "mode": 384 }],
            "linux": { "capabilities": ["net_bind_service"] },
            "restart": { "on": "never" },
        },
    }]);
    let file = world.write("tasks.json", &tasks.to_string());
    let mut up = std::process::Command::new(devenv_tests::programs::devenv_init());
    let ended = devenv_tests::running::run(up.args(["up", "--tasks"]).arg(file)).expect_code(0);
    let said = devenv_tests::lines::of(&ended.out, "web.1");
    assert_eq!(said, ["1 http", "mine", "CapAmb:\t0000000000000400"], "{}", ended.err);
    assert!(!ended.err.contains("warning"), "{}", ended.err);
}

#[test]
fn a_terminal_of_a_process_follows_the_size_of_the_containers() {
    let world = World::new();
    let script = |what: &str| {
        format!(
            "stty size; trap 'echo {what}; stty size' WINCH; echo up; while :; do sleep 0.05; done"
        )
    };
    let spec = Spec::new()
        .process_with("a", &["/bin/sh", "-c", &script("told")], json!({ "tty": true }))
        // Some servers take that signal for the order to end.
        .process_with(
            "b",
            &["/bin/sh", "-c", &script("wrong")],
            json!({ "tty": true, "signals": { "WINCH": null } }),
        )
        .process_with(
            "c",
            &["/bin/sh", "-c", "stty size; sleep 0.1"],
            json!({ "tty": true, "restart": { "on": "always", "max_restarts": null,
                    "backoff_ms": 50, "backoff_max_ms": 50 } }),
        );
    let terminal = Terminal::start(Place::Shell.up(&world, &spec).arg("--no-colour"));
    for line in ["a.1    | 24 80", "b.1    | 24 80", "a.1    | up", "b.1    | up"] {
        terminal.wait_for(SOON, line);
    }
    terminal.resize(50, 132);
    terminal.wait_for(SOON, "a.1    | told");
    terminal.wait_for(SOON, "a.1    | 50 132");
    // One that is started later has that size from the beginning.
    terminal.wait_for(SOON, "c.1    | 50 132");
    // The same again is told nevertheless, by the supervisor.
    let told = |shown: &str| shown.matches("told").count();
    let before = told(&terminal.shown());
    terminal.signal(Signal::SIGWINCH);
    wait::until_true(SOON, "another signal", || told(&terminal.shown()) > before);
    let shown = terminal.shown();
    assert!(!shown.contains("wrong"), "{shown}");
    terminal.signal(Signal::SIGTERM);
    let (code, _) = terminal.end_within(SOON);
    assert_eq!(code, 143);
}

#[test]
fn signals_for_real_time_stop_processes_and_take_the_place_of_others() {
    let world = World::new();
    let script = "trap 'echo stopped; exit 0' 37; trap 'echo told' 64; echo up; \
                  while :; do sleep 0.05; done";
    let fields = json!({ "stop": { "signal": "SIGRTMIN+3" }, "signals": { "HUP": "RTMAX" } });
    let supervised = Place::Shell.start(&world, &shell(script, fields), &[]);
    supervised.wait_for("| up");
    supervised.signal(Signal::SIGHUP);
    supervised.wait_for("| told");
    let _ = supervised.ask(&["signal", "RTMIN+30", "a"]).expect_code(0);
    wait::until_true(SOON, "the same again", || {
        supervised.running().out().matches("| told").count() == 2
    });
    let unknown = supervised.ask(&["signal", "RTMIN+31", "a"]).expect_code(64);
    assert!(unknown.err.contains("RTMIN+31"), "{}", unknown.err);
    supervised.signal(Signal::SIGTERM);
    let said = supervised.end().expect_code(143).out;
    assert!(said.contains("sending SIGRTMIN+3 to a.1") && said.contains("| stopped"), "{said}");
}
