//! Tables of what devenv's file means.

mod edges;
mod properties;
mod refusals;
mod select;

use serde_json::{Value, json};

use super::*;
use crate::guard::Guard;
use crate::spec::{Check, ExitRule, Kind, Plan, Process, RestartOn, Signal};

/// A process with some options, as devenv writes the rest.
fn service(name: &str, more: Value) -> Value {
    let options = json!({
        "start": { "enable": true },
        "ready": null,
        "restart": { "on": "on_failure", "max": 5, "window": null },
        "shutdown": { "signal": 15, "grace": 5 },
        "ports": {},
        "listen": [],
        "watchdog": null,
        "linux": { "capabilities": [] },
        "watch": { "paths": [], "extensions": [], "ignore": [] },
    });
    let name = format!("devenv:processes:{name}");
    let mut task = one_shot(&name, json!({ "type": "process", "show_output": true }));
    task["process"] = options;
    merge(&mut task, more);
    task
}

/// A one-shot task with some options, as devenv writes the rest.
fn one_shot(name: &str, more: Value) -> Value {
    let mut task = json!({
        "name": name,
        "type": "oneshot",
        "description": "",
        "status": null,
        "after": [],
        "before": [],
        "command": format!("/nix/store/00000000000000000000000000000000-{}", name.replace(':', "-")),
        "input": {},
        "exec_if_modified": [],
        "env": {},
        "cwd": null,
        "show_output": false,
        "process": {},
    });
    merge(&mut task, more);
    task
}

fn merge(base: &mut Value, more: Value) {
    match (base, more) {
        (Value::Object(base), Value::Object(more)) => {
            for (key, value) in more {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, more) => *base = more,
    }
}

fn file(tasks: &[Value]) -> String {
    Value::Array(tasks.to_vec()).to_string()
}

fn translated(tasks: &[Value], names: &[&str]) -> Translation {
    translate(&file(tasks), names, BTreeMap::new()).unwrap_or_else(|error| panic!("{error}"))
}

fn plan(tasks: &[Value]) -> Plan {
    let translation = translated(tasks, &[]);
    assert_eq!(translation.warnings, []);
    translation.plan
}

fn only(task: Value) -> Process {
    let mut plan = plan(&[task]);
    assert_eq!(plan.processes.len(), 1);
    plan.processes.remove(0)
}

fn refusal(tasks: &[Value]) -> String {
    translate(&file(tasks), &[], BTreeMap::new()).expect_err("it is wrong").to_string()
}

#[test]
fn a_process_is_what_devenv_says_it_is() {
    let process = only(service(
        "web",
        json!({
            "env": { "A": "1" },
            "cwd": "/srv",
            "process": {
                "restart": { "on": "always", "max": null, "window": 60 },
                "shutdown": { "signal": 2, "grace": 1.5 },
                "watchdog": { "usec": 30_000_000u64, "require_ready": false },
            },
        }),
    ));
    assert_eq!((process.name.as_str(), process.label.as_str()), ("web", "web.1"));
    assert_eq!(process.kind, Kind::Service);
    assert_eq!(
        process.command,
        ["/nix/store/00000000000000000000000000000000-devenv-processes-web"]
    );
    assert_eq!(process.environment, [("A".to_owned(), "1".to_owned())].into());
    assert_eq!(process.working_dir.as_deref(), Some("/srv"));
    assert_eq!(process.restart.on, RestartOn::Always);
    assert_eq!((process.restart.max, process.restart.window_ms), (None, Some(60_000)));
    assert_eq!((process.stop.signal, process.stop.grace_ms), (Signal::INT, 1_500));
    let watchdog = process.watchdog.expect("it has one");
    assert_eq!((watchdog.within_ms, watchdog.require_ready), (30_000, false));
}

#[test]
fn what_is_not_said_is_as_in_devenvs_modules() {
    let process =
        only(json!({ "name": "devenv:processes:web", "type": "process", "command": "/x" }));
    assert_eq!((process.restart.on, process.restart.max), (RestartOn::OnFailure, Some(5)));
    assert_eq!((process.stop.signal, process.stop.grace_ms), (Signal::TERM, 5_000));
    assert!(process.enabled && process.ready.is_none() && process.watchdog.is_none());
    let max = only(service("web", json!({ "process": { "restart": { "max": 0 } } }))).restart.max;
    assert_eq!(max, Some(0));
}

#[test]
fn a_shell_line_is_given_to_bash_and_a_script_is_run() {
    for (command, want) in [
        ("/nix/store/abc-x", vec!["/nix/store/abc-x"]),
        ("python3 -m http.server", vec!["bash", "-c", "python3 -m http.server"]),
        ("/bin/a; /bin/b", vec!["bash", "-c", "/bin/a; /bin/b"]),
        ("web", vec!["bash", "-c", "web"]),
    ] {
        assert_eq!(only(service("web", json!({ "command": command }))).command, want);
    }
}

#[test]
fn readiness_is_the_probe_that_is_described() {
    let bash =
        |script: &str| Check::Exec { command: ["bash", "-c", script].map(str::to_owned).to_vec() };
    let http = Check::Http {
        host: "127.0.0.1".to_owned(),
        port: 8080,
        path: "/up?x".to_owned(),
        headers: BTreeMap::new(),
        status: None,
    };
    let tcp = |host: &str, port| Check::Tcp { host: host.to_owned(), port };
    let get = json!({ "host": "127.0.0.1", "port": 8080, "path": "/up?x", "scheme": "http" });
    for (options, want, period) in [
        (json!({ "ready": { "exec": "true && x" } }), bash("true && x"), 10_000),
        (json!({ "ready": { "exec": null, "http": { "get": get } } }), http, 10_000),
        (json!({ "ready": { "notify": true, "http": { "get": null } } }), Check::Notify, 10_000),
        (json!({ "ports": { "z": 1, "a": 2 } }), tcp("localhost", 2), 1_000),
        (json!({ "ports": { "a": 2 }, "ready": { "period": 2 } }), tcp("localhost", 2), 2_000),
    ] {
        let ready = only(service("web", json!({ "process": options }))).ready.expect("it has one");
        assert_eq!((ready.check, ready.timing.period_ms), (want, period));
    }
}

#[test]
fn a_check_by_https_becomes_one_of_the_port_and_says_so() {
    let get = json!({ "host": "db", "port": 443, "path": "/up", "scheme": "https" });
    let options = json!({ "ready": { "http": { "get": get }, "period": 2 } });
    let translation = translated(&[service("web", json!({ "process": options }))], &[]);
    let ready = translation.plan.processes[0].ready.as_ref().expect("it has one");
    assert_eq!(ready.check, Check::Tcp { host: "db".to_owned(), port: 443 });
    assert_eq!(ready.timing.period_ms, 2_000);
    let told: Vec<&str> = translation.warnings.iter().map(|each| each.path.as_str()).collect();
    assert_eq!(told, ["tasks[0] (devenv:processes:web).process.ready.http.get.scheme"]);
}

#[test]
fn sockets_and_capabilities_are_handed_on() {
    let socket = |name: &str, kind: &str, address: Option<&str>, path: Option<&str>| json!({ "name": name, "kind": kind, "address": address, "path": path, "backlog": 7, "mode": 384 });
    let listen = json!([
        socket("u", "unix_stream", None, Some("/run/u")),
        socket("t", "tcp", Some("0.0.0.0:80"), None),
        socket("later", "unix_stream", None, Some("$NOWHERE/u")),
        socket("own", "unix_stream", None, Some("$D/u")),
        socket("theirs", "unix_stream", None, Some("/run/${OF_ALL}.$OF_ALL")),
    ]);
    let options = json!({ "process": {
        "listen": listen, "ports": { "a": 2 }, "linux": { "capabilities": ["net_admin"] },
    }, "env": { "D": "/own" } });
    let inherited = ["D", "OF_ALL"].map(|name| (name.to_owned(), "all".to_owned()));
    let translation = translate(&file(&[service("web", options)]), &[], inherited.into());
    let translation = translation.unwrap_or_else(|error| panic!("{error}"));
    let web = &translation.plan.processes[0];
    let sockets: Vec<(&str, String, u16)> = web
        .settings
        .listen
        .iter()
        .map(|one| (one.name.as_str(), one.address.to_string(), one.backlog))
        .collect();
    let want =
        [("u", "/run/u"), ("t", "0.0.0.0:80"), ("own", "/own/u"), ("theirs", "/run/all.all")];
    assert_eq!(sockets, want.map(|(name, address)| (name, address.to_owned(), 7)));
    assert_eq!(web.settings.capabilities.bits(), 1 << 12);
    let check = web.ready.as_ref().map(|ready| ready.check.clone());
    assert_eq!(check, Some(Check::Tcp { host: "localhost".to_owned(), port: 80 }));
    let told: Vec<String> = translation.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    let want = "tasks[0] (devenv:processes:web).process.listen[2].path: is not carried";
    assert!(told[0].starts_with(want) && told[0].contains("\"NOWHERE\" is not set"), "{}", told[0]);
}

#[test]
fn timings_alone_are_of_a_look_at_the_first_tcp_socket() {
    for (address, host) in
        [("127.0.0.1:80", "127.0.0.1"), ("0.0.0.0:80", "localhost"), ("[::1]:80", "::1")]
    {
        let listen = json!([{ "name": "t", "kind": "tcp", "address": address, "path": null }]);
        let options = json!({ "process": {
            "listen": listen, "ports": { "a": 2 }, "ready": { "period": 3 },
        } });
        let ready = only(service("web", options)).ready.expect("it has one");
        assert_eq!(ready.check, Check::Tcp { host: host.to_owned(), port: 80 });
        assert_eq!(ready.timing.period_ms, 3_000);
    }
}

#[test]
fn all_timings_and_thresholds_are_carried() {
    let ready = json!({
        "exec": "x", "initial_delay": 0.25, "period": 3, "probe_timeout": 2, "timeout": 30,
        "success_threshold": 4, "failure_threshold": 5,
    });
    let ready = only(service("web", json!({ "process": { "ready": ready } }))).ready;
    let ready = ready.expect("it has one");
    assert_eq!(ready.deadline_ms, Some(30_000));
    let timing = ready.timing;
    assert_eq!((timing.initial_delay_ms, timing.period_ms, timing.timeout_ms), (250, 3_000, 2_000));
    assert_eq!((timing.success_threshold, timing.failure_threshold), (4, 5));
}

#[test]
fn a_one_shot_task_has_its_status_and_its_input() {
    let tasks = [
        one_shot(
            "a:a",
            json!({ "status": "/s", "command": "/c", "input": { "b": [1], "a": "x" } }),
        ),
        service("web", json!({ "after": ["a:a"] })),
    ];
    let plan = plan(&tasks);
    let task = &plan.processes[0];
    assert_eq!(task.command, ["/c"]);
    assert_eq!(task.guard, Some(Guard::Status(vec!["/s".to_owned()])));
    assert_eq!((task.kind, task.restart.on), (Kind::Task, RestartOn::Never));
    let input = task.environment.get("DEVENV_TASK_INPUT").map(String::as_str);
    assert_eq!(input, Some(r#"{"a":"x","b":[1]}"#));
}

#[test]
fn warnings_name_what_is_not_carried_and_only_of_what_runs() {
    let tasks = [
        service(
            "web",
            json!({ "process": {
            "ready": { "notify": true, "exec": "x" },
        } }),
        ),
        one_shot("a:a", json!({ "exec_if_modified": ["x"], "before": ["devenv:processes:web"] })),
        service("other", json!({ "process": { "ready": { "notify": true, "exec": "x" } } })),
    ];
    let paths: Vec<String> =
        translated(&tasks, &["web"]).warnings.into_iter().map(|warning| warning.path).collect();
    assert_eq!(paths, ["tasks[0] (devenv:processes:web).process.ready"]);
}

#[test]
fn watched_files_are_carried_with_what_to_ignore() {
    let watch = json!({ "paths": ["/src"], "extensions": ["rs"], "ignore": ["*.tmp"] });
    let plan =
        plan(&[service("web", json!({ "process": { "watch": watch } })), service("db", json!({}))]);
    let rule = plan.processes[0].watch.as_ref().expect("it has one");
    assert_eq!(rule.paths, ["/src"]);
    assert!(rule.takes("a.rs") && !rule.takes("a.c") && rule.ignores("a/b.tmp"));
    assert_eq!(plan.processes[1].watch, None);
}

#[test]
fn names_that_could_be_mistaken_for_each_other_stay_apart() {
    let tasks =
        [service("a:b", json!({})), one_shot("a:b", json!({ "before": ["devenv:processes:a:b"] }))];
    let plan = plan(&tasks);
    let names: Vec<&str> = plan.processes.iter().map(|process| process.name.as_str()).collect();
    assert_eq!(names, ["devenv:processes:a:b", "a:b"]);
}
