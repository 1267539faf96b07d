//! The Procfile itself: `name: command`, one a line.

use super::lines::numbered;
use super::{Problem, Source};

/// One line that names a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Letters, digits, `_` and `-`; unique.
    pub name: String,
    /// What the shell is given, as it stands in the file; never blank.
    pub command: String,
    /// Where it stands, as a line number from 1.
    pub line: usize,
}

/// Reads a Procfile.
///
/// A line that is neither an entry, nor blank, nor begins with `#` is passed over with a warning;
/// honcho says nothing, and a mistyped name is a process that is missing. A name that is used
/// twice is a problem, and so is a NUL byte, which no argument of a program can hold.
pub fn parse(
    source: Source<'_>,
    warnings: &mut Vec<Problem>,
    problems: &mut Vec<Problem>,
) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (line, text) in numbered(source.text) {
        let path = format!("{}:{line}", source.file);
        let Some((name, command)) = entry(text) else {
            if !text.trim().is_empty() && !text.trim_start().starts_with('#') {
                warnings.push(Problem {
                    path,
                    what: format!("is passed over: {}", fault(text)),
                    hint: Some("write it as in `web: python app.py`".to_owned()),
                });
            }
            continue;
        };
        if let Some(first) = entries.iter().find(|entry| entry.name == name) {
            problems.push(Problem {
                path,
                what: format!("\"{name}\" is already the name of line {}", first.line),
                hint: Some("give each process a name of its own".to_owned()),
            });
        } else if command.contains('\0') {
            problems.push(Problem {
                path,
                what: format!("the command of \"{name}\" holds a NUL byte"),
                hint: None,
            });
        } else {
            entries.push(Entry { name: name.to_owned(), command: command.to_owned(), line });
        }
    }
    entries
}

/// The two parts of an entry. Blanks at the end belong to the command, as in honcho.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (name, command) = line.split_once(':')?;
    let command = command.trim_start_matches(is_blank);
    (is_name(name) && !command.is_empty()).then_some((name, command))
}

/// What `\s` stands for in Python's regular expressions.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// Why a line is no entry.
fn fault(line: &str) -> String {
    match line.split_once(':') {
        None => "it has no `:`".to_owned(),
        Some((name, _)) if is_name(name) => format!("\"{name}\" has no command"),
        Some((name, _)) => {
            let name = name.escape_debug();
            format!("\"{name}\" is no name, which is letters, digits, `_` and `-`")
        }
    }
}
