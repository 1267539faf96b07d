//! A tree's tar stream, read one buffer after another: for who has several under way at once.

use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;

use crate::error::{Context as _, Failure, Kind, Result};

use super::header;
use super::tree::{Content, Entries, Entry, Tree};
use super::write::entry_header;

/// What is left of a tar stream.
pub struct Stream {
    entries: Entries,
    /// Headers and padding, and how much of them has been handed out.
    blocks: Vec<u8>,
    handed: usize,
    /// The file that comes after the blocks.
    file: Option<Opened>,
    ended: bool,
}

struct Opened {
    file: fs::File,
    source: PathBuf,
    size: u64,
    left: u64,
    /// Whether its end has been seen.
    is_read: bool,
}

impl Stream {
    /// The stream of `tree`, from its beginning.
    pub fn new(tree: Tree) -> Self {
        let entries = tree.into_entries();
        Self { entries, blocks: Vec::new(), handed: 0, file: None, ended: false }
    }

    /// Fills the whole of `buffer`, or less of it at the end of the stream; returns how much.
    ///
    /// # Errors
    /// When a file cannot be read, or is shorter or longer than its entry says: the store is
    /// immutable, so it would mean a broken store, and a wrong length would shift everything after
    /// it.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
            let blocks = self.blocks.get(self.handed..).unwrap_or_default();
            filled += if !blocks.is_empty() {
                let count = blocks.len().min(room.len());
                room[..count].copy_from_slice(&blocks[..count]);
                self.handed += count;
                count
            } else if let Some(file) = &mut self.file {
                let count = file.read(room)?;
                if file.is_read {
                    self.blocks.clear();
                    self.blocks.resize(header::padding(file.size), 0);
                    self.handed = 0;
                    self.file = None;
                }
                count
            } else if self.ended {
                break;
            } else {
                self.begin_entry()?;
                0
            };
        }
        Ok(filled)
    }

    fn begin_entry(&mut self) -> Result<()> {
        self.blocks.clear();
        self.handed = 0;
        let Some((place, file)) = self.entries.next() else {
            self.ended = true;
            self.blocks.resize(2 * header::BLOCK, 0);
            return Ok(());
        };
        entry_header(&Entry { place, file: file.as_ref() }, &mut self.blocks);
        if let Some(file) = file
            && let Content::Regular(size) = file.content
        {
            self.file = Some(Opened::new(file.source, size)?);
        }
        Ok(())
    }
}

impl Opened {
    fn new(source: PathBuf, size: u64) -> Result<Self> {
        let file = fs::File::open(&source)
            .or_fail(Kind::Io, || format!("cannot read {}", source.display()))?;
        Ok(Self { file, source, size, left: size, is_read: false })
    }

    /// Reads some of what is left.
    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        // A byte more than should be there is asked for: less than that is the file's end, and no
        // second question is needed to know it.
        let wanted = usize::try_from(self.left.saturating_add(1)).unwrap_or(usize::MAX);
        let asked = wanted.min(room.len());
        let room = &mut room[..asked];
        let count = loop {
            match self.file.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    let doing = || format!("cannot read {}", self.source.display());
                    break result.or_fail(Kind::Io, doing)?;
                }
            }
        };
        let left = self.left.checked_sub(count as u64).filter(|left| *left == 0 || count > 0);
        self.left = left.ok_or_else(|| self.changed())?;
        self.is_read = self.left == 0 && count < asked;
        Ok(count)
    }

    fn changed(&self) -> Failure {
        let path = self.source.display();
        Failure::new(Kind::Io, format!("{path} changed its size while it was read"))
            .hint("check the store: nix-store --verify --check-contents")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::tar::{Options, write};

    fn tree(top: &Path) -> Tree {
        Tree::read([(top, &Options::default())]).unwrap()
    }

    #[test]
    fn buffers_of_any_size_come_to_the_same_stream() {
        let directory = tempfile::tempdir().unwrap();
        for (name, size) in [("a", 0), ("b", 1), ("c", 511), ("d", 512), ("e", 1000), ("f", 1024)] {
            fs::write(directory.path().join(name), vec![b'x'; size]).unwrap();
        }
        let mut expected = Vec::new();
        write::write(tree(directory.path()), &mut expected).unwrap();
        assert_eq!(expected.len() as u64, write::size(&tree(directory.path())).unwrap());
        for size in [1, 7, 511, 512, 513, 1024, 4096, expected.len(), expected.len() + 1] {
            let mut stream = Stream::new(tree(directory.path()));
            let (mut all, mut buffer) = (Vec::new(), vec![0; size]);
            loop {
                let count = stream.fill(&mut buffer).unwrap();
                all.extend_from_slice(&buffer[..count]);
                if count < size {
                    break;
                }
            }
            assert!(all == expected, "{size}");
        }
    }

    #[test]
    fn a_file_of_another_size_is_noticed_wherever_buffers_end() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        for (before, after) in [(600, 601), (600, 599), (600, 0), (0, 1), (1024, 2048)] {
            for size in [512, 600, 1024, 1112, 1113, 8192] {
                fs::write(&file, vec![b'x'; before]).unwrap();
                let mut stream = Stream::new(tree(&file));
                fs::write(&file, vec![b'x'; after]).unwrap();
                let mut buffer = vec![0; size];
                let result = (0..20).try_for_each(|_| stream.fill(&mut buffer).map(drop));
                let said = result.unwrap_err().to_string();
                assert!(said.contains("changed its size"), "{before} {after} {size}: {said}");
            }
        }
    }
}
