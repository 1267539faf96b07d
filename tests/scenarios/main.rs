//! What a user may rely on, one sentence a test, checked end to end on the programs in `dist/`.

mod as_image;
mod bases;
mod containers;
mod control;
mod copying;
mod documents;
mod engines;
mod escape;
mod examples;
mod exit_codes;
mod faults;
mod health;
mod images;
mod init_duties;
mod log_files;
mod mistakes;
mod native;
mod output;
mod peers;
mod post_mortem;
mod programs;
mod project;
mod settings;
mod shell;
mod sources;
mod stopping;
