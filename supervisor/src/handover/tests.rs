//! What is taken from the files of a task, and who gets it.

use std::collections::BTreeMap;

use super::*;

fn read(output: &str, exports: &str) -> Result<(String, Vec<(String, String)>), String> {
    let given = Given::read(output.as_bytes(), exports.as_bytes())?;
    Ok((given.text, given.variables))
}

#[test]
fn both_files_are_read_and_variables_stand_in_the_json_too() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for (output, exports, text, variables) in [
        ("", "", "", vec![]),
        (" \n", "", "", vec![]),
        ("{ \"port\" : 8080 }\n", "", r#"{"port":8080}"#, vec![]),
        ("[1, 2.5]", "", "[1,2.5]", vec![]),
        ("", "A\0eA==\0", r#"{"devenv":{"env":{"A":"x"}}}"#, vec![pair("A", "x")]),
        ("", "A\0\0B\0Cg==\0", r#"{"devenv":{"env":{"A":"","B":"\n"}}}"#, {
            vec![pair("A", ""), pair("B", "\n")]
        }),
        (
            r#"{"a":1,"devenv":{"env":{"A":"old","C":"c","D":4},"messages":["m"]}}"#,
            "A\0eA==\0",
            r#"{"a":1,"devenv":{"env":{"A":"x","C":"c","D":4},"messages":["m"]}}"#,
            vec![pair("A", "old"), pair("C", "c"), pair("A", "x")],
        ),
        // What is no object has no place for them, and they are handed on nevertheless.
        ("[1]", "A\0eA==\0", "[1]", vec![pair("A", "x")]),
        (r#"{"devenv":1}"#, "A\0eA==\0", r#"{"devenv":1}"#, vec![pair("A", "x")]),
    ] {
        let given = read(output, exports).expect("it is right");
        assert_eq!(given, (text.to_owned(), variables), "{output} {exports:?}");
        let again = read(&given.0, "").expect("it is right");
        assert_eq!(again.0, given.0, "what is kept is read again");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_file() {
    let long = format!(r#"{{"devenv":{{"env":{{"A":"{}"}}}}}}"#, "x".repeat(LONGEST));
    for (output, exports, told) in [
        ("{", "", "DEVENV_TASK_OUTPUT_FILE does not hold JSON: it ends too early"),
        ("{} {}", "", "DEVENV_TASK_OUTPUT_FILE does not hold JSON: trailing characters"),
        ("port=1", "", "DEVENV_TASK_OUTPUT_FILE does not hold JSON: expected value"),
        ("", "A", "DEVENV_TASK_EXPORTS_FILE: A has no value"),
        ("", "A\0eA==", ""),
        ("", "A\0x\0", "the value of A is not UTF-8 text in base64"),
        ("", "A\0/w==\0", "the value of A is not UTF-8 text in base64"),
        ("", "A\0AA==\0", "the value of A holds a NUL byte"),
        ("", "A=B\0eA==\0", "\"A=B\" cannot be a variable's name"),
        ("", "\0eA==\0", "\"\" cannot be a variable's name"),
        (
            r#"{"devenv":{"env":{"A":"\u0000"}}}"#,
            "",
            "OUTPUT_FILE: the value of A holds a NUL byte",
        ),
        (&long, "", "A would be of 131075 bytes, 131072 are allowed"),
    ] {
        match read(output, exports) {
            Ok(_) => assert_eq!(told, "", "{output} {exports:?}"),
            Err(error) => assert!(error.contains(told) && !told.is_empty(), "{error}"),
        }
    }
}

fn plan() -> Plan {
    let process = |name: &str, kind: &str, after: &[&str]| {
        let after: Vec<_> = after
            .iter()
            .map(|on| serde_json::json!({ "process": on, "condition": "completed" }))
            .collect();
        serde_json::json!({ "name": name, "command": ["x"], "kind": kind, "after": after })
    };
    let processes = [
        process("z", "task", &[]),
        process("a", "task", &["z"]),
        process("web", "service", &["a"]),
        process("worker", "service", &["web"]),
        process("apart", "service", &[]),
        process("late", "task", &[]),
    ];
    let spec = serde_json::json!({ "version": 1, "processes": processes });
    crate::spec::load(&spec.to_string()).expect("a valid spec")
}

#[test]
fn who_waits_for_a_task_gets_what_it_hands_on_and_nobody_else_does() {
    let plan = plan();
    let mut handed = Handed::new(&plan);
    let of = |handed: &Handed, name: &str| {
        let id = plan.find(name).expect("it is in the plan");
        // As they are laid over each other.
        let variables = handed.variables(&plan, id).expect("it fits");
        let variables: BTreeMap<String, String> = variables.into_iter().collect();
        variables.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
    };
    for (name, want) in [("web", vec!["DEVENV_TASKS_OUTPUTS={}"]), ("apart", vec![])] {
        assert_eq!(of(&handed, name), want);
    }
    let put = |handed: &mut Handed, name: &str, output: &str| {
        let given = Given::read(output.as_bytes(), b"").expect("it is right");
        let id = plan.find(name).expect("it is in the plan");
        handed.put(&plan, id, given).expect("it fits");
    };
    put(&mut handed, "z", r#"{"devenv":{"env":{"A":"of z"}}}"#);
    put(&mut handed, "a", r#"{"n":1,"devenv":{"env":{"A":"of a","B":"of a"}}}"#);
    let of_z = r#""z":{"devenv":{"env":{"A":"of z"}}}"#;
    let of_both = format!(
        r#"DEVENV_TASKS_OUTPUTS={{"a":{{"n":1,"devenv":{{"env":{{"A":"of a","B":"of a"}}}}}},{of_z}}}"#
    );
    for name in ["web", "worker"] {
        assert_eq!(of(&handed, name), ["A=of z", "B=of a", &of_both], "{name}");
    }
    assert_eq!(of(&handed, "a"), ["A=of z", &format!("DEVENV_TASKS_OUTPUTS={{{of_z}}}")]);
    assert_eq!(of(&handed, "late"), ["DEVENV_TASKS_OUTPUTS={}"]);
    assert!(of(&handed, "apart").is_empty());
    // A later run takes the place of the earlier one.
    put(&mut handed, "z", "");
    assert_eq!(of(&handed, "a"), ["DEVENV_TASKS_OUTPUTS={}"]);
}

#[test]
fn more_than_a_variable_can_hold_is_refused_and_not_cut_off() {
    let plan = plan();
    let mut handed = Handed::new(&plan);
    let half = format!("\"{}\"", "x".repeat(LONGEST / 2));
    let id = |name: &str| plan.find(name).expect("it is in the plan");
    let given = |text: &str| Given::read(text.as_bytes(), b"").expect("it is right");
    handed.put(&plan, id("z"), given(&half)).expect("it fits");
    handed.put(&plan, id("a"), given("1")).expect("it fits");
    // Nobody waits for `late`.
    handed.put(&plan, id("late"), given(&half)).expect("nobody gets it");
    let refused = handed.put(&plan, id("a"), given(&half)).expect_err("it does not fit");
    assert!(refused.contains("DEVENV_TASKS_OUTPUTS would be of 1311"), "{refused}");
    // What is there already, and is in use, stays as it is.
    let variables = handed.variables(&plan, id("web")).expect("it fits");
    let outputs = variables.last().map(|(_, value)| value.clone()).unwrap_or_default();
    assert!(outputs.starts_with(r#"{"a":1,"z":"xxx"#), "{:.20}", outputs);
}

#[test]
fn many_variables_are_no_more_work_than_few_and_too_many_are_refused() {
    let pairs = |count: usize| (0..count).map(|one| format!("{one:x}\0\0")).collect::<String>();
    let began = std::time::Instant::now();
    for count in [MOST_VARIABLES, MOST_VARIABLES + 1, 80_000] {
        let refused = read("{}", &pairs(count)).err().unwrap_or_default();
        let told = format!("it exports {count} variables, 4096 are allowed");
        assert_eq!(refused.contains(&told), count > MOST_VARIABLES, "{refused}");
    }
    // A search for each took half a minute.
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}

#[test]
fn what_is_a_process_s_own_is_not_handed_on() {
    let names = ["NOTIFY_SOCKET", "LISTEN_FDS", "DEVENV_TASK_OUTPUT_FILE", "DEVENV_TASKS_OUTPUTS"];
    for name in names {
        let (_, exported) = read("", &format!("{name}\0eA==\0A\0eA==\0")).expect("it is right");
        assert_eq!(exported, [("A".to_owned(), "x".to_owned())], "{name}");
        let json = format!(r#"{{"devenv":{{"env":{{"{name}":"x"}}}}}}"#);
        let (_, exported) = read(&json, "").expect("it is right");
        assert_eq!(exported, [], "{name}");
    }
}

#[test]
fn values_are_base64_of_the_rfc() {
    for (text, bytes) in [
        ("", ""),
        ("Zg==", "f"),
        ("Zm8=", "fo"),
        ("Zm9v", "foo"),
        ("Zm9vYg==", "foob"),
        ("Zm9vYmE=", "fooba"),
        ("Zm9vYmFy", "foobar"),
        ("Zm9v\nYmFy\n", "foobar"),
    ] {
        assert_eq!(decode(text.as_bytes()).as_deref(), Some(bytes.as_bytes()), "{text}");
    }
    assert_eq!(decode(b"+/+/"), Some(vec![0xfb, 0xff, 0xbf]));
}

#[test]
fn what_is_no_base64_is_refused() {
    for text in ["Z", "Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zh==", "Zm9=", "Zm 9v", "Zm-v"] {
        assert_eq!(decode(text.as_bytes()), None, "{text}");
    }
}
