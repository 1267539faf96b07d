//! The harness of the end-to-end tests: it starts the programs under test on real parts, watches
//! them from outside, and removes what it made.
//!
//! Scenarios are in `scenarios/`, named by what a user may rely on. `actors/` is the program they
//! have supervised: it misbehaves on demand. Nothing here sleeps for a fixed time: [`wait::until`]
//! polls with a limit. A tool that is missing fails the test and says how to get it.

pub mod certificates;
pub mod docker;
pub mod foreign;
pub mod help;
pub mod http;
pub mod judges;
pub mod lines;
pub mod oci;
pub mod openmetrics;
pub mod place;
pub mod process_table;
pub mod programs;
pub mod project;
pub mod random;
pub mod registry;
pub mod running;
pub mod schemas;
pub mod spec;
pub mod terminal;
pub mod wait;
pub mod warp;
pub mod world;
