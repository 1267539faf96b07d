//! What an image holds, why it does, and how it differs from another.

pub mod contents;
pub mod diff;
pub mod explain;
mod graph;
pub mod outline;
pub mod page;
pub mod parts;
pub mod reasons;
pub mod size;
pub mod text;
