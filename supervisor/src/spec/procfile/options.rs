//! What the command line says about a Procfile: `-c name=n,name=n` and `-p PORT`.

use std::collections::BTreeMap;

/// How many of one name there can be. More is a slip of the finger, and would be thousands of
/// processes before anyone notices.
const MOST: u32 = 10_000;

/// How many of each name are started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concurrency(BTreeMap<String, u32>);

impl Concurrency {
    /// Nothing is said: one of each.
    pub const NONE: Self = Self(BTreeMap::new());

    /// Reads `name=n,name=n`; of a name given twice the last number counts, as in honcho. Names
    /// are taken as they are, blanks included.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut numbers = BTreeMap::new();
        for item in text.split(',') {
            let (name, number) = item
                .split_once('=')
                .ok_or_else(|| format!("\"{}\" is not `name=number`", item.escape_debug()))?;
            let number = decimal(number).filter(|number| *number <= MOST).ok_or_else(|| {
                format!(
                    "\"{}\" is no number of processes, which is 0 to {MOST}",
                    number.escape_debug()
                )
            })?;
            numbers.insert(name.to_owned(), number);
        }
        Ok(Self(numbers))
    }

    /// How many of this name are started: one where nothing else is said.
    #[must_use]
    pub fn of(&self, name: &str) -> u32 {
        self.0.get(name).copied().unwrap_or(1)
    }

    /// The names something is said about.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Reads the base of the ports.
///
/// # Errors
/// A sentence that says what was expected.
pub fn port(text: &str) -> Result<u16, String> {
    decimal(text).and_then(|number| u16::try_from(number).ok()).ok_or_else(|| {
        format!("\"{}\" is no port, which is 0 to {}", text.escape_debug(), u16::MAX)
    })
}

/// Decimal digits with an optional `+` in optional blanks, the plain part of what Python reads.
fn decimal(text: &str) -> Option<u32> {
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix('+').unwrap_or(trimmed);
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}
