//! What the supervisor itself says in the log, under the name `system`.

use super::dress::{Dress, Heading};
use super::lines::Lines;
use super::mask::Mask;
use super::options::Format;
use super::page::Page;

/// One statement of the supervisor: a sentence for people, an event with fields for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What happened, as a stable word for programs (`started`). JSON only.
    pub event: &'static str,
    /// The sentence, `hello-nix.1 started (pid=16)`.
    pub message: String,
    /// Particulars, in this order. JSON only. Names must need no escape and must not be `time`,
    /// `event` or `message`.
    pub fields: Vec<(&'static str, Field)>,
}

/// The value of a particular of a [`Notice`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A name, a reason.
    Text(String),
    /// A process id, an exit code, a duration.
    Number(i64),
}

impl Notice {
    /// A notice without fields.
    pub fn new(event: &'static str, message: impl Into<String>) -> Self {
        Self { event, message: message.into(), fields: Vec::new() }
    }

    /// The same notice with one field more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Field>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// How much memory it takes, roughly.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.message.len() + self.fields.len() * size_of::<(&str, Field)>()
    }

    /// Appends its lines to `page`, all dressed with the same `time`.
    pub(super) fn write(
        &self,
        format: Format,
        heading: &Heading,
        time: &str,
        mask: &Mask,
        page: &mut Page,
    ) {
        let mut head = Vec::new();
        let json = format == Format::Json;
        if !json {
            heading.at(time, &mut head);
        }
        let dress = Dress { head: &head, foot: b"\n", json, mask, carry_limit: usize::MAX };
        if json {
            self.write_json(time, &dress, page);
        } else {
            let mut lines = Lines::default();
            lines.push(self.message.as_bytes(), &dress, page);
            lines.flush(&dress, page);
        }
    }

    fn write_json(&self, time: &str, dress: &Dress<'_>, page: &mut Page) {
        let out = &mut page.bytes;
        out.extend_from_slice(format!(r#"{{"time":"{time}","event":"{}""#, self.event).as_bytes());
        write_string("message", &self.message, dress, out);
        for (name, value) in &self.fields {
            match value {
                Field::Text(text) => write_string(name, text, dress, out),
                Field::Number(number) => {
                    out.extend_from_slice(format!(r#","{name}":{number}"#).as_bytes());
                }
            }
        }
        out.extend_from_slice(b"}\n");
        page.lines += 1;
    }
}

fn write_string(name: &str, text: &str, dress: &Dress<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(format!(r#","{name}":""#).as_bytes());
    dress.mask.apply(text.as_bytes(), 0, true, &mut |piece| dress.write_text(piece, out));
    out.push(b'"');
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Field {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<i32> for Field {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Field {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::Options;
    use super::*;

    fn written(format: Format, notice: &Notice) -> String {
        let mask = Mask::new(&[b"hunter2".to_vec()]);
        let heading = Heading::of_system(&Options::default(), 8);
        let mut page = Page::default();
        notice.write(format, &heading, "06:30:06", &mask, &mut page);
        let text = String::from_utf8(page.bytes).unwrap();
        assert_eq!(page.lines, text.lines().count() as u64);
        text
    }

    #[test]
    fn text_has_one_head_a_line() {
        let notice = Notice::new("started", "web.1 started\n(hunter2)").with("pid", 7);
        let expected = "06:30:06 system   | web.1 started\n06:30:06 system   | (***)\n";
        assert_eq!(written(Format::Text, &notice), expected);
    }

    #[test]
    fn json_is_one_object_in_a_fixed_order() {
        let notice =
            Notice::new("exited", "a \"quoted\"\nword").with("rc", -15).with("why", "hunter2");
        let expected = concat!(
            r#"{"time":"06:30:06","event":"exited","message":"a \"quoted\"\u000aword","#,
            r#""rc":-15,"why":"***"}"#,
            "\n"
        );
        assert_eq!(written(Format::Json, &notice), expected);
    }
}
