//! Words as a shell reads them, for text that one of ours or the user's has read already.

use crate::error::{Failure, Kind, Result};

/// Splits text into words by the quoting rules of POSIX shells (2.2). Nothing is expanded.
///
/// # Errors
/// When a quote is not closed, without the text: it may hold a password.
pub fn split(text: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                quoted(character, &mut characters, word).ok_or_else(|| {
                    Failure::new(Kind::Usage, format!("a quote {character} is not closed"))
                })?;
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Reads up to the closing quote; `None` when there is none.
fn quoted(quote: char, characters: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match characters.next()? {
            character if character == quote => return Some(()),
            '\\' if quote == '"' => match characters.next()? {
                character @ ('"' | '\\' | '$' | '`') => word.push(character),
                other => word.extend(['\\', other]),
            },
            other => word.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        for (text, expected) in [
            ("", vec![]),
            ("  a \t b\n", vec!["a", "b"]),
            ("--dest-creds 'me:a b'", vec!["--dest-creds", "me:a b"]),
            (r#"x:"a \"b\" $c \d""#, vec![r#"x:a "b" $c \d"#]),
            (r"a\ b \\ ''", vec!["a b", r"\", ""]),
            ("a'b'\"c\"d", vec!["abcd"]),
        ] {
            assert_eq!(split(text).unwrap(), expected, "{text}");
        }
        for text in ["'a", "a \"b", "\"a\\"] {
            assert!(split(text).is_err(), "{text}");
        }
    }
}
