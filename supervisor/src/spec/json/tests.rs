//! JSON is read as `serde_json` reads it, loses nothing, and tells where it is wrong.

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::read::read;
use super::*;
use crate::spec::wire::Spec;

#[test]
fn nothing_is_lost_on_the_way_through() {
    for text in [
        r#"{"z":[1,-2,1.5,null,true,false,"ä\u0000\n"],"a":{},"a":[],"":""}"#,
        "123456789012345678901234567890",
        "[1e2,1E+2,0.10,-0,1e999]",
    ] {
        assert_eq!(read(text).expect("it is JSON").to_string(), text);
    }
}

#[test]
fn faults_of_the_text_have_a_path_and_a_place() {
    let deep = "[".repeat(129);
    for (text, want) in [
        ("", "it ends too early at line 1 column 1"),
        ("{\"a\": [1", "a: it ends too early at line 1 column 9"),
        ("{", "it ends too early at line 1 column 2"),
        ("{}\n x", "trailing characters at line 2 column 2"),
        ("{\"a\": [1, {\"b\":\n tru}]}", "a[1].b: expected ident at line 2 column 2"),
        ("{\"a\" 1}", "a: expected `:` at line 1 column 6"),
        ("{\"a\":1,}", "expected a key in quotes at line 1 column 8"),
        ("{\"a\":[1 2]}", "a: expected `,` or `]` at line 1 column 9"),
        ("[1,]", "[1]: expected value at line 1 column 4"),
        ("[\"ä\", \"x]", "[1]: EOF while parsing a string at line 1 column 7"),
        ("[01]", "[0]: invalid number at line 1 column 2"),
        ("[\"\\x\"]", "[0]: invalid escape at line 1 column 2"),
    ] {
        assert_eq!(read(text).expect_err("it is wrong").to_string(), want, "{text}");
    }
    let fault = read(&deep).expect_err("it is too deep");
    assert!(fault.what.starts_with("more than 128 lists and objects"), "{fault}");
}

#[test]
fn every_duplicate_is_found_with_its_place() {
    let text = r#"{"a":{"A":"1","A":"2"},"l":[{"name":"web","x":{"b":[],"b":[]}},{"y":1,"y":1}]}"#;
    let mut problems = Vec::new();
    read(text).expect("it is JSON").note_duplicates("", &mut problems);
    let told: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert_eq!(
        told,
        ["a.A: is there twice", "l[0] (web).x.b: is there twice", "l[1].y: is there twice"]
    );
}

fn typed(text: &str) -> Result<Spec, Fault> {
    Spec::deserialize(&read(text).expect("it is JSON"))
}

#[test]
fn faults_of_types_have_a_path_with_the_process() {
    let process = |more: &str| {
        format!(r#"{{"version":1,"processes":[{{"name":"web","command":["/x"],{more}}}]}}"#)
    };
    let web = "processes[0] (web)";
    for (text, want) in [
        ("{}".to_owned(), "missing field `version`".to_owned()),
        ("[1]".to_owned(), "invalid type: sequence, expected struct Spec".to_owned()),
        (r#"{"version":1.5}"#.to_owned(), {
            "version: invalid type: floating point `1.5`, expected u32".to_owned()
        }),
        (process(r#""nice":"x""#), {
            format!("{web}.nice: invalid type: string \"x\", expected i32")
        }),
        (process(r#""nice":9999999999"#), {
            format!("{web}.nice: invalid value: integer `9999999999`, expected i32")
        }),
        (process(r#""environment":{"A":1e2}"#), {
            format!("{web}.environment.A: invalid type: 1e2, expected a string")
        }),
        (process(r#""restart":["always"]"#), {
            format!("{web}.restart: invalid type: sequence, expected struct Restart")
        }),
        (process(r#""kind":"job""#), {
            format!("{web}.kind: unknown variant `job`, expected `service` or `task`")
        }),
        (process(r#""ready":{"check":{"tcp":{"port":70000}}}"#), {
            format!("{web}.ready.check.tcp.port: invalid value: integer `70000`, expected u16")
        }),
        (process(r#""ready":{"check":{"notify":1}}"#), {
            format!("{web}.ready.check.notify: invalid type: 1, expected nothing")
        }),
        (process(r#""ready":{"check":{}}"#), {
            format!("{web}.ready.check: expected an object with one key")
        }),
    ] {
        assert_eq!(typed(&text).expect_err("it is wrong").to_string(), want, "{text}");
    }
    let good = process(r#""ready":{"check":{"notify":null}},"signals":{"HUP":null},"nice":-1"#);
    assert_eq!(typed(&good).expect("it is right"), {
        serde_json::from_str(&good).expect("it is right")
    });
}

/// Text that is JSON, or nearly.
fn text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?[0-9]{1,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]?)?",
        "\"([a-zä]|\\\\[nu\"x]|[0-9d]{4})*\"",
        ".{0,2}",
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let blank = "[ \n\t\r]{0,2}";
        let items = prop::collection::vec((blank, inner), 0..4);
        (items, any::<bool>(), "[]}]?").prop_map(|(items, list, end)| {
            let key = if list { "" } else { "\"k\":" };
            let items: Vec<String> =
                items.into_iter().map(|(blank, item)| format!("{blank}{key}{item}")).collect();
            let (open, close) = if list { ("[", "]") } else { ("{", "}") };
            let close = if end.is_empty() { close } else { &end };
            format!("{open}{}{close}", items.join(","))
        })
    })
}

proptest! {
    #[test]
    fn what_is_json_is_what_serde_json_takes_for_it(text in text()) {
        let theirs: Result<Value, _> = serde_json::from_str(&text);
        let ours = read(&text);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", &ours, &theirs);
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            let shown = ours.to_string();
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).expect("it is JSON"), theirs);
            prop_assert_eq!(read(&shown).expect("it is JSON"), ours);
        }
    }
}
