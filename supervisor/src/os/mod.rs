//! The thin shell around the machine: one kernel duty a file.
//!
//! [`reactor`] is the only place that waits. It turns what the kernel says ([`signal`], [`reap`],
//! [`clock`]) and what processes say ([`notify`]) into the machine's events, and carries out the
//! machine's actions ([`spawn`], [`runs`], [`probe`], [`report`]). Which processes belong to which
//! run is found in [`proc`], [`cgroup`] and [`outlet`] and decided, without touching the kernel, in [`descendants`]. What a
//! process is given before its program runs is laid ready in [`attributes`], with its user from
//! [`accounts`], its [`sockets`] and its [`terminal`]. [`watch`] sees files change. [`handover`] has the files of a task for what it
//! hands on; [`guarded`] is the process in a task's place that finds out, by [`changes`], whether there
//! is anything to do. [`control`] listens to people, [`http`] to those who watch over containers,
//! [`coroner`] tells what a bad end was. [`foreground`] is the other life of the program: the plain init
//! of one command. [`guardian`] is what is left when the supervisor is killed.

pub mod accounts;
pub mod attributes;
mod bell;
pub mod cgroup;
pub mod changes;
mod child;
pub mod clock;
pub mod control;
pub mod coroner;
pub mod descendants;
pub mod environment;
pub mod foreground;
pub mod guarded;
pub mod guardian;
pub mod handover;
pub mod http;
mod inbox;
pub mod init;
pub mod keeping;
pub mod kill;
pub mod last_words;
pub mod memory;
pub mod notify;
pub mod outlet;
pub mod output;
pub mod probe;
pub mod proc;
pub mod program;
pub mod reactor;
pub mod reap;
pub mod report;
pub mod runs;
pub mod setting;
pub mod signal;
pub mod sockets;
pub mod spawn;
pub mod stop_command;
pub mod strays;
pub mod terminal;
pub mod usage;
pub mod watch;
