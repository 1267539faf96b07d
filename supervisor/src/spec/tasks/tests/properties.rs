//! Any file at all is translated or refused in its own words.

use proptest::prelude::*;

use super::*;

/// Values with the keys of the file at every depth, right and wrong ones.
fn value() -> impl Strategy<Value = Value> {
    let text = prop::sample::select(vec![
        "a:a",
        "a:b",
        "devenv:processes:web",
        "oneshot",
        "process",
        "a:a@ready",
        "/x",
        "x",
        "",
        "tcp",
        "127.0.0.1:1",
        "always",
        "\0",
        "http",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec![0, 1, 5, -1, 70_000]).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "name", "type", "status", "after", "before", "command", "input", "env", "cwd", "process",
        "start", "ready", "restart", "shutdown", "ports", "listen", "watchdog", "watch", "exec",
        "http", "get", "port", "notify", "period", "on", "max", "signal", "grace", "usec", "kind",
        "address", "enable", "unknown",
    ]);
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((key.clone(), inner), 0..8).prop_map(|entries| {
                Value::Object(entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    })
}

/// Whether a problem was found by the translator: a path of the plan's would mean nothing to the
/// writer of the file. Only a cycle is found later, and names its members.
fn is_ours(error: &TranslationError) -> bool {
    match error {
        TranslationError::File(SpecError::Problems(problems)) => problems.iter().all(|problem| {
            problem.path.starts_with("tasks")
                || problem.what.starts_with("these wait for each other")
        }),
        TranslationError::File(SpecError::Syntax(_)) => true,
        TranslationError::File(_) | TranslationError::UnknownName { .. } => false,
    }
}

proptest! {
    #[test]
    fn any_text_is_translated_or_refused(text in ".{0,200}") {
        let _ = translate(&text, &[], BTreeMap::new());
    }

    #[test]
    fn any_json_is_translated_or_refused_with_a_path(value in value()) {
        for text in [value.to_string(), json!([value]).to_string()] {
            if let Err(error) = translate(&text, &[], BTreeMap::new()) {
                prop_assert!(is_ours(&error), "{} for {}", error, text);
            }
        }
    }

    /// A good file in which one place is replaced by anything is still refused with a path, or is
    /// good.
    #[test]
    fn a_good_file_with_one_change(value in value(), place in 0usize..40, name in "[a-z:@*.]{0,9}") {
        let ready = json!({ "http": { "get": { "port": 1, "path": "/", "host": "h", "scheme": "http" } } });
        let mut tasks = json!([
            service("web", json!({ "after": ["a:a"], "process": { "ready": ready, "watchdog": { "usec": 1 } } })),
            one_shot("a:a", json!({ "status": "/s" })),
        ]);
        let pointers = pointers(&tasks, String::new());
        if let Some(target) = tasks.pointer_mut(&pointers[place % pointers.len()]) {
            *target = value;
        }
        if let Err(error) = translate(&tasks.to_string(), &[], BTreeMap::new()) {
            prop_assert!(is_ours(&error), "{} for {}", error, tasks);
        }
        let _ = translate(&tasks.to_string(), &[&name], BTreeMap::new());
    }
}

/// Every place in a value.
fn pointers(value: &Value, path: String) -> Vec<String> {
    let inner: Vec<String> = match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, item)| pointers(item, format!("{path}/{index}")))
            .collect(),
        Value::Object(entries) => {
            entries.iter().flat_map(|(key, item)| pointers(item, format!("{path}/{key}"))).collect()
        }
        _ => Vec::new(),
    };
    std::iter::once(path).chain(inner).collect()
}
