//! Where symbolic links lead.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

/// How many links one path may lead through, as in the kernel (path_resolution(7)).
const LINKS: usize = 40;

/// Where the symbolic links at `path` lead, also to a file that is not there yet: what is written or
/// replaced there leaves the links as they are.
///
/// # Errors
/// When a link cannot be read, or links lead round in a circle.
pub fn behind(path: &Path) -> io::Result<PathBuf> {
    let mut place = path.to_owned();
    for _ in 0..LINKS {
        match fs::read_link(&place) {
            Ok(target) => place = place.parent().unwrap_or(Path::new("")).join(target),
            // It is no link, or nothing is there.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput | io::ErrorKind::NotFound
                ) =>
            {
                return Ok(place);
            }
            Err(error) => return Err(error),
        }
    }
    Err(Errno::ELOOP.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_to_what_may_not_be_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("a")).unwrap();
        symlink("a/b", path("one")).unwrap();
        symlink("../c", path("a/b")).unwrap();
        assert_eq!(behind(&path("one")).unwrap(), path("a/../c"));
        assert_eq!(behind(&path("plain")).unwrap(), path("plain"));
        symlink("loop", path("loop")).unwrap();
        assert_eq!(behind(&path("loop")).unwrap_err().raw_os_error(), Some(Errno::ELOOP as i32));
    }
}
