//! What an image holds, why it does, and how it differs from another.

pub mod contents;
pub mod diff;
pub mod explain;
pub mod size;
