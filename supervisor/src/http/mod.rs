//! What an HTTP client may ask of a running supervisor: whether it is well, and its figures.
//!
//! ```text
//! bytes ──▶ request ──▶ Page ──▶ (the reactor looks) ──▶ health | metrics ──▶ Answer ──▶ bytes
//! ```
//!
//! Only GET and HEAD, one request a connection, nothing that changes anything. [`request`] finds the
//! request in what has been received, [`page`] says what it is about, [`health`] and [`metrics`] put
//! the answer into words, [`answer`] into bytes. [`address`] is where to listen. Nothing here
//! touches a socket, a clock or the kernel.

pub mod address;
pub mod answer;
pub mod health;
pub mod metrics;
pub mod page;
pub mod request;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Status};
pub use health::Check;
pub use page::{Page, Subject};
pub use request::{Received, Request};
