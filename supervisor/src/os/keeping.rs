//! What is remembered of a guarded task, in a file that nobody else has a say in.
//!
//! It decides whether the task runs and which variables others get of it, and the task may be root's
//! while the directory it is kept in is anybody's. So nothing is believed that somebody else could have
//! written, and nothing is written by way of a link.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, geteuid, unlinkat};

use super::handover;
use crate::guard::memory::Memory;

const WARY: OFlag = OFlag::O_NOFOLLOW.union(OFlag::O_NONBLOCK).union(OFlag::O_CLOEXEC);

/// Reads what is remembered at `place`; where there is nothing, or nothing of use, that is nothing.
///
/// # Errors
/// Somebody else could have written it; the sentence ends with a hint.
pub fn remembered(place: &Path) -> Result<Memory, String> {
    let Some((directory, name)) = place.parent().zip(place.file_name()) else {
        return Ok(Memory::default());
    };
    let directory = match open(directory) {
        Ok(directory) => directory,
        // That nothing can be there is told when it is to be kept there.
        Err(error)
            if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) =>
        {
            return Ok(Memory::default());
        }
        Err(error) => return Err(format!("{}: {error}", directory.display())),
    };
    let Ok(file) = openat(&directory, name, WARY, Mode::empty()) else {
        return Ok(Memory::default());
    };
    let file = File::from(file);
    if !file.metadata().is_ok_and(|about| about.is_file() && is_ours(&about)) {
        return Err(format!("{}: {}", place.display(), foreign()));
    }
    let bytes = handover::bounded(&file, "it")?;
    let text = std::str::from_utf8(&bytes).ok();
    Ok(text.and_then(Memory::of_text).unwrap_or_default())
}

/// Replaces what is remembered as a whole, whenever we may be ended.
///
/// # Errors
/// The directory is not ours, or cannot be written to.
pub fn remember(place: &Path, memory: &Memory) -> io::Result<()> {
    let Some((directory, name)) = place.parent().zip(place.file_name()) else { return Ok(()) };
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let directory = open(directory)?;
    let random = RandomState::new().build_hasher().finish();
    let new = [name.as_bytes(), format!(".{random:x}").as_bytes()].concat();
    // It may hold what others are not to know: a task exports what it likes.
    let (flags, mode) = (WARY | OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL, 0o600);
    let file = openat(&directory, &*new, flags, Mode::from_bits_truncate(mode))?;
    let written = File::from(file).write_all(memory.to_text().as_bytes());
    let kept = written.and_then(|()| Ok(renameat(&directory, &*new, &directory, name)?));
    kept.inspect_err(|_| {
        let _ = unlinkat(&directory, &*new, UnlinkatFlags::NoRemoveDir);
    })
}

/// Opens the directory itself, and no link in its place, where nobody else puts files into it.
fn open(directory: &Path) -> io::Result<File> {
    let flags = (WARY | OFlag::O_DIRECTORY).bits();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(directory)?;
    if is_ours(&opened.metadata()?) {
        return Ok(opened);
    }
    Err(io::Error::other(foreign()))
}

/// Whether only we and root can have written it. Others of its group, whom a volume is often shared
/// with, could as well be asked by us; root is by nobody.
fn is_ours(about: &Metadata) -> bool {
    let us = geteuid().as_raw();
    let others = if us == 0 { 0o022 } else { 0o002 };
    [us, 0].contains(&about.uid()) && about.mode() & others == 0
}

fn foreign() -> String {
    let us = geteuid();
    format!(
        "others than user {us} could have written it\n\
         hint: remove it, or give it to that user alone: chown {us}, chmod go-w"
    )
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn memory(output: &str) -> Memory {
        Memory { digest: None, output: output.to_owned() }
    }

    #[test]
    fn what_is_remembered_is_found_again_and_not_where_others_could_have_written_it() {
        let state = std::env::temp_dir().join(format!("keeping-{}", std::process::id()));
        let tasks = state.join("tasks");
        let place = tasks.join("app:a");
        assert_eq!(remembered(&place), Ok(Memory::default()), "there is nothing yet");
        for output in ["1", "2"] {
            remember(&place, &memory(output)).expect("a new file");
            assert_eq!(remembered(&place), Ok(memory(output)));
        }
        assert_eq!(fs::read_dir(&tasks).expect("it is there").count(), 1, "files are left behind");

        for path in [&place, &tasks] {
            let before = fs::metadata(path).expect("it is there").permissions();
            fs::set_permissions(path, Permissions::from_mode(0o777)).expect("ours");
            assert!(remembered(&place).is_err_and(|why| why.contains("hint: ")), "{path:?}");
            fs::set_permissions(path, before).expect("ours");
            assert_eq!(remembered(&place), Ok(memory("2")));
        }
        // Only root can give a file away.
        if geteuid().is_root() {
            chown(&place, Some(65_534), None).expect("we are root");
            assert!(remembered(&place).is_err(), "it is somebody else's");
        }

        // A link is replaced and neither read nor written through.
        let elsewhere = state.join("elsewhere");
        fs::write(&elsewhere, "before").expect("a new file");
        fs::remove_file(&place).expect("it is there");
        symlink(&elsewhere, &place).expect("a new link");
        assert_eq!(remembered(&place), Ok(Memory::default()));
        remember(&place, &memory("3")).expect("a new file");
        assert_eq!(remembered(&place), Ok(memory("3")));
        assert_eq!(fs::read(&elsewhere).expect("it is there"), b"before");
        fs::rename(&tasks, state.join("aside")).expect("it is there");
        symlink("aside", &tasks).expect("a new link");
        assert_eq!(remembered(&place), Ok(Memory::default()), "the directory is a link");
        assert!(remember(&place, &memory("4")).is_err(), "the directory is a link");
        fs::remove_dir_all(&state).expect("ours");
    }
}
