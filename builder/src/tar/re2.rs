//! Regular expressions as Go has them (RE2), in the syntax of the `regex` crate.
//!
//! nix2container's rewrites and permissions are expressions of Go. The two syntaxes are nearly one; what
//! differs is that Go's `\d`, `\s`, `\w` and `\b` are about ASCII, that `\Q…\E` quotes, and that within
//! brackets `[`, `&&`, `--` and `~~` are the characters they are.

/// The same expression for the `regex` crate. What is wrong with it stays wrong.
pub fn translate(expression: &str) -> String {
    let mut translated = String::with_capacity(expression.len());
    let mut rest = expression;
    let mut class = Class::Outside;
    while let Some(next) = rest.chars().next() {
        let after = &rest[next.len_utf8()..];
        rest = match (next, class) {
            ('\\', _) if after.starts_with('Q') => {
                let (quoted, after) = after[1..].split_once("\\E").unwrap_or((&after[1..], ""));
                translated.push_str(&regex::escape(quoted));
                after
            }
            ('\\', _) => {
                let within = class;
                if class == Class::Begun {
                    class = Class::Within;
                }
                escape(after, within, &mut translated)
            }
            ('[', Class::Outside) => {
                class = Class::Begun;
                translated.push('[');
                match after.strip_prefix('^') {
                    Some(after) => {
                        translated.push('^');
                        after
                    }
                    None => after,
                }
            }
            // A bracket that comes first stands for itself.
            (']', Class::Begun) => {
                class = Class::Within;
                translated.push_str("\\]");
                after
            }
            (']', Class::Within) => {
                class = Class::Outside;
                translated.push(']');
                after
            }
            ('[', _) => match after.starts_with(':').then(|| after.find(":]")).flatten() {
                Some(end) => {
                    class = Class::Within;
                    translated.push('[');
                    translated.push_str(&after[..end + 2]);
                    &after[end + 2..]
                }
                None => {
                    class = Class::Within;
                    translated.push_str("\\[");
                    after
                }
            },
            (next @ ('&' | '~'), Class::Begun | Class::Within) => {
                class = Class::Within;
                translated.extend(['\\', next]);
                after
            }
            (next, _) => {
                if class == Class::Begun {
                    class = Class::Within;
                }
                translated.push(next);
                after
            }
        };
    }
    translated
}

/// Where in an expression something is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Outside,
    /// Behind the opening bracket of a class, where a closing one does not close it.
    Begun,
    Within,
}

/// Translates what follows a backslash, and returns what follows that.
fn escape<'a>(after: &'a str, class: Class, translated: &mut String) -> &'a str {
    let Some(escaped) = after.chars().next() else {
        translated.push('\\');
        return after;
    };
    let members = match escaped.to_ascii_lowercase() {
        'd' => Some("0-9"),
        's' => Some(r"\t\n\f\r "),
        'w' => Some("0-9A-Za-z_"),
        _ => None,
    };
    match (members, escaped, class) {
        (Some(members), 'd' | 's' | 'w', Class::Begun | Class::Within) => {
            translated.push_str(members)
        }
        (Some(members), 'd' | 's' | 'w', Class::Outside) => {
            translated.push_str(&format!("[{members}]"));
        }
        (Some(members), ..) => translated.push_str(&format!("[^{members}]")),
        (None, 'b' | 'B', Class::Outside) => translated.push_str(&format!("(?-u:\\{escaped})")),
        (None, ..) => translated.extend(['\\', escaped]),
    }
    &after[escaped.len_utf8()..]
}

#[cfg(test)]
mod tests {
    use regex::bytes::Regex;

    use super::*;

    /// What Go's `regexp` says to the same, by its documentation of the syntax.
    #[test]
    fn expressions_match_what_they_match_in_go() {
        for (expression, matched, not_matched) in [
            (r"^\d$", "7", "\u{0667}"),
            (r"^\D$", "\u{0667}", "7"),
            (r"^\w+$", "a_1", "é"),
            (r"^\W$", "é", "a"),
            (r"^a\sb$", "a b", "a\u{a0}b"),
            (r"^[\d-]+$", "1-2", "\u{0667}"),
            (r"^[^\D]$", "1", "x"),
            (r"^[\W]$", "é", "_"),
            (r"é\bx", "éx", "é x"),
            (r"^\Qa.b[\E$", "a.b[", "axb["),
            (r"^\Q.+", ".+", "ab"),
            ("^[[]$", "[", "]"),
            ("^[]a]$", "]", "b"),
            ("^[^]a]$", "b", "]"),
            ("^[a&&b]+$", "a&b", "c"),
            ("^[a~~b]$", "~", "c"),
            ("^[[:digit:]x]+$", "1x", "[:"),
            (r"^[\[\]]+$", "[]", "\\"),
            (r"^\.x$", ".x", "ax"),
        ] {
            let regex = Regex::new(&translate(expression)).expect(expression);
            assert!(regex.is_match(matched.as_bytes()), "{expression} matches {matched}");
            assert!(!regex.is_match(not_matched.as_bytes()), "{expression} not {not_matched}");
        }
    }

    #[test]
    fn what_is_wrong_stays_wrong() {
        for expression in ["(", "[a", "a\\", "*", r"[\"] {
            assert!(Regex::new(&translate(expression)).is_err(), "{expression}");
        }
    }

    #[test]
    fn plain_expressions_stay_as_they_are() {
        for expression in ["", "^/nix/store/abc-name", "(a|b)*?c{2,3}$", "[a-z0-9_.-]+", "é$1"] {
            assert_eq!(translate(expression), expression);
        }
    }
}
