//! Which system a program runs on: PID 1 of an image must be for the system of the image.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::error::{Context as _, Failure, Kind, Result};

/// As many bytes of a program as are looked at.
const HEAD: usize = 20;

/// The system of a Linux program from its first bytes (ELF, `e_machine`); `None` for what is not one.
fn system_of(head: &[u8]) -> Option<String> {
    let machine = match head {
        [0x7f, b'E', b'L', b'F', _, 1, ..] => u16::from_le_bytes([*head.get(18)?, *head.get(19)?]),
        _ => return None,
    };
    let processor = match machine {
        3 => "i686",
        62 => "x86_64",
        183 => "aarch64",
        243 => "riscv64",
        _ => "unknown",
    };
    Some(format!("{processor}-linux"))
}

/// Checks that a program is one for `system`.
///
/// # Errors
/// When it is for another system, or for none of Linux.
pub fn check(program: &Path, system: &str) -> Result<()> {
    let doing = || format!("cannot read {}", program.display());
    let mut head = Vec::with_capacity(HEAD);
    File::open(program)
        .and_then(|file| file.take(HEAD as u64).read_to_end(&mut head))
        .or_fail(Kind::NoInput, doing)?;
    let found = system_of(&head).unwrap_or_else(|| "no Linux".to_owned());
    if found == system {
        return Ok(());
    }
    let what = format!("cannot use {} in an image for {system}", program.display());
    Err(Failure::new(Kind::Data, format!("{what}: it is a program for {found}"))
        .hint("name the one for that system with --init PATH"))
}

/// Where to look for a program beside this one, in this order: `NAME-SYSTEM`, then `NAME`.
pub fn beside(own: &Path, name: &str, system: &str) -> [PathBuf; 2] {
    [own.with_file_name(format!("{name}-{system}")), own.with_file_name(name)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(machine: u16) -> Vec<u8> {
        let mut head = b"\x7fELF\x02\x01\x01".to_vec();
        head.resize(18, 0);
        head.extend(machine.to_le_bytes());
        head
    }

    #[test]
    fn the_processor_is_read_from_the_program() {
        assert_eq!(system_of(&elf(62)).as_deref(), Some("x86_64-linux"));
        assert_eq!(system_of(&elf(183)).as_deref(), Some("aarch64-linux"));
        assert_eq!(system_of(&elf(62)[..19]), None);
        assert_eq!(system_of(b"#!/bin/sh"), None);
        // The other order of bytes is that of processors images are not built for.
        assert_eq!(system_of(b"\x7fELF\x02\x02\x01"), None);
    }

    #[test]
    fn a_program_of_another_system_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("devenv-init");
        std::fs::write(&program, elf(183)).unwrap();
        assert!(check(&program, "aarch64-linux").is_ok());
        let said = check(&program, "x86_64-linux").unwrap_err().to_string();
        assert!(said.contains("for x86_64-linux: it is a program for aarch64-linux"), "{said}");
        std::fs::write(&program, "\u{fe}").unwrap();
        assert!(check(&program, "x86_64-linux").unwrap_err().to_string().contains("for no Linux"));
    }
}
