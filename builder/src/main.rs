//! `devenv-container`: builds, runs and copies OCI containers from a devenv project.
//!
//! # Theory of operation
//!
//! ```text
//! request ──▶ project ──▶ nix (evaluation) ──▶ draft ──▶ image description ──▶ sink │ native
//!                            │ │ builds with        └ assemble, with the cache of digests
//!                            │ └─▶ nix-spec, nix-root, nix-draft: this same program, in the sandbox
//!                            └ remembered, with what it looked at: traced
//! ```
//!
//! Nix decides what an image holds; its derivations have this program for a builder, so that
//! nothing else is needed to make one. An image is described by nix2container's JSON: a list of
//! layers as lists of store paths, with digests but without bytes. The bytes are made when a sink
//! wants them, always the same ones.

mod assemble;
mod base;
mod cache;
mod cli;
mod closure;
mod digest;
mod docker;
mod environment;
mod error;
mod image;
mod lanes;
mod layers;
mod links;
mod native;
mod nix;
mod notes;
mod parallel;
mod progress;
mod project;
mod registry;
mod remembered;
mod report;
mod sink;
mod tar;
mod temporary;
mod traced;
mod understand;
mod unpack;

use std::process::ExitCode;

use ::nix::sys::signal::{SigHandler, Signal, signal};

fn main() -> ExitCode {
    // Whoever ignores it has the kernel reap what it starts, and so may who starts this program: nobody
    // would learn how Nix has ended.
    // SAFETY: no handler is installed, and nothing else runs yet.
    let _ = unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) };
    cli::main()
}
