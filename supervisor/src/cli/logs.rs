//! `devenv-init logs`: the last lines of output, and those that follow.

use std::io::{self, Write};

use lexopt::{Arg, ValueExt};

use super::client::{self, AT_ONCE, Client, Next, late};
use super::{Failure, size, text};
use crate::control::{Logs, Request, Response};
use crate::machine::exit;

/// How many lines of each process stand before those that follow, unless a number is given.
const BEFORE_FOLLOWING: u32 = 10;

const HELP: &str = "\
devenv-init logs: show the last lines that processes of a running supervisor have written

Usage: devenv-init logs [-f] [-n N] [NAME...]

The supervisor remembers about 4 KiB of each process, also of those that are quiet.

Options:
  -f, --follow        go on with what they write, until the supervisor ends
  -n, --lines N       at most N of the last lines of each (default: all, or 10 with -f)
      --control PATH  the supervisor's socket (default: $DEVENV_INIT_CONTROL, or as `up`)
      --help          show this
";

/// Runs the verb. With `-f` returns when the supervisor ends or nobody reads any more.
///
/// # Errors
/// No supervisor answers, or there is no such process.
pub fn run(mut parser: lexopt::Parser) -> Result<u8, Failure> {
    let mut wish = Logs::default();
    let mut control = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("follow") | Arg::Short('f') => wish.follow = true,
            Arg::Long("lines") | Arg::Short('n') => {
                wish.lines = Some(size::count("--lines", parser.value()?)?);
            }
            Arg::Long("control") => control = Some(client::control(parser.value()?)?),
            Arg::Long("help") | Arg::Short('h') => return Ok(text::to_stdout(HELP)),
            Arg::Value(name) => wish.processes.push(name.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    if wish.follow {
        wish.lines.get_or_insert(BEFORE_FOLLOWING);
    }
    let limit = (!wish.follow).then_some(AT_ONCE);
    let named = wish.processes.len() != 1;
    let mut client = Client::ask(control.as_deref(), &Request::Logs(wish), limit)?;
    let mut printer = Printer { named, open: None };
    loop {
        let response = match client.next()? {
            Next::Response(response) => response,
            Next::Done => return Ok(exit::OK),
            Next::Late => return Err(late()),
        };
        let piece = printer.print(&response);
        let mut out = io::stdout().lock();
        if out.write_all(piece.as_bytes()).and_then(|()| out.flush()).is_err() {
            // Nobody reads any more: everything that was wanted has been shown.
            return Ok(exit::OK);
        }
    }
}

/// Puts parts of lines together again.
struct Printer {
    /// Whether lines begin with the name of their process.
    named: bool,
    /// Whose line is unfinished on the screen.
    open: Option<String>,
}

impl Printer {
    fn print(&mut self, response: &Response) -> String {
        match response {
            Response::Line { process, text, more } => {
                let goes_on = self.open.as_ref() == Some(process);
                let mut piece = String::new();
                if !goes_on {
                    piece.push_str(self.close());
                    if self.named {
                        piece.push_str(process);
                        piece.push_str(" | ");
                    }
                }
                piece.push_str(text);
                if *more {
                    self.open = Some(process.clone());
                } else {
                    self.open = None;
                    piece.push('\n');
                }
                piece
            }
            Response::Dropped { bytes } => {
                format!("{}[{bytes} bytes missing: read too slowly]\n", self.close())
            }
            Response::Text(_) | Response::Done {} | Response::Error { .. } => String::new(),
        }
    }

    fn close(&mut self) -> &'static str {
        if self.open.take().is_some() { "\n" } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(process: &str, text: &str, more: bool) -> Response {
        Response::Line { process: process.to_owned(), text: text.to_owned(), more }
    }

    #[test]
    fn parts_are_put_together_and_lines_never_mixed() {
        let story = [
            line("a.1", "one", false),
            line("a.1", "lo", true),
            line("a.1", "ng", false),
            line("a.1", "cut", true),
            line("b.1", "two", false),
            line("a.1", "rest", true),
            Response::Dropped { bytes: 7 },
            line("b.1", "", false),
        ];
        for (named, want) in [
            (
                true,
                "a.1 | one\na.1 | long\na.1 | cut\nb.1 | two\na.1 | rest\n\
                 [7 bytes missing: read too slowly]\nb.1 | \n",
            ),
            (false, "one\nlong\ncut\ntwo\nrest\n[7 bytes missing: read too slowly]\n\n"),
        ] {
            let mut printer = Printer { named, open: None };
            let shown: String = story.iter().map(|response| printer.print(response)).collect();
            assert_eq!(shown, want);
        }
    }
}
