//! Executes the container's program, found as a POSIX shell finds it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ffi::CString;

use nix::errno::Errno;
use nix::unistd::execve;

use crate::error::{Failure, Kind, Result};

/// Replaces this process with the program.
///
/// # Errors
/// [`Kind::NotFound`] and [`Kind::NotExecutable`] as POSIX shells have it; returns only then.
pub fn execute(command: &[String], environment: &BTreeMap<String, String>) -> Result<Infallible> {
    let text = |text: &str| {
        CString::new(text).map_err(|_| {
            Failure::new(Kind::Usage, format!("`{}` holds a NUL byte", text.escape_debug()))
        })
    };
    let arguments = command.iter().map(|argument| text(argument)).collect::<Result<Vec<_>>>()?;
    let variables = environment
        .iter()
        .map(|(name, value)| text(&format!("{name}={value}")))
        .collect::<Result<Vec<_>>>()?;
    let program = command.first().map(String::as_str).unwrap_or_default();

    let mut worst = Errno::ENOENT;
    for candidate in candidates(program, environment.get("PATH").map_or("", String::as_str)) {
        let Err(error) = execve(&text(&candidate)?, &arguments, &variables);
        if !matches!(error, Errno::ENOENT | Errno::ENOTDIR) {
            worst = error;
        }
    }
    Err(if worst == Errno::ENOENT {
        Failure::new(Kind::NotFound, format!("cannot run {program}: not in the image"))
            .hint("what the project does not mention is not part of its image; add it to packages")
    } else {
        Failure::new(Kind::NotExecutable, format!("cannot run {program}: {}", worst.desc()))
    })
}

/// The files a name may mean.
fn candidates(program: &str, path: &str) -> Vec<String> {
    if program.contains('/') {
        return vec![program.to_owned()];
    }
    path.split(':')
        .map(|directory| if directory.is_empty() { "." } else { directory })
        .map(|directory| format!("{directory}/{program}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_searched_for() {
        assert_eq!(candidates("/bin/a", "/x"), ["/bin/a"]);
        assert_eq!(candidates("./a", "/x"), ["./a"]);
        assert_eq!(candidates("a", "/x::/y"), ["/x/a", "./a", "/y/a"]);
    }
}
