//! Control from inside the container: what may be asked of a running supervisor, and when it is
//! done.
//!
//! ```text
//! devenv-init status ──▶ {"verb":"status"}\n ──▶ unix socket ──▶ supervisor
//!                    ◀── {"text":"…"}\n … {"done":{}}\n ◀──
//! ```
//!
//! A connection carries one request and its answer, each a line of JSON that ends in a newline.
//! The words are in [`wire`]; [`line`] finds lines in what has been received; [`status`] shows where
//! processes stand; [`goal`] decides
//! when something that was asked for has come to pass. Nothing here touches a socket, a clock or
//! the kernel.

pub mod goal;
pub mod line;
pub mod status;
#[cfg(test)]
mod tests;
pub mod wire;

pub use goal::{Goal, Verdict};
pub use line::Received;
pub use status::{Exit, ProcessReport};
pub use wire::{Change, Logs, Ready, Request, Response};
