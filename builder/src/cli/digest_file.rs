//! The file a digest is written to (`--digestfile`): looked at before anything is sent, since what
//! is published stays so when the file cannot be written.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use crate::error::{Context as _, Kind, Result};
use crate::sink::Published;

/// Checks that the file can be written, and leaves it as it is. What is no regular file is believed:
/// to open a pipe is to write to it.
///
/// # Errors
/// When it can neither be written to nor be created.
pub fn check(file: &Path) -> Result<()> {
    let doing = || format!("cannot write the digest to {}", file.display());
    let open = |create: bool| OpenOptions::new().write(true).create_new(create).open(file);
    let usable = match fs::metadata(file) {
        Ok(found) if found.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        Ok(found) if found.is_file() => open(false).map(drop),
        Ok(_) => Ok(()),
        // A link that leads to nothing yet cannot be made anew, only followed.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !file.is_symlink() => {
            open(true).and_then(|_| fs::remove_file(file))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    usable.or_fail(Kind::CannotCreate, doing)
}

/// Writes the digest of what has been published.
///
/// # Errors
/// When the file cannot be written, which is told together with what has been published.
pub fn write(file: &Path, published: &Published) -> Result<()> {
    let Published { reference, digest, .. } = published;
    fs::write(file, digest.to_string()).or_fail(Kind::CannotCreate, || {
        format!("{reference} is copied, as {digest}, but cannot write that to {}", file.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn a_check_leaves_everything_as_it_was() {
        let world = tempfile::tempdir().unwrap();
        let file = world.path().join("digest");
        check(&file).unwrap();
        assert!(!file.exists());
        fs::write(&file, "before").unwrap();
        check(&file).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"before");
        // Opened, it would wait for a reader.
        let pipe = world.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        check(&pipe).unwrap();
        for impossible in [world.path().to_owned(), world.path().join("no/such")] {
            let failure = check(&impossible).unwrap_err();
            assert_eq!(failure.kind(), Kind::CannotCreate, "{failure}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_after_all_does_not_hide_what_is_published() {
        let published = Published {
            reference: "docker://r/app:v1".to_owned(),
            digest: Digest::of(b""),
            unchanged: false,
        };
        let failure = write(Path::new("/dev/full"), &published).unwrap_err().to_string();
        assert!(failure.contains("docker://r/app:v1 is copied, as sha256:"), "{failure}");
    }
}
