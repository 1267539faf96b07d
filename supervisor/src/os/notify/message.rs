//! One message of `sd_notify(3)`: bytes in, statements out.

use crate::machine::Word;

/// The longest message that is read, in bytes, as in systemd. Longer ones are not heard.
pub(super) const LIMIT: usize = 4096;

/// The longest status that is kept, in characters.
const STATUS_LIMIT: usize = 200;

/// One assignment that means something here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Something the machine wants to know.
    Word(Word),
    /// `STATUS=`, on one line, without characters that would move a terminal's cursor.
    Status(String),
}

/// Reads a message: assignments, one a line, of which those nobody knows are skipped.
///
/// `MAINPID=`, `FDSTORE=`, `BARRIER=` and others of `sd_notify(3)` ask for nothing that is done
/// here: the run is known by its socket, and descriptors that come along are closed on arrival,
/// which is all that a barrier waits for.
pub(super) fn parse(message: &[u8]) -> Vec<Statement> {
    message.split(|byte| *byte == b'\n').filter_map(statement).collect()
}

fn statement(line: &[u8]) -> Option<Statement> {
    let at = line.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (line.get(..at)?, line.get(at + 1..)?);
    let word = match (name, value) {
        (b"READY", b"1") => Word::Ready,
        (b"STOPPING" | b"RELOADING", b"1") => Word::NotReady,
        (b"WATCHDOG", b"1") => Word::Alive,
        (b"WATCHDOG", b"trigger") => Word::Trigger,
        (b"EXTEND_TIMEOUT_USEC", usec) => Word::MoreTime(decimal(usec)?.div_ceil(1_000)),
        (b"STATUS", text) => return Some(Statement::Status(status(text))),
        _ => return None,
    };
    Some(Statement::Word(word))
}

/// A decimal number without a sign, `None` when it is none or has no room.
fn decimal(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    let only_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    only_digits.then(|| text.parse().ok())?
}

fn status(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let shown = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.take(STATUS_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_assignment_that_means_something() {
        let word = |word| vec![Statement::Word(word)];
        let status = |text: &str| vec![Statement::Status(text.to_owned())];
        for (message, want) in [
            (&b"READY=1"[..], word(Word::Ready)),
            (b"READY=1\n", word(Word::Ready)),
            (b"READY=0", vec![]),
            (b"READY=1 ", vec![]),
            (b"READY", vec![]),
            (b"ready=1", vec![]),
            (b"STOPPING=1", word(Word::NotReady)),
            (b"RELOADING=1\nMONOTONIC_USEC=12", word(Word::NotReady)),
            (b"WATCHDOG=1", word(Word::Alive)),
            (b"WATCHDOG=trigger", word(Word::Trigger)),
            (b"WATCHDOG_USEC=20000000", vec![]),
            (b"EXTEND_TIMEOUT_USEC=1500", word(Word::MoreTime(2))),
            (b"EXTEND_TIMEOUT_USEC=0", word(Word::MoreTime(0))),
            (b"EXTEND_TIMEOUT_USEC=+5", vec![]),
            (b"EXTEND_TIMEOUT_USEC=", vec![]),
            (b"EXTEND_TIMEOUT_USEC=99999999999999999999", vec![]),
            (b"STATUS=Loading = 50%", status("Loading = 50%")),
            (b"STATUS=", status("")),
            (b"STATUS=a\x1b[2Jb", status("a [2Jb")),
            (b"STATUS=\xff", status("\u{fffd}")),
            (b"MAINPID=1\nFDSTORE=1\nBARRIER=1\n\n=\n==", vec![]),
        ] {
            assert_eq!(parse(message), want, "{}", message.escape_ascii());
        }
    }

    #[test]
    fn several_assignments_keep_their_order() {
        let said = parse(b"RELOADING=1\nSTATUS=again\nX_MINE=1\nREADY=1\nWATCHDOG=1");
        assert_eq!(
            said,
            [
                Statement::Word(Word::NotReady),
                Statement::Status("again".to_owned()),
                Statement::Word(Word::Ready),
                Statement::Word(Word::Alive),
            ]
        );
    }

    proptest! {
        #[test]
        fn garbage_is_survived_and_never_shown_raw(
            bytes in prop::collection::vec(any::<u8>(), 0..LIMIT),
        ) {
            for statement in parse(&bytes) {
                if let Statement::Status(text) = statement {
                    prop_assert!(text.chars().count() <= STATUS_LIMIT);
                    prop_assert!(!text.contains(char::is_control));
                }
            }
        }

        #[test]
        fn what_stands_between_garbage_is_heard(
            before in prop::collection::vec(any::<u8>().prop_filter("a line", |b| *b != b'\n'), 0..50),
            after in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            let message = [&before[..], b"\nWATCHDOG=trigger\n", &after].concat();
            prop_assert!(parse(&message).contains(&Statement::Word(Word::Trigger)));
        }
    }
}
