//! What a registry says in words of its own, as a line that is fit for a terminal: anybody may have
//! written it.

use serde_json::Value;

use crate::report::is_unfit;

/// How many characters of it are shown.
const LONGEST: usize = 300;

/// Where the bodies of refusals have their reason: those of registries, and those of token services,
/// of which each has its own.
const REASONS: [&str; 7] = [
    "/errors/0/message",
    "/errors/0/code",
    "/error_description",
    "/details",
    "/detail",
    "/message",
    "/error",
];

/// The text as one line of bounded length, without what a terminal would take for commands.
pub fn line(text: &str) -> String {
    let shown = |c: char| if is_unfit(c) { ' ' } else { c };
    // More than is shown need not be looked at.
    let clean: String = text.chars().take(8 * LONGEST).map(shown).collect();
    let clean = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    match clean.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", clean.get(..end).unwrap_or_default()),
        None => clean,
    }
}

/// The reason a refusal's body gives, as such a line.
pub fn reason(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let told = |place: &&str| Some(line(body.pointer(place)?.as_str()?));
    REASONS.iter().filter_map(told).find(|reason| !reason.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_one_clean_line() {
        for (text, expected) in [
            ("denied", "denied"),
            ("a\r\nerror: all is lost\n", "a error: all is lost"),
            ("\u{1b}]0;title\u{7}\u{1b}[31mred", "]0;title [31mred"),
            ("\u{9b}31mred \u{202e}txt.exe", "31mred txt.exe"),
            ("größer → ja", "größer → ja"),
            ("", ""),
        ] {
            assert_eq!(line(text), expected, "{text:?}");
        }
        let long = line(&"word ".repeat(1_000));
        assert_eq!((long.chars().count(), long.ends_with('…')), (LONGEST + 1, true));
        assert_eq!(line(&"é".repeat(LONGEST)), "é".repeat(LONGEST));
    }

    #[test]
    fn refusals_of_registries_and_of_token_services_have_reasons() {
        for (body, expected) in [
            (r#"{"errors":[{"code":"DENIED","message":"not yours"}]}"#, Some("not yours")),
            (r#"{"errors":[{"code":"DENIED","message":""}]}"#, Some("DENIED")),
            (
                r#"{"details":"incorrect username or password"}"#,
                Some("incorrect username or password"),
            ),
            (r#"{"error":"invalid_grant","error_description":"it\nexpired"}"#, Some("it expired")),
            (r#"{"error":"invalid_grant"}"#, Some("invalid_grant")),
            (r#"{"message":"no"}"#, Some("no")),
            (r#"{"errors":[]}"#, None),
            ("<html>", None),
        ] {
            assert_eq!(reason(body).as_deref(), expected, "{body}");
        }
    }
}
