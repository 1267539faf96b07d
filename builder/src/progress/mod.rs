//! What happens to each blob of an image on its way, told while it happens.

mod board;
pub mod counting;
mod json;
mod plain;
mod terminal;

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use crate::digest::Digest;

/// Something that happened to a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What the blob is to the image, as in `layer 3/10`.
    pub item: String,
    /// Its digest, once it is known.
    pub digest: Option<Digest>,
    /// How many bytes it has, once that is known.
    pub size: Option<u64>,
    /// What happened.
    pub step: Step,
}

/// What can happen to a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is made, to learn its digest.
    Making,
    /// It was where it should go.
    Present,
    /// It was taken from another repository of the registry.
    Mounted {
        /// That repository.
        from: String,
    },
    /// Some of it is on its way.
    Sending {
        /// How many bytes are.
        sent: u64,
    },
    /// All of it is there.
    Sent,
    /// It did not work and is tried again.
    Waiting {
        /// What went wrong.
        why: String,
        /// How long from now.
        pause: Duration,
    },
}

/// Whoever is told.
pub trait Watch: Send + Sync {
    /// Takes note. Called by several threads, and often.
    fn tell(&self, event: Event);

    /// All that was begun is over, well or not; nothing is told afterwards.
    fn finish(&self) {}
}

/// Nobody.
#[derive(Debug)]
pub struct Silent;

impl Watch for Silent {
    fn tell(&self, _event: Event) {}
}

/// How a user wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Bars on a terminal, lines elsewhere, on standard error.
    Human,
    /// One JSON object a line, on standard output.
    Json,
    /// Not at all.
    Quiet,
}

/// Whoever tells in this style.
pub fn watch(style: Style) -> Arc<dyn Watch> {
    match style {
        Style::Quiet => Arc::new(Silent),
        Style::Json => Arc::new(json::Json),
        Style::Human if std::io::stderr().is_terminal() => Arc::new(terminal::Terminal::start()),
        Style::Human => Arc::new(plain::Plain::new()),
    }
}
