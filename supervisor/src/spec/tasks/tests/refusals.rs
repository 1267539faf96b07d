//! Files that are refused, each with the place that is wrong.

use super::*;

#[test]
fn a_wrong_value_is_refused_with_its_path() {
    for (option, more, want) in [
        ("", json!({ "x": 1 }), "there is no key \"x\"\nhint: the keys are name, type, "),
        (
            ".type",
            json!({ "type": "daemon" }),
            "\"daemon\" is unknown\nhint: it is one of oneshot, process",
        ),
        (".command", json!({ "command": null }), "a process has to have one"),
        (".command", json!({ "command": " " }), "is empty"),
        (".command", json!({ "command": 1 }), "expected a text, found a number"),
        (".command", json!({ "command": "a\0" }), "holds a NUL byte"),
        (".status", json!({ "status": "/x" }), "only a one-shot task can have one"),
        (
            ".exec_if_modified",
            json!({ "exec_if_modified": ["x"] }),
            "only a one-shot task can have",
        ),
        (".after", json!({ "after": "a:b" }), "expected a list, found a text"),
        (".after[0]", json!({ "after": [null] }), "expected a text, found null"),
        (".env", json!({ "env": { "A=B": "" } }), "\"A=B\" cannot be a variable's name"),
        (".env.A", json!({ "env": { "A": 1 } }), "expected a text, found a number"),
        (".process", json!({ "process": { "namespace": 1 } }), "there is no key \"namespace\""),
        (
            ".process.start.enable",
            json!({ "process": { "start": { "enable": 1 } } }),
            "expected true or false, found a number",
        ),
        (
            ".process.restart.on",
            json!({ "process": { "restart": { "on": "no" } } }),
            "\"no\" is unknown\nhint: it is one of never, always, on_failure",
        ),
        (
            ".process.restart.max",
            json!({ "process": { "restart": { "max": -1 } } }),
            "expected a whole number from 0 to 4294967295, found -1",
        ),
        (
            ".process.restart.max",
            json!({ "process": { "restart": { "max": 1.5 } } }),
            "expected a whole number from 0 to 4294967295, found 1.5",
        ),
        (
            ".process.restart.window",
            json!({ "process": { "restart": { "window": -1 } } }),
            "expected 0 to 1000000000 seconds, found -1",
        ),
        (
            ".process.shutdown.signal",
            json!({ "process": { "shutdown": { "signal": 32 } } }),
            "expected a signal from 1 to 31, found 32",
        ),
        (
            ".process.shutdown.grace",
            json!({ "process": { "shutdown": { "grace": "5s" } } }),
            "expected a number of seconds, found a text",
        ),
        (
            ".process.ports.a",
            json!({ "process": { "ports": { "a": 65536 } } }),
            "expected a whole number from 1 to 65535, found 65536",
        ),
        (
            ".process.watchdog",
            json!({ "process": { "watchdog": {} } }),
            "the key \"usec\" is missing",
        ),
        (
            ".process.watchdog.usec",
            json!({ "process": { "watchdog": { "usec": 0 } } }),
            "expected a whole number from 1 to ",
        ),
        (".process.ready", json!({ "process": { "ready": {} } }), "says when to look and not how"),
        (
            ".process.ready",
            json!({ "process": { "ready": { "exec": "x", "http": { "get": { "port": 1 } } } } }),
            "`exec` and `http.get` cannot be used together",
        ),
        (
            ".process.ready.period",
            json!({ "process": { "ready": { "exec": "x", "period": 0 } } }),
            "must be more than 0",
        ),
        (
            ".process.ready.http.get",
            json!({ "process": { "ready": { "http": { "get": {} } } } }),
            "the key \"port\" is missing",
        ),
        (
            ".process.ready.http.get.scheme",
            json!({ "process": { "ready": { "http": { "get": { "port": 1, "scheme": "ftp" } } } } }),
            "\"ftp\" is unknown",
        ),
        (
            ".process.ready.http.get.path",
            json!({ "process": { "ready": { "http": { "get": { "port": 1, "path": "up" } } } } }),
            "\"up\" is not a path with a query",
        ),
        (
            ".process.listen[0].address",
            json!({ "process": { "listen": [{ "name": "a", "kind": "tcp", "address": "http" }] } }),
            "\"http\" is not an IP address and a port",
        ),
        (
            ".process.listen[0]",
            json!({ "process": { "listen": [{ "name": "a", "kind": "tcp" }] } }),
            "a tcp socket has to have an `address`",
        ),
        (
            ".process.listen[0].path",
            json!({ "process": { "listen": [{ "name": "a", "kind": "unix_stream", "path": "a.sock" }] } }),
            "is not an absolute path",
        ),
    ] {
        let message = refusal(&[service("web", more)]);
        let want = format!("tasks[0] (devenv:processes:web){option}: {want}");
        assert!(message.starts_with(&want), "expected {want}\nfound {message}");
    }
}

#[test]
fn a_wrong_one_shot_task_is_refused_with_its_path() {
    for (more, want) in [
        (
            json!({ "command": "bin/x" }),
            "tasks[0] (a:a).command: \"bin/x\" is not an absolute path",
        ),
        (json!({ "status": "x" }), "tasks[0] (a:a).status: \"x\" is not an absolute path"),
        (
            json!({ "status": "/x", "command": null }),
            "tasks[0] (a:a).status: says whether a command need",
        ),
        (
            json!({ "status": "/x", "exec_if_modified": ["y"] }),
            "tasks[0] (a:a).exec_if_modified: cannot be used",
        ),
        (json!({ "exec_if_modified": ["!x"] }), "tasks[0] (a:a).exec_if_modified: names nothing"),
        (json!({ "name": "a" }), "tasks[0].name: \"a\" cannot be the name of a task"),
        (json!({ "name": "a:" }), "tasks[0].name: \"a:\" cannot be the name of a task"),
        (
            json!({ "name": "a:b@ready" }),
            "tasks[0].name: \"a:b@ready\" cannot be the name of a task",
        ),
        (json!({ "name": "a:b c" }), "tasks[0].name: \"a:b c\" cannot be the name of a task"),
    ] {
        let message = refusal(&[one_shot("a:a", more)]);
        assert!(message.starts_with(want), "expected {want}\nfound {message}");
    }
}

#[test]
fn a_file_of_another_shape_is_refused() {
    for (text, want) in [
        ("", "not JSON: tasks: it ends too early at line 1 column 1"),
        ("[{]", "not JSON: tasks[0]: expected a key in quotes at line 1 column 3"),
        ("{}", "tasks: expected a list, found an object"),
        ("[1]", "tasks[0]: expected an object, found a number"),
        ("[{}]", "tasks[0]: the key \"name\" is missing"),
        (
            r#"[{"name":"a:a"},{"name":"a:a"}]"#,
            "tasks[1] (a:a).name: \"a:a\" is already the name of tasks[0] (a:a)",
        ),
        (
            r#"[{"name":"a:a","cwd":"x","cwd":"y"}]"#,
            "tasks[0] (a:a): the key \"cwd\" is there twice",
        ),
        (
            r#"[{"name":"a:a","env":{"A":"x","A":"y"}}]"#,
            "tasks[0] (a:a).env: the key \"A\" is there twice",
        ),
    ] {
        let error = translate(text, &[], BTreeMap::new()).expect_err("it is wrong").to_string();
        assert_eq!(error, want, "{text}");
    }
}

#[test]
fn every_problem_is_said_and_not_the_first_alone() {
    let tasks = [
        service("web", json!({ "cwd": 1, "env": { "A": null } })),
        one_shot("a:a", json!({ "before": ["a:b"] })),
    ];
    let message = refusal(&tasks);
    let places: Vec<&str> = message
        .lines()
        .filter(|line| !line.starts_with("hint: "))
        .filter_map(|line| line.split_once(": ").map(|(place, _)| place))
        .collect();
    assert_eq!(
        places,
        [
            "tasks[0] (devenv:processes:web).env.A",
            "tasks[0] (devenv:processes:web).cwd",
            "tasks[1] (a:a).before[0]"
        ]
    );
}
