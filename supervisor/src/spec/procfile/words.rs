//! Splits one line into words as Python's `shlex` does with its defaults in POSIX mode.
//!
//! That is not how a shell splits: every character that is no letter, digit or `_` and stands
//! outside quotes is a word of its own, so `A=b-c` is five words. Known letters are the ASCII
//! ones and those of Latin-1, without `÷` and `×`.

/// Why a line cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitError {
    /// A quote is not closed on its line.
    OpenQuote(char),
    /// A backslash is the last character.
    OpenEscape,
}

/// Splits a line. A `#` outside quotes begins a comment, in the middle of a word too.
///
/// # Errors
/// The line ends inside quotes or after a backslash.
pub fn split(line: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    let mut word = Word::default();
    let mut state = State::Between;
    for c in line.chars() {
        state = match state {
            State::Between | State::Inside => match c {
                ' ' | '\t' | '\r' | '\n' => {
                    word.finish(&mut words);
                    State::Between
                }
                '#' => break,
                '\\' => State::Escape,
                '\'' | '"' => State::Quote(c),
                c if is_letter(c) => {
                    word.text.push(c);
                    State::Inside
                }
                // A quote straight after stands alone, as does everything after this one.
                c => {
                    word.finish(&mut words);
                    words.push(c.to_string());
                    State::Between
                }
            },
            State::Escape => {
                word.text.push(c);
                State::Inside
            }
            State::Quote(quote) => {
                word.quoted = true;
                match c {
                    c if c == quote => State::Inside,
                    '\\' if quote == '"' => State::EscapeInQuotes,
                    c => {
                        word.text.push(c);
                        State::Quote(quote)
                    }
                }
            }
            State::EscapeInQuotes => {
                if !matches!(c, '"' | '\\') {
                    word.text.push('\\');
                }
                word.text.push(c);
                State::Quote('"')
            }
        };
    }
    match state {
        State::Quote(quote) => return Err(SplitError::OpenQuote(quote)),
        State::Escape | State::EscapeInQuotes => return Err(SplitError::OpenEscape),
        State::Between | State::Inside => word.finish(&mut words),
    }
    Ok(words)
}

#[derive(Clone, Copy)]
enum State {
    Between,
    Inside,
    Quote(char),
    Escape,
    EscapeInQuotes,
}

#[derive(Default)]
struct Word {
    text: String,
    /// Quotes make a word even of nothing.
    quoted: bool,
}

impl Word {
    fn finish(&mut self, words: &mut Vec<String>) {
        let word = std::mem::take(self);
        if word.quoted || !word.text.is_empty() {
            words.push(word.text);
        }
    }
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || c == '_'
        || (('\u{c0}'..='\u{ff}').contains(&c) && !matches!(c, '\u{d7}' | '\u{f7}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_python() {
        for (line, want) in [
            ("", vec![]),
            ("  # only a comment's text", vec![]),
            ("A=b", vec!["A", "=", "b"]),
            ("A = b c", vec!["A", "=", "b", "c"]),
            ("A=b#c", vec!["A", "=", "b"]),
            ("A=b-c", vec!["A", "=", "b", "-", "c"]),
            ("A=''", vec!["A", "=", ""]),
            ("A=", vec!["A", "="]),
            (r#"A="b 'c' \" \\ \n""#, vec!["A", "=", r#"b 'c' " \ \n"#]),
            (r"A='b\'c", vec!["A", "=", r"b\c"]),
            (r"A=b\ c\n", vec!["A", "=", "b cn"]),
            ("a'b'\"c\"d", vec!["abcd"]),
            ("é=÷", vec!["é", "=", "÷"]),
            ("A=日本", vec!["A", "=", "日", "本"]),
        ] {
            assert_eq!(split(line).as_deref(), Ok(want.map_owned().as_slice()), "{line:?}");
        }
    }

    #[test]
    fn an_open_end_is_an_error() {
        for (line, want) in [
            ("A='b", SplitError::OpenQuote('\'')),
            ("don't", SplitError::OpenQuote('\'')),
            ("A=\"b", SplitError::OpenQuote('"')),
            ("A=b\\", SplitError::OpenEscape),
            ("A=\"b\\", SplitError::OpenEscape),
        ] {
            assert_eq!(split(line), Err(want), "{line:?}");
        }
    }

    trait MapOwned {
        fn map_owned(self) -> Vec<String>;
    }

    impl MapOwned for Vec<&str> {
        fn map_owned(self) -> Vec<String> {
            self.into_iter().map(str::to_owned).collect()
        }
    }
}
