//! Log multiplexing: the output of every process becomes one stream of dressed lines.
//!
//! ```text
//! pipes ──read──▶ Lines (split, carry, mask) ──dress──▶ one buffer ──write──▶ stdout
//!   ▲ backpressure                                                   blocks here, in the
//!   └──────────── a full pipe stops its writer ◀──────────────────── thread `log` only
//! ```
//!
//! One thread owns both ends. It may block on a reader of stdout that has stopped reading: that
//! delays lines and, once the pipes are full, the processes that write them, but never signals,
//! reaping or shutdown, which live in another thread and talk to this one through a queue that is
//! bounded and never waits. Nothing here polls: with quiet processes the thread sleeps.
//!
//! Pure, bytes in and bytes out: `lines`, `separators`, `mask`, `dress`, `tail`, `watch`
//! and `queue`.
//! Effects: `pipe` (reading end), `output` (writing end), `files` (each process's own), `pump` (the
//! thread) and [`Log`], the
//! handle for the thread that supervises.

mod dress;
mod files;
mod follow;
mod handle;
mod lines;
mod mask;
mod notice;
mod options;
mod output;
mod page;
mod pipe;
mod pump;
mod queue;
mod separators;
mod stamp;
mod tail;
#[cfg(test)]
mod tests;
mod watch;

pub use files::Files;
pub use follow::{Followed, Following};
pub use handle::{Finished, Log};
pub use mask::shows_some;
pub use notice::{Field, Notice};
pub use options::{Format, Options, SourceId, SourceName, Stream, Timestamps, colour_wanted};
pub use page::Volume;
pub use watch::Watch;
