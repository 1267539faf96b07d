//! The help of a program, taken apart: what completions and manual pages are made of.

use std::path::Path;
use std::process::Command;

use super::running;

/// What a program, or one of its verbs, says of itself.
#[derive(Clone, Debug, Default)]
pub struct Help {
    /// The whole text.
    pub text: String,
    /// Verbs with what they do.
    pub verbs: Vec<(String, String)>,
    /// Options with what they are for.
    pub options: Vec<Choice>,
}

/// An option as the help shows it: `-n, --lines N    at most N …`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The letter after a single dash.
    pub short: Option<char>,
    /// The words after two dashes, of which several may mean opposites.
    pub long: Vec<String>,
    /// The name of its value, when it takes one.
    pub value: Option<String>,
    /// The first line of what it is for.
    pub what: String,
}

impl Help {
    /// Asks a program, or one of its verbs.
    ///
    /// # Panics
    /// When it has no help.
    #[must_use]
    #[track_caller]
    pub fn of(program: &Path, verb: Option<&str>) -> Self {
        let mut command = Command::new(program);
        // Help also says what some variables are set to.
        command.args(verb).arg("--help").env_clear();
        Self::parse(running::run(&mut command).expect_code(0).out)
    }

    /// Takes a text apart. Headings begin a line, entries are indented, and what explains them is
    /// beside them or further in on the next line.
    #[must_use]
    pub fn parse(text: String) -> Self {
        let mut help = Self::default();
        let mut heading = String::new();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let entry = line.trim_start();
            let indent = line.len() - entry.len();
            if indent == 0 {
                heading = entry.to_owned();
                continue;
            }
            // Further in are explanations, which may begin like an entry.
            if indent > 6 || entry.is_empty() {
                continue;
            }
            let (entry, beside) = entry.split_once("  ").unwrap_or((entry, ""));
            let mut below = || lines.peek().map(|line| line.trim()).unwrap_or_default();
            let what = if beside.is_empty() { below() } else { beside.trim() }.to_owned();
            if entry.starts_with('-') {
                help.options.push(Choice::parse(entry, what));
            } else if heading.starts_with("Verbs") || heading.starts_with("Commands") {
                help.verbs.push((entry.to_owned(), what));
            }
        }
        help.text = text;
        help
    }
}

impl Choice {
    fn parse(entry: &str, what: String) -> Self {
        let mut choice = Self { what, ..Self::default() };
        for word in entry.split([' ', '=']).filter(|word| !word.is_empty()) {
            // A value of several, as in `NAME,...`, has a comma of its own.
            let word = word.strip_suffix(',').unwrap_or(word);
            if let Some(long) = word.strip_prefix("--") {
                choice.long.push(long.to_owned());
            } else if let Some(short) = word.strip_prefix('-') {
                choice.short = short.chars().next();
            } else {
                let name = word.trim_matches(['<', '>', '[', ']', '.', ',']);
                choice.value = Some(name.to_owned());
            }
        }
        choice
    }
}
