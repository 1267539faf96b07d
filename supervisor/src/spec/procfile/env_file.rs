//! A `.env` file: `NAME=value`, one a line, as honcho reads it.
//!
//! Nothing is expanded: `$HOME` is those five characters. Inside quotes `\n` and `\t` become a
//! line feed and a tab. A value of several words is those words without the blanks between them.

use super::lines::numbered;
use super::words::{SplitError, split};
use super::{Problem, Source};

/// One variable that a file sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Not empty, begins with an ASCII letter or `_`, without `=` and NUL.
    pub name: String,
    /// Without NUL; may be empty.
    pub value: String,
    /// Where it stands: `.env:3`.
    pub place: String,
}

/// Reads a `.env` file. A name set twice is returned twice; the later one wins.
///
/// What honcho passes over in silence (`export A=1`, `A=` without a value) is a warning, and what
/// makes it fail with a traceback (an open quote) is a problem.
pub fn parse(
    source: Source<'_>,
    warnings: &mut Vec<Problem>,
    problems: &mut Vec<Problem>,
) -> Vec<Assignment> {
    let mut assignments = Vec::new();
    for (line, text) in numbered(source.text) {
        let place = format!("{}:{line}", source.file);
        match assignment(text) {
            Ok(None) => {}
            Ok(Some((name, value))) => assignments.push(Assignment { name, value, place }),
            Err(Fault::PassedOver(why, hint)) => warnings.push(Problem {
                path: place,
                what: format!("is passed over: {why}"),
                hint: Some(hint.to_owned()),
            }),
            Err(Fault::Wrong(what, hint)) => {
                problems.push(Problem { path: place, what, hint: hint.map(str::to_owned) });
            }
        }
    }
    assignments
}

enum Fault {
    PassedOver(String, &'static str),
    Wrong(String, Option<&'static str>),
}

/// The name and the value a line sets, if it sets any.
fn assignment(line: &str) -> Result<Option<(String, String)>, Fault> {
    let words = split(line).map_err(|error| match error {
        SplitError::OpenQuote(quote) => Fault::Wrong(
            format!("the quote {quote} is not closed on its line"),
            Some("quote the value with the other quotes, or write the quote as \\' or \\\""),
        ),
        SplitError::OpenEscape => {
            Fault::Wrong("nothing follows the backslash at the end".to_owned(), None)
        }
    })?;
    let (name, value) = match words.as_slice() {
        [] => return Ok(None),
        [name, equals, value @ ..] if equals == "=" && begins_a_name(name) => (name, value),
        [export, _, equals, ..] if export == "export" && equals == "=" => {
            let why = "`export` is no part of an assignment".to_owned();
            return Err(Fault::PassedOver(why, "leave it out: NAME=value"));
        }
        _ => {
            let why = "it is no assignment".to_owned();
            return Err(Fault::PassedOver(why, "write it as NAME=value"));
        }
    };
    if value.is_empty() {
        let why = format!("\"{}\" has no value", name.escape_debug());
        return Err(Fault::PassedOver(why, "for an empty one write NAME=''"));
    }
    // In this order, as in honcho: of `\\n` the first makes a backslash and a line feed.
    let value = value.concat().replace("\\n", "\n").replace("\\t", "\t");
    if name.contains(['=', '\0']) || value.contains('\0') {
        let what = format!(
            "\"{}\" cannot be set: `=` in a name and NUL cannot be passed on",
            name.escape_debug()
        );
        return Err(Fault::Wrong(what, None));
    }
    Ok(Some((name.clone(), value)))
}

/// The only rule honcho has for names.
fn begins_a_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}
