//! The machine under test: single stories, and the search through all of them.

mod asking;
mod changes;
mod larger;
mod mutants;
pub(super) mod plans;
mod search;
mod stories;
