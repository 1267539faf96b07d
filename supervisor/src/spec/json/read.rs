//! Text into JSON.
//!
//! What is around values is read here, so that a fault can be told with its path; texts, numbers and
//! words are left to `serde_json`, which also says how far each goes.

use serde::de::{DeserializeOwned, IgnoredAny};

use super::{Fault, Json};

/// How deeply lists and objects may be in each other; reading more could take all of the stack.
const DEEPEST: usize = 128;

/// Reads a document.
///
/// # Errors
/// It is not JSON by RFC 8259. The fault ends with line and column, in characters.
pub fn read(text: &str) -> Result<Json, Fault> {
    let mut reader = Reader { text, at: 0 };
    reader.document().map_err(|mut fault| {
        let before = text.get(..reader.at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        fault.what += &format!(" at line {line} column {column}");
        fault
    })
}

fn ends() -> Fault {
    Fault::new("it ends too early")
}

struct Reader<'a> {
    text: &'a str,
    /// How much of it is read, in bytes; at a fault, where that is.
    at: usize,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Json, Fault> {
        let json = self.value(0)?;
        match self.next() {
            None => Ok(json),
            Some(_) => Err(Fault::new("trailing characters")),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json, Fault> {
        match self.next() {
            Some('[' | '{') if depth == DEEPEST => {
                Err(Fault::new(format!("more than {DEEPEST} lists and objects are in each other")))
            }
            Some('[') => self.list(depth + 1),
            Some('{') => self.object(depth + 1),
            Some('"') => Ok(Json::Text(self.lexeme()?.1)),
            Some(_) => {
                let (text, IgnoredAny) = self.lexeme()?;
                Ok(match text {
                    "null" => Json::Null,
                    "true" => Json::Bool(true),
                    "false" => Json::Bool(false),
                    number => Json::Number(number.to_owned()),
                })
            }
            None => Err(ends()),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, Fault> {
        let mut items = Vec::new();
        self.at += 1;
        let mut more = self.next() != Some(']');
        while more {
            let item = self.value(depth);
            // What is not read to its end has no name yet.
            items.push(item.map_err(|fault| fault.within(&format_args!("[{}]", items.len())))?);
            more = self.goes_on(']')?;
        }
        self.at += 1;
        Ok(Json::List(items))
    }

    fn object(&mut self, depth: usize) -> Result<Json, Fault> {
        let mut entries = Vec::new();
        self.at += 1;
        let mut more = self.next() != Some('}');
        while more {
            match self.next() {
                Some('"') => {}
                Some(_) => return Err(Fault::new("expected a key in quotes")),
                None => return Err(ends()),
            }
            let (_, key): (_, String) = self.lexeme()?;
            if self.next() != Some(':') {
                return Err(Fault::new("expected `:`").within(&key.escape_debug()));
            }
            self.at += 1;
            let value = self.value(depth).map_err(|fault| fault.within(&key.escape_debug()))?;
            entries.push((key, value));
            more = self.goes_on('}')?;
        }
        self.at += 1;
        Ok(Json::Object(entries))
    }

    /// Whether another item comes after one, before the `end`.
    fn goes_on(&mut self, end: char) -> Result<bool, Fault> {
        match self.next() {
            Some(',') => {
                self.at += 1;
                Ok(true)
            }
            Some(other) if other == end => Ok(false),
            Some(_) => Err(Fault::new(format!("expected `,` or `{end}`"))),
            None => Err(ends()),
        }
    }

    /// The next character that is no blank, which is not read yet.
    fn next(&mut self) -> Option<char> {
        let rest = self.rest();
        let blanks = rest.bytes().take_while(|byte| b" \n\r\t".contains(byte)).count();
        self.at += blanks;
        self.rest().chars().next()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// One value without anything in it, as it stands and as a `T`.
    fn lexeme<T: DeserializeOwned>(&mut self) -> Result<(&'a str, T), Fault> {
        let rest = self.rest();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter();
        let value = values.next().transpose().map_err(|error| {
            // Counted from here, which is of no use to anybody.
            let place = format!(" at line {} column {}", error.line(), error.column());
            let what = error.to_string();
            Fault::new(what.strip_suffix(&place).unwrap_or(&what))
        })?;
        let value = value.ok_or_else(|| Fault::new("expected a value"))?;
        let end = values.byte_offset();
        self.at += end;
        Ok((rest.get(..end).unwrap_or_default(), value))
    }
}
