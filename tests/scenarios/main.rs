//! What a user may rely on, one sentence a test, checked end to end on the programs in `dist/`.

mod exit_codes;
mod init_duties;
mod output;
mod settings;
mod stopping;
