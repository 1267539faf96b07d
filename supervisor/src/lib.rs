//! `devenv-init`: PID 1 for containers made from a devenv environment.
//!
//! # Theory of operation
//!
//! ```text
//! spec.json ──▶ spec::Plan ──▶ machine::Machine ◀── events ── os/ (kernel, clock, sockets)
//!                                      └──────── actions ──▶ os/ + log/
//! ```
//!
//! [`spec`] reads what Nix wrote and turns it into a checked [`spec::Plan`]. [`machine`] is a
//! synchronous state machine over that plan: facts go in, orders come out, time is an argument.
//! Neither touches the kernel, so both build without the `bin` feature and the companion builder
//! runs the very same checks at image build time that PID 1 runs at start.
//!
//! [`handover`] is what tasks tell each other, [`guard`] when one has nothing to do, [`control`] what
//! may be asked of a running supervisor; these are pure as well.
//!
//! With the default `bin` feature the crate also holds the thin shell around that core: `os` (one
//! kernel duty a file), `log` (the byte pumps) and `cli` (one verb a file).

#[cfg(feature = "bin")]
pub mod cli;
pub mod control;
pub mod guard;
pub mod handover;
pub mod http;
#[cfg(feature = "bin")]
pub mod log;
pub mod machine;
#[cfg(feature = "bin")]
pub mod os;
mod pattern;
pub mod spec;
