//! Store paths as a deterministic tar stream: the same bytes on every machine.
//!
//! The format is the one nix2container's layers have, to the byte, so that a layer keeps its
//! digest whichever of the two programs writes it: POSIX ustar, PAX records only where ustar
//! cannot say it, every time stamp 1, entries in byte order of their path components.

pub mod header;
#[cfg(test)]
mod independent;
pub mod options;
mod re2;
pub mod stream;
pub mod tree;
pub mod write;

pub use options::{Options, Perm, Rewrite};
pub use tree::Tree;
