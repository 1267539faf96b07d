//! The entries of an archive that comes from anywhere.
//!
//! What is said of a file before its entry is held in memory: names longer than a header has room
//! for, extended headers, the holes of a sparse file. Four megabytes of a compressed layer can say
//! gigabytes of it, so there is a limit.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use tar::EntryType;

use crate::error::{Context as _, Kind, Result};

/// How many bytes may come before the content of a file. The longest path has 4096 of them, and all
/// extended attributes of a file together have 64 KiB on most file systems.
const HEADERS: u64 = 1 << 20;

/// Has `act` look at every entry that speaks of a file, and gives `stream` back, which may have more
/// after the end of the archive.
///
/// Global headers are passed over, as by every engine: what they say is no file of the image.
///
/// # Errors
/// When `act` fails; when the archive breaks off, is none, or says more than [`HEADERS`] of a file.
pub fn each<R: Read>(
    stream: R,
    mut act: impl FnMut(&mut tar::Entry<'_, Bounded<R>>) -> Result<()>,
) -> Result<R> {
    let doing = || "cannot read the archive";
    let left = Rc::new(Cell::new(HEADERS));
    let mut archive = tar::Archive::new(Bounded { inner: stream, left: Rc::clone(&left) });
    let mut entries = archive.entries().or_fail(Kind::Data, doing)?;
    loop {
        left.set(HEADERS);
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.or_fail(Kind::Data, doing)?;
        left.set(u64::MAX);
        if kind(&entry) != EntryType::XGlobalHeader {
            act(&mut entry)?;
        }
        // The content nobody wanted does not count as what is said of the next file.
        io::copy(&mut entry, &mut io::sink()).or_fail(Kind::Data, doing)?;
    }
    Ok(archive.into_inner().inner)
}

/// What an entry is. Archives from before POSIX know a directory by the slash at its end; a file that
/// is to be contiguous (POSIX's type 7) is a regular one wherever that means nothing.
pub fn kind<R: Read>(entry: &tar::Entry<'_, R>) -> EntryType {
    let is_old = entry.header().as_old().linkflag == [0];
    match entry.header().entry_type() {
        EntryType::Regular if is_old && entry.path_bytes().ends_with(b"/") => EntryType::Directory,
        EntryType::Continuous => EntryType::Regular,
        kind => kind,
    }
}

/// Whether an entry is a sparse file in the form of POSIX archives, of which GNU tar alone knows how
/// to make a file: its content is a list of holes, and data that belong elsewhere.
///
/// # Errors
/// When its extended headers cannot be read.
pub fn is_posix_sparse<R: Read>(entry: &mut tar::Entry<'_, R>) -> io::Result<bool> {
    for record in entry.pax_extensions()?.into_iter().flatten() {
        if record?.key_bytes().starts_with(b"GNU.sparse.") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads no more than is allowed at the moment.
pub struct Bounded<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            let why = format!("it says more than {HEADERS} bytes of one file before its content");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(buffer.get_mut(..wanted).unwrap_or_default())?;
        self.left.set(left.saturating_sub(count as u64));
        Ok(count)
    }
}
