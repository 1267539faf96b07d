//! JSON as Go's `encoding/json` writes and reads it, where digests and other programs depend on it.

use serde::Serialize;
use serde::ser::Error as _;
use serde_json::{Map, Value};

/// Go escapes these in every string, so that JSON may stand in HTML. None of them can occur
/// outside a string, which is why replacing them in finished JSON is right.
const ESCAPED: [(char, &str); 5] = [
    ('<', "\\u003c"),
    ('>', "\\u003e"),
    ('&', "\\u0026"),
    ('\u{2028}', "\\u2028"),
    ('\u{2029}', "\\u2029"),
];

/// As `json.Marshal` writes it.
pub fn compact<T: Serialize>(value: &T) -> serde_json::Result<String> {
    serde_json::to_string(value).map(escape)
}

/// As `json.MarshalIndent` writes it with tabs: no newline at the end.
pub fn indented<T: Serialize>(value: &T) -> serde_json::Result<String> {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter))?;
    String::from_utf8(out).map(escape).map_err(serde_json::Error::custom)
}

fn escape(mut json: String) -> String {
    for (character, escaped) in ESCAPED {
        if json.contains(character) {
            json = json.replace(character, escaped);
        }
    }
    json
}

/// What keys to expect where, to find them whatever their case.
#[derive(Debug)]
pub enum Shape {
    /// Anything; keys below are the user's own.
    Any,
    /// An object with these keys.
    Object(&'static [(&'static str, &'static Shape)]),
    /// A list of such things.
    List(&'static Shape),
}

/// What to do about a key nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Leave it out, as Go does.
    Drop,
    /// Refuse the whole.
    Refuse,
}

/// Gives every key the spelling `shape` has. Go finds a field under any case of its name, and
/// people write `entrypoint` and `Workingdir`; an exact match wins over another. A field that is `null`
/// is left out: Go leaves it as it is.
///
/// # Errors
/// The path of the first key nobody knows, when those are refused.
pub fn fold(value: Value, shape: &Shape, unknown: Unknown) -> Result<Value, String> {
    match (value, shape) {
        (Value::Object(given), Shape::Object(fields)) => {
            let mut folded = Map::new();
            for (key, value) in given {
                let field = fields
                    .iter()
                    .find(|(name, _)| *name == key)
                    .or_else(|| fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key)));
                match field {
                    Some(_) if value.is_null() => {}
                    Some((name, shape)) => {
                        let value = fold(value, shape, unknown)
                            .map_err(|below| format!("{name}.{below}"))?;
                        if *name == key || !folded.contains_key(*name) {
                            folded.insert((*name).to_owned(), value);
                        }
                    }
                    None if unknown == Unknown::Refuse => return Err(key),
                    None => {}
                }
            }
            Ok(Value::Object(folded))
        }
        (Value::Array(items), Shape::List(shape)) => items
            .into_iter()
            .enumerate()
            .map(|(at, item)| fold(item, shape, unknown).map_err(|below| format!("[{at}].{below}")))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        (value, _) => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strings_are_escaped_as_go_does() {
        assert_eq!(
            compact(&json!({"a": "<b> & \u{2028}é\u{1}\u{8}\u{7f}\"\\/"})).unwrap(),
            "{\"a\":\"\\u003cb\\u003e \\u0026 \\u2028é\\u0001\\b\u{7f}\\\"\\\\/\"}"
        );
    }

    #[test]
    fn indentation_is_a_tab_and_empty_things_stay_on_their_line() {
        assert_eq!(
            indented(&json!({"a": [1], "b": [], "c": {}})).unwrap(),
            "{\n\t\"a\": [\n\t\t1\n\t],\n\t\"b\": [],\n\t\"c\": {}\n}"
        );
    }

    #[test]
    fn keys_are_found_in_any_case_and_an_exact_one_wins() {
        const SHAPE: Shape = Shape::Object(&[
            ("Cmd", &Shape::Any),
            ("Labels", &Shape::Any),
            ("Sub", &Shape::List(&Shape::Object(&[("X", &Shape::Any)]))),
        ]);
        let given =
            json!({"CMD": 1, "Cmd": 2, "cmd": 3, "labels": {"A": 1}, "sub": [{"x": 1}], "no": 1});
        assert_eq!(
            fold(given.clone(), &SHAPE, Unknown::Drop).unwrap(),
            json!({"Cmd": 2, "Labels": {"A": 1}, "Sub": [{"X": 1}]})
        );
        assert_eq!(fold(given, &SHAPE, Unknown::Refuse).unwrap_err(), "no");
    }

    #[test]
    fn fields_that_are_null_say_nothing_and_the_users_own_keys_stay() {
        const SHAPE: Shape = Shape::Object(&[("Cmd", &Shape::Any), ("Labels", &Shape::Any)]);
        let given = json!({"Cmd": 1, "cmd": null, "Labels": {"a": null}});
        let expected = json!({"Cmd": 1, "Labels": {"a": null}});
        assert_eq!(fold(given, &SHAPE, Unknown::Refuse).unwrap(), expected);
        let nothing = json!({"Cmd": null});
        assert_eq!(fold(nothing, &SHAPE, Unknown::Drop).unwrap(), json!({}));
    }
}
