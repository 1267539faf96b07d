//! What is remembered of a task from one run to the next: the state of its files and its output.

/// How what is remembered begins, with the version of its form.
const HEAD: &str = "devenv-init 1 ";

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// A number that all of its files go into; absent where it has none.
    pub digest: Option<u64>,
    /// What it has handed on, as JSON; empty: nothing.
    pub output: String,
}

impl Memory {
    /// As it is written to a file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let digest = self.digest.map_or_else(|| "-".to_owned(), |digest| format!("{digest:016x}"));
        format!("{HEAD}{digest}\n{}", self.output)
    }

    /// Reads what [`Memory::to_text`] has written; `None` where it is anything else, as after an
    /// update: then nothing is remembered.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        let (digest, output) = text.strip_prefix(HEAD)?.split_once('\n')?;
        let digest = match digest {
            "-" => None,
            digits => Some(u64::from_str_radix(digits, 16).ok()?),
        };
        Some(Self { digest, output: output.to_owned() })
    }
}

/// The name of the file it is in: that of the task, which holds no `/`, with an ending, so that it is
/// none of the two names that mean directories.
#[must_use]
pub fn file_name(label: &str) -> String {
    format!("{label}.state")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        for (digest, output) in [(None, ""), (Some(0), "{}"), (Some(u64::MAX), "[1,\n2]")] {
            let memory = Memory { digest, output: output.to_owned() };
            assert_eq!(Memory::of_text(&memory.to_text()), Some(memory));
        }
    }

    #[test]
    fn anything_else_is_nothing_remembered() {
        for text in ["", "devenv-init 1 ", "devenv-init 1 xyz\n", "devenv-init 2 -\n", "{}"] {
            assert_eq!(Memory::of_text(text), None, "{text}");
        }
    }
}
