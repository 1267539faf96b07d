//! The output of each process in a file of its own, and all of it in one, beside the one stream of all.
//!
//! The log thread writes the files, so that a disk that is slow delays lines and never signals,
//! reaping or the stop. A disk that is full delays nothing: what cannot be written is counted.

mod rotating;

use std::path::PathBuf;
use std::time::SystemTime;

use super::dress::{Dress, Heading};
use super::lines::Lines;
use super::mask::Mask;
use super::notice::Notice;
use super::options::{Format, Options, SourceName, Stream};
use super::page::Page;
use super::pump::CARRY;
use super::stamp::Stamper;
use rotating::Rotating;

/// Where files are kept, and how much of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Must exist. Each process has `NAME.REPLICA.log` there, older ones with `.1`, `.2`, … behind
    /// that.
    pub directory: Option<PathBuf>,
    /// Gets what the one stream gets, line for line.
    pub whole: Option<PathBuf>,
    /// A file that would become larger than so many bytes makes room for a new one.
    pub max_bytes: u64,
    /// How many older files of each process are kept.
    pub older: u32,
}

impl Files {
    /// Opens the file of all that is shown, so that one that cannot be had is told before anything
    /// is started.
    ///
    /// # Errors
    /// It cannot be opened, or is no plain file.
    pub fn try_whole(&self) -> Result<(), String> {
        let Some(path) = &self.whole else { return Ok(()) };
        let opened = Rotating::open(path.clone(), self.max_bytes, self.older);
        opened.map(drop).map_err(|error| format!("cannot open {}: {error}", path.display()))
    }
}

/// The file of all that is shown.
pub(super) struct Whole {
    files: Files,
    path: PathBuf,
    /// From the first line on; `Some(None)` where it cannot be opened, which has been said.
    open: Option<Option<Rotating>>,
}

impl Whole {
    /// Nothing is opened yet; `None` where no such file is wanted.
    pub fn new(options: &Options) -> Option<Self> {
        let files = options.files.clone()?;
        let path = files.whole.clone()?;
        Some(Self { files, path, open: None })
    }

    /// Writes what is about to be shown. Returns what there is to say when that fails for the first
    /// time.
    pub fn write(&mut self, bytes: &[u8]) -> Option<Notice> {
        if self.open.is_none() {
            let opened = Rotating::open(self.path.clone(), self.files.max_bytes, self.files.older);
            let (file, said) = match opened {
                Ok(file) => (Some(file), None),
                Err(error) => (None, Some(format!("cannot open {}: {error}", self.path.display()))),
            };
            self.open = Some(file);
            if let Some(message) = said {
                return Some(Notice::new("log_file_failed", message));
            }
        }
        let said = self.open.as_mut()?.as_mut()?.write(bytes);
        said.map(|message| Notice::new("log_file_failed", message))
    }

    /// What is missing from it at the end.
    pub fn finish(&mut self) -> Option<Notice> {
        let lost = self.open.as_mut()?.as_mut()?.finish();
        lost.map(|message| Notice::new("log_file_lost", message))
    }
}

/// The files of all processes.
pub(super) struct Writer {
    files: Files,
    directory: PathBuf,
    json: bool,
    stamper: Stamper,
    /// By source, from its first output on: a run that is started again goes on in the same file.
    open: Vec<Option<Rotating>>,
    page: Page,
    head: Vec<u8>,
}

/// What a pipe needs besides its file: two pipes of one source may be in the middle of a line.
pub(super) struct Side {
    heading: Heading,
    lines: Lines,
}

impl Writer {
    /// Nothing is opened yet; `None` where no files are wanted.
    pub fn new(options: &Options, sources: usize) -> Option<Self> {
        let files = options.files.clone()?;
        let directory = files.directory.clone()?;
        let dated = Options { format: Format::Json, ..Options::default() };
        Some(Self {
            files,
            directory,
            json: options.format == Format::Json,
            stamper: Stamper::new(&dated),
            open: std::iter::repeat_with(|| None).take(sources).collect(),
            page: Page::default(),
            head: Vec::new(),
        })
    }

    /// Prepares for a pipe of a source.
    ///
    /// # Errors
    /// The file of the source cannot be opened; it is tried again with its next pipe.
    pub fn side(
        &mut self,
        options: &Options,
        name: &SourceName,
        stream: Stream,
        index: usize,
    ) -> Result<Side, Notice> {
        if let Some(place @ None) = self.open.get_mut(index) {
            let path = self.directory.join(format!("{name}.log"));
            let opened = Rotating::open(path.clone(), self.files.max_bytes, self.files.older);
            *place = Some(opened.map_err(|error| {
                let message = format!("cannot open {}: {error}", path.display());
                Notice::new("log_file_failed", message)
                    .with("process", name.process.as_str())
                    .with("replica", name.replica)
            })?);
        }
        Ok(Side {
            heading: Heading::in_file(options, name, stream, index),
            lines: Lines::default(),
        })
    }

    /// Writes what was read from a pipe of the source at `index`, and with `ends` also the line it
    /// is in the middle of. Returns what there is to say when that fails for the first time.
    pub fn write(
        &mut self,
        index: usize,
        side: &mut Side,
        bytes: &[u8],
        ends: bool,
        mask: &Mask,
    ) -> Option<Notice> {
        side.heading.at(self.stamper.stamp(SystemTime::now()), &mut self.head);
        let foot: &[u8] = if self.json { b"\"}\n" } else { b"\n" };
        let dress = Dress { head: &self.head, foot, json: self.json, mask, carry_limit: CARRY };
        side.lines.push(bytes, &dress, &mut self.page);
        if ends {
            side.lines.flush(&dress, &mut self.page);
        }
        let file = self.open.get_mut(index)?.as_mut()?;
        let said = file.write(&self.page.bytes);
        self.page.clear();
        said.map(|message| Notice::new("log_file_failed", message))
    }

    /// What is missing from files at the end, a notice each.
    pub fn finish(&mut self) -> Vec<Notice> {
        let lost = self.open.iter_mut().flatten().filter_map(Rotating::finish);
        lost.map(|message| Notice::new("log_file_lost", message)).collect()
    }

    /// Gives the buffer back.
    pub fn cool(&mut self) {
        self.page = Page::default();
    }
}
