//! Which flags the skopeo of this machine has: it knows more of them with each version.

use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::skopeo;

/// Whether a flag of `skopeo copy`, as in `--sign-by`, takes a value. `None` when it has no such flag,
/// or there is no skopeo.
pub fn takes_value(flag: &str) -> Option<bool> {
    static HELP: OnceLock<Option<String>> = OnceLock::new();
    in_help(HELP.get_or_init(help).as_deref()?, flag)
}

fn help() -> Option<String> {
    let mut command = Command::new(skopeo::find()?);
    let command = command.args(["copy", "--help"]).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// The same, by the text of the help: a line a flag, in which what a value is comes one blank after
/// the name, and what the flag is for after several.
fn in_help(help: &str, flag: &str) -> Option<bool> {
    if !flag.starts_with("--") {
        return None;
    }
    help.lines().find_map(|line| {
        let line = line.trim();
        // A short name may come first, as in `-f, --format string`.
        let long = match line.split_once(", --") {
            Some((short, _)) if short.len() == 2 => line.get(4..)?,
            _ => line,
        };
        let rest = long.strip_prefix(flag)?;
        match rest.as_bytes() {
            // What may be left out is not taken from the next word.
            [] | [b' ', b' ', ..] | [b'[', ..] => Some(false),
            [b' ', ..] => {
                let value = rest.trim_start().split(' ').next().unwrap_or_default();
                Some(!value.contains("[="))
            }
            // The beginning of a longer name.
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "\
Copy an image

Usage:
skopeo copy [command options] SOURCE-IMAGE DESTINATION-IMAGE

Flags:
  -a, --all                        Copy all images if SOURCE-IMAGE is a list
      --dest-compress              Compress, as opposed to --dest-decompress
      --dest-compress-format FORMAT   FORMAT to use for the compression
      --dest-creds USERNAME[:PASSWORD]   Use USERNAME[:PASSWORD]
      --dest-tls-verify            require HTTPS
      --careful bool[=true]        be careful
  -f, --format string              MANIFEST TYPE
      --bare

Global Flags:
      --override-arch ARCH         use ARCH
";

    #[test]
    fn the_help_tells_which_flags_take_a_value() {
        for (flag, expected) in [
            ("--all", Some(false)),
            ("--dest-compress", Some(false)),
            ("--dest-compress-format", Some(true)),
            ("--dest-creds", Some(true)),
            ("--dest-tls-verify", Some(false)),
            ("--careful", Some(false)),
            ("--format", Some(true)),
            ("--bare", Some(false)),
            ("--override-arch", Some(true)),
            ("--dest", None),
            ("--dest-decompress", None),
            ("--none", None),
            ("-f", None),
            ("", None),
        ] {
            assert_eq!(in_help(HELP, flag), expected, "{flag}");
        }
    }
}
