//! Reading the log of a container: `06:30:06 hello-nix.1    | Hello Nix!`.

/// One line, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `06:30:06`.
    pub time: String,
    /// `hello-nix.1`, or `system`.
    pub name: String,
    /// What comes after the bar and its space.
    pub text: String,
}

/// Takes a log apart.
///
/// # Panics
/// When a line is of another form, showing it.
#[must_use]
pub fn parse(log: &str) -> Vec<Line> {
    log.lines()
        .map(|line| {
            let parsed = line.split_once("| ").and_then(|(head, text)| {
                let (time, name) = head.split_once(' ')?;
                is_time(time).then(|| Line {
                    time: time.to_owned(),
                    name: name.trim_end().to_owned(),
                    text: text.to_owned(),
                })
            });
            parsed.unwrap_or_else(|| panic!("not a line of the log: {line:?}\nin {log}"))
        })
        .collect()
}

/// What one process said, or the supervisor under the name `system`.
#[must_use]
pub fn of(log: &str, name: &str) -> Vec<String> {
    parse(log).into_iter().filter(|line| line.name == name).map(|line| line.text).collect()
}

/// The log with what differs from run to run made equal: times and process ids.
#[must_use]
pub fn timeless(log: &str) -> Vec<String> {
    log.lines()
        .map(|line| {
            let digits = line.replace(|c: char| c.is_ascii_digit(), "9");
            let line = match digits.find("99:99:99") {
                Some(at) => format!("{}{}{}", &line[..at], "TIME", &line[at + 8..]),
                None => line.to_owned(),
            };
            ["(pid=", "(pid "].iter().fold(line, |line, before| blank_number(&line, before))
        })
        .collect()
}

fn blank_number(line: &str, before: &str) -> String {
    match line.split_once(before) {
        Some((head, rest)) => {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{head}{before}N{rest}")
        }
        None => line.to_owned(),
    }
}

fn is_time(text: &str) -> bool {
    text.len() == 8
        && text.bytes().enumerate().all(|(at, byte)| match at {
            2 | 5 => byte == b':',
            _ => byte.is_ascii_digit(),
        })
}
