//! Signals by name, without asking the operating system: the contract names them as POSIX does.

use std::fmt;

/// A signal's number on Linux: 1 to 31, or one for real time, 34 to 64.
///
/// The numbers are those of x86-64, ARM and RISC-V; MIPS and SPARC number some differently and
/// are not supported by devenv.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal(u8);

impl Signal {
    /// Ask to end.
    pub const TERM: Self = Self(15);
    /// Interrupt from the keyboard.
    pub const INT: Self = Self(2);
    /// End now; can be neither caught nor ignored.
    pub const KILL: Self = Self(9);
    /// The size of a terminal has changed.
    pub const WINCH: Self = Self(28);
    /// Those that mean nothing to the supervisor itself and are passed on to the processes: HUP,
    /// QUIT, USR1, USR2, WINCH.
    pub const PASSED_ON: [Self; 5] = [Self(1), Self(3), Self(10), Self(12), Self(28)];

    /// Whether it is about stopping and going on (CONT, STOP, TSTP, TTIN, TTOU), which is not for
    /// the program to act upon but for job control.
    #[must_use]
    pub fn is_of_job_control(self) -> bool {
        (18..=22).contains(&self.0)
    }

    /// From a name with or without `SIG`, in any case (`SIGTERM`, `term`, `RTMIN+3`), or a number as
    /// text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse::<i32>() {
            return Self::from_number(number);
        }
        let upper = text.to_ascii_uppercase();
        let short = upper.strip_prefix("SIG").unwrap_or(&upper);
        let named = NAMES.iter().find(|(_, name)| *name == short).map(|(number, _)| Self(*number));
        named.or_else(|| Self::parse_real_time(short))
    }

    /// `RTMIN`, `RTMIN+1` to `RTMAX-1`, `RTMAX`.
    fn parse_real_time(short: &str) -> Option<Self> {
        let (from, rest) = match (short.strip_prefix("RTMIN"), short.strip_prefix("RTMAX")) {
            (Some(rest), _) => (i32::from(RTMIN), rest),
            (None, Some(rest)) => (i32::from(RTMAX), rest),
            (None, None) => return None,
        };
        let sign = if from == i32::from(RTMIN) { b'+' } else { b'-' };
        // The sign is told apart here: a number would be read with either.
        let distance = match rest.as_bytes() {
            [] => 0,
            [first, digit, ..] if *first == sign && digit.is_ascii_digit() => rest.parse().ok()?,
            _ => return None,
        };
        Self::from_number(from.checked_add(distance)?).filter(|signal| signal.0 >= RTMIN)
    }

    /// From a number; not from 32 and 33, which the C library keeps for its threads.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        let number = u8::try_from(number).ok()?;
        matches!(number, 1..=31 | RTMIN..=RTMAX).then_some(Self(number))
    }

    /// The number the kernel knows it by.
    #[must_use]
    pub fn number(self) -> i32 {
        i32::from(self.0)
    }

    /// The exit code a shell gives a program ended by this signal: 128 + number (POSIX, XCU 2.8.2).
    #[must_use]
    pub fn exit_code(self) -> u8 {
        128 + self.0
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => write!(f, "SIG{name}"),
            None if self.0 == RTMIN => f.write_str("SIGRTMIN"),
            None => write!(f, "SIGRTMIN+{}", self.0.saturating_sub(RTMIN)),
        }
    }
}

/// The first signal for real time, as the C libraries number it for programs.
const RTMIN: u8 = 34;

/// The last one.
const RTMAX: u8 = 64;

/// Aliases stand after the usual name, so printing finds the usual one.
const NAMES: &[(u8, &str)] = &[
    (1, "HUP"),
    (2, "INT"),
    (3, "QUIT"),
    (4, "ILL"),
    (5, "TRAP"),
    (6, "ABRT"),
    (6, "IOT"),
    (7, "BUS"),
    (8, "FPE"),
    (9, "KILL"),
    (10, "USR1"),
    (11, "SEGV"),
    (12, "USR2"),
    (13, "PIPE"),
    (14, "ALRM"),
    (15, "TERM"),
    (16, "STKFLT"),
    (17, "CHLD"),
    (17, "CLD"),
    (18, "CONT"),
    (19, "STOP"),
    (20, "TSTP"),
    (21, "TTIN"),
    (22, "TTOU"),
    (23, "URG"),
    (24, "XCPU"),
    (25, "XFSZ"),
    (26, "VTALRM"),
    (27, "PROF"),
    (28, "WINCH"),
    (29, "IO"),
    (29, "POLL"),
    (30, "PWR"),
    (31, "SYS"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_and_without_sig_and_as_numbers() {
        for text in ["SIGTERM", "TERM", "term", "15", "sigterm"] {
            assert_eq!(Signal::parse(text), Some(Signal::TERM), "{text}");
        }
        for text in ["", "SIG", "0", "32", "33", "65", "-1", "SIGNOPE", "TERM "] {
            assert_eq!(Signal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn signals_for_real_time_are_counted_from_either_end() {
        for (text, number) in [
            ("SIGRTMIN", Some(34)),
            ("rtmin+3", Some(37)),
            ("RTMAX", Some(64)),
            ("SIGRTMAX-1", Some(63)),
            ("RTMIN+30", Some(64)),
            ("RTMAX-30", Some(34)),
            ("37", Some(37)),
            ("RTMIN+31", None),
            ("RTMAX-31", None),
            ("RTMAX-63", None),
            ("RTMIN-1", None),
            ("RTMAX+1", None),
            ("RTMIN+", None),
            ("RTMIN++1", None),
            ("RTMIN3", None),
            ("RTMIN+99999999999", None),
        ] {
            assert_eq!(Signal::parse(text).map(Signal::number), number, "{text}");
        }
    }

    #[test]
    fn every_signal_prints_a_name_it_can_be_read_from() {
        for number in (1..=31).chain(34..=64) {
            let signal = Signal::from_number(number).expect("in range");
            assert_eq!(Signal::parse(&signal.to_string()), Some(signal));
        }
    }
}
