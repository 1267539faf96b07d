//! What happens to each blob of an image on its way, told while it happens.

mod board;
pub mod counting;
mod json;
mod layout;
mod plain;
mod terminal;

use std::fmt::Debug;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use self::counting::Counting;
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
pub trait Watch: Debug + Send + Sync {
    /// Takes note. Called by several threads, and often.
    fn tell(&self, event: Event);

    /// All that was begun is over, well or not; nothing is told afterwards.
    fn finish(&self) {}
}

/// One of the things on their way, and who is told of it.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// Whoever is told.
    pub watch: &'a dyn Watch,
    /// What it is to the image.
    pub name: String,
    /// Its digest, once it is known.
    pub digest: Option<Digest>,
    /// How many bytes it has, once that is known.
    pub size: Option<u64>,
}

impl<'a> Item<'a> {
    /// Layer number `at`, counted from 0, of `count`; `of` is put before that.
    pub fn layer(watch: &'a dyn Watch, of: &str, at: usize, count: usize) -> Self {
        Self { watch, name: layer(of, at, count), digest: None, size: None }
    }

    /// The same, with what is known of its bytes.
    pub fn known(self, digest: &Digest, size: Option<u64>) -> Self {
        Self { digest: Some(digest.clone()), size, ..self }
    }

    /// Tells of a step.
    pub fn tell(&self, step: Step) {
        let (item, digest, size) = (self.name.clone(), self.digest.clone(), self.size);
        self.watch.tell(Event { item, digest, size, step });
    }

    /// Does something with a count, which tells how many bytes have gone through it.
    pub fn sending<T>(&self, act: impl FnOnce(Counting<'_>) -> T) -> T {
        let tell = |sent| self.tell(Step::Sending { sent });
        act(Counting::from(0, self.size.unwrap_or(u64::MAX), &tell))
    }
}

/// What a layer is called, as in `layer 3/10`.
pub fn layer(of: &str, at: usize, count: usize) -> String {
    format!("{of}layer {}/{count}", at + 1)
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
