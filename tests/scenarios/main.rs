//! What a user may rely on, one sentence a test, checked end to end on the programs in `dist/`.

mod containers;
mod exit_codes;
mod init_duties;
mod native;
mod output;
mod project;
mod shell;
mod stopping;
