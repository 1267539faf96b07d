//! The thin shell around the machine: one kernel duty a file.
//!
//! [`reactor`] is the only place that waits. It turns what the kernel says ([`signal`], [`reap`],
//! [`clock`]) into the machine's events, and carries out the machine's actions ([`spawn`],
//! [`runs`], [`report`]). Which processes belong to which run is found in [`proc`] and decided,
//! without touching the kernel, in [`descendants`]. [`control`] listens to people,
//! [`coroner`] tells them what a bad end was. [`foreground`] is the other life of the
//! program: the plain init of one command.

mod child;
pub mod clock;
pub mod control;
pub mod coroner;
pub mod descendants;
pub mod environment;
pub mod foreground;
pub mod init;
pub mod kill;
pub mod last_words;
pub mod memory;
pub mod proc;
pub mod program;
pub mod reactor;
pub mod reap;
pub mod report;
pub mod runs;
pub mod signal;
pub mod spawn;
pub mod strays;
