//! Signals by name, without asking the operating system: the contract names them as POSIX does.

use std::fmt;

/// A signal's number on Linux (1 to 31).
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
    /// Those that mean nothing to the supervisor itself and are passed on to the processes: HUP,
    /// QUIT, USR1, USR2, WINCH.
    pub const PASSED_ON: [Self; 5] = [Self(1), Self(3), Self(10), Self(12), Self(28)];

    /// Whether it is about stopping and going on (CONT, STOP, TSTP, TTIN, TTOU), which is not for
    /// the program to act upon but for job control.
    #[must_use]
    pub fn is_of_job_control(self) -> bool {
        (18..=22).contains(&self.0)
    }

    /// From a name with or without `SIG`, in any case (`SIGTERM`, `term`), or a number as text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse::<i32>() {
            return Self::from_number(number);
        }
        let upper = text.to_ascii_uppercase();
        let short = upper.strip_prefix("SIG").unwrap_or(&upper);
        NAMES.iter().find(|(_, name)| *name == short).map(|(number, _)| Self(*number))
    }

    /// From a number; only the 31 classic signals, as real-time ones carry no common meaning.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        u8::try_from(number).ok().filter(|n| (1..=31).contains(n)).map(Self)
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
            None => write!(f, "signal {}", self.0),
        }
    }
}

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
        for text in ["", "SIG", "0", "32", "-1", "SIGNOPE", "TERM "] {
            assert_eq!(Signal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_signal_prints_a_name_it_can_be_read_from() {
        for number in 1..=31 {
            let signal = Signal::from_number(number).expect("in range");
            assert_eq!(Signal::parse(&signal.to_string()), Some(signal));
        }
    }
}
